//! The one process of a home that syncs: it runs folders, and answers other commands.
//!
//! Invariants: it holds the home's lock as long as it lives; a folder is run once; what is changed
//! in the home is changed here while it runs. What to sync is not its matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use onefold_adapters::wire::InviteRequest;
use onefold_core::client::Answer;
use onefold_core::id::DeviceId;
use onefold_core::name::RelPath;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinSet;

use crate::console;
use crate::control::{Incoming, Listener, Request};
use crate::driver::Freshness;
use crate::error::{Exit, Trouble};
use crate::explain::PathStatus;
use crate::folder::{self, Asker, Running, Shared};
use crate::home::{Home, Lock};
use crate::join;
use crate::limits::{Change, Kept};
use crate::linked::Linked;
use crate::once::{self, OFFLINE_PATIENCE};
use crate::people;
use crate::restore;
use crate::status::{FolderStatus, Outcome};

/// Runs folders, and answers other commands.
#[derive(Debug)]
pub struct Supervisor {
    home: Home,
    folders: Mutex<BTreeMap<DeviceId, Folder>>,
    emptied: Notify,
    shared: Shared,
    _lock: Lock,
}

/// A folder that was given to this process.
#[derive(Debug)]
enum Folder {
    Running(Box<Running>),
    Troubled(Trouble),
}

/// From when on a driver's word counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// From its start: it has looked at everything since.
    Start,
    /// From now: it has run for a while.
    Now,
}

impl Supervisor {
    /// For a home whose lock is held; from now on, other commands are answered.
    pub fn new(home: Home, lock: Lock) -> Result<Arc<Self>, Trouble> {
        let listener = Listener::bind(&home, &lock)?;
        let (folders, emptied): (_, Notify) = Default::default();
        let shared = Shared::default();
        Kept::read(&home).apply(&shared.limits);
        let supervisor = Arc::new(Self { home, folders, emptied, shared, _lock: lock });
        tokio::spawn(serve(Arc::clone(&supervisor), listener));
        Ok(supervisor)
    }

    /// Links a folder. It does not run yet.
    pub async fn link(&self, request: &join::Request) -> Result<Linked, Trouble> {
        // One at a time: two links for one place would both find it free.
        let _folders = self.folders.lock().await;
        join::link(&self.home, request).await
    }

    /// Links a folder and runs it.
    pub async fn join(&self, request: &join::Request) -> Result<Linked, Trouble> {
        let linked = self.link(request).await?;
        let Linked { folder_name, device_name, root, .. } = &linked;
        console::say(format_args!("joined {folder_name:?} as {device_name:?}: {}", root.display()));
        self.start(&linked).await?;
        Ok(linked)
    }

    /// Runs a folder; `false` if it ran already.
    pub async fn start(&self, linked: &Linked) -> Result<bool, Trouble> {
        let mut folders = self.folders.lock().await;
        match folders.get(&linked.device) {
            Some(Folder::Running(running)) if !running.is_dead() => return Ok(false),
            Some(Folder::Running(_) | Folder::Troubled(_)) | None => {}
        }
        if linked.paused {
            return Err(Trouble::unchanged(
                format_args!("{} is paused", linked.root.display()),
                "`onefold resume DIR` makes it sync again",
            ));
        }
        self.run(&mut folders, linked).await?;
        Ok(true)
    }

    async fn run(
        &self,
        folders: &mut BTreeMap<DeviceId, Folder>,
        linked: &Linked,
    ) -> Result<(), Trouble> {
        let started = Running::start(&self.home, linked, &self.shared).await;
        let result = started.as_ref().map(drop).map_err(Trouble::clone);
        folders.insert(
            linked.device,
            match started {
                Ok(running) => Folder::Running(Box::new(running)),
                Err(trouble) => Folder::Troubled(trouble),
            },
        );
        self.shared.changes.tell();
        result
    }

