//! Real clients, a real server and real disks, judged by the oracle of the simulation: the same users
//! do the same kinds of things, programs are killed, and the same rules must hold at rest.
//!
//! On each device several programs are at work at once: their system calls are interleaved at random,
//! as the kernel would order them, while the clients do what they do in processes of their own.

mod hands;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use onefold_adapters::journal::{Journal, MySqlOptions, SqlJournal, StoredContent};
use onefold_core::folding::Folding;
use onefold_core::name::RelPath;
use onefold_core::node::Body;
use sim::oracle::scene::{Holding, Kept, Scene};
use sim::oracle::{Witness, barrier, judge, rules};
use sim::story::Story;
use sim::user::Action;
use sim::user::draw::{Mood, steps};
use sim::user::script::{Call, Writer};
use tests::{Device, PATIENCE, Random, Server, World, pick, wait_for};

use hands::{Hands, is_ignored, mirror, synced, tree_of};

/// How many system calls programs make between two times of rest.
const CALLS: u64 = 100;
/// How long it is between two calls, at most, in milliseconds.
const PAUSE_MS: u64 = 20;
/// Of so many calls, one is followed by a kill.
const KILL_EVERY: u64 = 40;
/// The devices.
const NAMES: [&str; 2] = ["one", "two"];
/// How many programs are at work on each.
const PROGRAMS: usize = 3;
/// How many runs are under way at once.
const RUNS_AT_ONCE: u64 = 8;
/// All of the journal: it is small here.
const ALL: usize = 1_000_000;

/// Devices, a server, and what is recorded of them.
struct Run<'w> {
    devices: Vec<Device<'w>>,
    /// Of each device.
    programs: Vec<Vec<Program>>,
    server: Server<'w>,
    witness: Witness,
    writer: Writer,
    random: Random,
    began: Instant,
    calls: u64,
    kills: u64,
}

/// A program at work on a device: what it has begun, and is still to do.
struct Program {
    hands: Hands,
    to_do: VecDeque<Call>,
    /// All temporary names that it ever had: another program may make one of them its own file.
    temporary: Vec<RelPath>,
}

