//! One running program, with its output in files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::{PATIENCE, wait_for};

/// How long a program may take to end when it is told to.
pub(crate) const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// What a program that has ended left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it said.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Output {
    /// Insists on an exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "exit code; stdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    /// Insists that it failed with a word to a person that names all of this.
    #[track_caller]
    pub fn complains(self, code: i32, words: &[&str]) -> Self {
        let said = self.expect(code);
        let stderr = said.stderr.to_lowercase();
        for word in words {
            assert!(stderr.contains(&word.to_lowercase()), "{word:?} is not in:\n{}", said.stderr);
        }
        said
    }
}

/// A running program. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts a program; its output goes to files in a directory, under this name.
    pub fn start(mut command: Command, logs: &Path, name: &str) -> Self {
        let number = fs::read_dir(logs).expect("the directory for output is there").count();
        let file = |kind: &str| {
            let path = logs.join(format!("{number:03}-{name}.{kind}"));
            (File::create(&path).expect("output can be written"), path)
        };
        let ((out, stdout), (err, stderr)) = (file("stdout"), file("stderr"));
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, name: name.to_owned(), stdout, stderr }
    }

    /// What it has said so far.
    pub fn stdout(&self) -> String {
        text_of(&self.stdout)
    }

    /// What it has complained about so far.
    pub fn stderr(&self) -> String {
        text_of(&self.stderr)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has said a whole line that begins so; the line.
    pub fn line(&mut self, beginning: &str) -> String {
        wait_for(&format!("{} to say {beginning:?}", self.name), PATIENCE, || {
            let stdout = self.stdout();
            let whole = stdout.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            let found = whole.map(str::trim_end).find(|line| line.starts_with(beginning));
            if let Some(line) = found {
                return Ok(line.to_owned());
            }
            let said = format!("{stdout}{}", self.stderr());
            if let Some(status) = self.ended() {
                panic!("{} ended ({status}) and said:\n{said}", self.name);
            }
            Err(said)
        })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self, patience: Duration) -> Output {
        let name = self.name.clone();
        let status = wait_for(&format!("{name} to end"), patience, || {
            self.ended().ok_or_else(|| format!("{}{}", self.stdout(), self.stderr()))
        });
        Output { code: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Tells it to end (SIGTERM), which it must do within 5 seconds and with 0.
    pub fn stop(self) -> Output {
        self.signal(Signal::TERM);
        self.wait(ENDS_WITHIN).expect(0)
    }

    /// Kills it, as a power cut of one program (SIGKILL).
    pub fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // That it has just ended by itself is for the caller to find out.
        let _ = kill_process(id.expect("a child has a process id"), signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text_of(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
