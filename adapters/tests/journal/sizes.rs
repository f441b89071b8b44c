//! What an operation costs does not depend on how large the folder is: it reads as many rows, and no
//! plan of a database scans a table.
//!
//! Little by default; a long run does it at 10,000, 100,000 and a million files. Each size has a
//! database of its own, and they are measured in turns, so that whatever else the machine does meets
//! all alike. The times are printed, and not judged: that is for a person.

use std::time::{Duration, Instant};

use onefold_adapters::journal::{ChunkLocation, Journal, MySqlOptions, PackId, SqlJournal};
use onefold_core::hash::{ChunkId, ContentId};
use onefold_core::id::{FolderId, Lineage, NodeId, Seq};
use onefold_core::manifest::{Chunk, Manifest};
use onefold_core::node::{Body, Place};
use onefold_core::operation::{Operation, Step, Verdict};
use onefold_core::server::session::{EntriesQuery, Greet};
use tests::{MariaDb, Random, pick};

use crate::bench::*;
use crate::plans::{Statements, plans_of};

/// How often each operation is done at each size to count rows, and how often to take its time.
const TIMES_COUNTED: u64 = 20;
const TIMES_TIMED: usize = 60;
/// The files of one directory.
const FILES_IN_DIRECTORY: u64 = 500;
/// Numbers of files that are made while it is measured begin here.
const FRESH: u64 = 1 << 40;
/// Folders, and devices in each, beside the one that grows.
const OTHERS: u8 = 100;

/// What a server asks of its database all the time.
const OPERATIONS: [&str; 16] = [
    "create a file",
    "edit a file",
    "move a file",
    "stale edit",
    "same key again",
    "delete a file",
    "entries",
    "page",
    "greet",
    "poll",
    "acknowledge",
    "device by token",
    "heads",
    "content",
    "put chunks, manifest",
    "missing, locate chunks",
];

fn sizes() -> &'static [u64] {
    pick(&[1_000, 5_000], &[10_000, 100_000, 1_000_000])
}

/// A folder that grows.
struct Grown<J> {
    journal: J,
    random: Random,
    files: u64,
    commits: u64,
    head: Seq,
    /// Files made while it is measured, and of those the ones that are gone.
    made: u64,
    moved: u64,
    deleted: u64,
    chunks: u64,
}

