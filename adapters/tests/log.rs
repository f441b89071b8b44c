//! The log of what happened: found by text, kind, device and path, newest first, a part at a time.
#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed assertion")]

use onefold_adapters::trees::{LogFilter, LogLine, SqliteTrees};
use onefold_core::client::event::Action;
use onefold_core::name::RelPath;
use onefold_core::time::WallTime;
use sqlx::Connection;
use tempfile::TempDir;

fn path(text: &str) -> RelPath {
    RelPath::parse(text.as_bytes()).unwrap()
}

fn line(device: &str, action: Action, at: &str, from: Option<&str>) -> LogLine {
    let (device, from) = (device.to_owned(), from.map(path));
    LogLine { time: WallTime(1), device, action, path: path(at), from }
}

/// Lines 1 to 6.
fn lines() -> Vec<LogLine> {
    vec![
        line("Zoé", Action::Created, "docs", None),
        line("Zoé", Action::Created, "docs/Äpfel.txt", None),
        line("desk", Action::Edited, "docs/Äpfel.txt", None),
        line("desk", Action::Moved, "docs2/pears", Some("docs/Äpfel.txt")),
        line("desk", Action::Deleted, "docs2/pears", None),
        line("laptop", Action::ModeChanged, "100%_run.sh", None),
    ]
}

async fn check(trees: &SqliteTrees, filter: LogFilter, expected: &[u64]) {
    let page = trees.log_page(&filter, 0, 100).await.unwrap();
    let numbers: Vec<_> = page.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, expected, "{filter:?}");
    assert_eq!(trees.log_count(&filter).await.unwrap(), expected.len() as u64, "{filter:?}");
    for (number, line) in page {
        assert_eq!(line, lines()[number as usize - 1]);
    }
    // In parts it is the same.
    let mut parts = Vec::new();
    for skip in 0..expected.len() as u64 {
        let part = trees.log_page(&filter, skip, 1).await.unwrap();
        parts.extend(part.into_iter().map(|(number, _)| number));
    }
    assert_eq!(parts, expected, "{filter:?}");
}

async fn check_all(trees: &SqliteTrees) {
    let all = LogFilter::default;
    let text = |text: &str| LogFilter { text: Some(text.to_owned()), ..all() };
    let at = |text: &str| LogFilter { path: Some(path(text)), ..all() };
    let by = |device: &str| LogFilter { device: Some(device.to_owned()), ..all() };
    check(trees, all(), &[6, 5, 4, 3, 2, 1]).await;
    check(trees, LogFilter { upto: Some(4), ..all() }, &[4, 3, 2, 1]).await;
    check(trees, text("äPFEL"), &[4, 3, 2]).await;
    check(trees, text("zoé"), &[2, 1]).await;
    check(trees, text("%_"), &[6]).await;
    check(trees, text("nothing"), &[]).await;
    check(trees, at("docs"), &[4, 3, 2, 1]).await;
    check(trees, at("docs2/pears"), &[5, 4]).await;
    check(trees, by("desk"), &[5, 4, 3]).await;
    check(trees, by("Desk"), &[]).await;
    let action = Some(Action::Deleted);
    check(trees, LogFilter { action, ..all() }, &[5]).await;
    check(trees, LogFilter { action, upto: Some(4), ..all() }, &[]).await;
    check(trees, LogFilter { action: Some(Action::Moved), ..by("desk") }, &[4]).await;
    assert_eq!(trees.log_devices().await.unwrap(), ["Zoé", "desk", "laptop"]);
}

#[tokio::test]
async fn lines_are_found_by_all_that_they_tell() {
    let parent = TempDir::new().unwrap();
    let trees = SqliteTrees::open(&parent.path().join("trees.db")).await.unwrap();
    assert!(trees.log_devices().await.unwrap().is_empty());
    check(&trees, LogFilter::default(), &[]).await;
    trees.append_log(lines()).await.unwrap();
    check_all(&trees).await;
}

#[tokio::test]
async fn lines_of_an_older_program_are_found_too() {
    let parent = TempDir::new().unwrap();
    let file = parent.path().join("trees.db");
    let trees = SqliteTrees::open(&file).await.unwrap();
    trees.append_log(lines()).await.unwrap();
    trees.close().await;
    let mut connection =
        sqlx::SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let forget = "UPDATE log SET action = NULL, path = NULL, from_path = NULL, found = NULL";
    sqlx::query(forget).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    check_all(&SqliteTrees::open(&file).await.unwrap()).await;
}
