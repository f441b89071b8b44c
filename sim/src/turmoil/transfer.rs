//! Requests over a network of one's own: hyper's client, where the product has reqwest, which takes
//! no transport but its own.
//!
//! Connections are kept and used again, as reqwest does it; none is given up for its age, since that
//! would be told by a real clock.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream};
use axum::http::{self, Uri, header};
use bytes::Bytes;
use futures_util::StreamExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use onefold_adapters::dial::Dial;
use onefold_adapters::http::carrier::{
    Answer, CONNECT_WITHIN, Carrier, Failed, Request, StatusCode,
};
use onefold_adapters::tls::explain;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tower_service::Service;

/// Carries requests over connections that are made in this way.
#[derive(Clone, Debug)]
pub struct Hyper<D: Dial> {
    client: Client<Dialer<D>, Body>,
}

impl<D: Dial> Hyper<D> {
    /// See [`Hyper`].
    pub fn new(dial: D) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_idle_timeout(None);
        Self { client: builder.build(Dialer(dial)) }
    }
}

impl<D: Dial> Carrier for Hyper<D> {
    type Answer = Answered;

    async fn send(&self, request: Request) -> Result<Answered, Failed> {
        let Request { method, url, token, body } = request;
        let mut request = http::Request::builder().method(method).uri(url);
        if let Some(token) = token {
            let bearer = format!("Bearer {}", token.reveal());
            request = request.header(header::AUTHORIZATION, bearer);
        }
        let body = body.map_or_else(Body::empty, Body::from_stream);
        let request = request.body(body).map_err(|error| failed(&error, false))?;
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| failed(&error, !error.is_connect()))?;
        let status = answer.status();
        Ok(Answered { status, body: Body::new(answer.into_body()).into_data_stream() })
    }
}

/// An answer, whose head has come.
#[derive(Debug)]
pub struct Answered {
    status: StatusCode,
    body: BodyDataStream,
}

impl Answer for Answered {
    fn status(&self) -> StatusCode {
        self.status
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Failed> {
        self.body.next().await.transpose().map_err(|error| failed(&error, true))
    }
}

fn failed(error: &(dyn std::error::Error + 'static), sent: bool) -> Failed {
    Failed { words: explain(error), sent }
}

/// A way to make connections, as hyper wants it.
#[derive(Clone, Debug)]
struct Dialer<D>(D);

impl<D: Dial> Service<Uri> for Dialer<D> {
    type Response = TokioIo<Dialed<D::Io>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dial = self.0.clone();
        Box::pin(async move {
            let address = uri.authority().ok_or(io::ErrorKind::InvalidInput)?;
            let dialed = timeout(CONNECT_WITHIN, dial.dial(address.as_str())).await;
            dialed.map_err(io::Error::from)?.map(|io| TokioIo::new(Dialed(io)))
        })
    }
}

/// A connection, as hyper wants it.
#[derive(Debug)]
struct Dialed<Io>(Io);

impl<Io> Connection for Dialed<Io> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Dialed<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Dialed<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
