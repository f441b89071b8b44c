//! A server in a directory of its own, and devices that have joined it.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onefold_adapters::http::{HttpTransfer, Joined, join};
use onefold_adapters::journal::MySqlOptions;
use onefold_adapters::link::{Link, Server};
use onefold_adapters::port::{Connector, MessageStream, Source, Staging, Transfer};
use onefold_adapters::tls::client_config;
use onefold_adapters::ws::{WsConnector, WsStream};
use onefold_core::client::event::TransferError;
use onefold_core::disk::DiskError;
use onefold_core::hash::ContentId;
use onefold_core::id::{CommitKey, Lineage, NodeId, Seq};
use onefold_core::name::Name;
use onefold_core::node::{Body, Content, Place};
use onefold_core::operation::{Commit, Cursor, Operation, Step};
use onefold_core::protocol::{ClientMessage, PROTOCOL, ServerMessage};
use onefold_core::time::FileTime;
use onefold_server::{Config, NewInvite, Running, Scheme, Stores, serve};
use tempfile::TempDir;

/// Nothing on loopback takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn stores(data: &Path) -> Stores {
    Stores { data: data.to_owned(), database: None, mysql: MySqlOptions::default(), blobs: None }
}

pub(crate) fn config(data: &Path) -> Config {
    Config {
        stores: stores(data),
        listen: "127.0.0.1:0".to_owned(),
        advertise: None,
        scheme: Scheme::Tls,
        nats: None,
    }
}

/// A server and where it keeps things.
pub(crate) struct Bench {
    pub(crate) data: TempDir,
    pub(crate) running: Running,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let running = serve(config(data.path())).await.unwrap();
        Self { data, running }
    }

    /// Stops the server and starts another over the same data.
    pub(crate) async fn restart(self) -> Self {
        let Self { data, running } = self;
        running.stop().await;
        let running = serve(config(data.path())).await.unwrap();
        Self { data, running }
    }

    pub(crate) async fn invite(&self) -> Link {
        self.running.invite(NewInvite::default()).await.unwrap()
    }

    pub(crate) async fn device(&self, name: &str) -> Device {
        self.device_in("default", name).await
    }

    pub(crate) async fn device_in(&self, folder: &str, name: &str) -> Device {
        let new = NewInvite { folder: folder.to_owned(), ..NewInvite::default() };
        let link = self.running.invite(new).await.unwrap();
        let joined = join(&link, name).await.unwrap();
        Device { server: link.server, joined }
    }
}

/// A device that has joined.
pub(crate) struct Device {
    pub(crate) server: Server,
    pub(crate) joined: Joined,
}

impl Device {
    pub(crate) fn transfer(&self) -> HttpTransfer {
        HttpTransfer::new(&self.server, &self.joined.token).unwrap()
    }

    pub(crate) async fn upload(&self, bytes: &Arc<[u8]>) -> Result<(), TransferError> {
        self.transfer().upload(content_of(bytes), Box::new(File(Arc::clone(bytes)))).await
    }

    pub(crate) async fn fetch(&self, content: Content) -> Result<Vec<u8>, TransferError> {
        let staged = Staged::default();
        self.transfer().fetch(content, Box::new(staged.clone()), None).await?;
        Ok(staged.bytes())
    }

    /// Puts a body just as it is; the status it is answered.
    pub(crate) async fn put(&self, path: &str, body: Vec<u8>) -> u16 {
        let tls = client_config(self.server.trust).unwrap();
        let client = reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap();
        let request = client.put(format!("https://{}{path}", self.server.address));
        let request = request.bearer_auth(self.joined.token.reveal()).body(body);
        request.send().await.unwrap().status().as_u16()
    }

    pub(crate) async fn connect(&self) -> Result<Stream, String> {
        let connector = WsConnector::new(&self.server, &self.joined.token)?;
        connector.connect().await.map(Stream)
    }

    /// A stream that has come to the end of an empty folder's snapshot.
    pub(crate) async fn stream(&self) -> Stream {
        let mut stream = self.connect().await.unwrap();
        stream.say(hello(PROTOCOL)).await;
        stream.hear(|message| matches!(message, ServerMessage::Welcome { .. })).await;
        stream.say(ClientMessage::NextPage(None)).await;
        stream.hear(|message| matches!(message, ServerMessage::Page { last: true, .. })).await;
        stream
    }
}

pub(crate) fn hello(protocol: u16) -> ClientMessage {
    let next = Lineage::from_bytes(random());
    ClientMessage::Hello { protocol, cursor: Cursor::START, known: Vec::new(), next }
}

/// One open stream.
pub(crate) struct Stream(WsStream);

impl Stream {
    pub(crate) async fn say(&mut self, message: ClientMessage) {
        self.0.send(message).await.unwrap();
    }

    /// The next message that is no digest.
    pub(crate) async fn next(&mut self) -> Result<ServerMessage, String> {
        loop {
            let received = tokio::time::timeout(PATIENCE, self.0.receive()).await;
            match received.expect("the server says something")? {
                ServerMessage::Digest { .. } => {}
                message => return Ok(message),
            }
        }
    }

    /// The next message, which must be such.
    pub(crate) async fn hear(&mut self, such: fn(&ServerMessage) -> bool) -> ServerMessage {
        let message = self.next().await.unwrap();
        assert!(such(&message), "{message:?}");
        message
    }
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Bytes that do not repeat, the same for the same seed.
pub(crate) fn noise(seed: u8, len: usize) -> Arc<[u8]> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes.into()
}

pub(crate) fn content_of(bytes: &[u8]) -> Content {
    let mtime = FileTime { seconds: 1, nanoseconds: 2 };
    Content { id: ContentId::of(bytes), size: bytes.len() as u64, mtime }
}

/// A commit that makes files of small contents in the root.
pub(crate) fn make_files(seen: Seq, files: &[(&str, &[u8])]) -> Commit {
    let create = |(name, bytes): &(&str, &[u8])| {
        let place = Place { parent: NodeId::ROOT, name: Name::new(name.as_bytes()).unwrap() };
        let body = Body::File { content: content_of(bytes), executable: false };
        Operation::from(Step::Create { node: NodeId::from_bytes(random()), place, body })
    };
    Commit {
        key: CommitKey::from_bytes(random()),
        seen,
        operations: files.iter().map(create).collect(),
        contents: files.iter().map(|(_, bytes)| (*bytes).into()).collect(),
    }
}

/// A file in memory.
pub(crate) struct File(pub(crate) Arc<[u8]>);

impl Source for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(read_at(&self.0, buffer, offset))
    }

    fn unchanged(&self) -> Result<(), DiskError> {
        Ok(())
    }
}

/// Staging in memory; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Staged(Arc<Mutex<Vec<u8>>>);

impl Staged {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn holding(bytes: &[u8]) -> Self {
        Self(Arc::new(Mutex::new(bytes.to_vec())))
    }
}

impl Staging for Staged {
    fn len(&self) -> u64 {
        self.0.lock().unwrap().len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(read_at(&self.0.lock().unwrap(), buffer, offset))
    }

    fn truncate(&mut self, len: u64) -> Result<(), DiskError> {
        self.0.lock().unwrap().truncate(usize::try_from(len).unwrap());
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), DiskError> {
        Ok(())
    }
}

fn read_at(bytes: &[u8], buffer: &mut [u8], offset: u64) -> usize {
    let rest = &bytes[bytes.len().min(usize::try_from(offset).unwrap())..];
    let count = rest.len().min(buffer.len());
    buffer[..count].copy_from_slice(&rest[..count]);
    count
}
