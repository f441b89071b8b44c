//! How commands reach the process that syncs: one request and one reply, a JSON line each, over a
//! Unix socket that only the home's owner can open.
//!
//! Whoever holds the home's lock is that process. [`turn`] says whose turn it is: a command either
//! asks the process that runs, or takes the lock and does the work itself.

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use onefold_core::client::Answer;
use onefold_core::id::DeviceId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep, timeout};

use crate::console;
use crate::error::Trouble;
use crate::home::{Home, Lock};
use crate::join;
use crate::limits;

/// How long a process that holds the lock may take to listen, or to end.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long an answer may take before a person is told what is waited for: stopping a folder in the
/// midst of a transfer takes a few seconds.
const SOON: Duration = Duration::from_secs(6);
/// How long to wait before asking once more.
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// The longest request or reply, in bytes.
const MAX_LINE_BYTES: u64 = 64 * 1024 * 1024;
/// The longest path of a Unix socket, in bytes (`sun_path` of Linux and macOS, the smaller).
const MAX_SOCKET_PATH_BYTES: usize = 100;

/// What a command asks of the process that syncs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Where every folder stands: a list of [`FolderStatus`](crate::status::FolderStatus).
    Status,
    /// Why what stands at a path, which is written as bytes, is, or is not, in sync: a
    /// [`PathStatus`](crate::explain::PathStatus).
    Explain(DeviceId, Vec<u8>),
    /// Link a folder and sync it: the [`DeviceId`] that this device is in it.
    Join(join::Request),
    /// Sync these folders too: the [`DeviceId`]s of those that did not sync before.
    Sync(Vec<DeviceId>),
    /// Wait until these folders, looked at again, and the server agree: an
    /// [`Outcome`](crate::status::Outcome).
    Wait(Vec<DeviceId>),
    /// Pause or resume a folder.
    SetPaused(DeviceId, bool),
    /// Approve or undo held deletions of a folder: how many there were.
    Answer(DeviceId, Answer),
    /// Stop syncing a folder for good.
    Unlink(DeviceId),
    /// Where the window is: an address that is good once.
    Window,
    /// Give this device another name in a folder.
    Rename(DeviceId, String),
    /// Change how fast contents may move: the [`Kept`](limits::Kept) ones.
    Limit(limits::Change),
}

impl Request {
    /// It waits for a server, or until everything is in sync.
    const fn may_take_long(&self) -> bool {
        match self {
            Self::Join(_) | Self::Wait(_) | Self::Rename(..) => true,
            Self::Status
            | Self::Explain(..)
            | Self::Sync(_)
            | Self::SetPaused(..)
            | Self::Answer(..)
            | Self::Unlink(_)
            | Self::Window
            | Self::Limit(_) => false,
        }
    }
}

/// Whose turn it is.
#[derive(Debug)]
pub enum Turn {
    /// No process syncs; as long as this is held, none will.
    Mine(Lock),
    /// A process syncs: ask it.
    Theirs(Caller),
}

/// Finds out whose turn it is. A lock or a socket that a dead process left is taken over.
pub async fn turn(home: &Home) -> Result<Turn, Trouble> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(lock) = home.lock()? {
            return Ok(Turn::Mine(lock));
        }
        if let Ok(stream) = connect(&home.socket()).await {
            return Ok(Turn::Theirs(Caller { stream }));
        }
        if Instant::now() >= until {
            return Err(Trouble::unchanged(
                format_args!(
                    "another onefold process uses {} and does not answer",
                    home.path().display()
                ),
                "Wait until it has ended, or end it, and try again",
            ));
        }
        sleep(ASK_AGAIN).await;
    }
}

/// A connection to the process that syncs.
#[derive(Debug)]
pub struct Caller {
    stream: UnixStream,
}

impl Caller {
    /// Asks, and waits for the reply. If what takes no time takes long, a person is told of it.
    pub async fn ask<T: DeserializeOwned>(self, request: &Request) -> Result<T, Trouble> {
        let mut stream = BufReader::new(self.stream);
        let mut asked = pin!(async {
            write_line(&mut stream, request).await?;
            read_line(&mut stream).await
        });
        let soon = timeout(SOON, asked.as_mut()).await;
        let reply: io::Result<Option<Result<T, Trouble>>> = match soon {
            Ok(reply) => reply,
            Err(_) => {
                if !request.may_take_long() {
                    console::warn(
                        "waiting for the running client, which has not answered yet; if it does \
                         not go on, end it and start it again: no file is lost by that",
                    );
                }
                asked.await
            }
        };
        reply.ok().flatten().unwrap_or_else(|| {
            Err(Trouble::new(
                "the running client ended before it answered",
                "What it had done stays done",
                "Try again",
            ))
        })
    }
}

/// Listens for requests.
#[derive(Debug)]
pub struct Listener(UnixListener);

