//! How many commits with small contents a server takes in a second: from one device in batches, and from
//! 50 devices at once; on SQLite and on MariaDB.
//!
//! Run it with `./test bench`. The server is a process; the devices are streams to it that do nothing
//! but commit.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use onefold_adapters::http::join;
use onefold_adapters::link::Link;
use onefold_adapters::port::{Connector, MessageStream};
use onefold_adapters::ws::{WsConnector, WsStream};
use onefold_core::hash::ContentId;
use onefold_core::id::{CommitKey, Lineage, NodeId, Seq};
use onefold_core::name::Name;
use onefold_core::node::{Body, Content, Place};
use onefold_core::operation::{Commit, Cursor, Operation, Step, Verdict};
use onefold_core::protocol::{ClientMessage, PROTOCOL, ServerMessage};
use onefold_core::time::FileTime;
use tests::{Options, Random, Server, World, mysql_database, noise};

/// The size of each file, in bytes.
const FILE_BYTES: usize = 1_000;
/// Files in a commit of the device that sends batches, and how many of those it sends.
const BATCH: (u64, u64) = (100, 100);
/// How many of its commits may be unanswered.
const AHEAD: u64 = 4;
/// Devices that commit at once, one file after another, and how many files each.
const DEVICES: (u64, u64) = (50, 40);

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    println!("\nCommits of files of {FILE_BYTES} bytes, a second");
    println!("{:<10} {:<44} {:>8} {:>8}", "", "", "commits", "files");
    let runtime = tokio::runtime::Runtime::new().expect("the system gives threads");
    for (name, mysql) in [("SQLite", None), ("MariaDB", Some(mysql_database()))] {
        let world = World::new();
        let sqlite = mysql.is_none();
        let server = Server::start_with(&world, Options { sqlite, mysql, ..Options::default() });
        let batches = runtime.block_on(one_device(&server));
        let (files, commits) = BATCH;
        row(name, &format!("one device, {files} files in a commit"), commits, files, batches);
        let took = runtime.block_on(many_devices(&server));
        let (devices, commits) = DEVICES;
        row(name, &format!("{devices} devices at once"), devices * commits, 1, took);
    }
}

fn row(name: &str, what: &str, commits: u64, files: u64, took: Duration) {
    let a_second = |count: u64| count as f64 / took.as_secs_f64();
    println!("{name:<10} {what:<44} {:>8.0} {:>8.0}", a_second(commits), a_second(commits * files));
}

async fn one_device(server: &Server<'_>) -> Duration {
    let mut device = Committer::join(server, "batches", 1).await;
    let (files, commits) = BATCH;
    let began = Instant::now();
    for number in 0..commits {
        device.send(files).await;
        if number >= AHEAD {
            device.answered().await;
        }
    }
    for _ in 0..AHEAD {
        device.answered().await;
    }
    began.elapsed()
}

async fn many_devices(server: &Server<'_>) -> Duration {
    let (devices, commits) = DEVICES;
    let mut all = Vec::new();
    for number in 0..devices {
        all.push(Committer::join(server, &format!("device {number}"), 1_000 + number).await);
    }
    let began = Instant::now();
    let tasks: Vec<_> = all
        .into_iter()
        .map(|mut device| {
            tokio::spawn(async move {
                for _ in 0..commits {
                    device.send(1).await;
                    device.answered().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("every commit is accepted");
    }
    began.elapsed()
}

/// A device that only commits.
struct Committer {
    stream: WsStream,
    random: Random,
}

impl Committer {
    async fn join(server: &Server<'_>, name: &str, seed: u64) -> Self {
        // A folder of its own for each kind, so that all begin with nothing.
        let link = server.invite(&["--folder", name.split(' ').next().expect("a word")]);
        let link: Link = link.parse().expect("a link");
        let joined = join(&link, name).await.expect("the link is good");
        let connector = WsConnector::new(&link.server, &joined.token).expect("a server");
        let mut random = Random::new(seed);
        let mut stream = connector.connect().await.expect("the server listens");
        let next = Lineage::from_bytes(bytes(&mut random));
        let hello = ClientMessage::Hello {
            protocol: PROTOCOL,
            cursor: Cursor::START,
            known: Vec::new(),
            next,
        };
        stream.send(hello).await.expect("the server listens");
        let mut device = Self { stream, random };
        device.hear(|message| matches!(message, ServerMessage::Welcome { .. })).await;
        device.stream.send(ClientMessage::NextPage(None)).await.expect("the server listens");
        device.hear(|message| matches!(message, ServerMessage::Page { last: true, .. })).await;
        device
    }

    /// Hears until such a message comes.
    async fn hear(&mut self, such: fn(&ServerMessage) -> bool) -> ServerMessage {
        loop {
            let message = self.stream.receive().await.expect("the server answers");
            if such(&message) {
                return message;
            }
        }
    }

    /// Commits so many new files.
    async fn send(&mut self, files: u64) {
        let (mut operations, mut contents) = (Vec::new(), Vec::new());
        for _ in 0..files {
            let content = noise(self.random.next(), FILE_BYTES);
            let id: [u8; 16] = bytes(&mut self.random);
            let name = format!("{:032x}", u128::from_be_bytes(id));
            let place =
                Place { parent: NodeId::ROOT, name: Name::new(name.as_bytes()).expect("a name") };
            let mtime = FileTime { seconds: 1, nanoseconds: 0 };
            let size = content.len() as u64;
            let body = Body::File {
                content: Content { id: ContentId::of(&content), size, mtime },
                executable: false,
            };
            let node = NodeId::from_bytes(id);
            operations.push(Operation::from(Step::Create { node, place, body }));
            contents.push(content.as_slice().into());
        }
        let key = CommitKey::from_bytes(bytes(&mut self.random));
        let commit = Commit { key, seen: Seq::ZERO, operations, contents };
        self.stream.send(ClientMessage::Commit(commit)).await.expect("the server listens");
    }

    /// Hears until one commit is answered, and insists that all of it was accepted.
    async fn answered(&mut self) {
        let answer = self.hear(|message| matches!(message, ServerMessage::Outcome { .. })).await;
        let ServerMessage::Outcome { verdicts, .. } = answer else { unreachable!() };
        let all = verdicts.iter().all(|verdict| matches!(verdict, Verdict::Accepted(_)));
        assert!(all, "{verdicts:?}");
    }
}

fn bytes<const N: usize>(random: &mut Random) -> [u8; N] {
    let mut bytes = [0; N];
    for eight in bytes.chunks_mut(8) {
        let next = random.next().to_be_bytes();
        eight.copy_from_slice(&next[..eight.len()]);
    }
    bytes
}
