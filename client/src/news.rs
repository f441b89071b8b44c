//! Tells whoever looks that something may stand elsewhere than before: a folder, or the list of them.
//!
//! News say no more than that. Who hears of them asks; who does not listen costs nothing. Nothing is
//! told while nothing happens; of one folder, at most a few times a second.

use std::time::Duration;

use onefold_adapters::meter::Meter;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::driver::Pulse;

/// How often a change of one folder is told at most.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// For so long after something has moved, its rate is told, until it is none.
const RATE_FADES: Duration = Duration::from_secs(5);

/// Tells of news. Clones tell the same.
#[derive(Clone, Debug, Default)]
pub struct News(watch::Sender<u64>);

impl News {
    /// Something may have changed.
    pub fn tell(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Hears of what changes from now on; what comes at once is heard as one.
    pub fn listen(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    /// Tells of one folder for as long as it runs.
    pub async fn of_folder(self, mut pulses: watch::Receiver<Pulse>, meter: Meter) {
        let mut told = pulses.borrow().turns;
        loop {
            tokio::select! {
                pulse = pulses.changed() => {
                    if pulse.is_err() {
                        return;
                    }
                    let turns = pulses.borrow_and_update().turns;
                    if turns == std::mem::replace(&mut told, turns) {
                        continue;
                    }
                    self.tell();
                    sleep(TELL_EVERY).await;
                }
                () = meter.moved() => self.fade(&meter).await,
            }
        }
    }

    /// Tells of what moves until nothing has for a while.
    async fn fade(&self, meter: &Meter) {
        let mut until = Instant::now() + RATE_FADES;
        while !meter.is_quiet() && Instant::now() < until {
            self.tell();
            if timeout(TELL_EVERY, meter.moved()).await.is_ok() {
                until = Instant::now() + RATE_FADES;
                sleep(TELL_EVERY).await;
            }
        }
        self.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_changes_are_told_a_few_times_a_second_and_a_digest_is_none() {
        let news = News::default();
        let mut heard = news.listen();
        let (pulse, pulses) = watch::channel(Pulse::default());
        tokio::spawn(news.clone().of_folder(pulses, Meter::default()));
        tokio::task::yield_now().await;
        for digests in 0..100 {
            pulse.send_modify(|pulse| pulse.seen.digests = digests);
            sleep(Duration::from_millis(10)).await;
        }
        assert!(!heard.has_changed().unwrap());
        for turns in 1..=200 {
            pulse.send_modify(|pulse| pulse.turns = turns);
            sleep(Duration::from_millis(10)).await;
        }
        sleep(TELL_EVERY).await;
        let told = *heard.borrow_and_update();
        assert!((7..=10).contains(&told), "{told} times in 2 seconds");
        sleep(Duration::from_secs(60)).await;
        assert!(!heard.has_changed().unwrap());
    }
}
