//! One test's own place on the disk, and what its programs wrote.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::binaries::binary;
use crate::process::{Output, Process};
use crate::wait::PATIENCE;

/// How much of each program's output a failing test shows, in bytes.
const SHOWN_BYTES: usize = 6_000;
/// What every program is told to log, unless the environment says otherwise.
const LOGGED: &str = "info";

/// One test's own place. Dropped, it fails the test if any program logged an error.
#[derive(Debug)]
pub struct World {
    directory: TempDir,
}

impl World {
    /// A fresh place beside the built programs: on a disk, where `/tmp` may be in memory.
    pub fn new() -> Self {
        let program = std::env::current_exe().expect("this test is a file");
        let target = program.ancestors().nth(3).expect("it is in target/PROFILE/deps");
        let parent = target.join("tmp");
        fs::create_dir_all(&parent).expect("the target directory can be written to");
        let directory = tempfile::Builder::new().prefix("e2e-").tempdir_in(parent);
        let directory = directory.expect("the target directory can be written to");
        fs::create_dir(directory.path().join("logs")).expect("the directory is ours");
        Self { directory }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A path in it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Where the output of its programs is.
    pub fn logs(&self) -> PathBuf {
        self.at("logs")
    }

    /// A program, ready to be given arguments.
    pub fn command(&self, name: &str) -> Command {
        self.configured(Command::new(binary(name)))
    }

    /// A program that runs under `strace`: `options` say what is written to `trace`.
    pub fn traced(&self, name: &str, trace: &Path, options: &[&str]) -> Command {
        let mut command = Command::new("strace");
        // -D: the program itself is our child, so that signals reach it.
        command.args(["-D", "-f", "-yy", "-ttt", "-o"]).arg(trace).args(options);
        command.arg("--").arg(binary(name));
        self.configured(command)
    }

    fn configured(&self, mut command: Command) -> Command {
        let logged = std::env::var("ONEFOLD_LOG").unwrap_or_else(|_| LOGGED.to_owned());
        command.current_dir(self.path());
        command.env("NO_COLOR", "1").env("ONEFOLD_LOG", logged).env("RUST_BACKTRACE", "0");
        // Nothing may be found by chance that a test did not set.
        command.env_remove("ONEFOLD_HOME").env("HOME", self.path());
        command.env_remove("XDG_DATA_HOME");
        command
    }

    /// Starts it.
    pub fn start(&self, command: Command, name: &str) -> Process {
        Process::start(command, &self.logs(), name)
    }

    /// Runs it to its end.
    pub fn run(&self, command: Command, name: &str) -> Output {
        self.start(command, name).wait(PATIENCE)
    }

    fn outputs(&self) -> Vec<(String, String)> {
        let mut outputs: Vec<_> = fs::read_dir(self.logs())
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| {
                let bytes = fs::read(entry.path()).unwrap_or_default();
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, String::from_utf8_lossy(&bytes).into_owned())
            })
            .collect();
        outputs.sort();
        outputs
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let outputs = self.outputs();
        if std::thread::panicking() {
            for (name, text) in outputs.iter().filter(|(_, text)| !text.is_empty()) {
                let start = text.ceil_char_boundary(text.len().saturating_sub(SHOWN_BYTES));
                println!("--- {name}\n{}", &text[start..]);
            }
            if std::env::var_os("ONEFOLD_KEEP").is_some() {
                self.directory.disable_cleanup(true);
                println!("--- kept: {}", self.path().display());
            }
            return;
        }
        for (name, text) in &outputs {
            let bad = text.lines().find(|line| is_bad(line));
            assert!(bad.is_none(), "{name}: {}\n{text}", bad.unwrap_or_default());
        }
    }
}

/// Whether no program of ours may ever write this line.
fn is_bad(line: &str) -> bool {
    let logged = line.split_whitespace().take(2).any(|word| word == "ERROR");
    logged
        || ["panicked at", "RUST_BACKTRACE", "something inside Onefold"]
            .iter()
            .any(|word| line.contains(word))
}

/// Copies a directory with all that is in it: kinds, modes and times.
pub fn copy_tree(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp is there");
    assert!(status.success(), "cp -a {} {}", from.display(), to.display());
}
