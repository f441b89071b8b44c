//! What only a MySQL server can show: what it is asked for when it is not as it should be.

use onefold_adapters::journal::{Journal, MySqlOptions, SqlJournal};
use onefold_adapters::port::StoreError;
use onefold_core::id::FolderId;
use onefold_core::node::Body;
use sqlx::{Connection, Executor, MySqlConnection};
use tests::MariaDb;

use crate::bench::*;

async fn refused(url: &str) -> StoreError {
    SqlJournal::mysql(url, &MySqlOptions::default()).await.unwrap_err()
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_refused() {
    let arm = MySql::new();
    furnished(&arm).await;
    let (server, name) = arm.url().rsplit_once('/').unwrap();
    tests::mysql_sql(server, &format!("INSERT INTO {name}.onefold_schema VALUES (99)"));
    let error = refused(arm.url()).await;
    assert!(matches!(error, StoreError::Newer { found: 99, known: 3 }), "{error}");
}

#[tokio::test]
async fn a_wrong_password_and_a_url_without_a_database_are_told() {
    let arm = MySql::new();
    let wrong = arm.url().replace("p%40ss", "wrong");
    let error = refused(&wrong).await.to_string();
    assert!(error.contains("Access denied"), "{error}");
    let error = refused(arm.url().rsplit_once('/').unwrap().0).await.to_string();
    assert!(error.contains("names no database"), "{error}");
}

#[tokio::test]
async fn servers_that_start_at_once_make_one_schema() {
    let arm = MySql::new();
    let opening: Vec<_> = (0..8)
        .map(|_| {
            let url = arm.url().to_owned();
            tokio::spawn(async move { SqlJournal::mysql(&url, &MySqlOptions::default()).await })
        })
        .collect();
    for opened in opening {
        opened.await.unwrap().unwrap();
    }
    let journal = furnished(&arm).await;
    check(&journal, FOLDER).await;
}

#[tokio::test]
async fn a_schema_that_was_cut_off_is_completed() {
    let arm = MySql::new();
    furnished(&arm).await;
    let (server, name) = arm.url().rsplit_once('/').unwrap();
    // As a server leaves it that dies in the middle of the first migration.
    let sql = format!("DROP TABLE {name}.settings; DELETE FROM {name}.onefold_schema");
    tests::mysql_sql(server, &sql);
    let journal = arm.open().await;
    journal.put_setting("a", b"b"[..].into()).await.unwrap();
    assert!(journal.folder("default").await.unwrap().is_some());
}

#[tokio::test]
async fn a_database_that_was_away_is_used_again() {
    let mut server = MariaDb::start();
    let url = format!("{}/onefold", server.url());
    let journal = SqlJournal::mysql(&url, &MySqlOptions::default()).await.unwrap();
    journal.create_folder(FOLDER, "default").await.unwrap();
    server.kill();
    let error = journal.folders().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    server.restart(&["--read-only"]);
    assert_eq!(journal.folders().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_folder_that_somebody_holds_blocks_no_other() {
    let arm = MySql::new();
    let journal = furnished(&arm).await;
    let other = FolderId::from_bytes([9; 16]);
    journal.create_folder(other, "other").await.unwrap();
    let mut somebody = MySqlConnection::connect(arm.url()).await.unwrap();
    somebody.execute("BEGIN").await.unwrap();
    somebody.execute("SELECT * FROM folders WHERE name = 'default' FOR UPDATE").await.unwrap();
    let make = |number: u64| {
        let make = create(number, place(0, b"d"), Body::Directory).into();
        vec![submitted(LAPTOP, number, 0, vec![make], &[])]
    };
    let (held, commits) = (journal.clone(), make(1));
    let held = tokio::spawn(async move { held.commit(FOLDER, NOW, commits).await.unwrap() });
    for number in 2..12 {
        let outcomes = journal.commit(other, NOW, make(number)).await.unwrap();
        assert_eq!(outcomes.len(), 1);
        // Reading the folder that is held does not wait either.
        assert_eq!(journal.head(FOLDER).await.unwrap().cursor.seq.get(), 0);
        assert!(journal.poll(LAPTOP, NOW).await.unwrap().is_some());
    }
    assert!(!held.is_finished());
    somebody.execute("ROLLBACK").await.unwrap();
    assert_eq!(held.await.unwrap()[0].verdicts, [accepted(1)]);
}
