//! What runs on turmoil's hosts: the product's server, and a product's client on each device.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use onefold_adapters::blobs::{BlobError, Blobs, MemoryBlobs};
use onefold_adapters::http::HttpTransfer;
use onefold_adapters::journal::ChunkLocation;
use onefold_adapters::link::{Server, Trust};
use onefold_adapters::workers::Workers;
use onefold_adapters::ws::WsConnector;
use onefold_client::clock::Clock;
use onefold_client::driver::{Driver, Observer, Ports, Pulse};
use onefold_core::client::event::{Effect, Event, Notice};
use onefold_core::client::{Client, Config};
use onefold_core::hash::ChunkId;
use onefold_core::time::{LocalMinute, WallTime};
use tokio::sync::{mpsc, watch};

use crate::words;

use super::network::{Door, Net, PORT, SERVER};
use super::ports::{Mortal, Port};
use super::shared::{Handle, token};
use super::transfer::Hyper;

/// Hints that wait for an engine.
const HINTS_WAITING: usize = 4096;
/// Notices that nobody reads.
const NOTICES_WAITING: usize = 16;

/// The server's process, to its end.
pub async fn server(shared: Handle) -> turmoil::Result {
    let door = Door::open().await?;
    let (journal, blobs) = {
        let shared = shared.lock();
        (Arc::new(shared.journal.clone()), Arc::clone(&shared.blobs))
    };
    // Its sender is held, so it is never told to stop: it is killed.
    let (_running, stopping) = watch::channel(false);
    onefold_server::serve_over(door, journal, Stored(blobs), wall_time, stopping).await?;
    Ok(())
}

/// A client's process, to its end.
pub fn client(shared: Handle, index: usize) -> impl Future<Output = turmoil::Result> {
    let (commands, asked) = mpsc::channel(4);
    let (hints, to_hear) = mpsc::channel(HINTS_WAITING);
    let (notices, to_read) = mpsc::channel(NOTICES_WAITING);
    let (pulses, _) = watch::channel(Pulse::default());
    async move {
        // The eye sees what is reported: nobody reads it.
        drop(to_read);
        let port = Port { shared: shared.clone(), index };
        let client = shared.lock().start(index, hints, commands)?;
        let address = format!("{SERVER}:{PORT}");
        let (server, token) = (Server { address, trust: Trust::Plain }, token(index));
        let transfer = HttpTransfer::over(Hyper::new(Net), Workers::Inline, &server, &token);
        let connector = WsConnector::over(Net, &server, &token)?;
        let ports = Ports {
            disk: Arc::new(port.clone()),
            trees: Arc::new(port.clone()),
            transfer: Arc::new(Mortal { inner: transfer, port: port.clone() }),
            connector: Arc::new(Mortal { inner: connector, port: port.clone() }),
            watcher: Arc::new(port.clone()),
            hints: to_hear,
            notices,
        };
        let clock = Clock::new(local_minute);
        let driver = Driver::new(client, clock, Workers::Inline, ports, asked, pulses);
        driver.observed_by(Eye(port)).run().await;
        Ok(())
    }
}

impl super::shared::Shared {
    /// A client's process has begun: an engine from what was saved, with a fresh seed.
    fn start(
        &mut self,
        index: usize,
        hints: mpsc::Sender<Event>,
        commands: mpsc::Sender<onefold_client::driver::Command>,
    ) -> Result<Client, String> {
        self.set_disk_clock(index);
        let device = &mut self.devices[index];
        let rescued = device.disk.tend_kept(&format!("device{index}"), true);
        self.witness.rescued(rescued.len());
        device.unrecorded.clear();
        device.starts += 1;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.setting.seed.to_be_bytes()).update(&device.starts.to_be_bytes());
        hasher.update(&(index as u64).to_be_bytes());
        let config = Config {
            device_name: format!("device{index}"),
            seed: *hasher.finalize().as_bytes(),
            folding: device.disk.traits.folding,
            has_modes: true,
            // Nobody is there to answer.
            ask_from_files: u64::MAX,
        };
        (device.hints, device.commands) = (Some(hints), Some(commands));
        self.story.say(|| format!("device {index}: client starts (rescued: {rescued:?})"));
        let saved = device.store.load_now();
        self.witness.started(index, &saved);
        let client = Client::new(config, saved);
        client.map_err(|error| format!("saved state cannot be gone on from: {error}"))
    }
}

/// Sees what an engine is told and asks for: into the record, and to the oracle.
struct Eye(Port);

impl Observer for Eye {
    fn told(&mut self, event: &Event) {
        let Port { shared, index } = &self.0;
        let mut shared = shared.lock();
        if shared.devices[*index].dying {
            return;
        }
        shared.events += 1;
        shared.witness.heard(*index, event);
        let now_ms = shared.now_ms();
        shared.story.hash(&(*index as u64, now_ms, event));
        shared.story.say(|| format!("device {index} {}", words::event(event)));
    }

    fn asked(&mut self, client: &Client, effects: &[Effect]) {
        let Port { shared, index } = &self.0;
        let mut shared = shared.lock();
        if shared.devices[*index].dying {
            return;
        }
        for effect in effects {
            shared.story.hash(effect);
            shared.story.say(|| format!("device {index}     asks: {}", words::effect(effect)));
            shared.witness.asked(*index, effect);
            match effect {
                Effect::Report(Notice::Halted(why)) => shared.witness.halted(*index, why),
                Effect::Report(Notice::Merging(reason)) => {
                    // A power cut may take back that it ever joined: then it does so once more.
                    let again = std::mem::replace(&mut shared.devices[*index].joined, true);
                    shared.witness.merged |= again;
                    shared.witness.merging(*reason);
                }
                _ => {}
            }
        }
        shared.devices[*index].status = client.status();
        shared.witness.checked(*index, client.check());
    }
}

/// Packs that outlive the server's process.
struct Stored(Arc<MemoryBlobs>);

impl Blobs for Stored {
    async fn put(&self, chunks: Vec<Bytes>) -> Result<Vec<(ChunkId, ChunkLocation)>, BlobError> {
        self.0.put(chunks).await
    }

    async fn get(&self, wanted: Vec<(ChunkId, ChunkLocation)>) -> Result<Vec<Bytes>, BlobError> {
        self.0.get(wanted).await
    }
}

/// The run's time on the server's wall.
fn wall_time() -> WallTime {
    let elapsed = turmoil::sim_elapsed().unwrap_or_default();
    WallTime(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// The run's time on a device's wall.
fn local_minute() -> LocalMinute {
    let minutes = turmoil::sim_elapsed().unwrap_or_default().as_secs() / 60;
    let part = |of: u64, end: u64| u8::try_from(of % end).expect("less than 256");
    LocalMinute {
        year: 2026,
        month: 1 + part(minutes / 1440 / 28, 12),
        day: 1 + part(minutes / 1440, 28),
        hour: part(minutes / 60, 24),
        minute: part(minutes, 60),
    }
}
