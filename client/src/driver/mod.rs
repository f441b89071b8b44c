//! The driver: carries out what a folder's engine asks for, and tells it what came of it.
//!
//! Invariants: every effect with an id gets exactly one answer, also when its work panics; saves
//! happen one after another, in order; messages go and come in order. It deliberately decides
//! nothing about what to sync. It is generic over the ports, so that a simulated world runs it too.
//!
//! When it is told to stop, it begins nothing new but saves: transfers are cut, the disk work that
//! is under way is waited for, and what came of it is saved.

mod lane;
mod stream;
#[cfg(test)]
mod tests;
mod work;

use std::sync::Arc;
use std::time::Duration;

use onefold_adapters::port::{Connector, Disk, Transfer, Trees, Watcher};
use onefold_core::client::event::{Effect, Event, Notice};
use onefold_core::client::{Answer, Client, Explained, Status};
use onefold_core::name::RelPath;
use onefold_core::operation::MAX_INLINE_BYTES;
use onefold_core::protocol::ServerMessage;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::clock::Clock;
use lane::{Job, Lane, Lanes, Panicked};
use stream::Streams;
use work::{Hands, Upward};

pub use onefold_adapters::workers::Workers;

/// How long disk work that is under way is waited for at the end.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// What a driver works with.
pub struct Ports<D, T, X, C, W> {
    /// The folder's disk.
    pub disk: Arc<D>,
    /// Where the engine's state is kept.
    pub trees: Arc<T>,
    /// Moves large contents.
    pub transfer: Arc<X>,
    /// Opens streams to the server.
    pub connector: Arc<C>,
    /// Watches the folder.
    pub watcher: Arc<W>,
    /// What the watcher sees.
    pub hints: mpsc::Receiver<Event>,
    /// Where notices for people go.
    pub notices: mpsc::Sender<Notice>,
}

/// What a running driver is asked. Who asks may be gone when the answer comes.
#[derive(Debug)]
pub enum Command {
    /// Say where everything stands: cheap, however large the folder is.
    Tell(oneshot::Sender<Snapshot>),
    /// Say why what stands at a path is, or is not, in sync.
    Explain(RelPath, oneshot::Sender<Explained>),
    /// Look at the whole folder again; the answer says which [`Pulse`] will know of it.
    Rescan(oneshot::Sender<Freshness>),
    /// A person has answered about held deletions; how many there were.
    Answer(Answer, oneshot::Sender<usize>),
    /// End.
    Stop,
}

/// Where a driver stands.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The engine's own account.
    pub status: Status,
    /// Why there is no stream, once one was lost or could not be had.
    pub offline: Option<String>,
}

/// What a driver tells all the time, since it costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// This device and the server agree, but for problems.
    pub at_rest: bool,
    /// Why there is no stream, once one was lost or could not be had.
    pub offline: Option<String>,
    /// What all this takes into account.
    pub seen: Freshness,
    /// How many events it has handled that may have changed where it stands.
    pub turns: u64,
}

/// What a pulse must have seen before its word counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// How many rescans were begun on request.
    pub rescans: u64,
    /// How many digests came: what the server knew before one, the engine knows after it.
    pub digests: u64,
}

impl Freshness {
    /// Whether this is as fresh as is wanted, or fresher.
    pub fn covers(self, wanted: Self) -> bool {
        self.rescans >= wanted.rescans && self.digests >= wanted.digests
    }
}

/// Runs one engine until it is told to stop.
pub struct Driver<D, T, X, C, W> {
    client: Client,
    clock: Clock,
    hands: Hands<D, T, X, W>,
    connector: Arc<C>,
    hints: mpsc::Receiver<Event>,
    notices: mpsc::Sender<Notice>,
    commands: mpsc::Receiver<Command>,
    pulses: watch::Sender<Pulse>,
    pulse: Pulse,
    lanes: Lanes,
    jobs: JoinSet<Event>,
    /// As many as the lanes let run.
    running: Vec<(Lane, Panicked, AbortHandle)>,
    streams: Streams,
    observer: Box<dyn Observer>,
}

