//! turmoil's network, as the product's client and server use it.

use std::io;
use std::net::SocketAddr;

use axum::serve::Listener;
use onefold_adapters::dial::Dial;
use turmoil::net::{TcpListener, TcpStream};

/// The server's host.
pub const SERVER: &str = "server";
/// Where it listens.
pub const PORT: u16 = 80;

/// Makes connections over turmoil's network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Net;

impl Dial for Net {
    type Io = TcpStream;

    async fn dial(&self, address: &str) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}

/// Lets in who connects over turmoil's network.
pub struct Door(TcpListener);

impl Door {
    /// Listens on this host.
    pub async fn open() -> io::Result<Self> {
        TcpListener::bind(("0.0.0.0", PORT)).await.map(Self)
    }
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        match self.0.accept().await {
            Ok(accepted) => accepted,
            // turmoil's listener never fails.
            Err(_) => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
