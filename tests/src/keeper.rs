//! Programs of others that tests need: each in a directory of its own, and ended with this process,
//! however that ends.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::wait::{PATIENCE, wait_for};

/// How much of what a program said a failing test shows, in bytes.
const SHOWN_BYTES: usize = 6_000;
/// Runs a program and ends it when its own input ends, as it does with this process; the directory is
/// then removed, unless it is told to keep it.
const KEEPER: &str = r#"directory=$1; shift
"$@" & program=$!
read word; kill -9 $program; wait $program
[ "$word" = keep ] || rm -rf -- "$directory""#;

/// A directory, and the program that may run over it. Dropped, both are gone.
#[derive(Debug)]
pub(crate) struct Kept {
    directory: PathBuf,
    keeper: Option<Child>,
}

impl Kept {
    /// A fresh directory, over which nothing runs yet.
    pub(crate) fn new(prefix: &str) -> Self {
        let directory = tempfile::Builder::new().prefix(prefix).tempdir();
        let directory = directory.expect("there is room for a directory").keep();
        Self { directory, keeper: None }
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs a program, and waits until what it says on stderr holds these words.
    pub(crate) fn run(&mut self, program: &Command, until: &str) {
        assert!(self.keeper.is_none(), "it runs");
        let log = self.directory.join("log");
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh"]).arg(&self.directory);
        command.arg(program.get_program()).args(program.get_args());
        let stderr = File::create(&log).expect("the directory is ours");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(stderr);
        self.keeper = Some(command.spawn().expect("there is a shell"));
        let name = program.get_program().to_string_lossy();
        wait_for(&format!("{name} to be ready (./test installs it)"), PATIENCE, || {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            if said.contains(until) { Ok(()) } else { Err(said) }
        });
    }

    /// Kills the program (SIGKILL), as a power cut of one program; the directory stays.
    pub(crate) fn kill(&mut self) {
        self.end("keep\n");
    }

    fn end(&mut self, word: &str) {
        let Some(mut keeper) = self.keeper.take() else { return };
        let input = keeper.stdin.take();
        // One that is gone has been killed by somebody else.
        let _ = input.expect("it is piped").write_all(word.as_bytes());
        let _ = keeper.wait();
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read(self.directory.join("log")).unwrap_or_default();
            let shown = &log[log.len().saturating_sub(SHOWN_BYTES)..];
            let directory = self.directory.display();
            println!("--- log in {directory}\n{}", String::from_utf8_lossy(shown));
        }
        self.end("remove\n");
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A port of loopback that nobody has. It is below those that are given to whoever asks for any, so
/// nobody gets it before the program does that it is for. A browser's driver wants one for IPv4 and IPv6
/// alike, and what it chooses itself is free for one of them.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 100) as u16 * 100;
    let taken = |ip: IpAddr, port| {
        let bound = TcpListener::bind((ip, port));
        bound.is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
    };
    (0..1_000)
        .map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000)
        .find(|port| {
            !taken(Ipv4Addr::LOCALHOST.into(), *port) && !taken(Ipv6Addr::LOCALHOST.into(), *port)
        })
        .expect("one of many is free")
}
