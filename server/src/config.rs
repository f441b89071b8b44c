//! What a server is started with, where it keeps things, and why it may not start.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use onefold_adapters::blobs::Packs;
use onefold_adapters::journal::MySqlOptions;
use onefold_adapters::link::is_loopback;
use onefold_adapters::port::StoreError;

/// The database that the server keeps everything but chunks in.
pub(crate) use onefold_adapters::journal::SqlJournal as Database;

/// The database's file, in the data directory.
const DATABASE_FILE: &str = "server.db";
/// The packs' directory, in the data directory.
const BLOBS_DIRECTORY: &str = "blobs";

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where things are kept.
    pub stores: Stores,
    /// `HOST:PORT`; port 0 takes any that is free.
    pub listen: String,
    /// `HOST:PORT` that links name; where it listens, if not given.
    pub advertise: Option<String>,
    /// How clients reach it.
    pub scheme: Scheme,
    /// `nats://USER:PASSWORD@HOST:PORT`: where other servers over the database are told at once of
    /// what is committed here.
    pub nats: Option<String>,
}

/// Where a server keeps things.
#[derive(Clone, Debug)]
pub struct Stores {
    /// The data directory; made if it is missing.
    pub data: PathBuf,
    /// `sqlite:PATH` or `mysql://USER:PASSWORD@HOST/DATABASE`; a file in the data directory, if not
    /// given.
    pub database: Option<String>,
    /// How a MySQL database is reached.
    pub mysql: MySqlOptions,
    /// A directory for packs; one in the data directory, if not given.
    pub blobs: Option<PathBuf>,
}

/// How clients reach a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// TLS, with the certificate that the database keeps.
    Tls,
    /// TLS, with the owner's certificate and key, from PEM files.
    OwnTls {
        /// The certificate, and those that vouch for it.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// Plain HTTP, on loopback only.
    Plain,
    /// Plain HTTP, behind a proxy that speaks TLS.
    BehindProxy,
}

/// Why a server does not start. Nothing that was there before is changed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The options contradict each other.
    #[error("{0}")]
    Usage(String),
    /// The data directory, or the database's file in it, cannot be made or entered.
    #[error("{path} cannot be used: {error}; nothing was changed; give another place with --data")]
    Data {
        /// Which.
        path: PathBuf,
        /// Why, in the system's words.
        error: io::Error,
    },
    /// The database cannot be used.
    #[error("{0}; nothing was changed{hint}", hint = hint(.0))]
    Database(#[from] StoreError),
    /// The blob store cannot be used.
    #[error("{0}; nothing was changed; give another directory with --blobs")]
    Blobs(String),
    /// The certificate cannot be used.
    #[error("the certificate: {0}; nothing was changed; check --tls-cert and --tls-key")]
    Certificate(String),
    /// It cannot listen there.
    #[error(
        "cannot listen on {address}: {error}; the data is as it was; {hint}",
        hint = listen_hint(.error)
    )]
    Listen {
        /// Where.
        address: String,
        /// Why, in the system's words.
        error: io::Error,
    },
}

fn listen_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "stop the program that has this port, or choose another with --listen"
        }
        _ => "choose an address of this machine with --listen HOST:PORT",
    }
}

const fn hint(error: &StoreError) -> &'static str {
    match error {
        StoreError::Newer { .. } => "; use the newer onefold-server that has written it",
        StoreError::Damaged(_) => {
            "; check that it is the right file, or bring it back from a backup: devices then merge \
             with it"
        }
        StoreError::Unavailable(_)
        | StoreError::Refused(_)
        | StoreError::Contended(_)
        | StoreError::Unknown(_) => "; check --data and --database",
    }
}

impl Config {
    /// Checks what can be checked before anything is touched.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let usage = |words: String| Err(StartError::Usage(words));
        if self.scheme == Scheme::Plain && !is_loopback(&self.listen) {
            return usage(format!(
                "--http would send files and tokens unencrypted through {}: listen on a loopback \
                 address, or say --behind-proxy too if a proxy in front speaks TLS",
                self.listen
            ));
        }
        if self.scheme == Scheme::Plain
            && let Some(advertise) = self.advertise.as_ref().filter(|named| !is_loopback(named))
        {
            return usage(format!(
                "--advertise {advertise} is another machine's way here, and --http is for loopback \
                 only: leave one of them out"
            ));
        }
        let wildcard = self.listen.parse::<SocketAddr>().is_ok_and(|at| at.ip().is_unspecified());
        if wildcard && self.advertise.is_none() {
            return usage(format!(
                "--listen {} is every address of this machine: say with --advertise HOST:PORT \
                 which one links are to name",
                self.listen
            ));
        }
        Ok(())
    }
}

impl Stores {
    /// Whether anything is there: in the data directory, unless all is elsewhere.
    pub(crate) fn exist(&self) -> bool {
        self.data.is_dir() || (self.database.is_some() && self.blobs.is_some())
    }

    /// Opens the database, and makes it if it is missing.
    pub(crate) async fn journal(&self) -> Result<Arc<Database>, StartError> {
        let path = match &self.database {
            Some(url) if url.starts_with("mysql://") => {
                return Ok(Arc::new(Database::mysql(url, &self.mysql).await?));
            }
            Some(url) => sqlite_path(url)?,
            None => self.data.join(DATABASE_FILE),
        };
        let data = |error| StartError::Data { path: self.data.clone(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.data).map_err(data)?;
        // It holds the certificate's key: whatever directory it is in, it is its owner's alone.
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        file.map_err(|error| StartError::Data { path: path.clone(), error })?;
        Ok(Arc::new(Database::sqlite(&path).await?))
    }

    /// Opens the blob store, and makes it if it is missing.
    pub(crate) fn blobs(&self) -> Result<Packs, StartError> {
        let default = || self.data.join(BLOBS_DIRECTORY);
        Packs::open(&self.blobs.clone().unwrap_or_else(default)).map_err(StartError::Blobs)
    }
}

/// Reads a time that a person wrote: `90s`, `30m`, `24h`, `7d`.
pub fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    let wrong = "a time is a number and s, m, h or d";
    let unit = text.chars().last().ok_or(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| wrong)?;
    count.checked_mul(seconds).map(Duration::from_secs).ok_or(wrong)
}

/// The file that a database's URL names.
fn sqlite_path(url: &str) -> Result<PathBuf, StartError> {
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Ok(path.strip_prefix("//").unwrap_or(path).into()),
        _ => {
            // The rest may hold a password.
            let kind = url.split(':').next().unwrap_or_default();
            Err(StartError::Usage(format!(
                "--database {kind}:… cannot be used: give sqlite:PATH or \
                 mysql://USER:PASSWORD@HOST:PORT/DATABASE"
            )))
        }
    }
}
