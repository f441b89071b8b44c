//! The command itself, as a process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use onefold_adapters::http::join;
use onefold_adapters::link::Link;
use rustix::process::{Pid, Signal, kill_process};

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onefold-server"));
    command.arg("--data").arg(data).env("RUST_BACKTRACE", "1");
    command
}

fn run(data: &Path, arguments: &[&str]) -> Output {
    command(data).args(arguments).output().unwrap()
}

/// A server process, killed at the end of a test that fails.
struct Server(Child);

impl Server {
    /// Starts one; the line that it prints once it accepts connections.
    fn start(data: &Path) -> (Self, String) {
        let mut server = command(data);
        server.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut child = server.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), line)
    }

    /// Sends a signal and waits for the end: its code, and how long it took.
    fn end(mut self, signal: Signal) -> (Option<i32>, Duration) {
        let began = Instant::now();
        kill_process(Pid::from_child(&self.0), signal).unwrap();
        (self.0.wait().unwrap().code(), began.elapsed())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a failed command says: one line, and no more than words.
fn complaint(output: &Output) -> String {
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!words.contains("panicked") && !words.contains("backtrace"), "{words}");
    words
}

#[tokio::test]
async fn it_says_where_it_listens_invites_beside_it_and_ends_in_time() {
    let data = tempfile::tempdir().unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let (server, line) = Server::start(data.path());
        let address = line.trim_end().strip_prefix("listening on https://").unwrap();
        let invited = run(data.path(), &["invite", "--folder", "photos", "--expires", "5m"]);
        assert_eq!(invited.status.code(), Some(0), "{}", complaint(&invited));
        let printed = String::from_utf8(invited.stdout).unwrap();
        assert_eq!(printed.lines().count(), 1);
        let link: Link = printed.parse().unwrap();
        assert_eq!(link.server.address, address);
        assert_eq!(join(&link, "laptop").await.unwrap().folder_name, "photos");
        let (code, took) = server.end(signal);
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    let checked = run(data.path(), &["check"]);
    assert_eq!(checked.status.code(), Some(0), "{}", complaint(&checked));
}

#[test]
fn bad_input_gets_a_word_and_a_code() {
    let data = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str], code, words: &str| {
        let output = run(data.path(), arguments);
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    };
    check(&["--http", "--listen", "192.0.2.1:80"], 2, "unencrypted");
    check(&["--behind-proxy"], 2, "--http");
    check(&["--tls-cert", "x"], 2, "--tls-key");
    check(&["--listen", "nowhere"], 1, "cannot listen on nowhere");
    check(&["--database", "postgres://u:secret@localhost/x"], 2, "postgres:…");
    check(&["--blobs", "s3://bucket"], 1, "in a directory");
    check(&["invite"], 1, "start `onefold-server` first");
    check(&["invite", "--uses", "0"], 2, "--uses");
    check(&["invite", "--expires", "soon"], 2, "--expires");
    check(&["invite", "--advertise", "nowhere"], 2, "HOST:PORT");
    check(&["invite", "--advertise", "h:1", "--folder", "a/b"], 1, "cannot be called");
    check(&["frobnicate"], 2, "frobnicate");

    let file = data.path().join("file");
    std::fs::write(&file, "no database").unwrap();
    let url = format!("sqlite:{}", file.display());
    check(&["--database", &url, "check"], 1, "database");
    let no_data = Command::new(env!("CARGO_BIN_EXE_onefold-server")).output().unwrap();
    assert_eq!(no_data.status.code(), Some(2));
    assert!(complaint(&no_data).contains("--data"));
}
