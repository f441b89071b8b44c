//! The driver with ports in memory: each effect, and the one answer that it gets.

mod fakes;

use std::time::Duration;

use onefold_core::client::event::{TaskId, TransferError, Upload};
use onefold_core::client::saved::SaveBatch;
use onefold_core::client::{ASK_FROM_FILES, Config, saved::Saved};
use onefold_core::disk::{Change, DiskError, Names};
use onefold_core::folding::Folding;
use onefold_core::id::{NodeId, Seq};
use onefold_core::name::RelPath;
use onefold_core::operation::Cursor;
use onefold_core::protocol::{ClientMessage, TreeSum};

use super::*;
use fakes::{FakeStream, World};

type TestDriver = Driver<World, World, World, World, World>;

struct Bench {
    world: World,
    driver: TestDriver,
    commands: mpsc::Sender<Command>,
    pulses: watch::Receiver<Pulse>,
    _hints: mpsc::Sender<Event>,
    _notices: mpsc::Receiver<Notice>,
}

fn bench() -> Bench {
    let world = World::new();
    let config = Config {
        device_name: "desk".to_owned(),
        seed: [7; 32],
        folding: Folding::NONE,
        has_modes: true,
        ask_from_files: ASK_FROM_FILES,
    };
    let client = Client::new(config, Saved::default()).unwrap();
    let port = || Arc::new(world.clone());
    let (hints_in, hints) = mpsc::channel(8);
    let (notices, notices_out) = mpsc::channel(8);
    let ports = Ports {
        disk: port(),
        trees: port(),
        transfer: port(),
        connector: port(),
        watcher: port(),
        hints,
        notices,
    };
    let (commands, asked) = mpsc::channel(8);
    let (tell, pulses) = watch::channel(Pulse::default());
    let clock = Clock::new(Default::default);
    let driver = Driver::new(client, clock, Workers::Threads, ports, asked, tell);
    Bench { world, driver, commands, pulses, _hints: hints_in, _notices: notices_out }
}

impl Bench {
    /// The answer to one effect.
    async fn answer(&mut self, effect: Effect) -> Event {
        self.driver.perform(effect).await;
        self.driver.next().await.unwrap()
    }
}

const ID: TaskId = TaskId(7);

fn save(header: &str) -> SaveBatch {
    SaveBatch { header: Some(header.as_bytes().into()), ..SaveBatch::default() }
}

#[tokio::test]
async fn a_directory_is_watched_before_it_is_looked_at() {
    let mut bench = bench();
    let dir = RelPath::root();
    bench.answer(Effect::Look { id: ID, dir: dir.clone(), names: Names::All }).await;
    bench.answer(Effect::Look { id: ID, dir, names: Names::Only(Default::default()) }).await;
    assert_eq!(bench.world.noted(), ["watch ", "look ", "look "]);
}

#[tokio::test]
async fn a_small_file_is_read_to_travel_inside_a_commit() {
    let mut bench = bench();
    let (path, stamp, content) = bench.world.write("f", b"hello");
    let effect = Effect::Upload { id: ID, path, stamp, content, start: false };
    let expected = Event::Uploaded(ID, Ok(Upload::Inline(b"hello"[..].into())));
    assert_eq!(bench.answer(effect).await, expected);
}

#[tokio::test]
async fn bytes_that_are_not_the_content_are_never_sent() {
    let mut bench = bench();
    for (now, error) in [
        (&b"hallo"[..], DiskError::Changed),
        (b"hell", DiskError::Changed),
        (b"being written", DiskError::Busy),
    ] {
        let (path, stamp, content) = bench.world.write("f", b"hello");
        let (_, _, written) = bench.world.write("f", now);
        let content = if error == DiskError::Busy { written } else { content };
        let effect = Effect::Upload { id: ID, path, stamp, content, start: false };
        let expected = Event::Uploaded(ID, Err(TransferError::Disk(error)));
        assert_eq!(bench.answer(effect).await, expected);
    }
}

