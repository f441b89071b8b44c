//! Looks after files that were displaced by changes: what a program wrote late into one comes back
//! into the folder, what nobody wrote is dropped in time. The disk decides; this only asks it to.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use onefold_adapters::disk::{RealDisk, Rescued, Swept};
use onefold_core::client::event::{Event, Hint};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::clock::local_minute;
use crate::console;
use crate::linked::Linked;

/// How often it is seen whether a file was displaced: one load of memory.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What conflict copies of files that were displaced are called by.
pub fn label(linked: &Linked) -> String {
    format!("{}, {}", linked.device_name, local_minute())
}

/// Looks after files that were displaced: brings back what a late writer wrote, drops the rest.
pub struct Sweeper {
    disk: Arc<RealDisk>,
    linked: Linked,
    hints: mpsc::Sender<Event>,
}

impl Sweeper {
    /// For a folder that is open; the engine is told where to look.
    pub fn new(disk: &Arc<RealDisk>, linked: &Linked, hints: mpsc::Sender<Event>) -> Self {
        Self { disk: Arc::clone(disk), linked: linked.clone(), hints }
    }

    /// Does so until it is dropped.
    pub async fn run(self) {
        let mut next = self.disk.recovered().next.map(|after| SystemTime::now() + after);
        self.tell(&self.disk.recovered().clone()).await;
        let mut displaced = 0;
        loop {
            sleep(LOOK_EVERY).await;
            let now_displaced = self.disk.counts().displaced;
            let due = next.is_some_and(|next| next <= SystemTime::now());
            if now_displaced == displaced && !due {
                continue;
            }
            displaced = now_displaced;
            let (disk, label) = (Arc::clone(&self.disk), label(&self.linked));
            let sweep = move || disk.sweep(SystemTime::now(), &label);
            match tokio::task::spawn_blocking(sweep).await {
                Ok(Ok(swept)) => {
                    next = swept.next.map(|after| SystemTime::now() + after);
                    self.tell(&swept).await;
                }
                Ok(Err(error)) => tracing::warn!("displaced files could not be looked at: {error}"),
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
