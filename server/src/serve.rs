//! Starting and stopping a server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use onefold_adapters::blobs::Blobs;
use onefold_adapters::journal::Journal;
use onefold_adapters::link::{Link, Server, Trust};
use onefold_adapters::news::{self, News};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::admin;
use crate::app::{App, MAX_STREAMS, router};
use crate::certificate::Certificate;
use crate::config::{Config, Database, Scheme, StartError};
use crate::health::Readiness;
use crate::hub::{WallClock, wall_time};
use crate::invite::{self, InviteError, NewInvite};
use crate::listener::TlsListener;
use crate::presence::shut_out_revoked;

/// How long those who send devices here are given to hear that they should not any more. Nobody is
/// waited for where nobody asks.
const HEARD_WITHIN: Duration = Duration::from_millis(1_000);
/// How long a stopping server waits for its connections to end, the time to hear of it included.
const DRAIN_WITHIN: Duration = Duration::from_millis(3_000);
/// How long its connections to the database may take to say good-bye: all that was answered is kept.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// A server that accepts connections. Dropped without [`Running::stop`], it goes on.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What links say of it.
    pub server: Server,
    journal: Arc<Database>,
    stop: watch::Sender<bool>,
    streams: Arc<Semaphore>,
    readiness: Arc<Readiness>,
    serving: JoinHandle<io::Result<()>>,
}

/// Starts a server; it accepts connections when this returns.
pub async fn serve(config: Config) -> Result<Running, StartError> {
    config.check()?;
    let journal = config.stores.journal().await?;
    let blobs = config.stores.blobs()?;
    let certificate = match &config.scheme {
        Scheme::Tls => Some(Certificate::kept(&*journal).await?),
        Scheme::OwnTls { certificate, key } => Some(Certificate::read(certificate, key)?),
        Scheme::Plain | Scheme::BehindProxy => None,
    };
    let trust = match &certificate {
        Some(certificate) => Trust::Pinned(certificate.fingerprint()),
        None if config.scheme == Scheme::Plain => Trust::Plain,
        None => Trust::Web,
    };
    let tls = match certificate {
        Some(certificate) => Some(TlsAcceptor::from(Arc::new(certificate.into_config()?))),
        None => None,
    };

    let news = match &config.nats {
        Some(url) => news::connect(url).await.map_err(StartError::Usage)?,
        None => News::none(),
    };

    let listen = |error| StartError::Listen { address: config.listen.clone(), error };
    let listener = TcpListener::bind(&config.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let named = config.advertise.clone().unwrap_or_else(|| address.to_string());
    let server = Server { address: named, trust };
    invite::note(&*journal, &server).await?;

    let (stop, stopping) = watch::channel(false);
    let app = Arc::new(App::new(Arc::clone(&journal), blobs, wall_time, news, stopping.clone()));
    let (streams, readiness) = (Arc::clone(&app.streams), Arc::clone(&app.readiness));
    tokio::spawn(shut_out_revoked(Arc::clone(&app), stopping.clone()));
    let admin = admin::router(Arc::clone(&app), &server, address);
    let router = router(app).merge(admin);
    let serving = match tls {
        Some(tls) => {
            let listener = TlsListener::new(listener, tls).map_err(listen)?;
            tokio::spawn(accept(listener, router, stopping))
        }
        None => {
            let without_delay = listener.tap_io(|tcp| drop(tcp.set_nodelay(true)));
            tokio::spawn(accept(without_delay, router, stopping))
        }
    };
    Ok(Running { address, server, journal, stop, streams, readiness, serving })
}

/// Serves these stores to whoever a listener lets in, until it is told to stop; nobody is told to
/// join. Where a real network and real stores are wanted, [`serve`] brings them.
pub async fn serve_over<L, J, B>(
    listener: L,
    journal: Arc<J>,
    blobs: B,
    clock: WallClock,
    stopping: watch::Receiver<bool>,
) -> io::Result<()>
where
    L: axum::serve::Listener,
    L::Addr: std::fmt::Debug,
    J: Journal,
    B: Blobs,
{
    let app = App::new(journal, blobs, clock, News::none(), stopping.clone());
    accept(listener, router(Arc::new(app)), stopping).await
}

impl Running {
    /// Makes a link.
    pub async fn invite(&self, new: NewInvite) -> Result<Link, InviteError> {
        invite::make(&*self.journal, new).await
    }

    /// `https://HOST:PORT` or `http://HOST:PORT`, as it listens.
    pub fn url(&self) -> String {
        let scheme = match self.server.trust {
            Trust::Pinned(_) => "https",
            Trust::Web | Trust::Plain => "http",
        };
        format!("{scheme}://{}", self.address)
    }

    /// Says that it is not ready, then farewell to every device, lets what is under way end, and
    /// stops: within 5 seconds.
    pub async fn stop(self) {
        let Self { stop, streams, readiness, mut serving, journal, .. } = self;
        let until = tokio::time::Instant::now() + DRAIN_WITHIN;
        if readiness.end() {
            tokio::time::sleep(HEARD_WITHIN).await;
        }
        let _ = stop.send(true);
        let drained = async {
            let _ = (&mut serving).await;
            let _ = streams.acquire_many(MAX_STREAMS).await;
        };
        if tokio::time::timeout_at(until, drained).await.is_err() {
            tracing::warn!("some connections did not end in time and were cut");
            serving.abort();
        }
        let _ = tokio::time::timeout(CLOSE_WITHIN, journal.close()).await;
    }
}

async fn accept<L>(
    listener: L,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) -> io::Result<()>
where
    L: axum::serve::Listener,
    L::Addr: std::fmt::Debug,
{
    let stopped = async move {
        // Where the sender is gone, nobody will ever stop it.
        if stopping.wait_for(|stops| *stops).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    axum::serve(listener, router).with_graceful_shutdown(stopped).await
}
