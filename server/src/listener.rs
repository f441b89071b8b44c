//! Accepts TLS connections: handshakes happen beside the accepting, and take only so long.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Handshakes under way at a time; more wait to be accepted.
const MAX_HANDSHAKES: usize = 256;
/// How long it waits when the system can accept no more (file descriptors, mostly).
const PAUSE_WHEN_FULL: Duration = Duration::from_millis(200);

/// Connections that have shaken hands.
#[derive(Debug)]
pub(crate) struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    accepting: JoinHandle<()>,
    address: SocketAddr,
}

impl TlsListener {
    /// Begins to accept.
    pub(crate) fn new(listener: TcpListener, tls: TlsAcceptor) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (done, ready) = mpsc::channel(MAX_HANDSHAKES);
        let accepting = tokio::spawn(accept_all(listener, tls, done));
        Ok(Self { ready, accepting, address })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept_all(
    listener: TcpListener,
    tls: TlsAcceptor,
    done: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let free = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    loop {
        let permit = Arc::clone(&free).acquire_owned().await.expect("it is never closed");
        let (tcp, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(PAUSE_WHEN_FULL).await;
                continue;
            }
        };
        let (tls, done) = (tls.clone(), done.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let _ = tcp.set_nodelay(true);
            match tokio::time::timeout(HANDSHAKE_WITHIN, tls.accept(tcp)).await {
                // Nobody takes it any more when the server stops.
                Ok(Ok(stream)) => drop(done.send((stream, peer)).await),
                Ok(Err(error)) => tracing::debug!("{peer}: no TLS: {error}"),
                Err(_) => tracing::debug!("{peer}: no TLS in time"),
            }
        });
    }
}
