//! How a connection to a server is made: by TCP, or over another network that behaves like it.

use std::future::Future;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Makes connections.
pub trait Dial: Clone + Send + Sync + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Connects to `HOST:PORT`.
    fn dial(&self, address: &str) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

/// Connections over TCP that send at once what there is to send.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Dial for Tcp {
    type Io = TcpStream;

    async fn dial(&self, address: &str) -> io::Result<TcpStream> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }
}
