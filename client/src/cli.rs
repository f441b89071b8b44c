//! The commands and their options, as CLI.md promises them.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::limits::{self, Most};

/// Keeps folders the same on every device that joins them.
#[derive(Debug, Parser)]
#[command(name = "onefold", version, about, long_about = None, max_term_width = 100)]
#[command(after_help = "\
ONEFOLD_HOME names the directory for the client's own state; two values are two devices.
ONEFOLD_LOG filters what is logged to stderr (for example `debug`; default: `warn`).

Exit codes: 0 done; 1 could not; 2 wrong usage; 3 (`--once`) in sync but for the files listed.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a folder from this device, and print the link that another device joins with
    #[command(long_about = "\
Serve a folder from this device, and print the link that another device joins with.

Runs a server of its own (its data is in ONEFOLD_HOME), joins DIR to it and keeps syncing until
SIGINT or SIGTERM. Each start prints a fresh link, good for one device within 24 hours, once what is
in DIR has been added, or after 10 seconds. Started again, it serves the same data at the same port.")]
    Host {
        /// The folder; made if it is missing, and may already hold files
        dir: PathBuf,
        /// Where to listen (default: all addresses, at a free port that is kept from then on)
        #[arg(long, value_name = "HOST:PORT", value_parser = listen_address)]
        listen: Option<SocketAddr>,
        /// What the link names (default: where it listens, or this machine's main address)
        #[arg(long, value_name = "HOST:PORT")]
        advertise: Option<String>,
    },
    /// Join a folder by its link, and keep syncing
    #[command(long_about = "\
Join a folder by its link, and keep syncing until SIGINT or SIGTERM.

What DIR already holds is merged: equal files are taken as they are, nothing is overwritten.
Beside a running client, that one takes the folder over, and this command ends.")]
    Join {
        /// The link: onefold://HOST:PORT/FOLDER#…
        link: String,
        /// The folder; made if it is missing, and may already hold files
        dir: PathBuf,
        /// What this device is called, in the names of conflict copies (default: the host's name)
        #[arg(long, value_name = "NAME")]
        device: Option<String>,
        /// Stop once this device and the server agree
        #[arg(long)]
        once: bool,
    },
    /// Go on syncing linked folders
    #[command(long_about = "\
Go on syncing linked folders until SIGINT or SIGTERM.

With --once: scans, syncs until this device and the server agree, then ends. Exit code 0: in sync;
3: in sync but for the files listed on stderr (busy, unreadable, parked …); 1: could not. Beside a
running client it waits for that one, and reports the same.")]
    Sync {
        /// Which folders (default: all that are linked)
        #[arg(value_name = "DIR")]
        dirs: Vec<PathBuf>,
        /// Stop once this device and the server agree
        #[arg(long)]
        once: bool,
    },
    /// Say where each folder stands; or why one file or directory is, or is not, in sync
    #[command(long_about = "\
Say where each folder stands; or why one file or directory is, or is not, in sync.

For a PATH inside a folder: whether it is in sync, on its way, waiting (and what for), or not synced
at all (and by which rule), and its last change. Works with and without a running client.")]
    Status {
        /// Just this folder, or something in it
        #[arg(value_name = "PATH")]
        dir: Option<PathBuf>,
        /// For programs: one object for PATH, else {"folders": […]}
        #[arg(long)]
        json: bool,
    },
    /// Say what happened: one line a change, newest last
    Log {
        /// Just this folder
        dir: Option<PathBuf>,
        /// Go on with what happens from now on
        #[arg(long)]
        follow: bool,
        /// For programs: one object a line
        #[arg(long)]
        json: bool,
    },
    /// List the conflict copies that are still there
    Conflicts {
        /// Just this folder
        dir: Option<PathBuf>,
        /// For programs: a list of objects
        #[arg(long)]
        json: bool,
    },
    /// Send a deletion of most of the folder that is held, or take it back
    #[command(long_about = "\
Send a deletion of most of the folder that is held, or take it back.

When most of a folder's files are gone at once, they are not deleted on the other devices before
somebody says that this is meant. `onefold status` lists what is held. Everything else is synced
meanwhile. Works with and without a running client.")]
    Approve {
        /// The folder
        dir: PathBuf,
        /// Bring the files back instead
        #[arg(long)]
        undo: bool,
    },
    /// Print a link with which another device joins a folder
    #[command(long_about = "\
Print a link with which another device joins a folder.

The folder's server makes it, on behalf of this device: one that may only read makes none. Works
with and without a running client.")]
    Invite {
        /// The folder
        dir: PathBuf,
        /// The other device may only read
        #[arg(long)]
        read_only: bool,
        /// How long the link is good: 90s, 30m, 24h, 7d (at most 30 days)
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
        expires: Duration,
        /// How many devices may join with it
        #[arg(long, value_name = "N", default_value = "1",
              value_parser = clap::value_parser!(u32).range(1..=1000))]
        uses: u32,
    },
    /// Give this device another name in a folder
    Rename {
        /// The folder
        dir: PathBuf,
        /// What other devices call it from now on, in their logs and in conflict copies
        name: String,
    },
    /// Say or change how fast contents may move, for all folders together
    #[command(long_about = "\
Say or change how fast contents may move, for all folders together.

RATE is `none`, or bytes a second such as 500KiB or 2MiB. It counts at once, also for what moves
already, and is remembered. Small files, which travel with the news of them, are not slowed down.")]
    Limit {
        /// The most that is sent
        #[arg(long, value_name = "RATE", value_parser = limits::parse)]
        up: Option<Most>,
        /// The most that is fetched
        #[arg(long, value_name = "RATE", value_parser = limits::parse)]
        down: Option<Most>,
    },
    /// Stop syncing a folder until `resume`; remembered across restarts
    Pause {
        /// The folder
        dir: PathBuf,
    },
    /// Go on syncing a paused folder
    Resume {
        /// The folder
        dir: PathBuf,
    },
    /// Open the running client's window, a local web page, in the browser
    Open {
        /// Show this folder
        dir: Option<PathBuf>,
    },
    /// Stop syncing a folder for good; every file stays
    Unlink {
        /// The folder
        dir: PathBuf,
    },
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    onefold_server::parse_duration(text)
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| error.to_string())?;
    found.next().ok_or_else(|| "it names no address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.command)
    }

    #[test]
    fn every_promised_form_is_taken() {
        Cli::command().debug_assert();
        for line in [
            "onefold host d",
            "onefold host d --listen 127.0.0.1:0",
            "onefold host d --listen localhost:4433 --advertise example.org:4433",
            "onefold join onefold://h:1/f#x d",
            "onefold join onefold://h:1/f#x d --device laptop --once",
            "onefold sync",
            "onefold sync a b --once",
            "onefold sync --once",
            "onefold status",
            "onefold status d --json",
            "onefold status --json d",
            "onefold log --follow --json",
            "onefold log d",
            "onefold conflicts d --json",
            "onefold approve d",
            "onefold approve d --undo",
            "onefold invite d --read-only --expires 7d --uses 3",
            "onefold rename d laptop",
            "onefold limit",
            "onefold limit --up 500KiB --down none",
            "onefold pause d",
            "onefold resume d",
            "onefold unlink d",
            "onefold open",
            "onefold open d",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn wrong_usage_ends_with_2() {
        for line in [
            "onefold",
            "onefold join",
            "onefold approve",
            "onefold pause",
            "onefold limit --up fast",
            "onefold invite d --expires 1y",
            "onefold sync --twice",
            "onefold host d --listen x",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
        for line in ["onefold --version", "onefold --help", "onefold sync --help"] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 0, "{line}");
        }
    }
}
