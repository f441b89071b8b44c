//! `onefold-server check` finds what is wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use onefold_core::id::Seq;
use onefold_core::protocol::{ClientMessage, ServerMessage};
use onefold_server::check;

use crate::harness::{Bench, content_of, make_files, noise, stores};

fn packs(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(packs(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn a_flipped_byte_in_a_pack_is_found() {
    let bench = Bench::start().await;
    let laptop = bench.device("laptop").await;
    laptop.upload(&noise(1, 3 * 1024 * 1024)).await.unwrap();
    let mut stream = laptop.stream().await;
    let files = [("a", &b"one"[..]), ("b", &b"two"[..])];
    stream.say(ClientMessage::Commit(make_files(Seq::ZERO, &files))).await;
    while !matches!(stream.next().await.unwrap(), ServerMessage::Outcome { .. }) {}
    assert_eq!(check(&stores(bench.data.path())).await.unwrap(), Vec::<String>::new());

    let packs = packs(&bench.data.path().join("blobs"));
    let pack = packs.first().unwrap();
    let mut bytes = fs::read(pack).unwrap();
    bytes[1000] ^= 1;
    fs::write(pack, bytes).unwrap();
    let wrong = check(&stores(bench.data.path())).await.unwrap();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].contains("is damaged"), "{wrong:?}");

    fs::remove_file(pack).unwrap();
    let wrong = check(&stores(bench.data.path())).await.unwrap();
    assert!(wrong[0].contains("the pack is missing"), "{wrong:?}");
}

#[tokio::test]
async fn what_is_damaged_is_brought_again_by_a_device_that_has_it() {
    let bench = Bench::start().await;
    let (laptop, desktop) = (bench.device("laptop").await, bench.device("desktop").await);
    let before = noise(1, 3 * 1024 * 1024);
    laptop.upload(&before).await.unwrap();
    let found = async || check(&stores(bench.data.path())).await.unwrap();
    for pack in packs(&bench.data.path().join("blobs")) {
        let mut bytes = fs::read(&pack).unwrap();
        bytes.iter_mut().step_by(100_000).for_each(|byte| *byte ^= 1);
        fs::write(&pack, bytes).unwrap();
    }
    assert_eq!(found().await.len(), 1);

    // A newer version of the file, most of which the server is said to have.
    let after: Arc<[u8]> = [&before[..], b"one more line"].concat().into();
    laptop.upload(&after).await.unwrap();
    assert_eq!(desktop.fetch(content_of(&after)).await.unwrap(), &after[..]);

    // What is in the older one alone, once somebody could not fetch it.
    assert_eq!(found().await.len(), 1, "its last chunk");
    desktop.fetch(content_of(&before)).await.unwrap_err();
    laptop.upload(&before).await.unwrap();
    assert_eq!(desktop.fetch(content_of(&before)).await.unwrap(), &before[..]);
    assert_eq!(found().await, Vec::<String>::new());
}

#[tokio::test]
async fn where_there_is_nothing_nothing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let error = check(&stores(&dir.path().join("typo"))).await.unwrap_err();
    assert!(error.to_string().contains("there is no server's data"), "{error}");
    assert!(!dir.path().join("typo").exists());
}
