//! What a server does not start with, and says so.

use std::time::{Duration, Instant};

use onefold_adapters::link::Trust;
use onefold_core::protocol::{Farewell, ServerMessage};
use onefold_server::{NewInvite, Scheme, StartError, invite, serve};

use crate::harness::{Bench, config, stores};

#[tokio::test]
async fn a_port_in_use_is_told() {
    let bench = Bench::start().await;
    let other = tempfile::tempdir().unwrap();
    let mut config = config(other.path());
    config.listen = bench.running.address.to_string();
    let error = serve(config).await.unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }), "{error}");
}

#[tokio::test]
async fn plain_http_is_only_for_loopback_or_behind_a_proxy() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    config.listen = "0.0.0.0:0".to_owned();
    config.advertise = Some("files.example.org:443".to_owned());
    config.scheme = Scheme::Plain;
    let error = serve(config.clone()).await.unwrap_err();
    assert!(matches!(error, StartError::Usage(_)), "{error}");

    config.listen = "127.0.0.1:0".to_owned();
    config.scheme = Scheme::BehindProxy;
    let running = serve(config).await.unwrap();
    let link = running.invite(NewInvite::default()).await.unwrap().to_string();
    assert!(link.starts_with("onefold+web://files.example.org:443/default#"), "{link}");
    assert!(running.url().starts_with("http://127.0.0.1:"));
}

#[tokio::test]
async fn plain_http_on_loopback_serves_a_device() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    config.scheme = Scheme::Plain;
    let bench = Bench { running: serve(config).await.unwrap(), data };
    let device = bench.device("laptop").await;
    assert_eq!(device.server.trust, Trust::Plain);
    device.stream().await;
}

#[tokio::test]
async fn a_wildcard_asks_what_links_are_to_name() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    config.listen = "0.0.0.0:0".to_owned();
    let error = serve(config).await.unwrap_err();
    assert!(error.to_string().contains("--advertise"), "{error}");
}

#[tokio::test]
async fn an_invite_needs_a_server_that_has_run_or_an_address() {
    let data = tempfile::tempdir().unwrap();
    let error = invite(&stores(data.path()), NewInvite::default()).await.unwrap_err();
    assert!(error.to_string().contains("start `onefold-server` first"), "{error}");

    let advertise = Some("files.example.org:4433".to_owned());
    let new = NewInvite { advertise, ..NewInvite::default() };
    let early = invite(&stores(data.path()), new).await.unwrap();
    let running = serve(config(data.path())).await.unwrap();
    assert_eq!(early.server.trust, running.server.trust);
    let beside = invite(&stores(data.path()), NewInvite::default()).await.unwrap();
    assert_eq!(beside.server, running.server);
}

#[tokio::test]
async fn a_stopping_server_says_farewell_and_ends_in_time() {
    let bench = Bench::start().await;
    let mut stream = bench.device("laptop").await.stream().await;
    let began = Instant::now();
    let stopping = tokio::spawn(bench.running.stop());
    let farewell = stream.next().await.unwrap();
    let reason = Farewell::Stopping;
    assert!(
        matches!(&farewell, ServerMessage::Farewell { reason: told, .. } if *told == reason),
        "{farewell:?}"
    );
    drop(stream);
    stopping.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
}