#[tokio::test]
async fn a_large_file_goes_up_in_chunks() {
    let mut bench = bench();
    bench.world.transfers.add_permits(1);
    let (path, stamp, content) = bench.world.write("f", &vec![1; MAX_INLINE_BYTES as usize + 1]);
    let effect = Effect::Upload { id: ID, path, stamp, content, start: false };
    assert_eq!(bench.answer(effect).await, Event::Uploaded(ID, Ok(Upload::Stored)));
    assert_eq!(bench.world.noted(), ["upload 65537"]);
}

#[tokio::test]
async fn bytes_that_came_with_the_stream_replace_what_was_staged_before() {
    let mut bench = bench();
    let (_, _, content) = bench.world.write("f", b"hello");
    let bytes = Some(b"hello"[..].into());
    let effect = Effect::Fetch { id: ID, content, bytes, alike: None };
    assert_eq!(bench.answer(effect).await, Event::Fetched(ID, Ok(())));
    assert_eq!(bench.world.noted(), ["staged hello"]);
}

#[tokio::test]
async fn a_fetch_is_given_the_file_here_that_is_alike_if_there_is_one() {
    let mut bench = bench();
    bench.world.transfers.add_permits(2);
    let (path, _, content) = bench.world.write("f", b"hello");
    for alike in [path, RelPath::parse(b"gone/f").unwrap()] {
        let effect = Effect::Fetch { id: ID, content, bytes: None, alike: Some(alike) };
        assert_eq!(bench.answer(effect).await, Event::Fetched(ID, Ok(())));
    }
    let fetches: Vec<_> =
        bench.world.noted().into_iter().filter(|note| note.starts_with("fetch")).collect();
    assert_eq!(fetches[0], "fetch 5, alike: true");
}

#[tokio::test]
async fn work_that_panics_is_answered_as_failed() {
    let mut bench = bench();
    let (path, stamp, _) = bench.world.write("f", b"poison");
    let event = bench.answer(Effect::Hash { id: ID, path, stamp }).await;
    assert!(matches!(event, Event::Hashed(ID, Err(DiskError::Failed(_)))), "{event:?}");
}

#[tokio::test]
async fn saves_are_made_one_after_another_in_order() {
    let mut bench = bench();
    for (id, header) in [(1, "one"), (2, "two"), (3, "three")] {
        bench.driver.perform(Effect::Save { id: TaskId(id), batch: save(header) }).await;
    }
    bench.world.saves.add_permits(3);
    for id in [1, 2, 3] {
        assert_eq!(bench.driver.next().await, Some(Event::Saved(TaskId(id), Ok(()))));
    }
    let order = ["save one", "saved one", "save two", "saved two", "save three", "saved three"];
    assert_eq!(bench.world.noted(), order);
}

#[tokio::test]
async fn transfers_that_hang_hold_up_nothing_else() {
    let mut bench = bench();
    let (path, stamp, content) = bench.world.write("f", &vec![1; MAX_INLINE_BYTES as usize + 1]);
    for id in 0..20 {
        let (id, path) = (TaskId(id), path.clone());
        bench.driver.perform(Effect::Upload { id, path, stamp, content, start: false }).await;
    }
    let effect = Effect::Hash { id: TaskId(99), path, stamp };
    assert_eq!(bench.answer(effect).await, Event::Hashed(TaskId(99), Ok(content)));
}

/// A stream on offer, and its far end.
async fn offered(
    world: &World,
) -> (mpsc::UnboundedReceiver<ClientMessage>, mpsc::UnboundedSender<ServerMessage>) {
    let (sent, arrives) = mpsc::unbounded_channel();
    let (says, to_receive) = mpsc::unbounded_channel();
    world.offer.send(FakeStream { sent, to_receive }).await.unwrap_or_else(|_| panic!("no world"));
    (arrives, says)
}

fn digest(seq: u64) -> ServerMessage {
    let head = Cursor { seq: Seq::new(seq), ..Cursor::START };
    ServerMessage::Digest { head, sum: TreeSum::default() }
}

