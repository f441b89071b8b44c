//! A device: a directory that is synced, a client's own state, and the process that syncs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Output, Process};
use crate::tree::Tree;
use crate::wait::{PATIENCE, wait_for};
use crate::world::World;

/// A device. Its client may or may not run.
#[derive(Debug)]
pub struct Device<'w> {
    world: &'w World,
    name: String,
    home: PathBuf,
    folder: PathBuf,
    process: Option<Process>,
    patience: Duration,
}

impl<'w> Device<'w> {
    /// A device that has not joined yet; its folder is there, and empty.
    pub fn new(world: &'w World, name: &str) -> Self {
        let folder = world.at(name);
        fs::create_dir_all(&folder).expect("the world is ours");
        let home = world.at(&format!("{name}.home"));
        Self { world, name: name.to_owned(), home, folder, process: None, patience: PATIENCE }
    }

    /// One that has joined and goes on syncing.
    pub fn join(world: &'w World, name: &str, link: &str) -> Self {
        let mut device = Self::new(world, name);
        device.start_joining(link);
        device.wait_until_in_sync();
        device
    }

    /// One that has joined, is in sync, and does not run.
    pub fn join_once(world: &'w World, name: &str, link: &str) -> Self {
        let device = Self::new(world, name);
        device.run_join(link, &["--once"]).expect(0);
        device
    }

    /// Waits longer than most for it, where it has much to do.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its synced folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The client's own state.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A path in its folder.
    pub fn at(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Writes a file, and makes the directories that it needs.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a directory");
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// What stands in its folder.
    pub fn tree(&self) -> Tree {
        Tree::read(&self.folder).expect("nobody changes the folder now")
    }

    /// Its `onefold` command.
    pub fn command<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = self.world.command("onefold");
        command.env("ONEFOLD_HOME", &self.home).args(arguments);
        command
    }

    /// Runs a command to its end.
    pub fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Output {
        self.world.start(self.command(arguments), &self.name).wait(self.patience)
    }

    /// Runs `join`, with options, to its end.
    pub fn run_join(&self, link: &str, options: &[&str]) -> Output {
        self.world.start(self.joining(link, options), &self.name).wait(self.patience)
    }

    fn joining(&self, link: &str, options: &[&str]) -> Command {
        let mut command = self.command(["join", link]);
        command.arg(&self.folder).args(["--device", &self.name]).args(options);
        command
    }

    /// Starts `join`, which goes on syncing.
    pub fn start_joining(&mut self, link: &str) {
        self.start(self.joining(link, &[]));
    }

    /// Starts `sync`, which goes on syncing.
    pub fn sync(&mut self) {
        self.start(self.command(["sync"]));
    }

    /// Starts `sync` under `strace`.
    pub fn sync_traced(&mut self, trace: &Path, options: &[&str]) {
        let mut command = self.world.traced("onefold", trace, options);
        command.env("ONEFOLD_HOME", &self.home).arg("sync");
        self.start(command);
    }

    /// Starts a command that goes on syncing.
    pub fn start(&mut self, command: Command) {
        assert!(self.process.is_none(), "{} runs", self.name);
        self.process = Some(self.world.start(command, &self.name));
    }

    /// The process that goes on syncing.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it runs")
    }

    /// Runs `sync --once`, which must end in sync.
    #[track_caller]
    pub fn once(&self) {
        self.run(["sync", "--once"]).expect(0);
    }

    /// Stops the process that syncs.
    #[track_caller]
    pub fn stop(&mut self) {
        self.process.take().expect("it runs").stop();
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// Whether it was started, and not stopped.
    pub const fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// What a command prints with `--json`.
    #[track_caller]
    pub fn json(&self, command: &str) -> Value {
        let arguments = [OsStr::new(command), self.folder.as_os_str(), OsStr::new("--json")];
        let output = self.run(arguments).expect(0);
        serde_json::from_str(&output.stdout)
            .unwrap_or_else(|error| panic!("{command} --json: {error}\n{}", output.stdout))
    }

    /// `status --json` of its folder.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.json("status")
    }

    /// How many entries of the journal it has.
    #[track_caller]
    pub fn cursor(&self) -> u64 {
        self.status()["cursor"].as_u64().expect("a number")
    }

    /// The lines of `log --json`.
    #[track_caller]
    pub fn log(&self) -> Vec<Value> {
        let arguments = [OsStr::new("log"), self.folder.as_os_str(), OsStr::new("--json")];
        let output = self.run(arguments).expect(0);
        let line = |line| serde_json::from_str(line).expect("each line is JSON");
        output.stdout.lines().map(line).collect()
    }

    /// The first line of `log --json` about a path, once it is there: it is written when the name of
    /// who did it is known, which the server tells.
    #[track_caller]
    pub fn log_line(&self, path: &str) -> Value {
        wait_for(&format!("{} to tell of {path}", self.name), self.patience, || {
            let about = |line: &Value| line["path"] == path;
            self.log().into_iter().find(about).ok_or_else(|| "no such line".to_owned())
        })
    }

    /// Waits until its status says that it is in sync.
    #[track_caller]
    pub fn wait_until_in_sync(&mut self) {
        let patience = self.patience;
        wait_for(&format!("{} to be in sync", self.name), patience, || {
            if let Some(status) = self.process().ended() {
                panic!("it ended ({status}):\n{}", self.process().stderr());
            }
            let output =
                self.run([OsStr::new("status"), self.folder.as_os_str(), "--json".as_ref()]);
            match serde_json::from_str::<Value>(&output.stdout) {
                Ok(status) if status["state"] == "in_sync" => Ok(()),
                _ => Err(format!("{}{}", output.stdout, output.stderr)),
            }
        });
    }

    /// Waits until its folder holds just this.
    #[track_caller]
    pub fn wait_for_tree(&self, expected: &Tree) {
        wait_for(&format!("{} to hold the same", self.name), self.patience, || {
            let seen = Tree::read(&self.folder).map_err(|error| error.to_string())?;
            expected.same(&seen).map_err(|differ| format!("expected / seen: {differ}"))
        });
    }
}