/// Sees all that an engine is told and all that it asks for, in order.
pub trait Observer: Send + 'static {
    /// It is about to be told this.
    fn told(&mut self, event: &Event);

    /// It then asked for these.
    fn asked(&mut self, client: &Client, effects: &[Effect]);
}

/// Writes all of it to the log, for whoever looks for a fault.
struct Trace;

impl Observer for Trace {
    fn told(&mut self, event: &Event) {
        tracing::trace!("event {event:?}");
    }

    fn asked(&mut self, _: &Client, effects: &[Effect]) {
        for effect in effects {
            tracing::trace!("effect {effect:?}");
        }
    }
}

impl<D: Disk, T: Trees, X: Transfer, C: Connector, W: Watcher> Driver<D, T, X, C, W> {
    /// A driver for this engine. It starts when it is [`run`](Self::run).
    pub fn new(
        client: Client,
        clock: Clock,
        workers: Workers,
        ports: Ports<D, T, X, C, W>,
        commands: mpsc::Receiver<Command>,
        pulses: watch::Sender<Pulse>,
    ) -> Self {
        let Ports { disk, trees, transfer, connector, watcher, hints, notices } = ports;
        Self {
            client,
            clock,
            hands: Hands { disk, trees, transfer, watcher, workers },
            connector,
            hints,
            notices,
            commands,
            pulses,
            pulse: Pulse::default(),
            lanes: Lanes::default(),
            jobs: JoinSet::new(),
            running: Vec::new(),
            streams: Streams::default(),
            observer: Box::new(Trace),
        }
    }

    /// The same, seen by this one rather than by the log.
    #[must_use]
    pub fn observed_by(self, observer: impl Observer) -> Self {
        Self { observer: Box::new(observer), ..self }
    }

    /// Runs until [`Command::Stop`], or until nobody can command any more: where it then stood.
    pub async fn run(mut self) -> Snapshot {
        let mut next = Some(Event::Started);
        while let Some(event) = next {
            for effect in self.handle(event) {
                self.perform(effect).await;
            }
            self.tell_pulse();
            next = self.next().await;
        }
        self.wind_down().await
    }

