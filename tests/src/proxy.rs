//! A way to the server that counts what passes, and can be cut.
//!
//! It takes a link's place for the server by its address; what passes is not looked into, but for
//! the one number that [`Proxy::speaking`] changes.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::wait::{PATIENCE, wait_for};

/// How much is passed on at a time.
const BUFFER_BYTES: usize = 64 * 1024;

/// A way to a server.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    upstream: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    up: AtomicU64,
    down: AtomicU64,
    /// Everything is cut once this many bytes have passed since the start.
    limit: AtomicU64,
    is_cut: AtomicBool,
    ended: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
    speak: Option<u8>,
}

impl Proxy {
    /// A way to the server at this `HOST:PORT`.
    pub fn to(upstream: &str) -> Self {
        Self::new(upstream, None)
    }

    /// A way on which the client's first word on the stream (plain HTTP) is of another version of
    /// the protocol than it really speaks.
    pub fn speaking(upstream: &str, version: u8) -> Self {
        Self::new(upstream, Some(version))
    }

    fn new(upstream: &str, speak: Option<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it listens").to_string();
        let shared = Arc::new(Shared {
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            limit: AtomicU64::new(u64::MAX),
            is_cut: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            open: Mutex::default(),
            speak,
        });
        let (serving, to) = (Arc::clone(&shared), upstream.to_owned());
        thread::spawn(move || serving.serve(&listener, &to));
        Self { address, upstream: upstream.to_owned(), shared }
    }

    /// A link that leads through here.
    pub fn link(&self, link: &str) -> String {
        let leads = link.replace(&self.upstream, &self.address);
        assert_ne!(leads, link, "a link to {}", self.upstream);
        leads
    }

    /// Bytes that went to the server so far.
    pub fn up(&self) -> u64 {
        self.shared.up.load(Ordering::SeqCst)
    }

    /// Bytes that came from the server so far.
    pub fn down(&self) -> u64 {
        self.shared.down.load(Ordering::SeqCst)
    }

    /// Bytes that passed so far, both ways.
    pub fn total(&self) -> u64 {
        self.up() + self.down()
    }

    /// Cuts every connection once this many more bytes have passed, and takes no new ones.
    pub fn cut_after(&self, bytes: u64) {
        self.shared.limit.store(self.total() + bytes, Ordering::SeqCst);
    }

    /// Waits until it is cut.
    #[track_caller]
    pub fn wait_until_cut(&self) {
        wait_for("the connection to be cut", PATIENCE, || {
            let is_cut = self.shared.is_cut.load(Ordering::SeqCst);
            is_cut.then_some(()).ok_or_else(|| format!("{} bytes passed", self.total()))
        });
    }

    /// Connections pass again.
    pub fn mend(&self) {
        self.shared.limit.store(u64::MAX, Ordering::SeqCst);
        self.shared.is_cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.shared.cut();
        // Wakes up who waits for connections.
        drop(TcpStream::connect(&self.address));
    }
}

impl Shared {
    fn serve(self: &Arc<Self>, listener: &TcpListener, upstream: &str) {
        for client in listener.incoming().flatten() {
            if self.ended.load(Ordering::SeqCst) {
                return;
            }
            if self.is_cut.load(Ordering::SeqCst) {
                continue;
            }
            // A server that does not listen is, for the client, a connection that ends at once.
            if let Ok(server) = TcpStream::connect(upstream) {
                let _ = self.join(&client, &server);
            }
        }
    }

    fn join(self: &Arc<Self>, client: &TcpStream, server: &TcpStream) -> io::Result<()> {
        for side in [client, server] {
            side.set_nodelay(true)?;
            self.open.lock().expect("nobody panics with it").push(side.try_clone()?);
        }
        let (mut up, mut to_server) = (client.try_clone()?, server.try_clone()?);
        let (mut down, mut to_client) = (server.try_clone()?, client.try_clone()?);
        let shared = Arc::clone(self);
        thread::spawn(move || shared.pass(&mut up, &mut to_server, &shared.up, shared.speak));
        let shared = Arc::clone(self);
        thread::spawn(move || shared.pass(&mut down, &mut to_client, &shared.down, None));
        Ok(())
    }

    fn pass(&self, from: &mut TcpStream, to: &mut TcpStream, count: &AtomicU64, speak: Option<u8>) {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut head = speak.map(|version| (version, Vec::new()));
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let bytes = &mut buffer[..read];
            if let Some((version, seen)) = &mut head
                && change_version(seen, bytes, *version)
            {
                head = None;
            }
            count.fetch_add(read as u64, Ordering::SeqCst);
            let passed = self.up.load(Ordering::SeqCst) + self.down.load(Ordering::SeqCst);
            if passed > self.limit.load(Ordering::SeqCst) {
                self.is_cut.store(true, Ordering::SeqCst);
                self.cut();
                return;
            }
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    fn cut(&self) {
        for stream in self.open.lock().expect("nobody panics with it").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Changes the version in the first frame of a WebSocket, once its second byte of content passes;
/// whether that has happened. The mask is an exclusive or, so it need not be known.
fn change_version(seen: &mut Vec<u8>, bytes: &mut [u8], version: u8) -> bool {
    /// The version that clients really speak, in the messages' encoding.
    const SPOKEN: u8 = 1;
    /// Where a stream begins; other requests pass as they are.
    const STREAM: &[u8] = b"GET /v1/stream";
    let before = seen.len();
    seen.extend_from_slice(bytes);
    if !seen.starts_with(&STREAM[..STREAM.len().min(seen.len())]) {
        return true;
    }
    let Some(end) = seen.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let frame = end + 4;
    let Some(short) = seen.get(frame + 1) else { return false };
    let header = if short & 0x7f == 126 { 4 } else { 2 };
    let at = frame + header + 4 + 1;
    match bytes.get_mut(at - before) {
        Some(byte) => {
            *byte ^= SPOKEN ^ version;
            true
        }
        None => false,
    }
}
