//! The one process of a home that syncs: it runs folders, and answers other commands.
//!
//! Invariants: it holds the home's lock as long as it lives; a folder is run once; what is changed
//! in the home is changed here while it runs. What to sync is not its matter.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use onefold_adapters::disk::{Link, RealDisk};
use onefold_adapters::wire::InviteRequest;
use onefold_core::client::{Answer, Status};
use onefold_core::id::DeviceId;
use onefold_core::name::RelPath;
use tokio::sync::{Mutex, Notify};
use tokio::task::{JoinSet, spawn_blocking};

use crate::answering;
use crate::arms;
use crate::console;
use crate::control::Listener;
use crate::driver::Freshness;
use crate::error::{Exit, Trouble};
use crate::explain::PathStatus;
use crate::folder::{self, Asker, Running, Shared};
use crate::home::{Home, Lock};
use crate::join;
use crate::limits::{Change, Kept};
use crate::linked::Linked;
use crate::news::News;
use crate::once::{self, OFFLINE_PATIENCE};
use crate::people;
use crate::progress::Progress;
use crate::restore;
use crate::status::{FolderStatus, Outcome};
use crate::window::Door;

/// Runs folders, and answers other commands.
#[derive(Debug)]
pub struct Supervisor {
    home: Home,
    folders: Mutex<BTreeMap<DeviceId, Folder>>,
    emptied: Notify,
    shared: Shared,
    window: OnceLock<Arc<Door>>,
    _lock: Lock,
}

/// A folder that was given to this process.
#[derive(Debug)]
enum Folder {
    Running(Box<Running>),
    Troubled(Trouble),
}

impl Folder {
    fn asker(&self) -> Option<Asker> {
        match self {
            Self::Running(running) => Some(running.asker()),
            Self::Troubled(_) => None,
        }
    }
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
        console::never_wait().map_err(Trouble::bug)?;
        let listener = Listener::bind(&home, &lock)?;
        let (folders, emptied, window) = Default::default();
        let shared = Shared::default();
        Kept::read(&home).apply(&shared.limits);
        let supervisor = Self { home, folders, emptied, shared, window, _lock: lock };
        let supervisor = Arc::new(supervisor);
        tokio::spawn(answering::run(Arc::clone(&supervisor), listener));
        Ok(supervisor)
    }

    /// The home that this is of.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Where news of all folders are told.
    pub fn news(&self) -> &News {
        &self.shared.news
    }

    /// From now on, who asks is told where the window is.
    pub fn show_window(&self, door: Arc<Door>) {
        // There is one window, opened once.
        let _ = self.window.set(door);
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
        self.shared.news.tell();
        result
    }

    /// Where every linked folder stands.
    pub async fn status(&self) -> Result<Vec<FolderStatus>, Trouble> {
        Ok(self.folders().await?.into_iter().map(|(_, status)| status).collect())
    }

    /// Every linked folder, and where it stands.
    pub async fn folders(&self) -> Result<Vec<(Linked, FolderStatus)>, Trouble> {
        let mut all = Vec::new();
        for linked in self.home.linked()? {
            let asked = match self.folders.lock().await.get(&linked.device) {
                Some(Folder::Running(running)) => Ok(running.asker()),
                Some(Folder::Troubled(trouble)) => {
                    Err(folder::last_status(&self.home, &linked).troubled(trouble))
                }
                None => Err(folder::last_status(&self.home, &linked)),
            };
            all.push((linked, asked));
        }
        let mut told = Vec::new();
        for (linked, asked) in all {
            let status = match asked {
                Ok(asker) => asker.status().await,
                Err(status) => status,
            };
            told.push((linked, status));
        }
        Ok(told)
    }

    /// What there is to move in each folder that runs, and how it goes.
    pub async fn moving(&self) -> Vec<(Status, Progress)> {
        let folders: Vec<_> =
            self.folders.lock().await.values().filter_map(Folder::asker).collect();
        let mut moving = Vec::new();
        for asker in folders {
            moving.extend(asker.moving().await);
        }
        moving
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
        self.folders.lock().await.get(&device).and_then(Folder::asker)
    }

    /// Pauses or resumes a folder.
    pub async fn set_paused(&self, device: DeviceId, paused: bool) -> Result<(), Trouble> {
        let linked = Linked { paused, ..self.linked(device)? };
        if paused {
            self.stop_one(device).await;
            self.home.save(&linked)?;
            self.shared.news.tell();
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
        self.shared.news.tell();
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
        self.shared.news.tell();
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
        self.shared.news.tell();
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

    /// Does something with a folder's disk, which may run or not. The work may block.
    pub async fn with_disk<T: Send + 'static>(
        &self,
        device: DeviceId,
        work: impl FnOnce(&RealDisk) -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let running = self.asker(device).await.and_then(|asker| asker.disk());
        if let Some(disk) = running {
            return spawn_blocking(move || work(&disk)).await.map_err(Trouble::bug);
        }
        // Nobody starts it meanwhile: its root is locked by whoever has it open.
        let _folders = self.folders.lock().await;
        let disk = arms::open_disk(&self.linked(device)?, Link::Existing).await?;
        spawn_blocking(move || work(&disk)).await.map_err(Trouble::bug)
    }

    /// A folder that is linked.
    pub fn linked(&self, device: DeviceId) -> Result<Linked, Trouble> {
        let found = self.home.linked()?.into_iter().find(|linked| linked.device == device);
        found.ok_or_else(|| {
            Trouble::unchanged(
                "the folder is not linked any more",
                "`onefold status` lists what is",
            )
        })
    }

    /// An address of the window that is good once.
    pub(crate) fn window_address(&self) -> Result<String, Trouble> {
        self.window.get().map(|door| door.address_for_one()).ok_or_else(|| {
            Trouble::unchanged(
                "the running client shows no window",
                "A client that runs until it is told to end shows one: `onefold sync`",
            )
        })
    }

    pub(crate) fn these(&self, devices: &[DeviceId]) -> Result<Vec<Linked>, Trouble> {
        devices.iter().map(|device| self.linked(*device)).collect()
    }

    pub(crate) async fn sync(&self, devices: &[DeviceId]) -> Result<Vec<DeviceId>, Trouble> {
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
