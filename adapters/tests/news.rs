//! News through a real NATS server, which is away at first, and again later.
#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed assertion")]

use std::time::Duration;

use onefold_adapters::news::{News, Notice, connect};
use onefold_core::id::{FolderId, Seq};
use tests::Nats;

/// How long one that was told may take to be heard, before it is told again: it may be lost.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

fn notice(seq: u64) -> Notice {
    Notice::Moved(FolderId::from_bytes([7; 16]), Seq::new(seq))
}

/// Tells it until the other hears it.
async fn passes(from: &News, to: &mut News, notice: Notice) {
    loop {
        from.told.send(notice).await.unwrap();
        match tokio::time::timeout(AGAIN_AFTER, to.heard.recv()).await {
            Ok(heard) if heard == Some(notice) => return,
            // What was told before.
            Ok(heard) => assert!(heard.is_some(), "it ended"),
            Err(_) => {}
        }
    }
}

#[tokio::test]
async fn what_one_tells_the_others_hear_also_when_the_server_was_away() {
    let mut nats = Nats::away();
    let mut one = connect(&nats.url()).await.unwrap();
    let mut two = connect(&nats.url()).await.unwrap();
    one.told.send(notice(1)).await.unwrap();
    nats.restart();
    passes(&one, &mut two, notice(2)).await;
    passes(&two, &mut one, notice(3)).await;
    nats.kill();
    one.told.send(notice(4)).await.unwrap();
    nats.restart();
    passes(&one, &mut two, notice(5)).await;
    // Nobody hears himself.
    passes(&two, &mut one, notice(6)).await;
    while let Ok(heard) = one.heard.try_recv() {
        assert!([notice(3), notice(6)].contains(&heard), "{heard:?}");
    }
}

#[tokio::test]
async fn a_url_that_is_none_is_told_without_its_password() {
    for url in ["http://me:s3cret@127.0.0.1", "nats://me:s3cret@[", "s3cret://"] {
        let error = connect(url).await.unwrap_err();
        assert!(error.contains("give nats://"), "{error}");
        assert!(!error.contains("me:s3cret"), "{error}");
    }
}
