//! What every way to move contents must do: one body, and an arm for each carrier of requests.
//!
//! The product's is reqwest over the system's network; its twin, hyper over another, runs over the
//! system's, too, and over turmoil's.

#![expect(clippy::unwrap_used, reason = "a test's helpers may fail as its body may")]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onefold_adapters::blobs::MemoryBlobs;
use onefold_adapters::dial::{Dial, Tcp};
use onefold_adapters::http::HttpTransfer;
use onefold_adapters::journal::{MemoryJournal, NewDevice};
use onefold_adapters::link::{Server, Trust};
use onefold_adapters::port::{Source, Staging, Transfer};
use onefold_adapters::secret::Secret;
use onefold_adapters::workers::Workers;
use onefold_core::client::event::TransferError;
use onefold_core::disk::DiskError;
use onefold_core::hash::ContentId;
use onefold_core::id::{DeviceId, FolderId};
use onefold_core::node::Content;
use onefold_core::time::{FileTime, WallTime};
use onefold_server::serve_over;
use sim::turmoil::network::{Door, Net, PORT, SERVER};
use sim::turmoil::transfer::Hyper;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Large enough for many chunks, and for more than one body.
const BYTES: usize = 6 * 1024 * 1024;

/// A file in memory, which may change while it is read.
struct File {
    bytes: Vec<u8>,
    stays: bool,
}

impl Source for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = &self.bytes[self.bytes.len().min(usize::try_from(offset).unwrap())..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn unchanged(&self) -> Result<(), DiskError> {
        if self.stays { Ok(()) } else { Err(DiskError::Changed) }
    }
}

/// A staging place in memory; `appended` counts what was added.
#[derive(Clone, Default)]
struct Stage {
    bytes: Arc<Mutex<Vec<u8>>>,
    appended: Arc<Mutex<usize>>,
    finished: Arc<Mutex<bool>>,
}

impl Stage {
    fn with(bytes: &[u8]) -> Self {
        let stage = Self::default();
        stage.bytes.lock().unwrap().extend_from_slice(bytes);
        stage
    }

    fn holds(&self, expected: &[u8]) -> bool {
        *self.finished.lock().unwrap() && *self.bytes.lock().unwrap() == expected
    }
}

impl Staging for Stage {
    fn len(&self) -> u64 {
        self.bytes.lock().unwrap().len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let file = File { bytes: self.bytes.lock().unwrap().clone(), stays: true };
        file.read_at(buffer, offset)
    }

    fn truncate(&mut self, len: u64) -> Result<(), DiskError> {
        self.bytes.lock().unwrap().truncate(usize::try_from(len).unwrap());
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        *self.appended.lock().unwrap() += bytes.len();
        self.bytes.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), DiskError> {
        *self.finished.lock().unwrap() = true;
        Ok(())
    }
}

fn noise(seed: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

fn content(bytes: &[u8]) -> Content {
    let mtime = FileTime { seconds: 0, nanoseconds: 0 };
    Content { id: ContentId::of(bytes), size: bytes.len() as u64, mtime }
}

fn file(bytes: &[u8]) -> Box<File> {
    Box::new(File { bytes: bytes.to_vec(), stays: true })
}

fn token() -> Secret {
    Secret::parse(&"A".repeat(43)).unwrap()
}

fn stores() -> (Arc<MemoryJournal>, MemoryBlobs) {
    let journal = MemoryJournal::new();
    let (folder, device) = (FolderId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]));
    let new = NewDevice { id: device, name: "device".into(), token: token().hash() };
    journal.store().create_folder(folder, "folder").unwrap();
    journal.store().add_device(folder, true, new).unwrap();
    (Arc::new(journal), MemoryBlobs::default())
}