#[tokio::test]
async fn messages_go_and_come_in_order_until_the_stream_breaks() {
    let mut bench = bench();
    let (mut arrives, says) = offered(&bench.world).await;
    assert_eq!(bench.answer(Effect::Connect).await, Event::Connected);
    for seq in 1..=3 {
        let message = ClientMessage::Acknowledge(Seq::new(seq));
        bench.driver.perform(Effect::Send(message)).await;
        says.send(digest(seq)).unwrap();
    }
    for seq in 1..=3 {
        assert_eq!(bench.driver.next().await, Some(Event::Received(digest(seq))));
        assert_eq!(arrives.recv().await, Some(ClientMessage::Acknowledge(Seq::new(seq))));
    }
    drop(says);
    assert_eq!(bench.driver.next().await, Some(Event::Disconnected("cut".to_owned())));
}

#[tokio::test]
async fn a_closed_stream_is_told_once_and_says_nothing_more() {
    let mut bench = bench();
    let (_arrives, says) = offered(&bench.world).await;
    let (_arrives, says_later) = offered(&bench.world).await;
    assert_eq!(bench.answer(Effect::Connect).await, Event::Connected);
    says.send(digest(1)).unwrap();
    bench.driver.perform(Effect::Disconnect).await;
    bench.driver.perform(Effect::Connect).await;
    says_later.send(digest(2)).unwrap();
    assert!(matches!(bench.driver.next().await, Some(Event::Disconnected(_))));
    assert_eq!(bench.driver.next().await, Some(Event::Connected));
    assert_eq!(bench.driver.next().await, Some(Event::Received(digest(2))));
}

#[tokio::test]
async fn at_the_end_transfers_are_cut_and_what_was_done_is_saved() {
    let mut bench = bench();
    bench.world.saves.add_permits(100);
    let (path, stamp, content) = bench.world.write("f", &vec![1; MAX_INLINE_BYTES as usize + 1]);
    let upload = Effect::Upload { id: TaskId(1), path, stamp, content, start: false };
    bench.driver.perform(upload).await;
    let change = Change::MakeDirectory { at: RelPath::parse(b"d").unwrap() };
    let node = NodeId::from_bytes([1; 16]);
    bench.driver.perform(Effect::Change { id: TaskId(2), node, change }).await;
    bench.driver.perform(Effect::Save { id: TaskId(3), batch: save("last") }).await;
    bench.commands.send(Command::Stop).await.unwrap();
    assert_eq!(bench.driver.next().await, None);
    let ended = tokio::time::timeout(Duration::from_secs(2), bench.driver.wind_down()).await;
    assert!(ended.is_ok(), "a transfer that hangs held up the end");
    assert!(bench.world.noted().contains(&"saved last".to_owned()));
    assert!(bench.world.noted().contains(&"change".to_owned()));
}

#[tokio::test]
async fn a_whole_run_connects_looks_and_ends_when_told_to() {
    let Bench { world, driver, commands, mut pulses, _hints, _notices } = bench();
    world.saves.add_permits(100);
    world.write("f", b"hello");
    let (mut arrives, says) = offered(&world).await;
    let running = tokio::spawn(driver.run());
    let hello = arrives.recv().await;
    assert!(matches!(hello, Some(ClientMessage::Hello { .. })), "{hello:?}");
    drop(says);
    pulses.wait_for(|pulse| pulse.offline.is_some()).await.unwrap();
    let (asked, answer) = oneshot::channel();
    commands.send(Command::Tell(asked)).await.unwrap();
    assert!(!answer.await.unwrap().status.online);
    commands.send(Command::Stop).await.unwrap();
    let last = running.await.unwrap();
    assert_eq!(last.offline.as_deref(), Some("cut"));
    let looks: Vec<_> =
        world.noted().into_iter().filter(|note| !note.starts_with("save")).collect();
    assert_eq!(looks[..2], ["watch ", "look "]);
}
