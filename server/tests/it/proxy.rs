//! A wire that counts what goes up and down, and can be cut after so many bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use onefold_adapters::link::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A wire to a server.
#[derive(Clone)]
pub(crate) struct Wire {
    address: String,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    up: AtomicU64,
    down: AtomicU64,
    cut_at: AtomicU64,
}

impl Wire {
    pub(crate) async fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let counts = Arc::new(Counts { cut_at: AtomicU64::new(u64::MAX), ..Counts::default() });
        let (to, shared) = (server.address.clone(), Arc::clone(&counts));
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let far = TcpStream::connect(&to).await.unwrap();
                tokio::spawn(carry(near, far, Arc::clone(&shared)));
            }
        });
        Self { address, counts }
    }

    /// The server, as it is reached over this wire.
    pub(crate) fn over(&self, server: &Server) -> Server {
        Server { address: self.address.clone(), ..server.clone() }
    }

    /// Cuts every connection once so many bytes in all have gone over it, from now on.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.counts.up.store(0, Ordering::SeqCst);
        self.counts.down.store(0, Ordering::SeqCst);
        self.counts.cut_at.store(bytes, Ordering::SeqCst);
    }

    /// Counts anew, and cuts no more.
    pub(crate) fn mend(&self) {
        self.cut_after(u64::MAX);
    }

    pub(crate) fn up(&self) -> u64 {
        self.counts.up.load(Ordering::SeqCst)
    }

    pub(crate) fn down(&self) -> u64 {
        self.counts.down.load(Ordering::SeqCst)
    }
}

async fn carry(near: TcpStream, far: TcpStream, counts: Arc<Counts>) {
    let (mut from_near, mut to_near) = near.into_split();
    let (mut from_far, mut to_far) = far.into_split();
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let carried = tokio::select! {
            read = from_near.read(&mut up) => match read {
                Ok(count) if count > 0 => {
                    counts.up.fetch_add(count as u64, Ordering::SeqCst);
                    to_far.write_all(&up[..count]).await
                }
                _ => return,
            },
            read = from_far.read(&mut down) => match read {
                Ok(count) if count > 0 => {
                    counts.down.fetch_add(count as u64, Ordering::SeqCst);
                    to_near.write_all(&down[..count]).await
                }
                _ => return,
            },
        };
        let total = counts.up.load(Ordering::SeqCst) + counts.down.load(Ordering::SeqCst);
        if carried.is_err() || total > counts.cut_at.load(Ordering::SeqCst) {
            return;
        }
    }
}
