//! What open pages are told as it changes: every folder and where it stands, by server-sent events.
//!
//! Nothing is asked while nobody looks, nothing is sent that was sent before, and a folder at rest
//! costs nothing: [`News`](crate::news::News) say when to ask again. Other devices come and go without
//! news: it is asked now and then in any case.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use super::Window;
use crate::error::Trouble;
use crate::status::FolderStatus;

/// How often it is asked though there is no news.
const ANYWAY_EVERY: Duration = Duration::from_secs(15);
/// What happens in quick succession is told together.
const TOGETHER: Duration = Duration::from_millis(100);
/// Asking is at least so many times rarer than it takes.
const REST_FACTOR: u32 = 25;
/// How often a quiet stream says that it is still there.
const STILL_THERE: Duration = Duration::from_secs(25);

/// What is told to open pages.
#[derive(Debug, Default)]
pub(super) struct Live {
    told: watch::Sender<Arc<str>>,
    wanted: Notify,
}

/// A folder, as pages know it.
#[derive(Debug, Serialize)]
struct Folder {
    /// The device that this one is in it.
    id: String,
    /// Its server is inside this client.
    hosted: bool,
    /// Conflict copies that are still there, as far as was looked.
    copies: usize,
    /// The number of its log's newest line.
    logged: u64,
    #[serde(flatten)]
    status: FolderStatus,
}

/// All that pages are told.
#[derive(Debug, Serialize)]
struct Told {
    version: &'static str,
    folders: Vec<Folder>,
    /// Why nothing can be told of the folders.
    trouble: Option<String>,
}

/// The stream of one open page.
pub(super) async fn events(
    State(window): State<Arc<Window>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut told = window.live.told.subscribe();
    // What was told to an earlier page may be old: it is asked for anew.
    told.mark_changed();
    window.live.wanted.notify_one();
    let events = stream::unfold(told, |mut told| async move {
        loop {
            told.changed().await.ok()?;
            let text = told.borrow_and_update().clone();
            if !text.is_empty() {
                return Some((Ok(Event::default().event("folders").data(&*text)), told));
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(STILL_THERE))
}

/// Asks where everything stands, as long as somebody looks.
pub(super) async fn run(window: Arc<Window>) {
    let Live { told, wanted } = &window.live;
    let mut news = window.supervisor.news().listen();
    loop {
        if told.receiver_count() == 0 {
            told.send_replace("".into());
            wanted.notified().await;
            continue;
        }
        news.borrow_and_update();
        let began = Instant::now();
        let text = ask(&window).await;
        told.send_if_modified(|before| {
            let news = **before != *text;
            *before = text.into();
            news
        });
        sleep(TOGETHER.max(began.elapsed() * REST_FACTOR)).await;
        tokio::select! {
            _ = news.changed() => {}
            () = wanted.notified() => {}
            () = sleep(ANYWAY_EVERY) => {}
        }
    }
}

/// All that is told.
async fn ask(window: &Arc<Window>) -> String {
    let told = match folders(window).await {
        Ok(folders) => Told { version: env!("CARGO_PKG_VERSION"), folders, trouble: None },
        Err(trouble) => {
            let trouble = Some(trouble.to_string());
            Told { version: env!("CARGO_PKG_VERSION"), folders: Vec::new(), trouble }
        }
    };
    serde_json::to_string(&told).expect("a status is text and numbers")
}

async fn folders(window: &Arc<Window>) -> Result<Vec<Folder>, Trouble> {
    let all = window.supervisor.folders().await?;
    window.logs.keep_only(all.iter().map(|(linked, _)| linked.device));
    let mut folders = Vec::new();
    for (linked, status) in all {
        let copies = window.copies.count(&linked, &status, window.supervisor.news());
        let logged = match window.logs.of(window.supervisor.home(), &linked).await {
            Ok(log) => log.log_len().await.unwrap_or_default(),
            Err(_) => 0,
        };
        let (id, hosted) = (linked.device.to_string(), linked.hosted);
        folders.push(Folder { id, hosted, copies, logged, status });
    }
    Ok(folders)
}
