//! Long work on the terminal: a bar for what is sent and one for what is received, with how much, how
//! fast, and how long it will take; where stderr is no terminal, plain lines on stdout.
//!
//! Short work is not shown, and nothing is asked while nothing happens. Bars stand below what is
//! said ([`console`]), and are gone when the work is.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use onefold_core::client::Status;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::console;
use crate::progress::{Progress, Way};
use crate::supervisor::Supervisor;
use crate::words::{duration, size};

/// Work that takes less is not shown.
const LONG: Duration = Duration::from_secs(1);
/// How often a bar is drawn anew, at most.
const DRAW_EVERY: Duration = Duration::from_millis(250);
/// How often a plain line is said.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Shows what moves in all folders of a client; dropped, it shows nothing any more.
#[derive(Debug)]
pub struct Bars {
    ends: Arc<Notify>,
    task: JoinSet<()>,
}

/// Shows long work from now on.
pub fn show(supervisor: &Arc<Supervisor>) -> Bars {
    let (ends, mut task) = (Arc::new(Notify::new()), JoinSet::new());
    task.spawn(run(Arc::clone(supervisor), Arc::clone(&ends)));
    Bars { ends, task }
}

impl Bars {
    /// Says what is done by now, and ends them, so that what is said next stands on a line of its own.
    pub async fn end(mut self) {
        self.ends.notify_one();
        let _ = timeout(LONG, self.task.join_next()).await;
        self.task.shutdown().await;
    }
}

async fn run(supervisor: Arc<Supervisor>, ends: Arc<Notify>) {
    let mut news = supervisor.news().listen();
    let mut rows = [Row::new(Way::Up), Row::new(Way::Down)];
    let mut goes_on = true;
    loop {
        news.borrow_and_update();
        let moving = supervisor.moving().await;
        let now = Instant::now();
        for row in &mut rows {
            row.update(now, Standing::of(row.way, &moving));
        }
        if !goes_on {
            return;
        }
        let wait = async {
            sleep(DRAW_EVERY).await;
            if rows.iter().any(|row| row.work.is_some()) {
                // Time passes, too.
                let _ = timeout(LONG, news.changed()).await;
                true
            } else {
                news.changed().await.is_ok()
            }
        };
        goes_on = tokio::select! {
            biased;
            () = ends.notified() => false,
            goes_on = wait => goes_on,
        };
    }
}

/// What there is to move one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Standing {
    items: u64,
    /// Bytes that are there, of what is on its way.
    done: u64,
    /// Bytes that are not there yet.
    left: u64,
    /// Bytes a second.
    rate: u64,
}

impl Standing {
    /// Of all folders together.
    fn of(way: Way, folders: &[(Status, Progress)]) -> Self {
        let mut all = Self::default();
        for (status, progress) in folders {
            let ((items, bytes), rate) = match way {
                Way::Up => (status.uploading, progress.rate.up),
                Way::Down => (status.downloading, progress.rate.down),
            };
            all.items += items;
            all.done += progress.done(way);
            all.left += progress.left(way, bytes);
            all.rate += rate;
        }
        all
    }
}

/// Work of one way, from when there was something to move until nothing was left.
#[derive(Debug)]
struct Work {
    began: Instant,
    moved: u64,
    left: u64,
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    /// It may end soon.
    NotYet,
    Bar(Bar),
    Lines {
        said: Instant,
    },
}

#[derive(Debug)]
struct Row {
    way: Way,
    work: Option<Work>,
}

impl Row {
    const fn new(way: Way) -> Self {
        Self { way, work: None }
    }

    fn update(&mut self, now: Instant, standing: Standing) {
        if standing.items == 0 {
            if let Some(work) = self.work.take() {
                work.end(self.way, now);
            }
            return;
        }
        // Some of it may be there when it is first looked at.
        let Standing { done: moved, left, .. } = standing;
        let new = Work { began: now, moved, left, shown: Shown::NotYet };
        let work = self.work.get_or_insert(new);
        work.count(standing.left);
        work.show(self.way, now, standing);
    }
}

