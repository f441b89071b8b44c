//! Ports in memory, for the driver's tests. They do what they are told to, and write down what
//! they were asked.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use onefold_adapters::port::{
    Connector, Disk, MessageStream, Source, Staging, StoreError, Transfer, Trees, Watcher,
};
use onefold_core::client::event::TransferError;
use onefold_core::client::saved::{SaveBatch, Saved};
use onefold_core::disk::{
    Change, DiskError, Form, Found, Inode, Listing, Names, Seen, Stamp, Start,
};
use onefold_core::hash::ContentId;
use onefold_core::id::NodeId;
use onefold_core::name::RelPath;
use onefold_core::node::Content;
use onefold_core::protocol::{ClientMessage, ServerMessage};
use tokio::sync::{Mutex as AsyncMutex, Semaphore, mpsc};

/// What happened, in order.
pub(super) type Diary = Arc<Mutex<Vec<String>>>;

/// Everything that the fakes share.
#[derive(Clone)]
pub(super) struct World {
    pub(super) diary: Diary,
    /// Files of the root directory.
    pub(super) files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// A save ends for each permit.
    pub(super) saves: Arc<Semaphore>,
    /// A transfer ends for each permit.
    pub(super) transfers: Arc<Semaphore>,
    /// The far end of the streams that may be opened.
    pub(super) streams: Arc<AsyncMutex<mpsc::Receiver<FakeStream>>>,
    /// Adds a stream.
    pub(super) offer: mpsc::Sender<FakeStream>,
}

impl World {
    pub(super) fn new() -> Self {
        let (offer, streams) = mpsc::channel(8);
        Self {
            diary: Diary::default(),
            files: Arc::default(),
            saves: Arc::new(Semaphore::new(0)),
            transfers: Arc::new(Semaphore::new(0)),
            streams: Arc::new(AsyncMutex::new(streams)),
            offer,
        }
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> (RelPath, Stamp, Content) {
        self.files.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
        let path = RelPath::parse(name.as_bytes()).unwrap();
        let (id, size) = (ContentId::of(bytes), bytes.len() as u64);
        (path, stamp(size), Content { id, size, mtime: Default::default() })
    }

    pub(super) fn note(&self, what: impl Into<String>) {
        self.diary.lock().unwrap().push(what.into());
    }

    pub(super) fn noted(&self) -> Vec<String> {
        self.diary.lock().unwrap().clone()
    }

    fn bytes(&self, path: &RelPath) -> Result<Vec<u8>, DiskError> {
        self.files.lock().unwrap().get(&path.to_string()).cloned().ok_or(DiskError::Gone)
    }
}

pub(super) fn stamp(size: u64) -> Stamp {
    let inode = Inode { device: 1, number: 1, birth: None };
    Stamp { inode, size, mtime: Default::default(), ctime: None }
}

impl Disk for World {
    fn look(&self, dir: &RelPath, _: &Names) -> Result<Listing, DiskError> {
        self.note(format!("look {dir}"));
        let seen = |(name, bytes): (&String, &Vec<u8>)| {
            let stamp = stamp(bytes.len() as u64);
            let form = Form::File { executable: false };
            let found = Found { stamp, links: 1, form };
            (onefold_core::name::Name::new(name.as_bytes()).unwrap(), Seen::Node(found))
        };
        let names = self.files.lock().unwrap().iter().map(seen).collect();
        Ok(Listing { inode: stamp(0).inode, names, unnameable: Vec::new() })
    }

    fn hash(&self, path: &RelPath, _: &Stamp) -> Result<Content, DiskError> {
        let bytes = self.bytes(path)?;
        assert!(bytes != b"poison", "the disk panics");
        let (id, size) = (ContentId::of(&bytes), bytes.len() as u64);
        Ok(Content { id, size, mtime: Default::default() })
    }

    fn read(&self, path: &RelPath, _: &Stamp) -> Result<Box<dyn Source>, DiskError> {
        Ok(Box::new(FakeFile(self.bytes(path)?)))
    }

    fn read_start(
        &self,
        path: &RelPath,
        _: &Stamp,
        _: Start,
    ) -> Result<Box<dyn Source>, DiskError> {
        Ok(Box::new(FakeFile(self.bytes(path)?)))
    }

    fn stage(&self, _: &Content) -> Result<Box<dyn Staging>, DiskError> {
        Ok(Box::new(FakeStaging { world: self.clone(), bytes: b"half of another".to_vec() }))
    }

    fn change(&self, _: NodeId, _: &Change) -> Result<Option<Stamp>, DiskError> {
        self.note("change");
        Ok(None)
    }
}

struct FakeFile(Vec<u8>);

impl Source for FakeFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn unchanged(&self) -> Result<(), DiskError> {
        if self.0 == b"being written" { Err(DiskError::Busy) } else { Ok(()) }
    }
}

struct FakeStaging {
    world: World,
    bytes: Vec<u8>,
}

impl Staging for FakeStaging {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
        Ok(0)
    }

    fn truncate(&mut self, len: u64) -> Result<(), DiskError> {
        self.bytes.truncate(len as usize);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), DiskError> {
        self.world.note(format!("staged {}", String::from_utf8_lossy(&self.bytes)));
        Ok(())
    }
}

impl Watcher for World {
    fn watch(&self, dir: &RelPath) -> Result<(), String> {
        self.note(format!("watch {dir}"));
        Ok(())
    }
}

impl Trees for World {
    async fn load(&self) -> Result<Saved, StoreError> {
        Ok(Saved::default())
    }

    async fn save(&self, batch: SaveBatch) -> Result<(), StoreError> {
        let header = batch.header.map(|header| header.to_vec()).unwrap_or_default();
        let what = String::from_utf8(header).unwrap_or_else(|_| "state".to_owned());
        self.note(format!("save {what}"));
        self.saves.acquire().await.unwrap().forget();
        self.note(format!("saved {what}"));
        Ok(())
    }
}

impl Transfer for World {
    async fn upload(&self, content: Content, _: Box<dyn Source>) -> Result<(), TransferError> {
        self.note(format!("upload {}", content.size));
        self.transfers.acquire().await.unwrap().forget();
        Ok(())
    }

    async fn fetch(
        &self,
        content: Content,
        _: Box<dyn Staging>,
        alike: Option<Box<dyn Source>>,
    ) -> Result<(), TransferError> {
        self.note(format!("fetch {}, alike: {}", content.size, alike.is_some()));
        self.transfers.acquire().await.unwrap().forget();
        Ok(())
    }
}

impl Connector for World {
    type Stream = FakeStream;

    async fn connect(&self) -> Result<FakeStream, String> {
        self.streams.lock().await.recv().await.ok_or_else(|| "no server".to_owned())
    }
}

/// A stream whose far end the test holds.
pub(super) struct FakeStream {
    pub(super) sent: mpsc::UnboundedSender<ClientMessage>,
    pub(super) to_receive: mpsc::UnboundedReceiver<ServerMessage>,
}

impl MessageStream for FakeStream {
    async fn send(&mut self, message: ClientMessage) -> Result<(), String> {
        self.sent.send(message).map_err(|_| "cut".to_owned())
    }

    async fn receive(&mut self) -> Result<ServerMessage, String> {
        self.to_receive.recv().await.ok_or_else(|| "cut".to_owned())
    }
}
