//! The arms, and what the bodies say to them.

use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::Poll;

use onefold_adapters::journal::{
    CrashPoint, Journal, MemoryJournal, MySqlOptions, NewDevice, SecretHash, SqlJournal,
};
use onefold_core::blob::Blob;
use onefold_core::hash::ContentId;
use onefold_core::id::{CommitKey, DeviceId, FolderId, NodeId, Seq};
use onefold_core::name::Name;
use onefold_core::node::{Body, Content, Place};
use onefold_core::operation::{Commit, Cursor, Operation, Step, Verdict};
use onefold_core::protocol::TreeSum;
use onefold_core::server::decide::Submitted;
use onefold_core::server::facts::StoredOutcome;
use onefold_core::time::{FileTime, WallTime};
use tempfile::TempDir;

pub(crate) const FOLDER: FolderId = FolderId::from_bytes([1; 16]);
pub(crate) const LAPTOP: DeviceId = DeviceId::from_bytes([2; 16]);
pub(crate) const DESKTOP: DeviceId = DeviceId::from_bytes([3; 16]);
pub(crate) const NOW: WallTime = WallTime(1_000_000);

/// One implementation of the port over one store that outlives its handles.
pub(crate) trait Arm {
    type Journal: Journal + Clone;

    /// Opens the store (again); what is durable is there.
    async fn open(&self) -> Self::Journal;

    /// Begins a commit and crashes in it, in the `n`th way. `false`: there is no such way.
    async fn crash_in_commit(&self, n: usize, submitted: Submitted) -> bool;
}

pub(crate) struct Memory(MemoryJournal);

impl Memory {
    pub(crate) fn new() -> Self {
        Self(MemoryJournal::new())
    }
}

impl Arm for Memory {
    type Journal = MemoryJournal;

    async fn open(&self) -> MemoryJournal {
        self.0.store().cut_power();
        self.0.clone()
    }

    async fn crash_in_commit(&self, n: usize, submitted: Submitted) -> bool {
        let points = [CrashPoint::BeforeCommit, CrashPoint::AfterCommit];
        let Some(point) = points.get(n) else { return false };
        self.0.store().crash_at(*point);
        assert!(self.0.commit(FOLDER, NOW, vec![submitted]).await.is_err());
        true
    }
}

pub(crate) struct Sqlite {
    directory: TempDir,
    open: Mutex<Vec<SqlJournal>>,
}

impl Sqlite {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), open: Mutex::new(Vec::new()) }
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("journal.db")
    }
}

impl Arm for Sqlite {
    type Journal = SqlJournal;

    async fn open(&self) -> SqlJournal {
        let journal = SqlJournal::sqlite(&self.path()).await.unwrap();
        self.open.lock().unwrap().push(journal.clone());
        journal
    }

    async fn crash_in_commit(&self, n: usize, submitted: Submitted) -> bool {
        let journal = SqlJournal::sqlite(&self.path()).await.unwrap();
        given_up(journal, n, submitted).await
    }
}

pub(crate) struct MySql {
    url: String,
}

