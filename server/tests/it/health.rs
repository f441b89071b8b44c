//! What those who run a server ask it.

use std::time::{Duration, Instant};

use onefold_adapters::link::Server;
use onefold_adapters::tls::client_config;
use onefold_core::id::Seq;
use onefold_core::protocol::{ClientMessage, Farewell, ServerMessage};

use crate::harness::{Bench, make_files, noise};

async fn get(server: &Server, path: &str) -> (u16, String) {
    let tls = client_config(server.trust).unwrap();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap();
    let answer = client.get(format!("https://{}{path}", server.address)).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// What a line of the metrics says.
fn number(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find(|line| line.split(' ').next() == Some(name));
    let number = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no number {name} in:\n{metrics}"))
}

#[tokio::test]
async fn a_server_that_works_is_ready_and_counts_what_it_does() {
    let bench = Bench::start().await;
    let server = bench.running.server.clone();
    assert_eq!(get(&server, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get(&server, "/readyz").await, (200, "ready\n".to_owned()));
    let device = bench.device("secret name").await;
    let mut stream = device.stream().await;
    let mut lagging = bench.device("another").await.stream().await;
    let mut twice = make_files(Seq::ZERO, &[("note", b"hello"), ("other", b"hello")]);
    twice.operations.push(twice.operations[0].clone());
    stream.say(ClientMessage::Commit(twice)).await;
    stream.hear(|message| matches!(message, ServerMessage::Entries { .. })).await;
    stream.hear(|message| matches!(message, ServerMessage::Outcome { .. })).await;
    lagging.hear(|message| matches!(message, ServerMessage::Entries { .. })).await;
    stream.say(ClientMessage::Acknowledge(Seq::new(2))).await;
    device.upload(&noise(1, 300_000)).await.unwrap();

    let (status, metrics) = get(&server, "/metrics").await;

    assert_eq!(status, 200);
    let number = |name| number(&metrics, name);
    assert_eq!(number("onefold_commits_total"), 1.0);
    assert_eq!(number("onefold_transactions_total"), 1.0);
    assert_eq!(number("onefold_operations_accepted_total"), 3.0, "one of them was so already");
    assert!(number("onefold_transferred_bytes_total{way=\"up\"}") > 300_000.0);
    assert!(number("onefold_transferred_bytes_total{way=\"down\"}") > 100.0);
    assert_eq!(number("onefold_database_seconds_count{asked=\"commit\"}"), 1.0);
    assert_eq!(number("onefold_devices_connected"), 2.0);
    assert_eq!(number("onefold_devices_behind"), 1.0);
    assert_eq!(number("onefold_stream_lag_entries"), 2.0);
    for betrayed in ["secret name", "another", "default", "127.0.0.1"] {
        assert!(!metrics.contains(betrayed), "{betrayed}");
    }
    println!("{metrics}");
    bench.running.stop().await;
}

#[tokio::test]
async fn refusals_are_counted_by_their_reason() {
    let bench = Bench::start().await;
    let mut stream = bench.device("laptop").await.stream().await;
    let mut lacking = make_files(Seq::ZERO, &[("note", b"hello")]);
    lacking.contents.clear();
    stream.say(ClientMessage::Commit(lacking)).await;
    stream.hear(|message| matches!(message, ServerMessage::Outcome { .. })).await;
    let (_, metrics) = get(&bench.running.server, "/metrics").await;
    let refused = "onefold_operations_refused_total{reason=\"missing_content\"}";
    assert_eq!(number(&metrics, refused), 1.0);
    bench.running.stop().await;
}

#[tokio::test]
async fn a_stopping_server_says_first_that_it_is_not_ready_and_then_farewell() {
    let bench = Bench::start().await;
    let server = bench.running.server.clone();
    let mut stream = bench.device("laptop").await.stream().await;
    assert_eq!(get(&server, "/readyz").await.0, 200);
    let began = Instant::now();
    let stopping = tokio::spawn(bench.running.stop());
    // It is asked by somebody who was told before; the stream goes on meanwhile.
    while get(&server, "/readyz").await.0 == 200 {}
    assert_eq!(get(&server, "/readyz").await, (503, "the server is stopping\n".to_owned()));
    assert_eq!(get(&server, "/healthz").await.0, 200);
    stream.say(ClientMessage::Commit(make_files(Seq::ZERO, &[("note", b"hello")]))).await;
    stream.hear(|message| matches!(message, ServerMessage::Entries { .. })).await;
    stream.hear(|message| matches!(message, ServerMessage::Outcome { .. })).await;
    let told = stream.next().await.unwrap();
    assert!(
        matches!(&told, ServerMessage::Farewell { reason: Farewell::Stopping, .. }),
        "{told:?}"
    );
    drop(stream);
    stopping.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
}
