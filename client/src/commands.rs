//! What each command does: it does it itself, or asks the process that syncs to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use onefold_adapters::wire::InviteRequest;
use onefold_core::client::Answer;
use onefold_core::id::DeviceId;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::bars;
use crate::cli::Command;
use crate::conflicts::{self, ConflictCopy};
use crate::console::{say, warn};
use crate::control::{Request, Turn, turn};
use crate::error::{Exit, Trouble};
use crate::explain::{self, PathStatus};
use crate::folder;
use crate::home::Home;
use crate::host;
use crate::join;
use crate::limits::{Change, Kept};
use crate::linked::Linked;
use crate::log_command;
use crate::open;
use crate::people;
use crate::restore;
use crate::status::{FolderStatus, Outcome};
use crate::supervisor::{Since, Supervisor};
use crate::window;

/// Does what a command says.
pub async fn run(command: Command) -> Result<Exit, Trouble> {
    let home = Home::open()?;
    match command {
        Command::Host { dir, listen, advertise } => host::run(&home, &dir, listen, advertise).await,
        Command::Join { link, dir, device, once } => {
            join(&home, &join::Request::new(link, &dir, device)?, once).await
        }
        Command::Sync { dirs, once } => sync(&home, &dirs, once).await,
        Command::Status { dir, json } => status(&home, dir.as_deref(), json).await,
        Command::Log { dir, follow, json } => {
            log_command::run(&home, &wanted(&home, dir.as_deref())?, follow, json).await
        }
        Command::Conflicts { dir, json } => conflicts(&home, dir.as_deref(), json).await,
        Command::Approve { dir, undo } => {
            approve(&home, &dir, if undo { Answer::Undo } else { Answer::Approve }).await
        }
        Command::Invite { dir, read_only, expires, uses } => {
            let request = InviteRequest { read_only, expires_seconds: expires.as_secs(), uses };
            say(people::invite(&home.find(&dir)?, &request).await?);
            Ok(Exit::Done)
        }
        Command::Rename { dir, name } => rename(&home, &dir, name).await,
        Command::Limit { up, down } => limit(&home, Change { up, down }).await,
        Command::Pause { dir } => set_paused(&home, &dir, true).await,
        Command::Resume { dir } => set_paused(&home, &dir, false).await,
        Command::Unlink { dir } => unlink(&home, &dir).await,
        Command::Open { dir } => open::run(&home, dir.as_deref()).await,
    }
}

async fn join(home: &Home, request: &join::Request, once: bool) -> Result<Exit, Trouble> {
    let device = match turn(home).await? {
        Turn::Mine(lock) => {
            let mut signals = Signals::new()?;
            let supervisor = Supervisor::new(home.clone(), lock)?;
            let linked = tokio::select! {
                linked = supervisor.join(request) => linked?,
                () = signals.any() => return Ok(Exit::Failed),
            };
            return foreground(&supervisor, &mut signals, &[linked], once).await;
        }
        Turn::Theirs(caller) => caller.ask::<DeviceId>(&Request::Join(request.clone())).await?,
    };
    if once {
        return wait_for_theirs(home, &[device]).await;
    }
    say(format_args!("joined; the running client syncs {}", request.root.display()));
    Ok(Exit::Done)
}

async fn sync(home: &Home, dirs: &[PathBuf], once: bool) -> Result<Exit, Trouble> {
    let wanted = folders_to_sync(home, dirs)?;
    let devices: Vec<_> = wanted.iter().map(|linked| linked.device).collect();
    match turn(home).await? {
        Turn::Mine(lock) => {
            let mut signals = Signals::new()?;
            let supervisor = Supervisor::new(home.clone(), lock)?;
            if !once {
                start_all(&supervisor, &wanted).await?;
            }
            foreground(&supervisor, &mut signals, &wanted, once).await
        }
        Turn::Theirs(_) if once => wait_for_theirs(home, &devices).await,
        Turn::Theirs(caller) => {
            let started: Vec<DeviceId> = caller.ask(&Request::Sync(devices)).await?;
            if started.is_empty() {
                return Err(Trouble::unchanged(
                    "a client is running already, and syncs all of it",
                    "`onefold status` says where it stands; `onefold sync --once` waits for it",
                ));
            }
            for linked in wanted.iter().filter(|linked| started.contains(&linked.device)) {
                say(format_args!("the running client now syncs {}", linked.root.display()));
            }
            Ok(Exit::Done)
        }
    }
}

