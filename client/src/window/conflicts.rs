//! The conflicts' page: every conflict copy with what it stands beside, both as they now are, and what
//! a person decided about them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Query, State};
use onefold_adapters::disk::RealDisk;
use onefold_adapters::trees::{LogFilter, SqliteTrees};
use onefold_core::client::event::Action;
use onefold_core::disk::DiskError;
use onefold_core::id::DeviceId;
use onefold_core::name::RelPath;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::Window;
use super::answer::{ExactPath, Refusal, folder};
use super::diff::{self, MAX_TEXT_BYTES};
use super::file::{self, SeenStamp, Version, told};
use super::resolve::{Keep, Pair, resolve as resolve_one};
use crate::conflicts::{Copy, find_copies};
use crate::error::Trouble;
use crate::linked::Linked;
use crate::news::News;
use crate::status::{FolderStatus, shown};

/// The most conflicts that are listed.
const MAX_LISTED: usize = 500;
/// Looking for copies is at least so many times rarer than it takes.
const REST_FACTOR: u32 = 25;
/// The most lines of the log that are read to find who wrote a version.
const LINES_READ: u64 = 20;
/// How much of a file tells whether it is a picture, in bytes.
const HEAD_BYTES: usize = 1024;

/// How many conflict copies there are, as far as was looked.
#[derive(Debug, Default)]
pub(super) struct Copies(Arc<Mutex<BTreeMap<DeviceId, Known>>>);

/// What is known of a folder's copies.
#[derive(Clone, Copy, Debug)]
struct Known {
    count: usize,
    /// What the folder was when it was looked through: its cursor, files and bytes.
    of: (u64, u64, u64),
    /// When it may be looked through again.
    next: Instant,
    looking: bool,
}

impl Copies {
    /// How many there are. Where the folder changed since, it is looked through again, and news come.
    pub(super) fn count(&self, linked: &Linked, status: &FolderStatus, news: &News) -> usize {
        let of = (status.cursor, status.files, status.bytes);
        let never = Known { count: 0, of: (u64::MAX, 0, 0), next: Instant::now(), looking: false };
        let mut all = lock(&self.0);
        let known = all.entry(linked.device).or_insert(never);
        if known.of != of && !known.looking {
            known.looking = true;
            let (root, device, next) = (linked.root.clone(), linked.device, known.next);
            let (all, news) = (Arc::clone(&self.0), news.clone());
            tokio::spawn(async move {
                sleep_until(next).await;
                let began = Instant::now();
                let count = spawn_blocking(move || find_copies(&root).len()).await.unwrap_or(0);
                let next = Instant::now() + began.elapsed() * REST_FACTOR;
                lock(&all).insert(device, Known { count, of, next, looking: false });
                news.tell();
            });
        }
        known.count
    }

