//! One suite for both arms of the trees port, and what only a file on disk can show.
#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed assertion")]

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::Poll;

use onefold_adapters::port::{StoreError, Trees};
use onefold_adapters::trees::{CrashPoint, LogLine, MemoryTrees, SqliteTrees};
use onefold_core::blob::Blob;
use onefold_core::client::event::Action;
use onefold_core::client::saved::{SaveBatch, Saved};
use onefold_core::id::NodeId;
use onefold_core::name::RelPath;
use onefold_core::time::WallTime;
use sqlx::Connection;
use tempfile::TempDir;

/// One implementation of the port over one store that outlives its handles.
trait Arm {
    type Trees: Trees;

    /// Opens the store (again), after a kill.
    async fn open(&self) -> Self::Trees;

    /// Begins to save and is killed in it, in the `n`th way. `false`: there is no such way.
    async fn kill_in_save(&self, n: usize, batch: SaveBatch) -> bool;
}

struct Memory(std::sync::Arc<MemoryTrees>);

/// A handle of the one store.
struct MemoryHandle(std::sync::Arc<MemoryTrees>);

impl Trees for MemoryHandle {
    async fn load(&self) -> Result<Saved, StoreError> {
        self.0.load().await
    }

    async fn save(&self, batch: SaveBatch) -> Result<(), StoreError> {
        self.0.save(batch).await
    }
}

impl Arm for Memory {
    type Trees = MemoryHandle;

    async fn open(&self) -> MemoryHandle {
        MemoryHandle(self.0.clone())
    }

    async fn kill_in_save(&self, n: usize, batch: SaveBatch) -> bool {
        let points = [CrashPoint::BeforeSave, CrashPoint::AfterSave];
        let Some(point) = points.get(n) else { return false };
        self.0.crash_at(*point);
        assert!(self.0.save(batch).await.is_err());
        true
    }
}

struct Sqlite(TempDir);

impl Sqlite {
    fn path(&self) -> PathBuf {
        self.0.path().join("folder.db")
    }
}

impl Arm for Sqlite {
    type Trees = SqliteTrees;

    async fn open(&self) -> SqliteTrees {
        SqliteTrees::open(&self.path()).await.unwrap()
    }

    async fn kill_in_save(&self, n: usize, batch: SaveBatch) -> bool {
        let trees = self.open().await;
        let mut save = pin!(trees.save(batch));
        let mut polls = 0;
        let done = std::future::poll_fn(|context| {
            if polls > n {
                return Poll::Ready(false);
            }
            polls += 1;
            save.as_mut().poll(context).map(|saved| saved.is_ok())
        });
        !done.await
    }
}

macro_rules! suite {
    ($($body:ident),+ $(,)?) => {
        mod on_memory {
            $(
                #[tokio::test]
                async fn $body() {
                    super::$body(super::Memory(std::sync::Arc::default())).await;
                }
            )+
        }
        mod on_sqlite {
            $(
                #[tokio::test]
                async fn $body() {
                    super::$body(super::Sqlite(super::TempDir::new().unwrap())).await;
                }
            )+
        }
    };
}

suite! {
    a_new_store_is_empty,
    what_was_saved_is_loaded,
    records_are_replaced_and_removed,
    a_cleared_state_holds_only_what_came_after,
    a_save_cut_short_happened_whole_or_not_at_all,
    many_records_are_saved_at_once,
}

fn node(number: u32) -> NodeId {
    NodeId::from_bytes(u128::from(number).to_be_bytes())
}

fn blob(text: &str) -> Blob {
    Blob::from(text.as_bytes())
}

fn batch(records: &[(u32, Option<&str>)], header: Option<&str>) -> SaveBatch {
    let records = records.iter().map(|(number, text)| (node(*number), text.map(blob)));
    SaveBatch { clear: false, records: records.collect(), header: header.map(blob) }
}

async fn check(trees: &impl Trees, records: &[(u32, &str)], header: Option<&str>) {
    let records = records.iter().map(|(number, text)| (node(*number), blob(text)));
    let expected = Saved { records: records.collect(), header: header.map(blob) };
    assert_eq!(trees.load().await.unwrap(), expected);
}

async fn a_new_store_is_empty(arm: impl Arm) {
    check(&arm.open().await, &[], None).await;
}

async fn what_was_saved_is_loaded(arm: impl Arm) {
    let trees = arm.open().await;
    trees.save(batch(&[(2, Some("b")), (1, Some("a"))], Some("h"))).await.unwrap();
    check(&trees, &[(1, "a"), (2, "b")], Some("h")).await;
    drop(trees);
    check(&arm.open().await, &[(1, "a"), (2, "b")], Some("h")).await;
}

async fn records_are_replaced_and_removed(arm: impl Arm) {
    let trees = arm.open().await;
    trees.save(batch(&[(1, Some("a")), (2, Some("b"))], Some("h"))).await.unwrap();
    trees.save(batch(&[(1, None), (2, Some("c")), (3, None)], None)).await.unwrap();
    check(&trees, &[(2, "c")], Some("h")).await;
    trees.save(batch(&[], Some("i"))).await.unwrap();
    check(&trees, &[(2, "c")], Some("i")).await;
}

