//! The log's page: what `onefold log` tells, newest first, a window of it at a time.
//!
//! A page asks for rows by their place among those that its filter lets through, up to the line that
//! was newest when it began: so places stay while lines are added, and only what is seen is read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Query, State};
use onefold_adapters::trees::{LogFilter, SqliteTrees};
use onefold_core::client::event::Action;
use onefold_core::id::DeviceId;
use onefold_core::name::RelPath;
use serde::{Deserialize, Serialize};

use super::Window;
use super::answer::{Refusal, folder};
use crate::error::Trouble;
use crate::history::Change;
use crate::home::Home;
use crate::linked::Linked;
use crate::restore;

/// The most rows of one answer.
const MAX_ROWS: u64 = 200;

/// The logs of all folders that were asked for, open.
#[derive(Debug, Default)]
pub(super) struct Logs(Mutex<BTreeMap<DeviceId, Arc<SqliteTrees>>>);

impl Logs {
    /// The log of a folder.
    pub(super) async fn of(
        &self,
        home: &Home,
        linked: &Linked,
    ) -> Result<Arc<SqliteTrees>, Trouble> {
        let known = self.lock().get(&linked.device).cloned();
        if let Some(log) = known {
            return Ok(log);
        }
        let path = restore::file(home, linked);
        let opened = SqliteTrees::open(&path).await;
        let log = Arc::new(opened.map_err(|error| restore::unusable(&path, &error))?);
        Ok(self.lock().entry(linked.device).or_insert(log).clone())
    }

    /// Closes the logs of folders that are not linked any more.
    pub(super) fn keep_only(&self, linked: impl Iterator<Item = DeviceId>) {
        let linked: Vec<_> = linked.collect();
        self.lock().retain(|device, _| linked.contains(device));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<DeviceId, Arc<SqliteTrees>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a page asks for. An empty text is not asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    folder: String,
    #[serde(default)]
    skip: u64,
    limit: u64,
    upto: Option<u64>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    device: String,
    #[serde(default)]
    path: String,
    /// How many there are is wanted, too.
    #[serde(default)]
    count: bool,
}

/// A line.
#[derive(Debug, Serialize)]
struct Row {
    number: u64,
    #[serde(flatten)]
    change: Change,
}

/// Lines, newest first.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    /// The newest line of the log, whether or not it is asked for.
    newest: u64,
    /// How many lines the filter lets through.
    total: Option<u64>,
    rows: Vec<Row>,
}

/// Lines of a folder's log.
pub(super) async fn page(
    State(window): State<Arc<Window>>,
    Query(asked): Query<Asked>,
) -> Result<Json<Page>, Refusal> {
    let log = open(&window, &asked.folder).await?;
    let filter = filter(&asked)?;
    let newest = log.log_len().await?;
    let filter = LogFilter { upto: Some(asked.upto.unwrap_or(newest)), ..filter };
    let total = if asked.count { Some(log.log_count(&filter).await?) } else { None };
    let lines = log.log_page(&filter, asked.skip, asked.limit.min(MAX_ROWS)).await?;
    let row = |(number, line)| Row { number, change: Change::from(&line) };
    Ok(Json(Page { newest, total, rows: lines.into_iter().map(row).collect() }))
}

/// The devices that a folder's log names.
pub(super) async fn devices(
    State(window): State<Arc<Window>>,
    Query(asked): Query<Asked>,
) -> Result<Json<Vec<String>>, Refusal> {
    Ok(Json(open(&window, &asked.folder).await?.log_devices().await?))
}

async fn open(window: &Window, id: &str) -> Result<Arc<SqliteTrees>, Refusal> {
    let linked = window.supervisor.linked(folder(id)?)?;
    Ok(window.logs.of(window.supervisor.home(), &linked).await?)
}

fn filter(asked: &Asked) -> Result<LogFilter, Refusal> {
    let text = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let action = match &*asked.kind {
        "" => None,
        "created" => Some(Action::Created),
        "edited" => Some(Action::Edited),
        "mode_changed" => Some(Action::ModeChanged),
        "moved" => Some(Action::Moved),
        "deleted" => Some(Action::Deleted),
        _ => return Err(Refusal::senseless("there is no such kind of change")),
    };
    let path = text(&asked.path).map(|path| RelPath::parse(path.trim_matches('/').as_bytes()));
    let path = path.transpose().map_err(|_| Refusal::senseless("there can be no such path"))?;
    let device = (!asked.device.is_empty()).then(|| asked.device.clone());
    Ok(LogFilter { upto: asked.upto, text: text(&asked.text), action, device, path })
}