    fn note(&self, device: DeviceId, count: usize) {
        if let Some(known) = lock(&self.0).get_mut(&device) {
            known.count = count;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which folder, and which of its copies, a page asks for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    folder: String,
    id: Option<ExactPath>,
}

/// A conflict, as it now is.
#[derive(Debug, Serialize)]
struct Conflict {
    copy: Version,
    /// What stands at the name that the copy stands beside, if anything does.
    original: Option<Version>,
    /// That name.
    beside: String,
    /// When the copy was made, by its device's clock.
    made: String,
}

/// All conflicts of a folder.
#[derive(Debug, Serialize)]
pub(super) struct List {
    conflicts: Vec<Conflict>,
    /// How many there are, listed or not.
    total: usize,
}

/// Lists the conflicts of a folder.
pub(super) async fn list(
    State(window): State<Arc<Window>>,
    Query(asked): Query<Asked>,
) -> Result<Json<List>, Refusal> {
    let linked = window.supervisor.linked(folder(&asked.folder)?)?;
    let copies = find(&linked.root).await?;
    let total = copies.len();
    window.copies.note(linked.device, total);
    let looked = window.supervisor.with_disk(linked.device, move |disk| {
        let seen = |copy: Copy| seen(disk, copy).transpose();
        copies.into_iter().filter_map(seen).take(MAX_LISTED).collect::<Result<Vec<_>, _>>()
    });
    let mut conflicts =
        looked.await?.map_err(|error| told("the folder cannot be looked at", &error))?;
    let log = window.logs.of(window.supervisor.home(), &linked).await?;
    for conflict in &mut conflicts {
        if let Some(original) = &mut conflict.original {
            original.device = writer(&log, &original.id.0).await?;
        }
    }
    Ok(Json(List { conflicts, total }))
}

async fn find(root: &Path) -> Result<Vec<Copy>, Trouble> {
    let root = root.to_owned();
    spawn_blocking(move || find_copies(&root)).await.map_err(Trouble::bug)
}

/// A conflict as it now is; `None` if the copy is gone meanwhile.
fn seen(disk: &RealDisk, copy: Copy) -> Result<Option<Conflict>, DiskError> {
    let Copy { path, beside, device, time } = copy;
    let Some(found) = file::look(disk, &path)? else { return Ok(None) };
    let original = file::look(disk, &beside)?;
    Ok(Some(Conflict {
        copy: Version::of(&path, &found, Some(device)),
        original: original.map(|found| Version::of(&beside, &found, None)),
        beside: shown(&beside),
        made: time,
    }))
}

/// The device that last wrote what stands at a path, as the log tells it.
async fn writer(log: &SqliteTrees, path: &RelPath) -> Result<Option<String>, Refusal> {
    let filter = LogFilter { path: Some(path.clone()), ..LogFilter::default() };
    let lines = log.log_page(&filter, 0, LINES_READ).await?;
    let wrote = lines
        .into_iter()
        .map(|(_, line)| line)
        .find(|line| line.path == *path && matches!(line.action, Action::Created | Action::Edited));
    Ok(wrote.map(|line| line.device))
}

/// What two versions hold, side by side.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Beside {
    /// Their lines.
    Text(Vec<diff::Row>),
    /// They are pictures, to be shown.
    Images,
    /// They hold the same.
    Equal,
    /// They cannot be shown: why.
    Other(String),
}

/// Shows the versions of one conflict: the original's on the left, the copy's on the right.
pub(super) async fn one(
    State(window): State<Arc<Window>>,
    Query(asked): Query<Asked>,
) -> Result<Json<Beside>, Refusal> {
    let id = asked.id.ok_or_else(|| Refusal::senseless("no conflict is named"))?;
    let copy = Copy::at(&id.0).ok_or_else(|| Refusal::senseless("this is no conflict copy"))?;
    let device = folder(&asked.folder)?;
    let shown = window.supervisor.with_disk(device, move |disk| beside(disk, &copy)).await?;
    Ok(Json(shown.unwrap_or_else(|error| Beside::Other(error.to_string()))))
}

fn beside(disk: &RealDisk, copy: &Copy) -> Result<Beside, DiskError> {
    let mut sides = Vec::new();
    for path in [&copy.beside, &copy.path] {
        let Some(found) = file::look(disk, path)? else {
            return Ok(Beside::Other("Only one of the two versions is there.".to_owned()));
        };
        if found.form.kind() != onefold_core::node::Kind::File {
            return Ok(Beside::Other("Not both of them are files.".to_owned()));
        }
        sides.push((path, found.stamp));
    }
    if sides.iter().any(|(_, stamp)| stamp.size > MAX_TEXT_BYTES) {
        let mut images = true;
        for (path, stamp) in &sides {
            let mut head = [0; HEAD_BYTES];
            let read = onefold_adapters::port::Disk::read(disk, path, stamp)?
                .read_at(&mut head, 0)
                .map_err(|error| DiskError::Failed(error.to_string()))?;
            images &= file::image_type(&head[..read]).is_some();
        }
        let large = || Beside::Other("They are too large to be compared here.".to_owned());
        return Ok(if images { Beside::Images } else { large() });
    }
    let mut texts = Vec::new();
    for (path, stamp) in &sides {
        texts.push(file::read(disk, path, stamp, MAX_TEXT_BYTES)?);
    }
    Ok(match &texts[..] {
        [left, right] if left == right => Beside::Equal,
        [left, right] if file::image_type(left).is_some() && file::image_type(right).is_some() => {
            Beside::Images
        }
        [left, right] => match (diff::text(left), diff::text(right)) {
            (Some(left), Some(right)) => Beside::Text(diff::rows(left, right)),
            _ => Beside::Other("They are neither texts nor pictures.".to_owned()),
        },
        _ => Beside::Other("Not both of them are there.".to_owned()),
    })
}

/// What a person decided.
#[derive(Debug, Deserialize)]
pub(super) struct Decided {
    folder: String,
    keep: Keep,
    copies: Vec<Marked>,
}

/// A conflict as the person saw it.
#[derive(Debug, Deserialize)]
struct Marked {
    id: ExactPath,
    seen: SeenStamp,
    original: Option<SeenStamp>,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct Resolved {
    done: usize,
    /// Where the copy's version is now, of each that was done.
    now: Vec<Option<String>>,
    refused: Vec<NotResolved>,
}

/// One that was left as it is, and why.
#[derive(Debug, Serialize)]
struct NotResolved {
    path: String,
    why: String,
}

/// Does what a person decided, for each conflict that they marked.
pub(super) async fn resolve(
    State(window): State<Arc<Window>>,
    Json(decided): Json<Decided>,
) -> Result<Json<Resolved>, Refusal> {
    let Decided { folder: id, keep, copies } = decided;
    let device = folder(&id)?;
    let work = move |disk: &RealDisk| {
        let mut resolved = Resolved { done: 0, now: Vec::new(), refused: Vec::new() };
        for Marked { id, seen, original } in copies {
            let done = match Copy::at(&id.0) {
                None => Err("this is no conflict copy".to_owned()),
                Some(Copy { path, beside, device, .. }) => {
                    let pair = Pair {
                        copy: path,
                        copy_seen: seen.0,
                        original: beside,
                        original_seen: original.map(|seen| seen.0),
                        device,
                    };
                    let look = |path: &RelPath| file::look(disk, path);
                    resolve_one(disk, look, &pair, keep).map_err(|error| error.to_string())
                }
            };
            match done {
                Ok(now) => {
                    resolved.done += 1;
                    resolved.now.push(now.as_ref().map(shown));
                }
                Err(why) => resolved.refused.push(NotResolved { path: shown(&id.0), why }),
            }
        }
        resolved
    };
    let resolved = window.supervisor.with_disk(device, work).await?;
    window.supervisor.news().tell();
    Ok(Json(resolved))
}