/// A request to be answered.
#[derive(Debug)]
pub struct Incoming {
    stream: BufReader<UnixStream>,
    /// What is asked.
    pub request: Request,
}

impl Listener {
    /// Takes the socket over; the lock says that nobody listens on it.
    pub fn bind(home: &Home, _lock: &Lock) -> Result<Self, Trouble> {
        let path = home.socket();
        let bound =
            remove_if_there(&path).and_then(|()| at(&path, |path| UnixListener::bind(path)));
        bound.map(Self).map_err(|error| {
            Trouble::unchanged(
                format_args!("no socket can be made at {}: {error}", path.display()),
                "Set ONEFOLD_HOME to a directory on a disk of this machine",
            )
        })
    }

    /// The next connection.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        self.0.accept().await.map(|(stream, _)| stream)
    }
}

impl Incoming {
    /// Reads a connection's request; `None` if there is none to be answered.
    pub async fn read(stream: UnixStream) -> Option<Self> {
        let mut stream = BufReader::new(stream);
        match read_line(&mut stream).await {
            Ok(Some(request)) => Some(Self { stream, request }),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!("a request that makes no sense: {error}");
                None
            }
        }
    }

    /// Answers it. Whoever asked may be gone.
    pub async fn reply<T: Serialize>(mut self, reply: Result<T, Trouble>) {
        if let Err(error) = write_line(&mut self.stream, &reply).await {
            tracing::debug!("a command did not wait for its reply: {error}");
        }
    }

    /// Ends when whoever asked is gone.
    pub async fn gone(&mut self) {
        let mut byte = [0];
        let _ = self.stream.read(&mut byte).await;
    }
}

async fn write_line<T: Serialize>(stream: &mut BufReader<UnixStream>, value: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    stream.flush().await
}

async fn read_line<T: DeserializeOwned>(
    stream: &mut BufReader<UnixStream>,
) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    stream.take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
    if line.is_empty() { Ok(None) } else { Ok(serde_json::from_slice(&line)?) }
}

async fn connect(path: &Path) -> io::Result<UnixStream> {
    at(path, |path| std::os::unix::net::UnixStream::connect(path)).and_then(|stream| {
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    })
}

/// Reaches a socket whose path is too long for one through its open directory.
fn at<T>(path: &Path, reach: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    match (path.parent(), path.file_name()) {
        (Some(directory), Some(name)) if path.as_os_str().len() > MAX_SOCKET_PATH_BYTES => {
            let directory = std::fs::File::open(directory)?;
            let short = format!("/proc/self/fd/{}", directory.as_raw_fd());
            reach(&Path::new(&short).join(name))
        }
        _ => reach(path),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check_that_a_request_is_answered(home: Home) {
        let Turn::Mine(lock) = turn(&home).await.unwrap() else { panic!("nobody else is there") };
        let listener = Listener::bind(&home, &lock).unwrap();
        let serving = tokio::spawn(async move {
            let incoming = Incoming::read(listener.accept().await.unwrap()).await.unwrap();
            assert_eq!(incoming.request, Request::Status);
            incoming.reply(Ok("fine")).await;
        });
        let Turn::Theirs(caller) = turn(&home).await.unwrap() else { panic!("the lock is held") };
        assert_eq!(caller.ask::<String>(&Request::Status).await.unwrap(), "fine");
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_command_asks_the_process_that_holds_the_lock() {
        let parent = tempfile::tempdir().unwrap();
        check_that_a_request_is_answered(Home::at(parent.path()).unwrap()).await;
    }

    #[tokio::test]
    async fn a_home_with_a_very_long_path_has_a_socket_too() {
        let parent = tempfile::tempdir().unwrap();
        let long = parent.path().join("x".repeat(90)).join("y".repeat(90));
        check_that_a_request_is_answered(Home::at(&long).unwrap()).await;
    }

    #[tokio::test]
    async fn a_socket_that_a_dead_process_left_is_taken_over() {
        let parent = tempfile::tempdir().unwrap();
        let home = Home::at(parent.path()).unwrap();
        drop(std::os::unix::net::UnixListener::bind(home.socket()).unwrap());
        check_that_a_request_is_answered(home).await;
    }

    #[tokio::test]
    async fn a_process_that_ends_without_an_answer_is_told_as_such() {
        let parent = tempfile::tempdir().unwrap();
        let home = Home::at(parent.path()).unwrap();
        let lock = home.lock().unwrap().unwrap();
        let listener = Listener::bind(&home, &lock).unwrap();
        let serving = tokio::spawn(async move { drop(listener.accept().await.unwrap()) });
        let Turn::Theirs(caller) = turn(&home).await.unwrap() else { panic!("the lock is held") };
        let trouble = caller.ask::<String>(&Request::Status).await.unwrap_err();
        assert!(trouble.what().contains("ended"), "{trouble}");
        serving.await.unwrap();
    }
}