impl Work {
    /// What is less has moved; what is more has come since.
    fn count(&mut self, left: u64) {
        self.moved += self.left.saturating_sub(left);
        self.left = left;
    }

    fn show(&mut self, way: Way, now: Instant, standing: Standing) {
        if matches!(self.shown, Shown::NotYet) {
            if now - self.began < LONG {
                return;
            }
            self.shown = match std::io::stderr().is_terminal() {
                true => Shown::Bar(Bar(way)),
                false => Shown::Lines { said: now - SAY_EVERY },
            };
        }
        let words = self.words(standing);
        match &mut self.shown {
            Shown::NotYet => {}
            Shown::Bar(bar) => bar.show(self.moved, (self.moved + self.left).max(1), words),
            Shown::Lines { said } if now - *said >= SAY_EVERY => {
                *said = now;
                console::say(format_args!("{}: {words}", doing(way)));
            }
            Shown::Lines { .. } => {}
        }
    }

    /// `3 files, 1.5 MiB of 20.0 MiB, 2.0 MiB/s, 10 s left`
    fn words(&self, standing: Standing) -> String {
        let Standing { items, left, rate, .. } = standing;
        let files = if items == 1 { "file" } else { "files" };
        let mut words =
            format!("{items} {files}, {} of {}", size(self.moved), size(self.moved + left));
        if rate > 0 {
            words += &format!(", {}/s", size(rate));
            if left > 0 {
                words += &format!(", {} left", duration(left.div_ceil(rate)));
            }
        }
        words
    }

    fn end(mut self, way: Way, now: Instant) {
        self.count(0);
        match self.shown {
            Shown::NotYet | Shown::Bar(_) => {}
            Shown::Lines { .. } => console::say(format_args!(
                "{} {} in {}",
                done(way),
                size(self.moved),
                duration((now - self.began).as_secs().max(1))
            )),
        }
    }
}

/// A bar; dropped, it is gone.
#[derive(Debug)]
struct Bar(Way);

impl Bar {
    fn show(&self, done: u64, of: u64, words: String) {
        console::show(doing(self.0), Some(console::Bar { done, of, words }));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        console::show(doing(self.0), None);
    }
}

const fn doing(way: Way) -> &'static str {
    match way {
        Way::Up => "sending",
        Way::Down => "receiving",
    }
}

const fn done(way: Way) -> &'static str {
    match way {
        Way::Up => "sent",
        Way::Down => "received",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(items: u64, left: u64, rate: u64) -> Standing {
        Standing { items, done: 0, left, rate }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_there_when_it_is_first_looked_at_counts() {
        let mut row = Row::new(Way::Down);
        row.update(Instant::now(), Standing { done: 300, ..standing(1, 700, 0) });
        let work = row.work.as_ref().expect("there is some left");
        assert_eq!(work.words(standing(1, 700, 0)), "1 file, 300 bytes of 1000 bytes");
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_while_it_moves_makes_the_whole_larger() {
        let now = Instant::now();
        let mut row = Row::new(Way::Up);
        row.update(now, standing(2, 1_000, 0));
        row.update(now, standing(1, 400, 100));
        row.update(now, standing(3, 2_400, 100));
        row.update(now, standing(1, 1_024, 512));
        let work = row.work.as_ref().expect("there is some left");
        assert_eq!(
            work.words(standing(1, 1_024, 512)),
            "1 file, 1.9 KiB of 2.9 KiB, 512 bytes/s, 2 s left"
        );
        assert_eq!(work.words(standing(1, 1_024, 0)), "1 file, 1.9 KiB of 2.9 KiB");
        row.update(now, Standing::default());
        assert!(row.work.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn short_work_is_not_shown() {
        let began = Instant::now();
        let mut row = Row::new(Way::Down);
        let shown = |row: &Row| !matches!(row.work.as_ref().expect("work").shown, Shown::NotYet);
        row.update(began, standing(1, 9, 0));
        row.update(began + LONG / 2, standing(1, 5, 0));
        assert!(!shown(&row));
        row.update(began + LONG, standing(1, 1, 0));
        assert!(shown(&row));
    }
}