impl<'w> Run<'w> {
    fn new(world: &'w World, random: Random) -> Self {
        let server = Server::start(world);
        let join = |name: &&str| Device::join(world, name, &server.link());
        let devices: Vec<_> = NAMES.iter().map(join).collect();
        let programs = |device: &Device<'_>| {
            let trash = world.at(&format!("trash of {}", device.name()));
            let program = |number| Program {
                hands: Hands::new(device.folder(), trash.clone(), number),
                to_do: VecDeque::new(),
                temporary: Vec::new(),
            };
            (0..PROGRAMS).map(program).collect()
        };
        let programs = devices.iter().map(programs).collect();
        let witness = Witness::new(NAMES.len(), false);
        let (writer, began) = (Writer::default(), Instant::now());
        let (calls, kills) = (0, 0);
        Self { devices, programs, server, witness, writer, random, began, calls, kills }
    }

    /// Programs work for a while, and end; `alone`: only one of one device.
    fn work(&mut self, alone: Option<usize>) {
        let until = self.calls + CALLS;
        while self.calls < until {
            let device = alone.unwrap_or_else(|| self.below(NAMES.len()));
            let program = if alone.is_some() { 0 } else { self.below(PROGRAMS) };
            self.go_on(device, program);
            if self.random.below(KILL_EVERY) == 0 {
                self.kill();
            }
            std::thread::sleep(Duration::from_millis(self.random.below(PAUSE_MS)));
        }
        for device in 0..NAMES.len() {
            for program in 0..PROGRAMS {
                while !self.programs[device][program].to_do.is_empty() {
                    self.go_on(device, program);
                }
            }
        }
        for device in 0..NAMES.len() {
            self.clean_up(device);
        }
        self.witness.epoch.last = alone.map(|device| {
            let left = synced(tree_of(self.devices[device].folder()));
            (device, left)
        });
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.below(end as u64)).expect("it is small")
    }

    /// A program makes its next call; one that has none left begins something new.
    fn go_on(&mut self, device: usize, program: usize) {
        if self.programs[device][program].to_do.is_empty() {
            let mood = Mood { quiet_in_1000: 0, pause_ms: 1, alone: false, plain: false };
            let mut draw = sim::tape::Random(self.random.next());
            let action = steps(&mut draw, mood, 1).remove(0).action;
            if matches!(action, Action::Link(..) | Action::Pipe(_) | Action::Access(..)) {
                return;
            }
            let disk = mirror(self.devices[device].folder());
            let script = self.writer.script(&disk, action, None, &[]);
            let begun = &mut self.programs[device][program];
            begun.to_do = script.calls.into();
            begun.temporary.extend(script.temporary);
        }
        if let Some(call) = self.programs[device][program].to_do.pop_front() {
            self.call(device, program, &call);
        }
    }

    /// A download that could not end is thrown away: its name is ignored, so a file that a user put
    /// there later would be on this device alone, and so would its directory.
    fn clean_up(&mut self, device: usize) {
        for path in tree_of(self.devices[device].folder()).into_keys().filter(is_ignored) {
            self.call(device, 0, &Call::Unlink(path));
        }
    }

    fn call(&mut self, device: usize, program: usize, call: &Call) {
        self.calls += 1;
        let began = self.began;
        let now_ms = || u64::try_from(began.elapsed().as_millis()).expect("minutes");
        let before_ms = now_ms();
        let hands = &mut self.programs[device][program].hands;
        let (deeds, found) = (hands.call(call), hands.take_found());
        let after_ms = now_ms();
        for (path, version) in found {
            self.witness.versions.stood(device, path, version);
        }
        self.witness.deeds(device, &deeds);
        self.witness.user_called(device, after_ms, None);
        let tree = tree_of(self.devices[device].folder());
        for path in self.programs[device].iter().flat_map(|program| &program.temporary) {
            let there = tree.keys().any(|at| at.names().last() == path.names().last());
            // A call takes long on a busy machine: what it made may be as old as its beginning.
            let at_ms = if there { before_ms } else { after_ms };
            self.witness.temporary.seen(device, path, there, at_ms);
        }
    }

    /// Kills a client or the server, and starts it again.
    fn kill(&mut self) {
        self.kills += 1;
        let which = self.below(NAMES.len() + 1);
        let rest = Duration::from_millis(self.random.below(300));
        match self.devices.get_mut(which) {
            Some(device) => {
                device.kill();
                std::thread::sleep(rest);
                device.sync();
            }
            None => {
                self.server.kill();
                std::thread::sleep(rest);
                self.server.restart();
            }
        }
    }

    /// Everything comes to rest: all folders hold the same, and all have all of the journal. A user
    /// who is asked whether most of the folder is to go did mean it.
    fn settle(&mut self, journal: &Stores) {
        let Self { devices, .. } = self;
        wait_for("all devices to hold the same", PATIENCE, || {
            for device in devices.iter() {
                if device.status()["held"].as_u64() != Some(0) {
                    // That there is nothing to approve any more shows in the next status.
                    device.run(["approve".as_ref(), device.folder().as_os_str()]);
                }
            }
            let held = |device: &Device<'_>| synced(tree_of(device.folder()));
            let trees: Vec<_> = devices.iter().map(held).collect();
            if trees.windows(2).any(|pair| pair[0] != pair[1]) {
                let statuses = devices.iter().map(|device| device.status().to_string());
                let statuses = statuses.collect::<Vec<_>>().join("\n");
                // With what is ignored: a file may have been renamed onto such a name.
                let whole: Vec<_> = devices.iter().map(|device| tree_of(device.folder())).collect();
                return Err(format!("{statuses}\n{whole:?}"));
            }
            let head = journal.kept().head.cursor.seq.get();
            for device in devices.iter() {
                let status = device.status();
                if status["state"] != "in_sync" || status["cursor"].as_u64() != Some(head) {
                    return Err(format!("{}: {status}", device.name()));
                }
            }
            let again: Vec<_> = devices.iter().map(held).collect();
            if again == trees { Ok(()) } else { Err("something still changes".into()) }
        });
    }

    /// The rules of the oracle must hold.
    fn judge(&mut self, journal: &Stores) {
        let known = self.witness.cursor.map_or(onefold_core::id::Seq::ZERO, |cursor| cursor.seq);
        let entries = journal.entries_after(known);
        let grew = self.witness.journal_grew(entries, &mut Story::default());
        grew.unwrap_or_else(|broken| panic!("{broken}"));
        let epoch = self.witness.begin_epoch();
        let scene = Scene {
            witness: &self.witness,
            devices: self.devices.iter().map(|device| journal.holding(device)).collect(),
            server: journal.kept(),
        };
        let at_quiet =
            barrier::at_quiet(&scene, &epoch).unwrap_or_else(|broken| panic!("{broken}"));
        let all = judge::all(&scene).unwrap_or_else(|broken| panic!("{broken}"));
        self.witness.tally.add(&at_quiet);
        self.witness.tally.add(&all);
        self.witness.all_agree();
        self.witness.verdict().unwrap_or_else(|broken| panic!("{broken}"));
    }
}

/// What the server keeps, read from its database while it runs.
struct Stores {
    runtime: tokio::runtime::Runtime,
    journal: SqlJournal,
}