/// Starts folders; it fails only if none starts.
async fn start_all(supervisor: &Supervisor, wanted: &[Linked]) -> Result<(), Trouble> {
    let mut troubles = Vec::new();
    for linked in wanted {
        if let Err(trouble) = supervisor.start(linked).await {
            troubles.push(trouble);
        }
    }
    if troubles.len() == wanted.len()
        && let Some(last) = troubles.pop()
    {
        troubles.iter().for_each(warn);
        return Err(last);
    }
    troubles.iter().for_each(warn);
    Ok(())
}

/// Syncs in this process, until it is done or told to end.
pub async fn foreground(
    supervisor: &Arc<Supervisor>,
    signals: &mut Signals,
    wanted: &[Linked],
    once: bool,
) -> Result<Exit, Trouble> {
    let _window = if once { None } else { window::open(supervisor).await };
    let bars = bars::show(supervisor);
    let exit = tokio::select! {
        biased;
        () = signals.any() => {
            if once { Exit::Failed } else { Exit::Done }
        }
        outcome = supervisor.wait(wanted, Since::Start), if once => told(&outcome),
        () = supervisor.emptied() => {
            say("no folder is left to sync");
            Exit::Done
        }
    };
    bars.end().await;
    supervisor.stop().await;
    Ok(exit)
}

async fn wait_for_theirs(home: &Home, devices: &[DeviceId]) -> Result<Exit, Trouble> {
    match turn(home).await? {
        Turn::Theirs(caller) => {
            let outcome: Outcome = caller.ask(&Request::Wait(devices.to_vec())).await?;
            Ok(told(&outcome))
        }
        Turn::Mine(_) => Err(Trouble::new(
            "the running client ended before the folder was in sync",
            "What it had done stays done",
            "Try again",
        )),
    }
}

fn told(outcome: &Outcome) -> Exit {
    outcome.lines.iter().for_each(warn);
    outcome.exit
}

async fn status(home: &Home, dir: Option<&Path>, json: bool) -> Result<Exit, Trouble> {
    if let Some(path) = dir
        && let Some((linked, path)) = explain::inside(home, path)?
    {
        let told: PathStatus = match turn(home).await? {
            Turn::Mine(_lock) => {
                let told = restore::explain(home, &linked, &path).await?;
                told.with_last_change(home, &linked, &path).await?
            }
            Turn::Theirs(caller) => {
                caller.ask(&Request::Explain(linked.device, path.to_bytes())).await?
            }
        };
        if json {
            say_json(&told)?
        } else {
            say(told)
        }
        return Ok(Exit::Done);
    }
    let wanted = wanted(home, dir)?;
    let all: Vec<FolderStatus> = match turn(home).await? {
        Turn::Mine(_lock) => {
            wanted.iter().map(|linked| folder::last_status(home, linked)).collect()
        }
        Turn::Theirs(caller) => caller.ask(&Request::Status).await?,
    };
    let mut folders = Vec::new();
    for linked in &wanted {
        let root = linked.root.display().to_string();
        if let Some(status) = all.iter().find(|status| status.path == root) {
            let copies = copies_in(std::slice::from_ref(linked)).await?;
            let conflicts = copies.into_iter().map(|copy| copy.path).collect();
            folders.push(FolderStatus { conflicts, ..status.clone() });
        }
    }
    match (json, dir, folders.first()) {
        (true, Some(_), Some(one)) => say_json(one)?,
        (true, _, _) => say_json(&serde_json::json!({ "folders": folders }))?,
        (false, _, None) => say("no folder is linked; `onefold join LINK DIR` links one"),
        (false, _, Some(_)) => folders.iter().for_each(say),
    }
    Ok(Exit::Done)
}

async fn conflicts(home: &Home, dir: Option<&Path>, json: bool) -> Result<Exit, Trouble> {
    let copies = copies_in(&wanted(home, dir)?).await?;
    if json {
        say_json(&copies)?;
        return Ok(Exit::Done);
    }
    for ConflictCopy { root, path, beside, device, .. } in copies {
        say(format_args!("{root}/{path} (beside {beside}, by {device})"));
    }
    Ok(Exit::Done)
}

async fn copies_in(folders: &[Linked]) -> Result<Vec<ConflictCopy>, Trouble> {
    let roots: Vec<_> = folders.iter().map(|linked| linked.root.clone()).collect();
    let find = move || roots.iter().flat_map(|root| conflicts::find(root)).collect();
    tokio::task::spawn_blocking(find).await.map_err(Trouble::bug)
}