/// Ids that do not come in order, as those of devices do not; fresh ones are in the last quarter.
fn scattered(number: u64) -> NodeId {
    let mut random = Random::new(number);
    let (high, low) = (random.next(), random.next());
    let high = if number < FRESH { high } else { high | 0b11 << 62 };
    NodeId::from_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

fn directory_of(file: u64) -> NodeId {
    scattered(u64::MAX - file / FILES_IN_DIRECTORY)
}

fn make_file(number: u64, place: Place) -> Step {
    Step::Create { node: scattered(number), place, body: file(number.to_string().as_bytes()) }
}

fn place_of(number: u64, directory: NodeId) -> Place {
    Place { parent: directory, ..place(0, number.to_string().as_bytes()) }
}

impl<J: Journal> Grown<J> {
    fn new(journal: J) -> Self {
        Self {
            journal,
            random: Random::new(1),
            files: 0,
            commits: 0,
            head: Seq::ZERO,
            made: 0,
            moved: 0,
            deleted: 0,
            chunks: 0,
        }
    }

    async fn commit(&mut self, seen: Seq, operations: Vec<Operation>, contents: &[Vec<u8>]) {
        self.commits += 1;
        let contents: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
        let submitted = submitted(LAPTOP, self.commits, seen.get(), operations, &contents);
        let outcomes = self.journal.commit(FOLDER, NOW, vec![submitted]).await.unwrap();
        let stale = |verdict: &Verdict| matches!(verdict, Verdict::Refused(_));
        assert_eq!(outcomes[0].verdicts.iter().any(stale), seen < self.head);
        self.head = outcomes[0].at;
    }

    /// Makes files until there are so many.
    async fn grow(&mut self, to: u64) {
        while self.files < to {
            let numbers = self.files..self.files + FILES_IN_DIRECTORY;
            let directory = directory_of(self.files);
            let make = Step::Create {
                node: directory,
                place: place_of(self.files, NodeId::ROOT),
                body: Body::Directory,
            };
            let files = numbers.clone().map(|file| make_file(file, place_of(file, directory)));
            let operations = std::iter::once(make).chain(files).map(Operation::from).collect();
            let contents: Vec<_> = numbers.map(|file| file.to_string().into_bytes()).collect();
            self.commit(self.head, operations, &contents).await;
            self.files += FILES_IN_DIRECTORY;
        }
    }

    fn some_file(&mut self) -> u64 {
        self.random.below(self.files)
    }

    async fn once(&mut self, what: &str) {
        match what {
            "create a file" => {
                let number = FRESH + self.made;
                let directory = directory_of(self.some_file());
                let make = make_file(number, place_of(number, directory));
                self.commit(self.head, vec![make.into()], &[number.to_string().into()]).await;
                self.made += 1;
            }
            "edit a file" => {
                let node = scattered(self.some_file());
                let bytes = self.commits.to_string().into_bytes();
                let edit = Step::Edit { node, content: content(&bytes) };
                self.commit(self.head, vec![edit.into()], &[bytes]).await;
            }
            "stale edit" => {
                let node = scattered(FRESH + self.made - 1);
                let bytes = self.commits.to_string().into_bytes();
                let edit = Step::Edit { node, content: content(&bytes) };
                self.commit(Seq::new(1), vec![edit.into()], &[bytes]).await;
            }
            "move a file" => {
                let number = FRESH + self.moved;
                let parent = directory_of(self.some_file());
                let place = Place { parent, ..place(0, format!("moved {number}").as_bytes()) };
                let moved = Step::Move { node: scattered(number), place };
                self.commit(self.head, vec![moved.into()], &[]).await;
                self.moved += 1;
            }
            "same key again" => {
                let again = submitted(LAPTOP, self.commits, 0, Vec::new(), &[]);
                let again = self.journal.commit(FOLDER, NOW, vec![again]).await.unwrap();
                assert_eq!(again[0].verdicts, [], "no operation in it");
            }
            "delete a file" => {
                let node = scattered(FRESH + self.deleted);
                self.commit(self.head, vec![Step::Delete { node }.into()], &[]).await;
                self.deleted += 1;
            }
            "entries" => {
                let after = Seq::new(self.head.get() - 10);
                let query =
                    EntriesQuery { after, limit: 100, device: DESKTOP, inline_bytes: 100_000 };
                let entries = self.journal.entries(FOLDER, query).await.unwrap().entries;
                assert_eq!(entries.len(), 10);
            }
            "page" => {
                // In the first quarter, so that it is a full one, and none that is gone is in it.
                let mut after = *scattered(self.some_file()).as_bytes();
                after[0] >>= 2;
                let page = self.journal.page(FOLDER, Some(NodeId::from_bytes(after)), 100);
                assert_eq!(page.await.unwrap().rows.len(), 100);
            }
            "greet" => {
                let greet = Greet { seq: self.head, next: Lineage::from_bytes([1; 16]) };
                assert!(self.journal.greet(LAPTOP, NOW, greet).await.unwrap().is_some());
            }
            "poll" => assert!(self.journal.poll(LAPTOP, NOW).await.unwrap().is_some()),
            "acknowledge" => self.journal.acknowledge(LAPTOP, self.head).await.unwrap(),
            "device by token" => {
                let token = new_device(LAPTOP.as_bytes()[0]).token;
                assert!(self.journal.device_by_token(token).await.unwrap().is_some());
            }
            "heads" => {
                assert_eq!(self.journal.heads(vec![FOLDER]).await.unwrap(), [(FOLDER, self.head)]);
            }
            "content" => {
                let id = ContentId::of(self.some_file().to_string().as_bytes());
                assert!(self.journal.content(FOLDER, id).await.unwrap().is_some());
            }
            "put chunks, manifest" => {
                self.chunks += 1;
                let id = ChunkId::of(&self.chunks.to_be_bytes());
                let location = ChunkLocation { pack: PackId([1; 16]), offset: 0, size: 8 };
                self.journal.put_chunks(FOLDER, vec![(id, location)]).await.unwrap();
                let manifest = Manifest { chunks: vec![Chunk { id, size: 8 }] };
                let content = ContentId::of(&self.chunks.to_be_bytes());
                let lacking = self.journal.put_manifest(FOLDER, content, manifest).await.unwrap();
                assert!(lacking.is_empty());
            }
            "missing, locate chunks" => {
                let ids = [self.chunks, 0].map(|chunk| ChunkId::of(&chunk.to_be_bytes())).to_vec();
                assert_eq!(
                    self.journal.missing_chunks(FOLDER, ids.clone()).await.unwrap(),
                    ids[1..]
                );
                assert_eq!(self.journal.locate_chunks(FOLDER, ids).await.unwrap().len(), 1);
            }
            other => unreachable!("{other}"),
        }
    }
}

/// Other folders with their devices, so that their tables are not tiny.
async fn add_others(journal: &impl Journal) {
    for number in 100..100 + OTHERS {
        let folder = FolderId::from_bytes([number; 16]);
        journal.create_folder(folder, &format!("folder {number}")).await.unwrap();
        journal.add_device(folder, true, new_device(number)).await.unwrap();
        let location = ChunkLocation { pack: PackId([number; 16]), offset: 0, size: 8 };
        let damaged = vec![(ChunkId::of(&[number]), location)];
        journal.note_damaged(folder, damaged).await.unwrap();
    }
}

/// What one operation cost in the folder of each size.
#[derive(Clone, Debug, Default)]
struct Costs {
    /// How many rows so many as were counted read.
    rows: Vec<u64>,
    medians: Vec<Duration>,
}

/// Folders of all sizes: each a journal of its own, by its number.
async fn grown<J: Journal>(open: impl AsyncFn(usize) -> J) -> Vec<Grown<J>> {
    let mut folders = Vec::new();
    for (number, files) in sizes().iter().enumerate() {
        let journal = open(number).await;
        furnish(&journal).await;
        add_others(&journal).await;
        let mut folder = Grown::new(journal);
        folder.grow(*files).await;
        folders.push(folder);
    }
    folders
}

/// Does each operation in each folder and counts; `rows` tells how many rows were read in all so far.
async fn count_rows<J: Journal>(folders: &mut [Grown<J>], rows: impl Fn() -> u64) -> Vec<Costs> {
    let mut costs = vec![Costs::default(); OPERATIONS.len()];
    for folder in folders {
        // Once uncounted, so that caches and what is kept for later are as they are in the midst of work.
        for what in OPERATIONS {
            folder.once(what).await;
        }
        for (what, costs) in OPERATIONS.iter().zip(&mut costs) {
            let before = rows();
            let asking = rows() - before;
            let before = before + asking;
            for _ in 0..TIMES_COUNTED {
                folder.once(what).await;
            }
            costs.rows.push(rows() - before - asking);
        }
    }
    costs
}

/// Does each operation in all folders in turns, and takes the time.
async fn take_times<J: Journal>(folders: &mut [Grown<J>], costs: &mut [Costs]) {
    for (what, costs) in OPERATIONS.iter().zip(costs) {
        let mut took = vec![Vec::new(); folders.len()];
        for _ in 0..TIMES_TIMED {
            for (folder, took) in folders.iter_mut().zip(&mut took) {
                let began = Instant::now();
                folder.once(what).await;
                took.push(began.elapsed());
            }
        }
        took.iter_mut().for_each(|took| took.sort());
        costs.medians = took.iter().map(|took| took[took.len() / 2]).collect();
    }
}

fn print(database: &str, costs: &[Costs]) {
    println!(
        "\n{database}: median of {TIMES_TIMED} in ms, and rows read by one (mean of {TIMES_COUNTED})"
    );
    let heads = sizes().iter().map(|files| format!("{files:>12} files"));
    println!("{:<24}{}{:>8}", "", heads.collect::<String>(), "ratio");
    for (what, Costs { rows, medians }) in OPERATIONS.iter().zip(costs) {
        let ms: Vec<f64> = medians.iter().map(|median| median.as_secs_f64() * 1000.0).collect();
        let cells = ms
            .iter()
            .zip(rows)
            .map(|(ms, rows)| format!("{ms:>10.2} {:>7.1}", *rows as f64 / TIMES_COUNTED as f64));
        println!("{what:<24}{}{:>8.2}", cells.collect::<String>(), ms[ms.len() - 1] / ms[0]);
    }
}

#[tokio::test]
async fn on_mariadb_as_many_rows_are_read_in_a_large_folder_and_no_table_is_scanned() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("plans");
    // Every statement is written down with the plan by which it was done.
    let file = format!("--slow-query-log-file={}", log.display());
    let verbosity = "--log-slow-verbosity=explain,query_plan";
    let database = MariaDb::start_with(&[
        "--long-query-time=0",
        verbosity,
        &file,
        "--log-output=FILE",
        // As README asks for: what a database is asked all the time is in memory.
        "--innodb-buffer-pool-size=2G",
    ]);
    let open = async |number: usize| {
        let url = format!("{}/onefold_{number}", database.url());
        SqlJournal::mysql(&url, &MySqlOptions::default()).await.unwrap()
    };
    // New connections follow a new setting.
    let open_anew = async |folders: &mut [Grown<SqlJournal>], setting: &str| {
        database.sql(setting);
        for (number, folder) in folders.iter_mut().enumerate() {
            folder.journal.close().await;
            folder.journal = open(number).await;
        }
    };
    let mut folders = grown(open).await;
    for number in 0..folders.len() {
        database.sql(&format!(
            "USE onefold_{number}; ANALYZE TABLE nodes, entries, contents, outcomes, folders, devices"
        ));
    }
    open_anew(&mut folders, "SET GLOBAL slow_query_log = ON").await;
    let rows = || -> u64 {
        let sql = "SHOW GLOBAL STATUS WHERE Variable_name LIKE 'Handler_read%'";
        let number = |line: &str| line.split('\t').nth(1)?.parse::<u64>().ok();
        database.sql(sql).lines().filter_map(number).sum()
    };
    let mut costs = count_rows(&mut folders, rows).await;
    open_anew(&mut folders, "SET GLOBAL slow_query_log = OFF").await;
    take_times(&mut folders, &mut costs).await;
    print("MariaDB", &costs);
    let plans = plans_of(&String::from_utf8_lossy(&std::fs::read(&log).unwrap()));
    println!("{} different plans", plans.len());
    assert!(plans.len() > OPERATIONS.len(), "every operation has a plan, most have several");
    let scans: Vec<_> = plans.iter().filter(|plan| plan.scans()).collect();
    assert!(scans.is_empty(), "{scans:#?}");
    for (what, Costs { rows, .. }) in OPERATIONS.iter().zip(&costs) {
        assert!(rows.iter().all(|it| *it == rows[0]), "{what}: {rows:?} rows read");
    }
}

#[tokio::test]
async fn on_sqlite_no_table_is_scanned_in_a_large_folder() {
    let statements = Statements::listen();
    let arms: Vec<Sqlite> = sizes().iter().map(|_| Sqlite::new()).collect();
    let mut folders = grown(async |number: usize| arms[number].open().await).await;
    let mut costs = count_rows(&mut folders, || 0).await;
    take_times(&mut folders, &mut costs).await;
    print("SQLite", &costs);
    let scans = statements.scans_on_sqlite(&arms[arms.len() - 1].path());
    assert!(scans.is_empty(), "{scans:#?}");
}
