//! Links, tokens and certificates.

use std::time::Duration;

use onefold_adapters::http::join;
use onefold_adapters::link::Trust;
use onefold_adapters::secret::{Fingerprint, Secret};
use onefold_server::NewInvite;

use crate::harness::{Bench, Device};

#[tokio::test]
async fn a_link_lets_one_device_in_and_then_no_other() {
    let bench = Bench::start().await;
    let link = bench.invite().await;
    let joined = join(&link, "laptop").await.unwrap();
    assert_eq!(joined.folder_name, "default");
    assert!(joined.writable);
    let again = join(&link, "desktop").await.unwrap_err();
    assert!(again.contains("used already"), "{again}");
}

#[tokio::test]
async fn a_link_for_two_lets_two_in() {
    let bench = Bench::start().await;
    let new = NewInvite { uses: 2, read_only: true, ..NewInvite::default() };
    let link = bench.running.invite(new).await.unwrap();
    let first = join(&link, "a").await.unwrap();
    let second = join(&link, "b").await.unwrap();
    assert_eq!(first.folder, second.folder);
    assert_ne!(first.device, second.device);
    assert!(!first.writable);
    assert!(join(&link, "c").await.is_err());
}

#[tokio::test]
async fn an_expired_or_an_unknown_link_is_refused() {
    let bench = Bench::start().await;
    let new = NewInvite { expires: Duration::ZERO, ..NewInvite::default() };
    let expired = bench.running.invite(new).await.unwrap();
    let error = join(&expired, "laptop").await.unwrap_err();
    assert!(error.contains("expired"), "{error}");

    let mut unknown = bench.invite().await;
    unknown.secret = Secret::generate();
    let error = join(&unknown, "laptop").await.unwrap_err();
    assert!(error.contains("does not know this link"), "{error}");
}

#[tokio::test]
async fn a_server_with_another_certificate_is_not_talked_to() {
    let bench = Bench::start().await;
    let mut link = bench.invite().await;
    let real = link.clone();
    link.server.trust = Trust::Pinned(Fingerprint::of(b"another"));
    let error = join(&link, "laptop").await.unwrap_err();
    assert!(error.contains("its certificate is not the one in the link"), "{error}");

    let joined = join(&real, "laptop").await.unwrap();
    let mut device = Device { server: real.server, joined };
    assert!(device.connect().await.is_ok());
    device.server = link.server;
    let error = device.connect().await.err().unwrap();
    assert!(error.contains("its certificate is not the one in the link"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_in_words() {
    let bench = Bench::start().await;
    let mut link = bench.invite().await;
    link.server.address = "127.0.0.1:1".to_owned();
    let error = join(&link, "laptop").await.unwrap_err();
    assert!(error.contains("nothing listens there"), "{error}");
    link.server.address = bench.running.address.to_string();
    link.server.trust = Trust::Plain;
    assert!(join(&link, "laptop").await.is_err());
}

#[tokio::test]
async fn a_token_that_the_server_does_not_know_opens_nothing() {
    let bench = Bench::start().await;
    let mut device = bench.device("laptop").await;
    device.joined.token = Secret::generate();
    let error = device.connect().await.err().unwrap();
    assert!(error.contains("not known to the server"), "{error}");
    assert!(device.transfer().devices().await.is_err());
}

#[tokio::test]
async fn the_certificate_stays_over_a_restart_and_so_does_the_device() {
    let bench = Bench::start().await;
    let mut device = bench.device("laptop").await;
    let fingerprint = device.server.trust;
    let bench = bench.restart().await;
    assert_eq!(bench.running.server.trust, fingerprint);
    device.server.address = bench.running.address.to_string();
    device.stream().await;
}

#[tokio::test]
async fn a_device_sees_the_names_of_its_own_folder_only() {
    let bench = Bench::start().await;
    let laptop = bench.device_in("photos", "laptop").await;
    bench.device_in("photos", "desktop").await;
    bench.device_in("letters", "tablet").await;
    let devices = laptop.transfer().devices().await.unwrap();
    let mut names: Vec<_> = devices.into_iter().map(|device| device.name).collect();
    names.sort();
    assert_eq!(names, ["desktop", "laptop"]);
}
