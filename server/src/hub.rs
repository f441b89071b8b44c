//! One task for each folder that has sessions: it decides their commits and tells where the head is.
//!
//! All commits that wait when a transaction begins share it, in the order they came. The task ends
//! with the folder's last session. That another server over the same database moved a head is
//! [`crate::heads`]' to find out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use onefold_adapters::journal::{Journal, StoreResult};
use onefold_adapters::news::{News, Notice};
use onefold_adapters::port::StoreError;
use onefold_core::id::FolderId;
use onefold_core::server::decide::Submitted;
use onefold_core::server::facts::StoredOutcome;
use onefold_core::time::WallTime;
use tokio::sync::{mpsc, oneshot};

use crate::head::{Head, HeadNews};
use crate::heads::Following;
use crate::metrics::Metrics;

/// How long to wait before a commit is asked for again.
const ASK_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];
/// The most commits in one transaction.
const MAX_BATCH: usize = 64;

/// Where a session hands its commits in, and hears of others'.
#[derive(Debug)]
pub(crate) struct Hub {
    commits: mpsc::UnboundedSender<Waiting>,
    head: Head,
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

    /// Where the folder's head is told.
    pub(crate) fn teller(&self) -> Head {
        self.head.clone()
    }

    /// The folder's head, as far as it is known here; 0 until it first moves.
    pub(crate) fn head(&self) -> HeadNews {
        self.head.listen()
    }
}

/// The folders that have sessions here.
#[derive(Debug, Default)]
pub(crate) struct Open(Mutex<BTreeMap<FolderId, Weak<Hub>>>);

impl Open {
    /// All of them, with where their heads are told.
    pub(crate) fn heads(&self) -> BTreeMap<FolderId, Head> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let head = |(folder, hub): (&FolderId, &Weak<Hub>)| {
            hub.upgrade().map(|hub| (*folder, hub.head.clone()))
        };
        open.iter().filter_map(head).collect()
    }
}

/// The hubs of all folders that have sessions.
#[derive(Debug)]
pub(crate) struct Hubs<J> {
    journal: Arc<J>,
    clock: WallClock,
    open: Arc<Open>,
    /// Where other servers are told; nobody hears it where there are none.
    told: mpsc::Sender<Notice>,
    metrics: Arc<Metrics>,
}

impl<J: Journal> Hubs<J> {
    /// None yet. Must be called inside a Tokio runtime.
    pub(crate) fn new(
        journal: Arc<J>,
        clock: WallClock,
        news: News,
        metrics: Arc<Metrics>,
    ) -> Self {
        let News { told, heard } = news;
        let open = Arc::new(Open::default());
        let following = Following {
            journal: Arc::clone(&journal),
            open: Arc::downgrade(&open),
            metrics: Arc::clone(&metrics),
        };
        tokio::spawn(following.run(heard));
        Self { journal, clock, open, told, metrics }
    }

    /// The hub of a folder; its task is started if it does not run.
    pub(crate) fn of(&self, folder: FolderId) -> Arc<Hub> {
        let mut open = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hub) = open.get(&folder).and_then(Weak::upgrade) {
            return hub;
        }
        open.retain(|_, hub| hub.strong_count() > 0);
        let (commits, waiting) = mpsc::unbounded_channel();
        let head = Head::default();
        let committer = Committer {
            journal: Arc::clone(&self.journal),
            clock: self.clock,
            folder,
            head: head.clone(),
            told: self.told.clone(),
            metrics: Arc::clone(&self.metrics),
        };
        tokio::spawn(committer.run(waiting));
        let hub = Arc::new(Hub { commits, head });
        open.insert(folder, Arc::downgrade(&hub));
        hub
    }
}

/// Decides one folder's commits.
struct Committer<J> {
    journal: Arc<J>,
    clock: WallClock,
    folder: FolderId,
    head: Head,
    told: mpsc::Sender<Notice>,
    metrics: Arc<Metrics>,
}

impl<J: Journal> Committer<J> {
    async fn run(self, mut waiting: mpsc::UnboundedReceiver<Waiting>) {
        let mut batch = Vec::new();
        while waiting.recv_many(&mut batch, MAX_BATCH).await > 0 {
            self.commit(std::mem::take(&mut batch)).await;
        }
    }

    async fn commit(&self, batch: Vec<Waiting>) {
        let (submitted, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.submitted, waiting.answer)).unzip();
        let folder = self.folder;
        match self.decided(submitted).await {
            Ok(outcomes) => {
                self.metrics.decided(&outcomes);
                if let Some(at) = outcomes.iter().map(|outcome| outcome.at).max()
                    && self.head.advance(at)
                {
                    // What cannot be told now is looked up by the others a little later.
                    let _ = self.told.try_send(Notice::Moved(folder, at));
                }
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
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
    async fn decided(&self, submitted: Vec<Submitted>) -> StoreResult<Vec<StoredOutcome>> {
        let (folder, now) = (self.folder, (self.clock)());
        for wait in ASK_AGAIN_AFTER {
            match self.asked(now, submitted.clone()).await {
                Err(
                    error @ (StoreError::Unavailable(_)
                    | StoreError::Contended(_)
                    | StoreError::Unknown(_)),
                ) => tracing::warn!("folder {folder}: {error}; asking again"),
                answer => return answer,
            }
            tokio::time::sleep(wait).await;
        }
        self.asked(now, submitted).await
    }

    async fn asked(
        &self,
        now: WallTime,
        submitted: Vec<Submitted>,
    ) -> StoreResult<Vec<StoredOutcome>> {
        let asked = self.journal.commit(self.folder, now, submitted);
        self.metrics.timed("commit", asked).await
    }
}

/// Reads a clock, for people.
pub type WallClock = fn() -> WallTime;

/// What the system's clock says now, for people to read.
pub(crate) fn wall_time() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