async fn set_paused(home: &Home, dir: &Path, paused: bool) -> Result<Exit, Trouble> {
    let linked = home.find(dir)?;
    match turn(home).await? {
        Turn::Mine(_lock) => home.save(&Linked { paused, ..linked.clone() })?,
        Turn::Theirs(caller) => caller.ask(&Request::SetPaused(linked.device, paused)).await?,
    }
    let (root, word) = (linked.root.display(), if paused { "paused" } else { "resumed" });
    say(format_args!("{word} {root}"));
    Ok(Exit::Done)
}

async fn approve(home: &Home, dir: &Path, answer: Answer) -> Result<Exit, Trouble> {
    let linked = home.find(dir)?;
    let (held, running): (usize, bool) = match turn(home).await? {
        Turn::Mine(_lock) => (restore::answer(home, &linked, answer).await?, false),
        Turn::Theirs(caller) => {
            (caller.ask(&Request::Answer(linked.device, answer)).await?, !linked.paused)
        }
    };
    let root = linked.root.display();
    let when = if running { "" } else { " at the next sync" };
    match (held, answer) {
        (0, _) => say(format_args!("no deletion is held in {root}: there is nothing to approve")),
        (_, Answer::Approve) => {
            say(format_args!("approved: what was deleted in {root} is deleted everywhere{when}"));
        }
        (_, Answer::Undo) => say(format_args!("what was deleted in {root} comes back{when}")),
    }
    Ok(Exit::Done)
}

async fn rename(home: &Home, dir: &Path, name: String) -> Result<Exit, Trouble> {
    let linked = home.find(dir)?;
    match turn(home).await? {
        Turn::Mine(_lock) => drop(people::rename(home, &linked, &name).await?),
        Turn::Theirs(caller) => {
            caller.ask::<()>(&Request::Rename(linked.device, name.clone())).await?;
        }
    }
    say(format_args!("this device is now called {name:?} in {}", linked.root.display()));
    Ok(Exit::Done)
}

async fn limit(home: &Home, change: Change) -> Result<Exit, Trouble> {
    let mut kept = Kept::read(home);
    if change != Change::default() {
        kept = match turn(home).await? {
            Turn::Mine(_lock) => {
                let kept = change.of(kept);
                kept.save(home)?;
                kept
            }
            Turn::Theirs(caller) => caller.ask(&Request::Limit(change)).await?,
        };
    }
    say(kept);
    Ok(Exit::Done)
}

async fn unlink(home: &Home, dir: &Path) -> Result<Exit, Trouble> {
    let linked = home.find(dir)?;
    match turn(home).await? {
        Turn::Mine(_lock) => folder::unlink(home, &linked)?,
        Turn::Theirs(caller) => caller.ask(&Request::Unlink(linked.device)).await?,
    }
    say(format_args!("unlinked {}; every file stays", linked.root.display()));
    Ok(Exit::Done)
}

/// The folder that was named, or all that are linked.
fn wanted(home: &Home, dir: Option<&Path>) -> Result<Vec<Linked>, Trouble> {
    match dir {
        Some(dir) => home.find(dir).map(|linked| vec![linked]),
        None => home.linked(),
    }
}

/// The folders that were named, or all that are linked and not paused.
fn folders_to_sync(home: &Home, dirs: &[PathBuf]) -> Result<Vec<Linked>, Trouble> {
    if !dirs.is_empty() {
        return dirs.iter().map(|dir| home.find(dir)).collect();
    }
    let linked = home.linked()?;
    if linked.is_empty() {
        return Err(Trouble::unchanged(
            format_args!("no folder is linked in {}", home.path().display()),
            "`onefold join LINK DIR` links one; `onefold host DIR` serves one from this device",
        ));
    }
    let (paused, active): (Vec<_>, Vec<_>) = linked.into_iter().partition(|linked| linked.paused);
    for linked in &paused {
        warn(format_args!("{} is paused and left out", linked.root.display()));
    }
    if active.is_empty() {
        return Err(Trouble::unchanged(
            "every linked folder is paused",
            "`onefold resume DIR` makes one sync again",
        ));
    }
    Ok(active)
}

fn say_json(value: &impl Serialize) -> Result<(), Trouble> {
    serde_json::to_string(value).map(say).map_err(Trouble::bug)
}

/// The signals that end a client.
#[derive(Debug)]
pub struct Signals([tokio::signal::unix::Signal; 2]);

impl Signals {
    /// From now on they do not end the process by themselves.
    pub fn new() -> Result<Self, Trouble> {
        let listen = |kind| signal(kind).map_err(Trouble::bug);
        Ok(Self([listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?]))
    }

    /// Waits for one of them.
    pub async fn any(&mut self) {
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
