//! The window: a local web page that shows how syncing stands, and takes what a person decides.
//!
//! - [`door`] is where it is reached, and by whom; the guard of [`onefold_server::page`] stands in it.
//! - [`live`] tells open pages what changed, as it changes; where nobody looks, nothing is asked.
//! - [`log`], [`conflicts`] and [`settings`] answer the pages of these names.
//! - [`page`](mod@self) are plain HTML, CSS and ES modules, embedded in the program.
//!
//! Invariants: it listens on loopback alone; what it changes, it asks the [`Supervisor`] for, or does
//! on the disk as its user would, through the disk's guard; a name from a folder is never markup.
//! What to sync is not its matter.

mod answer;
mod assets;
mod code;
mod conflicts;
mod diff;
mod door;
mod file;
mod ignoring;
mod live;
mod log;
mod resolve;
mod settings;

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use onefold_server::page::guard::{Guard, stand};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::console;
use crate::supervisor::Supervisor;
use conflicts::Copies;
use live::Live;
use log::Logs;

pub use door::Door;

/// What a person reads who has no good key.
const REFUSAL: &str = "This address is not good (any more). On this computer, `onefold open` opens \
                       the window; a running client also prints its address when it starts.";

/// What all pages share.
#[derive(Debug)]
struct Window {
    supervisor: Arc<Supervisor>,
    live: Live,
    logs: Logs,
    copies: Copies,
}

/// An open window; dropped, it closes.
#[derive(Debug)]
pub struct Open {
    _tasks: JoinSet<()>,
}

/// Opens the window of a running client and says where it is. Where that cannot be, syncing goes on
/// without one.
pub async fn open(supervisor: &Arc<Supervisor>) -> Option<Open> {
    match try_open(supervisor).await {
        Ok(open) => Some(open),
        Err(error) => {
            console::warn(format_args!(
                "there is no window: no port of {} can be listened on ({error}). Syncing goes on.",
                Ipv4Addr::LOCALHOST
            ));
            None
        }
    }
}

async fn try_open(supervisor: &Arc<Supervisor>) -> std::io::Result<Open> {
    let home = supervisor.home();
    let kept = door::Kept::read(home);
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, kept.port)).await {
        Ok(listener) => listener,
        // Another program has it now; bookmarks will have to be made anew.
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
    };
    let port = listener.local_addr()?.port();
    let kept = kept.at(port, home);
    let door = Arc::new(Door::new(port, &kept));
    let hosts = ["127.0.0.1", "localhost"].map(|host| format!("{host}:{port}"));
    let guard = Guard::new(Arc::clone(&door), hosts.to_vec(), format!("onefold-{port}"));
    let window = Arc::new(Window {
        supervisor: Arc::clone(supervisor),
        live: Live::default(),
        logs: Logs::default(),
        copies: Copies::default(),
    });
    let guarded = from_fn_with_state(Arc::new(guard.refusing(REFUSAL)), stand::<Arc<Door>>);
    let router = router(Arc::clone(&window)).layer(guarded);
    let mut tasks = JoinSet::new();
    tasks.spawn(live::run(window));
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::warn!("the window closed: {error}");
        }
    });
    console::say(format_args!("window at {}", door.address()));
    supervisor.show_window(door);
    Ok(Open { _tasks: tasks })
}

fn router(window: Arc<Window>) -> Router {
    assets::routes()
        .route("/api/events", get(live::events))
        .route("/api/log", get(log::page))
        .route("/api/log/devices", get(log::devices))
        .route("/api/conflicts", get(conflicts::list))
        .route("/api/conflict", get(conflicts::one))
        .route("/api/resolve", post(conflicts::resolve))
        .route("/api/file", get(file::show))
        .route("/api/join", post(settings::join))
        .route("/api/pause", post(settings::pause))
        .route("/api/unlink", post(settings::unlink))
        .route("/api/answer", post(settings::answer))
        .route("/api/invite", post(settings::invite))
        .route("/api/rename", post(settings::rename))
        .route("/api/limits", get(settings::limits).post(settings::limit))
        .route("/api/ignore", get(ignoring::read).post(ignoring::write))
        .route("/api/ignore/preview", post(ignoring::preview))
        .with_state(window)
}
