//! Large contents over HTTP.

use std::sync::Arc;

use onefold_adapters::port::Transfer;
use onefold_adapters::wire;
use onefold_core::client::event::TransferError;
use onefold_core::disk::DiskError;
use onefold_core::manifest::Manifest;

use crate::harness::{Bench, Device, File, Staged, content_of, noise};
use crate::proxy::Wire;

const MIB: usize = 1024 * 1024;

/// A device whose bytes are counted.
async fn counted(bench: &Bench) -> (Device, Wire) {
    let mut device = bench.device("laptop").await;
    let wire = Wire::to(&device.server).await;
    device.server = wire.over(&device.server);
    (device, wire)
}

#[tokio::test]
async fn what_one_device_uploads_another_of_the_folder_fetches() {
    let bench = Bench::start().await;
    let (laptop, desktop) = (bench.device("laptop").await, bench.device("desktop").await);
    for (seed, len) in [(1, 0), (2, 1), (3, 100_000), (4, 5 * MIB)] {
        let bytes = noise(seed, len);
        laptop.upload(&bytes).await.unwrap();
        assert_eq!(desktop.fetch(content_of(&bytes)).await.unwrap(), &bytes[..]);
    }
}

#[tokio::test]
async fn a_device_of_another_folder_gets_nothing_of_it() {
    let bench = Bench::start().await;
    let laptop = bench.device_in("photos", "laptop").await;
    let stranger = bench.device_in("letters", "tablet").await;
    let bytes = noise(1, 3 * MIB);
    laptop.upload(&bytes).await.unwrap();
    assert_eq!(stranger.fetch(content_of(&bytes)).await, Err(TransferError::Missing));
}

#[tokio::test]
async fn a_content_that_the_server_lacks_is_missing() {
    let bench = Bench::start().await;
    let laptop = bench.device("laptop").await;
    assert_eq!(laptop.fetch(content_of(b"nobody has it")).await, Err(TransferError::Missing));
}

#[tokio::test]
async fn a_file_that_is_not_what_it_was_is_not_sent() {
    let bench = Bench::start().await;
    let (laptop, wire) = counted(&bench).await;
    let bytes = noise(1, 3 * MIB);
    let source = Box::new(File(noise(2, 3 * MIB)));
    let sent = laptop.transfer().upload(content_of(&bytes), source).await;
    assert_eq!(sent, Err(TransferError::Disk(DiskError::Changed)));
    assert_eq!(wire.up(), 0);
}

#[tokio::test]
async fn a_list_of_chunks_that_is_not_the_content_is_refused() {
    let bench = Bench::start().await;
    let laptop = bench.device("laptop").await;
    let (one, other) = (noise(1, 2 * MIB), noise(2, 2 * MIB));
    laptop.upload(&one).await.unwrap();
    let manifest = wire::encode(&Manifest::default());
    let path = format!("{}/{}", wire::CONTENTS, content_of(&other).id);
    assert_eq!(laptop.put(&path, manifest).await, 422);
    assert_eq!(laptop.fetch(content_of(&other)).await, Err(TransferError::Missing));
}

#[tokio::test]
async fn a_body_over_its_limit_is_refused() {
    let bench = Bench::start().await;
    let laptop = bench.device("laptop").await;
    assert_eq!(laptop.put(wire::CHUNKS, vec![0; wire::MAX_CHUNKS_BODY + 1]).await, 413);
    assert_eq!(laptop.put(wire::CHUNKS, vec![255; 100]).await, 400);
}

#[tokio::test]
async fn an_upload_that_was_cut_sends_only_what_is_missing() {
    let bench = Bench::start().await;
    let (laptop, wire) = counted(&bench).await;
    let bytes = noise(1, 24 * MIB);
    wire.cut_after(14 * MIB as u64);
    let cut = laptop.upload(&bytes).await;
    assert!(matches!(cut, Err(TransferError::Network(_))), "{cut:?}");
    wire.mend();
    laptop.upload(&bytes).await.unwrap();
    assert!(wire.up() < 20 * MIB as u64, "{} bytes went up again", wire.up());
    assert_eq!(laptop.fetch(content_of(&bytes)).await.unwrap(), &bytes[..]);
}

#[tokio::test]
async fn a_fetch_that_was_cut_goes_on_where_it_was() {
    let bench = Bench::start().await;
    let (laptop, wire) = counted(&bench).await;
    let bytes = noise(1, 24 * MIB);
    laptop.upload(&bytes).await.unwrap();
    let staged = Staged::default();
    wire.cut_after(14 * MIB as u64);
    let content = content_of(&bytes);
    let cut = laptop.transfer().fetch(content, Box::new(staged.clone()), None).await;
    assert!(matches!(cut, Err(TransferError::Network(_))), "{cut:?}");
    wire.mend();
    laptop.transfer().fetch(content, Box::new(staged.clone()), None).await.unwrap();
    assert!(wire.down() < 22 * MIB as u64, "{} bytes came down again", wire.down());
    assert_eq!(staged.bytes(), &bytes[..]);
}

#[tokio::test]
async fn staged_bytes_that_are_damaged_are_fetched_again() {
    let bench = Bench::start().await;
    let laptop = bench.device("laptop").await;
    let bytes = noise(1, 4 * MIB);
    laptop.upload(&bytes).await.unwrap();
    let mut damaged = bytes[..3 * MIB].to_vec();
    damaged[MIB] ^= 1;
    let staged = Staged::holding(&damaged);
    let content = content_of(&bytes);
    laptop.transfer().fetch(content, Box::new(staged.clone()), None).await.unwrap();
    assert_eq!(staged.bytes(), &bytes[..]);
}

#[tokio::test]
async fn a_small_change_moves_only_what_is_around_it() {
    let bench = Bench::start().await;
    let (laptop, wire) = counted(&bench).await;
    let before = noise(1, 32 * MIB);
    laptop.upload(&before).await.unwrap();
    let mut after = before.to_vec();
    after[16 * MIB..][..4096].copy_from_slice(&noise(2, 4096));
    let after: Arc<[u8]> = after.into();
    wire.mend();
    laptop.upload(&after).await.unwrap();
    assert!(wire.up() < 4 * MIB as u64, "{} bytes went up", wire.up());

    wire.mend();
    let staged = Staged::default();
    let alike = Some(Box::new(File(before)) as Box<dyn onefold_adapters::port::Source>);
    let content = content_of(&after);
    laptop.transfer().fetch(content, Box::new(staged.clone()), alike).await.unwrap();
    assert!(wire.down() < 4 * MIB as u64, "{} bytes came down", wire.down());
    assert_eq!(staged.bytes(), &after[..]);
}
