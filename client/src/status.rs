//! Where a folder stands, as `status` shows it and `--once` judges it.

use onefold_adapters::disk::Counts;
use onefold_core::client::{Problem, ProblemKind, Status};
use onefold_core::name::RelPath;
use serde::{Deserialize, Serialize};

use crate::arms::DiskWords;
use crate::devices::DeviceLine;
use crate::driver::Snapshot;
use crate::error::{Exit, Trouble};
use crate::linked::Linked;
use crate::progress::{Progress, Rate, Transfer};

/// One word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// This device and the server agree.
    InSync,
    /// They will, soon.
    Syncing,
    /// The server is not connected, or no client runs.
    Offline,
    /// Until `onefold resume`.
    Paused,
    /// A person must do something.
    Attention,
}

/// How much there is left to move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Files.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Something that is not in sync, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemLine {
    /// Where.
    pub path: String,
    /// What kind, in one word.
    pub kind: String,
    /// In words.
    pub reason: String,
}

/// One folder, as `status --json` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderStatus {
    /// One word for it.
    pub state: State,
    /// What it waits for, or what is wrong, in words.
    pub detail: Option<String>,
    /// Whether a client runs; if not, the rest is as the last one left it.
    pub running: bool,
    /// The folder's name.
    pub folder: String,
    /// Its root here.
    pub path: String,
    /// `HOST:PORT` of the server.
    pub server: String,
    /// This device's name.
    pub device: String,
    /// The last entry of the journal that this device has.
    pub cursor: u64,
    /// Live files here.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were deleted here, and are still everywhere else.
    #[serde(default)]
    pub held: u64,
    /// What is left to send.
    pub uploading: Amount,
    /// What is left to fetch.
    pub downloading: Amount,
    /// The contents that are on their way.
    #[serde(default)]
    pub transfers: Vec<Transfer>,
    /// How fast they go.
    #[serde(default)]
    pub rate: Rate,
    /// How long what is left will take, if that can be told.
    #[serde(default)]
    pub seconds_left: Option<u64>,
    /// The devices that have the folder, this one among them, as far as the server told.
    #[serde(default)]
    pub devices: Vec<DeviceLine>,
    /// Conflict copies that are still there.
    pub conflicts: Vec<String>,
    /// What cannot be synced now.
    pub problems: Vec<ProblemLine>,
    /// What protects files here from being overwritten while they are in use.
    pub guard: String,
    /// How often that had to step in, since the client was started.
    #[serde(default)]
    pub guarded: Counts,
    /// Why some of it is only looked at from time to time, if some is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polled: Option<String>,
}

impl FolderStatus {
    /// Of a folder that never ran.
    pub fn new(linked: &Linked) -> Self {
        Self {
            state: if linked.paused { State::Paused } else { State::Offline },
            detail: None,
            running: false,
            folder: linked.folder_name.clone(),
            path: linked.root.display().to_string(),
            server: linked.server.address.clone(),
            device: linked.device_name.clone(),
            cursor: 0,
            files: 0,
            bytes: 0,
            held: 0,
            uploading: Amount::default(),
            downloading: Amount::default(),
            transfers: Vec::new(),
            rate: Rate::default(),
            seconds_left: None,
            devices: Vec::new(),
            conflicts: Vec::new(),
            problems: Vec::new(),
            guard: String::new(),
            guarded: Counts::default(),
            polled: None,
        }
    }

    /// Of a running one.
    pub fn of_running(linked: &Linked, disk: &DiskWords, snapshot: &Snapshot) -> Self {
        let status = &snapshot.status;
        let (state, detail) = state(snapshot);
        let amount = |(items, bytes)| Amount { items, bytes };
        Self {
            state,
            detail,
            running: true,
            cursor: status.seq,
            files: status.files,
            bytes: status.bytes,
            held: status.held,
            uploading: amount(status.uploading),
            downloading: amount(status.downloading),
            problems: status.problems.iter().map(ProblemLine::from).collect(),
            guard: disk.guard(),
            guarded: disk.counts(),
            polled: disk.polled(),
            ..Self::new(linked)
        }
    }

