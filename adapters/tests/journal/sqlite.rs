//! What only a file on disk can show: other versions, damage, and a process that is killed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use onefold_adapters::journal::{Journal, SqlJournal};
use onefold_adapters::port::StoreError;
use onefold_core::id::Seq;
use onefold_core::node::Body;
use onefold_core::operation::Verdict;
use sqlx::Connection;
use tempfile::TempDir;

use crate::bench::*;

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let arm = Sqlite::new();
    furnished(&arm).await;
    let url = format!("sqlite:{}", arm.path().display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("INSERT INTO onefold_schema (version) VALUES (99)")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = SqlJournal::sqlite(&arm.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, known: 3 }), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told_as_damaged() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("journal.db");
    std::fs::write(&path, vec![b'x'; 10_000]).unwrap();
    let error = SqlJournal::sqlite(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 10_000]);
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_told_as_unavailable() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("missing").join("journal.db");
    let error = SqlJournal::sqlite(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn a_database_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let arm = Sqlite::new();
    let journal = furnished(&arm).await;
    for entry in std::fs::read_dir(arm.path().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.file_name());
    }
    drop(journal);
}

/// Names the database in the environment of [`commits_until_killed`].
const DATABASE: &str = "ONEFOLD_TEST_DATABASE";

/// Not a test of its own: the process that the next one kills.
#[tokio::test]
async fn commits_until_killed() {
    let Ok(path) = std::env::var(DATABASE) else { return };
    let journal = SqlJournal::sqlite(path.as_ref()).await.unwrap();
    loop {
        let next = journal.head(FOLDER).await.unwrap().cursor.seq.get() + 1;
        let make = create(next, place(0, next.to_string().as_bytes()), Body::Directory).into();
        let outcome = commit(&journal, LAPTOP, next, vec![make], &[]).await;
        assert_eq!(outcome.verdicts, [Verdict::Accepted(Seq::new(next))]);
        println!("answered {next}");
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let arm = Sqlite::new();
    furnished(&arm).await;
    let mut answered = 0;
    for round in 1..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::commits_until_killed", "--nocapture"])
            .env(DATABASE, arm.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let answers = lines.filter_map(|line| {
            line.unwrap().split("answered ").nth(1).and_then(|number| number.parse().ok())
        });
        answered = answers.take(7 * round).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let journal = arm.open().await;
        check(&journal, FOLDER).await;
        assert!(journal.head(FOLDER).await.unwrap().cursor.seq.get() >= answered);
    }
    assert!(answered > 50);
}
