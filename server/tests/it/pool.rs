//! Many devices on few connections to the database.

use onefold_adapters::journal::MySqlOptions;
use onefold_core::id::Seq;
use onefold_core::protocol::{ClientMessage, ServerMessage};
use onefold_server::serve;

use crate::harness::{Bench, config, make_files};

/// Devices that commit at once.
const DEVICES: usize = 50;
/// The least connections that a server takes.
const CONNECTIONS: u32 = 2;

#[tokio::test]
async fn fifty_devices_go_on_with_two_connections() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    config.stores.database = Some(tests::mysql_database());
    config.stores.mysql = MySqlOptions { connections: CONNECTIONS, ..MySqlOptions::default() };
    let bench = Bench { running: serve(config).await.unwrap(), data };
    let mut streams = Vec::new();
    for number in 0..DEVICES {
        // Several folders, so that several transactions want a connection at once.
        let (folder, name) = (format!("{}", number % 5), format!("device {number}"));
        streams.push(bench.device_in(&folder, &name).await.stream().await);
    }
    let tasks: Vec<_> = streams
        .into_iter()
        .enumerate()
        .map(|(number, mut stream)| {
            tokio::spawn(async move {
                for round in 0..4 {
                    let name = format!("{number} {round}");
                    let commit = make_files(Seq::ZERO, &[(&name, name.as_bytes())]);
                    stream.say(ClientMessage::Commit(commit)).await;
                    while !matches!(stream.next().await.unwrap(), ServerMessage::Outcome { .. }) {}
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    bench.running.stop().await;
}