    /// Waits for the next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let deadline = self.client.deadline().map(|(instant, _)| self.clock.when(instant));
            tokio::select! {
                biased;
                command = self.commands.recv() => match command? {
                    Command::Stop => return None,
                    Command::Tell(asked) => {
                        let _ = asked.send(self.snapshot());
                    }
                    Command::Explain(path, asked) => {
                        let _ = asked.send(self.client.explain(&path));
                    }
                    Command::Answer(answer, asked) => {
                        let _ = asked.send(self.client.held_deletions().len());
                        return Some(Event::Answered(answer));
                    }
                    Command::Rescan(asked) => {
                        let seen = &mut self.pulse.seen;
                        seen.rescans += 1;
                        let fresh = Freshness { digests: seen.digests + 1, ..*seen };
                        let _ = asked.send(fresh);
                        return Some(Event::Overflowed(RelPath::root()));
                    }
                },
                () = at(deadline) => return Some(Event::Ticked),
                Some(done) = self.jobs.join_next_with_id() => return Some(self.answer(done)),
                event = self.streams.next() => return Some(event),
                Some(event) = self.hints.recv() => return Some(event),
            }
        }
    }

    fn handle(&mut self, event: Event) -> Vec<Effect> {
        match &event {
            Event::Disconnected(reason) => self.pulse.offline = Some(reason.clone()),
            Event::Received(ServerMessage::Welcome { .. }) => self.pulse.offline = None,
            Event::Received(ServerMessage::Digest { .. }) => self.pulse.seen.digests += 1,
            _ => {}
        }
        self.observer.told(&event);
        let quiet = matches!(event, Event::Ticked | Event::Received(ServerMessage::Digest { .. }));
        let effects = self.client.handle(self.clock.now(), event);
        self.pulse.turns += u64::from(!quiet || !effects.is_empty());
        self.observer.asked(&self.client, &effects);
        effects
    }

    /// Carries an effect out, or begins to.
    async fn perform(&mut self, effect: Effect) {
        let hands = self.hands.clone();
        let job = match effect {
            Effect::Connect => return self.streams.open(self.connector.clone()),
            Effect::Disconnect => return self.streams.close(),
            Effect::Send(message) => return self.streams.send(message),
            Effect::Report(notice) => {
                // Nobody to tell is no reason to stop syncing.
                let _ = self.notices.send(notice).await;
                return;
            }
            Effect::Look { id, dir, names } => {
                Job::new(Lane::Disk, id, Event::Looked, hands.look(dir, names))
            }
            Effect::Change { id, node, change } => {
                Job::new(Lane::Disk, id, Event::Changed, hands.change(node, change))
            }
            Effect::Hash { id, path, stamp } => {
                Job::new(Lane::Read, id, Event::Hashed, hands.hash(path, stamp))
            }
            Effect::HashStart { id, path, stamp, start } => {
                Job::new(Lane::Read, id, Event::Hashed, hands.hash_start(path, stamp, start))
            }
            Effect::Upload { id, path, stamp, content, start } => {
                let file = Upward { path, stamp, content, start };
                if content.size <= MAX_INLINE_BYTES {
                    Job::new(Lane::Read, id, Event::Uploaded, hands.read(file))
                } else {
                    Job::new(Lane::Transfer, id, Event::Uploaded, hands.upload(file))
                }
            }
            Effect::Fetch { id, content, bytes: Some(bytes), .. } => {
                Job::new(Lane::Read, id, Event::Fetched, hands.stage(content, bytes))
            }
            Effect::Fetch { id, content, bytes: None, alike } => {
                Job::new(Lane::Transfer, id, Event::Fetched, hands.fetch(content, alike))
            }
            Effect::Save { id, batch } => Job::new(Lane::Save, id, Event::Saved, hands.save(batch)),
        };
        if let Some(job) = self.lanes.offer(job) {
            self.start(job);
        }
    }

    fn start(&mut self, job: Job) {
        let handle = self.jobs.spawn(job.work);
        self.running.push((job.lane, job.panicked, handle));
    }

    /// The answer of a job that ended, whichever way; the next of its lane starts.
    fn answer(&mut self, done: Result<(Id, Event), JoinError>) -> Event {
        let id = done.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let at = self.running.iter().position(|(.., handle)| handle.id() == id);
        let (lane, panicked, _) = self.running.remove(at.expect("every job is in `running`"));
        if let Some(next) = self.lanes.finish(lane) {
            self.start(next);
        }
        match done {
            Ok((_, event)) => event,
            Err(error) if error.is_cancelled() => panicked("stopped".to_owned()),
            Err(_) => panicked("an internal error; the log says more".to_owned()),
        }
    }

    fn tell_pulse(&mut self) {
        let at_rest = self.client.unrest().is_none();
        // A digest from which nothing comes may be what was waited for.
        self.pulse.turns += u64::from(at_rest != self.pulse.at_rest);
        self.pulse.at_rest = at_rest;
        self.pulses.send_if_modified(|told| {
            let news = *told != self.pulse;
            told.clone_from(&self.pulse);
            news
        });
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot { status: self.client.status(), offline: self.pulse.offline.clone() }
    }

    async fn wind_down(mut self) -> Snapshot {
        let until = Instant::now() + STOP_PATIENCE;
        self.streams.close();
        self.lanes.forget_all_but(Lane::Save);
        for (lane, _, handle) in &self.running {
            if matches!(lane, Lane::Read | Lane::Transfer) {
                handle.abort();
            }
        }
        while let Ok(Some(done)) = timeout_at(until, self.jobs.join_next_with_id()).await {
            let event = self.answer(done);
            for effect in self.handle(event) {
                if matches!(effect, Effect::Save { .. } | Effect::Report(_)) {
                    self.perform(effect).await;
                }
            }
        }
        self.snapshot()
    }
}

/// Waits for an instant; for ever if there is none.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
