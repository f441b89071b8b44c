//! Looks after files that were displaced by changes: what a program wrote late into one comes back
//! into the folder, what nobody wrote is dropped in time. The disk decides; this only asks it to.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use onefold_adapters::disk::{RealDisk, Rescued, Swept};
use onefold_core::client::event::{Event, Hint};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep};

use crate::clock::local_minute;
use crate::console;
use crate::linked::Linked;

/// How often it is seen whether a file was displaced: one load of memory.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// When to sweep again after one that failed.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// What conflict copies of files that were displaced are called by.
pub fn label(linked: &Linked) -> String {
    format!("{}, {}", linked.device_name, local_minute())
}

/// Looks after files that were displaced: brings back what a late writer wrote, drops the rest.
pub struct Sweeper {
    disk: Arc<RealDisk>,
    linked: Linked,
    hints: mpsc::Sender<Event>,
    written_late: Arc<Notify>,
}

impl Sweeper {
    /// For a folder that is open. The engine is told where to look; `written_late` calls for a
    /// sweep at once.
    pub fn new(
        disk: &Arc<RealDisk>,
        linked: &Linked,
        hints: mpsc::Sender<Event>,
        written_late: Arc<Notify>,
    ) -> Self {
        Self { disk: Arc::clone(disk), linked: linked.clone(), hints, written_late }
    }

    /// Does so until it is dropped.
    pub async fn run(self) {
        let recovered = self.disk.recovered().clone();
        let mut due = recovered.next.map(|after| Instant::now() + after);
        self.tell(&recovered).await;
        let mut displaced = 0;
        loop {
            tokio::select! {
                () = self.written_late.notified() => {}
                () = sleep(LOOK_EVERY) => {
                    let now_displaced = self.disk.counts().displaced;
                    if now_displaced == displaced && due.is_none_or(|due| due > Instant::now()) {
                        continue;
                    }
                    displaced = now_displaced;
                }
            }
            let (disk, label) = (Arc::clone(&self.disk), label(&self.linked));
            let sweep = move || disk.sweep(SystemTime::now(), &label);
            match tokio::task::spawn_blocking(sweep).await {
                Ok(Ok(swept)) => {
                    due = swept.next.map(|after| Instant::now() + after);
                    self.tell(&swept).await;
                }
                Ok(Err(error)) => {
                    tracing::warn!("displaced files could not be looked at: {error}");
                    due = Some(Instant::now() + TRY_AGAIN);
                }
                Err(_) => return,
            }
        }
    }

    /// Says what was brought back, and has the engine look at it.
    async fn tell(&self, swept: &Swept) {
        for Rescued { from, to } in &swept.rescued {
            console::say(format_args!("kept what a program wrote late into {from}: {to}"));
            let hint = Hint { path: to.clone(), closed: true };
            let _ = self.hints.send(Event::Hinted(hint)).await;
        }
        for (path, error) in &swept.stuck {
            tracing::warn!("what a program wrote late into {path} is still set aside: {error}");
        }
    }
}