impl Stores {
    fn open(server: &Server<'_>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.expect("threads can be had");
        let database = server.database();
        let opened = runtime.block_on(async {
            match database.strip_prefix("sqlite:") {
                Some(file) => SqlJournal::sqlite(file.as_ref()).await,
                None => SqlJournal::mysql(&database, &MySqlOptions::default()).await,
            }
        });
        Self { runtime, journal: opened.expect("the server has made it") }
    }

    fn folder(&self) -> onefold_core::id::FolderId {
        let folders = self.runtime.block_on(self.journal.folders()).expect("it can be read");
        folders.first().expect("the server makes one").id
    }

    fn entries_after(
        &self,
        seq: onefold_core::id::Seq,
    ) -> Vec<(onefold_core::operation::Entry, onefold_core::operation::Cursor)> {
        let entries = self.journal.check_entries(self.folder(), seq, ALL);
        self.runtime.block_on(entries).expect("it can be read")
    }

    fn kept(&self) -> Kept {
        let folder = self.folder();
        self.runtime.block_on(async {
            let head = self.journal.head(folder).await.expect("it can be read");
            let rows = self.journal.check_nodes(folder, None, ALL).await.expect("it can be read");
            let stored = self.journal.check_contents(folder, None, ALL).await;
            let size = |stored: &StoredContent| match stored {
                StoredContent::Inline(bytes) => bytes.len() as u64,
                StoredContent::Chunks(manifest) => manifest.size(),
            };
            let stored = stored.expect("it can be read");
            let live = |id| {
                let mut rows = rows.iter().filter(|row| row.alive);
                rows.any(
                    |row| matches!(&row.state.body, Body::File { content, .. } if content.id == id),
                )
            };
            let contents = stored.iter().filter(|(id, _)| live(*id));
            let contents = contents.map(|(id, stored)| (*id, size(stored))).collect();
            Kept { head, contents, rows }
        })
    }

    fn holding(&self, device: &Device<'_>) -> Holding {
        let devices = self.runtime.block_on(self.journal.devices()).expect("it can be read");
        let id =
            devices.iter().find(|known| known.name == device.name()).expect("it has joined").id;
        let tree = tree_of(device.folder());
        Holding {
            id,
            versions: tree.values().filter_map(|leaf| leaf.version()).collect(),
            tree: synced(tree),
            unknown: std::collections::BTreeSet::new(),
            folding: Folding::NONE,
            stored: Folding::NONE,
            problems: String::new(),
            free: true,
        }
    }
}

/// One run: how many calls users' programs made, and how many programs of ours were killed.
fn run(random: Random, rounds: usize) -> (u64, u64) {
    let world = World::new();
    let mut run = Run::new(&world, random);
    let journal = Stores::open(&run.server);
    for round in 0..rounds {
        run.work((round % 2 == 1).then_some(round / 2 % NAMES.len()));
        run.settle(&journal);
        run.judge(&journal);
    }
    println!("{} deeds of users, {} kills\n{}", run.witness.deeds, run.kills, run.witness.tally);
    for rule in [rules::SAME_TREES, rules::NOTHING_LOST, rules::ALONE, rules::ROWS_FOLLOW] {
        assert!(run.witness.tally.of(rule) > 0, "nothing was judged by: {rule}");
    }
    run.devices.iter_mut().for_each(Device::stop);
    run.server.stop();
    run.server.check();
    (run.calls, run.kills)
}

#[test]
fn the_rules_of_the_simulation_hold_for_real_programs_on_real_disks() {
    let mut random = Random::from_environment("oracle");
    let (runs, rounds) = (pick(1, 100), pick(4, 20));
    let randoms: Vec<_> = (0..runs).map(|_| random.fork()).collect();
    let each = randoms.len().div_ceil(usize::try_from(RUNS_AT_ONCE).expect("it is small"));
    let (done, calls, kills) = std::thread::scope(|scope| {
        let lanes = randoms.chunks(each).map(|randoms| {
            scope.spawn(move || {
                randoms.iter().fold((0, 0, 0), |(done, calls, kills), random| {
                    let (more_calls, more_kills) = run(random.clone(), rounds);
                    println!("one more run was right");
                    (done + 1, calls + more_calls, kills + more_kills)
                })
            })
        });
        let lanes: Vec<_> = lanes.collect();
        lanes.into_iter().map(|lane| lane.join().expect("a rule was broken")).fold(
            (0, 0, 0),
            |(done, calls, kills), (more, more_calls, more_kills)| {
                (done + more, calls + more_calls, kills + more_kills)
            },
        )
    });
    println!("{done} of {runs} runs: {calls} calls, {kills} kills");
}