async fn a_cleared_state_holds_only_what_came_after(arm: impl Arm) {
    let trees = arm.open().await;
    trees.save(batch(&[(1, Some("a")), (2, Some("b"))], Some("h"))).await.unwrap();
    let fresh = SaveBatch { clear: true, ..batch(&[(2, Some("c"))], None) };
    trees.save(fresh).await.unwrap();
    check(&trees, &[(2, "c")], Some("h")).await;
}

async fn a_save_cut_short_happened_whole_or_not_at_all(arm: impl Arm) {
    let texts: Vec<String> = (0..200).map(|round| format!("round {round}")).collect();
    let whole = |text: &str| {
        let records: Vec<_> = (0..40).map(|number| (number, Some(text.to_owned()))).collect();
        let records: Vec<_> =
            records.iter().map(|(number, text)| (*number, text.as_deref())).collect();
        SaveBatch { clear: true, ..batch(&records, Some(text)) }
    };
    let trees = arm.open().await;
    trees.save(whole(&texts[0])).await.unwrap();
    drop(trees);
    let mut before = &texts[0];
    for (n, text) in texts[1..].iter().enumerate() {
        let cut = arm.kill_in_save(n, whole(text)).await;
        let trees = arm.open().await;
        let loaded = trees.load().await.unwrap();
        let now = if loaded.header == Some(blob(text)) { text } else { before };
        let expected: Vec<_> = (0..40).map(|number| (number, now.as_str())).collect();
        check(&trees, &expected, Some(now)).await;
        before = now;
        if !cut {
            return;
        }
    }
    panic!("a save never ended");
}

async fn many_records_are_saved_at_once(arm: impl Arm) {
    let trees = arm.open().await;
    let records: Vec<_> = (0..10_001).map(|number| (number, Some("record"))).collect();
    trees.save(batch(&records, None)).await.unwrap();
    assert_eq!(trees.load().await.unwrap().records.len(), 10_001);
    let gone: Vec<_> = (1..10_001).map(|number| (number, None)).collect();
    trees.save(batch(&gone, None)).await.unwrap();
    check(&trees, &[(0, "record")], None).await;
}

#[tokio::test]
async fn a_power_cut_takes_saves_from_the_end_and_leaves_none_out() {
    let trees = MemoryTrees::new();
    for (number, text) in [(1, "a"), (2, "b"), (3, "c")] {
        trees.save_now(batch(&[(number, Some(text))], Some(text))).unwrap();
    }
    assert_eq!(trees.volatile(), 3);
    trees.cut_power(2);
    check(&trees, &[(1, "a"), (2, "b")], Some("b")).await;
}

fn line(time: i64, path: &[u8], from: Option<&[u8]>) -> LogLine {
    LogLine {
        time: WallTime(time),
        device: "zoé's laptop".into(),
        action: Action::Moved,
        path: RelPath::parse(path).unwrap(),
        from: from.map(|path| RelPath::parse(path).unwrap()),
    }
}

#[tokio::test]
async fn the_log_is_read_from_any_line_on_also_by_another_process() {
    let arm = Sqlite(TempDir::new().unwrap());
    let trees = arm.open().await;
    let lines = vec![line(-5, b"d/\xff", Some(b"old")), line(7, b"x", None)];
    trees.append_log(lines.clone()).await.unwrap();
    trees.append_log(vec![line(8, b"y", None)]).await.unwrap();
    let other = arm.open().await;
    assert_eq!(other.log_len().await.unwrap(), 3);
    let first = other.log_since(0, 2).await.unwrap();
    assert_eq!(first, [(1, lines[0].clone()), (2, lines[1].clone())]);
    assert_eq!(other.log_since(2, 10).await.unwrap(), [(3, line(8, b"y", None))]);
    assert_eq!(other.log_since(3, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let arm = Sqlite(TempDir::new().unwrap());
    arm.open().await.close().await;
    let url = format!("sqlite:{}", arm.path().display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("INSERT INTO onefold_schema (version) VALUES (3)")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = SqliteTrees::open(&arm.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 3, known: 2 }), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_told_as_damaged_and_left_as_it_is() {
    let arm = Sqlite(TempDir::new().unwrap());
    let path: &Path = &arm.path();
    std::fs::write(path, vec![b'x'; 10_000]).unwrap();
    let error = SqliteTrees::open(path).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    std::fs::remove_file(path).unwrap();

    let trees = arm.open().await;
    let records: Vec<_> = (0..5_000).map(|number| (number, Some("record"))).collect();
    trees.save(batch(&records, None)).await.unwrap();
    trees.close().await;
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[4096..middle].fill(0xee);
    std::fs::write(path, bytes).unwrap();
    let loaded = match SqliteTrees::open(path).await {
        Ok(trees) => trees.load().await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert!(matches!(loaded, Err(StoreError::Damaged(_))), "{loaded:?}");
}