    /// With what moves now.
    #[must_use]
    pub fn with_progress(self, progress: Progress) -> Self {
        let Progress { transfers, rate, seconds_left } = progress;
        Self { transfers, rate, seconds_left, ..self }
    }

    /// As it is once the client has ended.
    #[must_use]
    pub fn ended(self, paused: bool) -> Self {
        let state = match self.state {
            _ if paused => State::Paused,
            State::Attention => State::Attention,
            State::InSync | State::Syncing | State::Offline | State::Paused => State::Offline,
        };
        let detail = self.detail.filter(|_| state == State::Attention);
        Self { state, detail, running: false, ..self }
    }

    /// Of one that cannot run.
    #[must_use]
    pub fn troubled(self, trouble: &Trouble) -> Self {
        Self { state: State::Attention, detail: Some(trouble.to_string()), ..self }
    }
}

/// One word for where a driver stands, and more words where there is more to say.
fn state(snapshot: &Snapshot) -> (State, Option<String>) {
    let Status { unrest, online, halted, problems, .. } = &snapshot.status;
    let passing =
        |problem: &Problem| matches!(problem.kind, ProblemKind::Busy | ProblemKind::Retried);
    if let Some(reason) = halted {
        return (State::Attention, Some(reason.clone()));
    }
    let copied = problems.iter().any(|problem| problem.kind == ProblemKind::Copied);
    if !online && !copied {
        return (State::Offline, snapshot.offline.clone());
    }
    if !problems.iter().all(passing) {
        let copied = problems.iter().find(|problem| problem.kind == ProblemKind::Copied);
        let words = copied.map_or("some files cannot be synced", |problem| &problem.reason);
        return (State::Attention, Some(words.to_owned()));
    }
    match unrest {
        Some(reason) => (State::Syncing, Some(reason.clone())),
        None if problems.is_empty() => (State::InSync, None),
        None => (State::Syncing, Some("some files are busy".to_owned())),
    }
}

/// How `--once` ended for one folder, with what stands on stderr.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The exit code.
    pub exit: Exit,
    /// What is not in sync, or why it could not be.
    pub lines: Vec<String>,
}

impl Outcome {
    /// In words for a person, of a folder that could not be synced.
    pub fn failed(trouble: &Trouble) -> Self {
        Self { exit: Exit::Failed, lines: vec![trouble.to_string()] }
    }

    /// Counts another folder's outcome in: the worst counts.
    pub fn add(&mut self, other: Self) {
        self.exit = self.exit.max(other.exit);
        self.lines.extend(other.lines);
    }

    /// The outcome, once there is one.
    pub fn of(linked: &Linked, snapshot: &Snapshot) -> Option<Self> {
        let Status { unrest, online, halted, problems, .. } = &snapshot.status;
        if let Some(reason) = halted {
            return Some(Self::failed(&Trouble::new(
                format_args!("the folder {} stopped syncing: {reason}", linked.root.display()),
                "Every file is as it was",
                "`onefold status` says where it stands",
            )));
        }
        if !online || unrest.is_some() {
            return None;
        }
        let lines = problems.iter().map(|problem| {
            let Problem { path, kind, reason } = problem;
            format!("{}: {} ({reason})", linked.root.join(shown(path)).display(), word(*kind))
        });
        let full = problems.iter().any(|problem| problem.kind == ProblemKind::DiskFull);
        let exit = match problems.is_empty() {
            true => Exit::Done,
            false if full => Exit::Failed,
            false => Exit::ButFor,
        };
        Some(Self { exit, lines: lines.collect() })
    }
}

impl From<&Problem> for ProblemLine {
    fn from(problem: &Problem) -> Self {
        let Problem { path, kind, reason } = problem;
        Self { path: shown(path), kind: word(*kind).to_owned(), reason: reason.clone() }
    }
}

