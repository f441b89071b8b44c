//! Devices, a server, and how they are run and waited for.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use onefold_adapters::journal::MySqlOptions;
use onefold_server::{Config, NewInvite, Running, Scheme, Stores};
use tempfile::TempDir;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A place for everything, and a server.
pub(crate) struct Bench {
    pub(crate) place: TempDir,
    pub(crate) server: Running,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let config = Config {
            stores: Stores {
                data: place.path().join("server"),
                database: None,
                mysql: MySqlOptions::default(),
                blobs: None,
            },
            listen: "127.0.0.1:0".to_owned(),
            advertise: None,
            scheme: Scheme::Tls,
            nats: None,
        };
        let server = onefold_server::serve(config).await.unwrap();
        Self { place, server }
    }

    pub(crate) async fn link(&self) -> String {
        self.server.invite(NewInvite::default()).await.unwrap().to_string()
    }

    /// A device that has joined, and is in sync.
    pub(crate) async fn joined(&self, name: &str) -> Device {
        let device = Device::new(self.place.path(), name);
        let link = self.link().await;
        let output = device.run(&["join", &link, device.dir(), "--device", name, "--once"]);
        assert_exit(&output, 0);
        device
    }
}

/// A home, and a folder.
pub(crate) struct Device {
    pub(crate) home: PathBuf,
    pub(crate) root: PathBuf,
}

impl Device {
    pub(crate) fn new(place: &Path, name: &str) -> Self {
        let place = place.canonicalize().unwrap();
        Self { home: place.join(format!("{name}-home")), root: place.join(name) }
    }

    pub(crate) fn dir(&self) -> &str {
        self.root.to_str().unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onefold"));
        command.args(arguments).env("ONEFOLD_HOME", &self.home).env_remove("ONEFOLD_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        let said = said(&output);
        assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
        output
    }

    /// Runs a command until it is ended; its first line on stdout is waited for.
    pub(crate) fn start(&self, arguments: &[&str]) -> Client {
        let mut child = self.command(arguments).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let (line, said) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            lines.lines().map_while(Result::ok).try_for_each(|text| line.send(text))
        });
        Client { child, said }
    }

    /// Runs `sync` until its folder is in sync.
    pub(crate) fn sync(&self) -> Client {
        let client = self.start(&["sync"]);
        eventually("in sync", || self.status()["state"] == "in_sync");
        client
    }

    pub(crate) fn status(&self) -> serde_json::Value {
        let output = self.run(&["status", self.dir(), "--json"]);
        assert_exit(&output, 0);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// A client that runs; killed at the end if it was not ended before.
pub(crate) struct Client {
    pub(crate) child: Child,
    said: std::sync::mpsc::Receiver<String>,
}

impl Client {
    /// The next line on stdout that is not its window's address, which comes when the window is open.
    pub(crate) fn line(&self) -> String {
        loop {
            let line = self.said.recv_timeout(PATIENCE).expect("it says something");
            if !line.starts_with("window at ") {
                return line;
            }
        }
    }

    /// Ends it as people do; its exit code.
    pub(crate) fn end(mut self, signal: &str) -> Option<i32> {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < Duration::from_secs(5), "it did not end within 5 seconds");
            std::thread::sleep(Duration::from_millis(5));
        };
        status.code()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for something to become true.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "it never came to be: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[track_caller]
pub(crate) fn assert_exit(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
}

/// Asserts that a command failed with these words, and says all that it must.
#[track_caller]
pub(crate) fn assert_refused(output: &Output, words: &str) {
    assert_exit(output, 1);
    assert!(output.stdout.is_empty(), "{}", said(output));
    let told = said(output);
    assert!(told.contains(words), "{told}");
    assert!(told.contains("Nothing was changed"), "{told}");
}