    /// Hears whenever what [`status`](Self::status) says may have changed: at most a few times a
    /// second, and never while nothing happens.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.listen()
    }

    /// Where every linked folder stands.
    pub async fn status(&self) -> Result<Vec<FolderStatus>, Trouble> {
        let mut all = Vec::new();
        for linked in self.home.linked()? {
            all.push(match self.folders.lock().await.get(&linked.device) {
                Some(Folder::Running(running)) => Ok(running.asker()),
                Some(Folder::Troubled(trouble)) => {
                    Err(folder::last_status(&self.home, &linked).troubled(trouble))
                }
                None => Err(folder::last_status(&self.home, &linked)),
            });
        }
        let mut told = Vec::new();
        for status in all {
            told.push(match status {
                Ok(asker) => asker.status().await,
                Err(status) => status,
            });
        }
        Ok(told)
    }

    /// Why what stands at a path of a folder is, or is not, in sync.
    pub async fn explain(&self, device: DeviceId, path: &RelPath) -> Result<PathStatus, Trouble> {
        let linked = self.linked(device)?;
        let told = match self.asker(device).await {
            Some(asker) => asker.explain(path).await?,
            None => restore::explain(&self.home, &linked, path).await?,
        };
        told.with_last_change(&self.home, &linked, path).await
    }

    /// Waits until these folders and the server agree, or cannot; those that do not run start.
    pub async fn wait(&self, wanted: &[Linked], since: Since) -> Outcome {
        let mut outcome = Outcome { exit: Exit::Done, lines: Vec::new() };
        let mut waiting = JoinSet::new();
        for linked in wanted {
            if let Err(trouble) = self.start(linked).await {
                outcome.add(Outcome::failed(&trouble));
            } else if let Some(asker) = self.asker(linked.device).await {
                waiting.spawn(wait_for(linked.clone(), asker, since));
            }
        }
        while let Some(ended) = waiting.join_next().await {
            outcome.add(ended.unwrap_or_else(|error| Outcome::failed(&Trouble::bug(error))));
        }
        outcome
    }

    async fn asker(&self, device: DeviceId) -> Option<Asker> {
        match self.folders.lock().await.get(&device)? {
            Folder::Running(running) => Some(running.asker()),
            Folder::Troubled(_) => None,
        }
    }

    /// Pauses or resumes a folder.
    pub async fn set_paused(&self, device: DeviceId, paused: bool) -> Result<(), Trouble> {
        let linked = Linked { paused, ..self.linked(device)? };
        if paused {
            self.stop_one(device).await;
            self.home.save(&linked)?;
            self.shared.changes.tell();
            return Ok(());
        }
        self.home.save(&linked)?;
        self.start(&linked).await.map(drop)
    }

    /// Answers about held deletions of a folder, which may run or not: how many there were.
    pub async fn answer(&self, device: DeviceId, answer: Answer) -> Result<usize, Trouble> {
        if let Some(asker) = self.asker(device).await {
            return asker.answer(answer).await;
        }
        // It is paused, or has a problem; nobody starts it meanwhile.
        let _folders = self.folders.lock().await;
        restore::answer(&self.home, &self.linked(device)?, answer).await
    }

    /// Stops a folder and forgets its link.
    pub async fn unlink(&self, device: DeviceId) -> Result<(), Trouble> {
        let linked = self.linked(device)?;
        self.stop_one(device).await;
        folder::unlink(&self.home, &linked)?;
        self.shared.changes.tell();
        if self.folders.lock().await.is_empty() {
            self.emptied.notify_one();
        }
        Ok(())
    }

    /// Gives this device another name in a folder, which goes on under it.
    pub async fn rename(&self, device: DeviceId, name: &str) -> Result<(), Trouble> {
        let linked = people::rename(&self.home, &self.linked(device)?, name).await?;
        // Its engine names conflict copies by it.
        if self.stop_one(device).await {
            self.start(&linked).await?;
        }
        self.shared.changes.tell();
        Ok(())
    }

    /// A link with which another device joins a folder.
    pub async fn invite(
        &self,
        device: DeviceId,
        request: &InviteRequest,
    ) -> Result<String, Trouble> {
        people::invite(&self.linked(device)?, request).await
    }

    /// How fast contents may move.
    pub fn limits(&self) -> Kept {
        Kept::read(&self.home)
    }

    /// Changes how fast contents may move, at once.
    pub async fn limit(&self, change: Change) -> Result<Kept, Trouble> {
        let _one_at_a_time = self.folders.lock().await;
        let kept = change.of(Kept::read(&self.home));
        kept.save(&self.home)?;
        kept.apply(&self.shared.limits);
        self.shared.changes.tell();
        Ok(kept)
    }

    /// Ends when the last folder was unlinked.
    pub async fn emptied(&self) {
        self.emptied.notified().await;
    }

    /// Stops every folder, all at once.
    pub async fn stop(&self) {
        let mut stopping = JoinSet::new();
        for (_, folder) in std::mem::take(&mut *self.folders.lock().await) {
            if let Folder::Running(running) = folder {
                stopping.spawn(running.stop());
            }
        }
        stopping.join_all().await;
    }

    /// Whether it ran.
    async fn stop_one(&self, device: DeviceId) -> bool {
        let stopped = self.folders.lock().await.remove(&device);
        let Some(Folder::Running(running)) = stopped else { return false };
        running.stop().await;
        true
    }

    fn linked(&self, device: DeviceId) -> Result<Linked, Trouble> {
        let found = self.home.linked()?.into_iter().find(|linked| linked.device == device);
        found.ok_or_else(|| {
            Trouble::unchanged(
                "the folder is not linked any more",
                "`onefold status` lists what is",
            )
        })
    }

    fn these(&self, devices: &[DeviceId]) -> Result<Vec<Linked>, Trouble> {
        devices.iter().map(|device| self.linked(*device)).collect()
    }

    async fn sync(&self, devices: &[DeviceId]) -> Result<Vec<DeviceId>, Trouble> {
        let mut started = Vec::new();
        for linked in self.these(devices)? {
            if self.start(&linked).await? {
                started.push(linked.device);
            }
        }
        Ok(started)
    }
}