/// A kind of problem in one word.
pub fn word(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Busy => "busy",
        ProblemKind::Unreadable => "unreadable",
        ProblemKind::Unwritable => "unwritable",
        ProblemKind::DiskFull => "disk_full",
        ProblemKind::Parked => "parked",
        ProblemKind::Refused => "refused",
        ProblemKind::HeldDeletion => "held_deletion",
        ProblemKind::Copied => "copied",
        ProblemKind::Retried => "retried",
    }
}

/// A path as text: just as it is where it is text, else escaped.
pub fn shown(path: &RelPath) -> String {
    String::from_utf8(path.to_bytes()).unwrap_or_else(|_| path.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn snapshot(online: bool, unrest: Option<&str>, problems: &[ProblemKind]) -> Snapshot {
        let problem = |kind: &ProblemKind| Problem {
            path: RelPath::parse(b"a/b").unwrap(),
            kind: *kind,
            reason: "why".to_owned(),
        };
        let status = Status {
            online,
            unrest: unrest.map(str::to_owned),
            problems: problems.iter().map(problem).collect(),
            ..Status::default()
        };
        Snapshot { status, ..Snapshot::default() }
    }

    #[test]
    fn each_state_has_its_word_and_its_exit_code() {
        let linked = Linked::example(Path::new("/root"));
        let check = |snapshot: Snapshot, word: State, exit: Option<Exit>| {
            let disk = DiskWords::example("");
            assert_eq!(FolderStatus::of_running(&linked, &disk, &snapshot).state, word);
            assert_eq!(Outcome::of(&linked, &snapshot).map(|outcome| outcome.exit), exit);
        };
        check(snapshot(true, None, &[]), State::InSync, Some(Exit::Done));
        check(snapshot(true, Some("x"), &[]), State::Syncing, None);
        check(snapshot(false, None, &[]), State::Offline, None);
        check(snapshot(true, None, &[ProblemKind::Busy]), State::Syncing, Some(Exit::ButFor));
        check(snapshot(true, None, &[ProblemKind::Parked]), State::Attention, Some(Exit::ButFor));
        check(snapshot(true, None, &[ProblemKind::DiskFull]), State::Attention, Some(Exit::Failed));
        let mut halted = snapshot(true, None, &[]);
        halted.status.halted = Some("a digest differed twice".to_owned());
        check(halted, State::Attention, Some(Exit::Failed));
    }

    #[test]
    fn what_is_not_in_sync_is_listed_with_its_full_path() {
        let linked = Linked::example(Path::new("/root"));
        let outcome = Outcome::of(&linked, &snapshot(true, None, &[ProblemKind::Busy])).unwrap();
        assert_eq!(outcome.lines, ["/root/a/b: busy (why)"]);
    }

    #[test]
    fn the_json_has_the_promised_fields() {
        let linked = Linked::example(Path::new("/root"));
        let disk = DiskWords::example("leases");
        let status = FolderStatus::of_running(&linked, &disk, &snapshot(true, None, &[]));
        let json: serde_json::Value = serde_json::to_value(&status).unwrap();
        assert_eq!(json["state"], "in_sync");
        for field in ["folder", "device", "cursor", "files", "bytes", "conflicts", "problems"] {
            assert!(!json[field].is_null(), "{field}");
        }
        assert_eq!(json["uploading"], serde_json::json!({"items": 0, "bytes": 0}));
        assert_eq!(json["guard"], "leases");
        assert_eq!(serde_json::from_value::<FolderStatus>(json).unwrap(), status);
    }

    #[test]
    fn what_thirty_files_have_in_common_is_said_once() {
        let linked = Linked::example(Path::new("/root"));
        let mut held = snapshot(true, None, &[ProblemKind::HeldDeletion; 30]);
        held.status.held = 30;
        held.status.problems.extend(snapshot(true, None, &[ProblemKind::Busy]).status.problems);
        let text = FolderStatus::of_running(&linked, &DiskWords::example(""), &held).to_string();
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "  0 files, 0 bytes here; 30 more, deleted here, on the other devices",
                "  guard: ",
                "  busy: a/b (why)",
                "  held_deletion: a/b, a/b, a/b, a/b, a/b and 25 more (why)",
            ]
        );
    }
}
