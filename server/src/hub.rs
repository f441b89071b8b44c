//! One task for each folder that has sessions: it decides their commits and tells where the head is.
//!
//! All commits that wait when a transaction begins share it, in the order they came. The head is also
//! looked up now and then, since another server over the same database may move it. The task ends
//! with the folder's last session.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use onefold_adapters::journal::{Journal, StoreResult};
use onefold_adapters::port::StoreError;
use onefold_core::id::FolderId;
use onefold_core::server::decide::Submitted;
use onefold_core::server::facts::StoredOutcome;
use onefold_core::time::WallTime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::head::{Head, HeadNews};

/// How often the head is looked up while nothing is committed here.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait before a commit is asked for again.
const ASK_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];
/// The most commits in one transaction.
const MAX_BATCH: usize = 64;

/// Where a session hands its commits in, and hears of others'.
#[derive(Debug)]
pub(crate) struct Hub {
    commits: mpsc::UnboundedSender<Waiting>,
    head: HeadNews,
}

/// What a commit is answered; an error is in words, and it may have happened all the same.
pub(crate) type Decided = Result<StoredOutcome, String>;

#[derive(Debug)]
struct Waiting {
    submitted: Submitted,
    answer: oneshot::Sender<Decided>,
}

impl Hub {
    /// Hands a commit in: decided after all that were handed in before. A session bounds how many of
    /// its commits wait.
    pub(crate) fn submit(&self, submitted: Submitted) -> oneshot::Receiver<Decided> {
        let (answer, decided) = oneshot::channel();
        // Where the task is gone, so is the sender of the answer, and that is heard.
        let _ = self.commits.send(Waiting { submitted, answer });
        decided
    }

    /// The folder's head, as far as it is known here; 0 until it first moves.
    pub(crate) fn head(&self) -> HeadNews {
        self.head.clone()
    }
}

/// The hubs of all folders that have sessions.
#[derive(Debug)]
pub(crate) struct Hubs<J> {
    journal: Arc<J>,
    clock: WallClock,
    open: Mutex<BTreeMap<FolderId, Weak<Hub>>>,
}

impl<J: Journal> Hubs<J> {
    /// None yet.
    pub(crate) fn new(journal: Arc<J>, clock: WallClock) -> Self {
        Self { journal, clock, open: Mutex::default() }
    }

    /// The hub of a folder; its task is started if it does not run.
    pub(crate) fn of(&self, folder: FolderId) -> Arc<Hub> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hub) = open.get(&folder).and_then(Weak::upgrade) {
            return hub;
        }
        open.retain(|_, hub| hub.strong_count() > 0);
        let (commits, waiting) = mpsc::unbounded_channel();
        let moved = Head::default();
        let head = moved.listen();
        tokio::spawn(run(Arc::clone(&self.journal), self.clock, folder, waiting, moved));
        let hub = Arc::new(Hub { commits, head });
        open.insert(folder, Arc::downgrade(&hub));
        hub
    }
}

async fn run<J: Journal>(
    journal: Arc<J>,
    clock: WallClock,
    folder: FolderId,
    mut waiting: mpsc::UnboundedReceiver<Waiting>,
    head: Head,
) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            count = waiting.recv_many(&mut batch, MAX_BATCH) => {
                if count == 0 {
                    return;
                }
                commit(&*journal, clock(), folder, std::mem::take(&mut batch), &head).await;
            }
            _ = look.tick() => match journal.head(folder).await {
                Ok(found) => head.advance(found.cursor.seq),
                Err(error) => tracing::warn!("folder {folder}: {error}"),
            },
        }
    }
}

async fn commit<J: Journal>(
    journal: &J,
    now: WallTime,
    folder: FolderId,
    batch: Vec<Waiting>,
    head: &Head,
) {
    let (submitted, answers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|waiting| (waiting.submitted, waiting.answer)).unzip();
    match decided(journal, folder, now, submitted).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                head.advance(outcome.at);
                // A session that is gone gets the same answer when its device asks again.
                let _ = answer.send(Ok(outcome));
            }
        }
        Err(error) => {
            tracing::warn!("folder {folder}: {error}");
            for answer in answers {
                let _ = answer.send(Err(error.to_string()));
            }
        }
    }
}

/// Asks again for what a database that stumbled did not answer: the commits' keys make sure that
/// what it did take happens once, and its outcome is read back.
async fn decided<J: Journal>(
    journal: &J,
    folder: FolderId,
    now: WallTime,
    submitted: Vec<Submitted>,
) -> StoreResult<Vec<StoredOutcome>> {
    for wait in ASK_AGAIN_AFTER {
        match journal.commit(folder, now, submitted.clone()).await {
            Err(
                error @ (StoreError::Unavailable(_)
                | StoreError::Contended(_)
                | StoreError::Unknown(_)),
            ) => tracing::warn!("folder {folder}: {error}; asking again"),
            answer => return answer,
        }
        tokio::time::sleep(wait).await;
    }
    journal.commit(folder, now, submitted).await
}

/// Reads a clock, for people.
pub type WallClock = fn() -> WallTime;

/// What the system's clock says now, for people to read.
pub(crate) fn wall_time() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