async fn wait_for(linked: Linked, asker: Asker, since: Since) -> Outcome {
    let fresh = match since {
        Since::Start => Freshness::default(),
        Since::Now => asker.rescan().await,
    };
    once::wait(&linked, &asker.commands, asker.pulses, fresh, OFFLINE_PATIENCE).await
}

async fn serve(supervisor: Arc<Supervisor>, listener: Listener) {
    loop {
        match listener.accept().await {
            Ok(stream) => {
                let supervisor = Arc::clone(&supervisor);
                tokio::spawn(async move {
                    if let Some(incoming) = Incoming::read(stream).await {
                        answer(&supervisor, incoming).await;
                    }
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: others will be freed.
                tracing::warn!("a command could not be heard: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(supervisor: &Supervisor, mut incoming: Incoming) {
    match incoming.request.clone() {
        Request::Status => incoming.reply(supervisor.status().await).await,
        Request::Explain(device, path) => {
            let explained = async {
                let path = RelPath::parse(&path).map_err(Trouble::bug)?;
                supervisor.explain(device, &path).await
            };
            incoming.reply(explained.await).await;
        }
        Request::Join(request) => {
            let joined = supervisor.join(&request).await;
            incoming.reply(joined.map(|linked| linked.device)).await;
        }
        Request::Sync(devices) => incoming.reply(supervisor.sync(&devices).await).await,
        Request::Wait(devices) => {
            let waited =
                async { Ok(supervisor.wait(&supervisor.these(&devices)?, Since::Now).await) };
            let outcome: Option<Result<Outcome, Trouble>> = tokio::select! {
                outcome = waited => Some(outcome),
                () = incoming.gone() => None,
            };
            if let Some(outcome) = outcome {
                incoming.reply(outcome).await;
            }
        }
        Request::SetPaused(device, paused) => {
            incoming.reply(supervisor.set_paused(device, paused).await).await;
        }
        Request::Answer(device, answer) => {
            incoming.reply(supervisor.answer(device, answer).await).await;
        }
        Request::Unlink(device) => incoming.reply(supervisor.unlink(device).await).await,
        Request::Rename(device, name) => {
            incoming.reply(supervisor.rename(device, &name).await).await;
        }
        Request::Limit(change) => incoming.reply(supervisor.limit(change).await).await,
    }
}