impl MySql {
    pub(crate) fn new() -> Self {
        Self { url: tests::mysql_database() }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Arm for MySql {
    type Journal = SqlJournal;

    async fn open(&self) -> SqlJournal {
        let options = MySqlOptions { connections: 4, ..MySqlOptions::default() };
        SqlJournal::mysql(&self.url, &options).await.unwrap()
    }

    async fn crash_in_commit(&self, n: usize, submitted: Submitted) -> bool {
        given_up(self.open().await, n, submitted).await
    }
}

/// Gives up a commit after its `n`th statement or so: the connection rolls back, or had done it.
async fn given_up(journal: SqlJournal, n: usize, submitted: Submitted) -> bool {
    let mut commit = pin!(journal.commit(FOLDER, NOW, vec![submitted]));
    let mut polls = 0;
    let done = std::future::poll_fn(|context| {
        if polls > n {
            return Poll::Ready(false);
        }
        polls += 1;
        commit.as_mut().poll(context).map(|outcome| {
            outcome.unwrap();
            true
        })
    });
    !done.await
}

/// A folder and two devices.
pub(crate) async fn furnished(arm: &impl Arm) -> impl Journal + Clone {
    let journal = arm.open().await;
    furnish(&journal).await;
    journal
}

/// Adds a folder and two devices.
pub(crate) async fn furnish(journal: &impl Journal) {
    journal.create_folder(FOLDER, "default").await.unwrap();
    for device in [LAPTOP, DESKTOP] {
        journal.add_device(FOLDER, true, new_device(device.as_bytes()[0])).await.unwrap();
    }
}

pub(crate) fn new_device(number: u8) -> NewDevice {
    NewDevice {
        id: DeviceId::from_bytes([number; 16]),
        name: format!("device {number}"),
        token: SecretHash::of(&[number]),
    }
}

pub(crate) fn key(number: u64) -> CommitKey {
    CommitKey::from_bytes(u128::from(number).to_be_bytes())
}

pub(crate) fn node(number: u64) -> NodeId {
    NodeId::from_bytes(u128::from(number).to_be_bytes())
}

pub(crate) fn place(parent: u64, name: &[u8]) -> Place {
    Place { parent: node(parent), name: Name::new(name).unwrap() }
}

pub(crate) fn content(bytes: &[u8]) -> Content {
    Content {
        id: ContentId::of(bytes),
        size: bytes.len() as u64,
        mtime: FileTime { seconds: -5, nanoseconds: 7 },
    }
}

pub(crate) fn file(bytes: &[u8]) -> Body {
    Body::File { content: content(bytes), executable: false }
}

pub(crate) fn create(number: u64, place: Place, body: Body) -> Step {
    Step::Create { node: node(number), place, body }
}

pub(crate) fn edit(number: u64, bytes: &[u8]) -> Step {
    Step::Edit { node: node(number), content: content(bytes) }
}

pub(crate) fn accepted(seq: u64) -> Verdict {
    Verdict::Accepted(Seq::new(seq))
}

pub(crate) fn submitted(
    device: DeviceId,
    number: u64,
    seen: u64,
    operations: Vec<Operation>,
    contents: &[&[u8]],
) -> Submitted {
    let contents = contents.iter().map(|bytes| Blob::from(*bytes)).collect();
    let commit = Commit { key: key(number), seen: Seq::new(seen), operations, contents };
    Submitted { device, writable: true, commit }
}

/// Commits on top of all there is, and gives the outcome.
pub(crate) async fn commit(
    journal: &impl Journal,
    device: DeviceId,
    number: u64,
    operations: Vec<Operation>,
    contents: &[&[u8]],
) -> StoredOutcome {
    let seen = journal.head(FOLDER).await.unwrap().cursor.seq.get();
    let submitted = submitted(device, number, seen, operations, contents);
    let mut outcomes = journal.commit(FOLDER, NOW, vec![submitted]).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

/// What must hold of every folder: the chain, the sum, the bytes, and a content for every file.
pub(crate) async fn check(journal: &impl Journal, folder: FolderId) {
    let head = journal.head(folder).await.unwrap();
    let mut cursor = Cursor::START;
    loop {
        let entries = journal.check_entries(folder, cursor.seq, 3).await.unwrap();
        if entries.is_empty() {
            break;
        }
        for (entry, stored) in entries {
            assert_eq!(entry.seq, cursor.seq.next());
            cursor = cursor.after(&entry);
            assert_eq!(stored, cursor);
        }
    }
    assert_eq!(head.cursor, cursor);
    let (mut sum, mut bytes, mut after) = (TreeSum::default(), 0, None);
    loop {
        let rows = journal.check_nodes(folder, after, 3).await.unwrap();
        let Some(last) = rows.last() else { break };
        after = Some(last.node);
        for row in rows.iter().filter(|row| row.alive) {
            sum.add(row.node, &row.state);
            if let Some(content) = row.state.body.content() {
                bytes += content.size;
                let stored = journal.content(folder, content.id).await.unwrap();
                assert!(stored.is_some(), "{row:?}");
            }
        }
    }
    assert_eq!((head.sum, head.bytes), (sum, bytes));
}