/// The one body. `transfer` makes the arm for an address and a token; at `live` a server is, at `dead`
/// there is none.
async fn check<X: Transfer>(transfer: impl Fn(&str, &Secret) -> X, live: &str, dead: &str) {
    let bytes = noise(1, BYTES);
    let whole = content(&bytes);
    let arm = transfer(live, &token());

    // What is nowhere is missing, and stays so when the file was not what it was said to be.
    let fetched = arm.fetch(whole, Box::new(Stage::default()), None).await;
    assert_eq!(fetched, Err(TransferError::Missing));
    let other = arm.upload(whole, file(&noise(2, BYTES))).await;
    assert_eq!(other, Err(TransferError::Disk(DiskError::Changed)));
    let grown = arm.upload(whole, file(&noise(1, BYTES + 1))).await;
    assert_eq!(grown, Err(TransferError::Disk(DiskError::Changed)));
    let changing = Box::new(File { bytes: bytes.clone(), stays: false });
    assert_eq!(arm.upload(whole, changing).await, Err(TransferError::Disk(DiskError::Changed)));
    let fetched = arm.fetch(whole, Box::new(Stage::default()), None).await;
    assert_eq!(fetched, Err(TransferError::Missing));

    // What was brought can be had, as often as one likes.
    assert_eq!(arm.upload(whole, file(&bytes)).await, Ok(()));
    assert_eq!(arm.upload(whole, file(&bytes)).await, Ok(()));
    let fresh = Stage::default();
    assert_eq!(arm.fetch(whole, Box::new(fresh.clone()), None).await, Ok(()));
    assert!(fresh.holds(&bytes));

    // What is staged is kept as far as it is right.
    let partly = Stage::with(&[&bytes[..BYTES / 2], &[0; 10]].concat());
    assert_eq!(arm.fetch(whole, Box::new(partly.clone()), None).await, Ok(()));
    assert!(partly.holds(&bytes));
    assert!(*partly.appended.lock().unwrap() <= BYTES / 2 + 1024 * 1024);

    // A file that is alike spares what it has; only the end of this one is new.
    let mut longer = bytes.clone();
    longer.extend(noise(3, 300_000));
    let long = content(&longer);
    assert_eq!(arm.upload(long, file(&longer)).await, Ok(()));
    let stage = Stage::default();
    assert_eq!(arm.fetch(long, Box::new(stage.clone()), Some(file(&bytes))).await, Ok(()));
    assert!(stage.holds(&longer));

    // Who is not known is refused; where nobody is, nobody answers.
    let stranger = transfer(live, &Secret::generate());
    let refused = stranger.upload(whole, file(&bytes)).await;
    assert!(matches!(refused, Err(TransferError::Refused(_))), "{refused:?}");
    let nobody = transfer(dead, &token()).upload(whole, file(&bytes)).await;
    assert!(matches!(nobody, Err(TransferError::Network(_))), "{nobody:?}");
}

fn server(address: &str) -> Server {
    Server { address: address.into(), trust: Trust::Plain }
}

fn hyper<D: Dial>(dial: D, workers: Workers) -> impl Fn(&str, &Secret) -> HttpTransfer<Hyper<D>> {
    move |address, token| {
        HttpTransfer::over(Hyper::new(dial.clone()), workers, &server(address), token)
    }
}

/// A server on loopback, and an address at which there is none.
async fn loopback() -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let live = listener.local_addr().unwrap().to_string();
    // The port is free again at once, and nobody else is given it so soon.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let (journal, blobs) = stores();
    let (running, stopping) = watch::channel(false);
    tokio::spawn(async move {
        let _running = running;
        serve_over(listener, journal, blobs, || WallTime(0), stopping).await
    });
    (live, dead)
}

#[tokio::test]
async fn reqwest_moves_contents_over_the_system_s_network() {
    let (live, dead) = loopback().await;
    let arm = |address: &str, token: &Secret| HttpTransfer::new(&server(address), token).unwrap();
    check(arm, &live, &dead).await;
}

#[tokio::test]
async fn its_twin_moves_contents_over_the_system_s_network() {
    let (live, dead) = loopback().await;
    check(hyper(Tcp, Workers::Threads), &live, &dead).await;
}

#[test]
fn its_twin_moves_contents_over_a_simulated_network() {
    let hour = Duration::from_secs(3_600);
    let mut sim =
        turmoil::Builder::new().rng_seed(1).tcp_capacity(1024).simulation_duration(hour).build();
    sim.host(SERVER, || async {
        let (journal, blobs) = stores();
        let (_running, stopping) = watch::channel(false);
        serve_over(Door::open().await?, journal, blobs, || WallTime(0), stopping).await?;
        Ok(())
    });
    sim.client("device", async {
        let (live, dead) = (format!("{SERVER}:{PORT}"), format!("{SERVER}:{}", PORT + 1));
        check(hyper(Net, Workers::Inline), &live, &dead).await;
        Ok(())
    });
    sim.run().unwrap();
}
