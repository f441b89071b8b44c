//! What a command says to the person at the terminal. A closed terminal ends nothing.
//!
//! In a process that syncs, a thread says it ([`never_wait`]): a terminal that takes nothing (Ctrl-S, a
//! pipe that nobody reads) holds up nothing else. What is too much to wait for that is left out, and
//! counted. Bars ([`bars`](crate::bars)) stand below: whatever is said steps over them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use std::{fmt, thread};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// The most that waits to be said.
const MAX_WAITING: usize = 16_384;
/// How long the end waits for a terminal that takes nothing.
const END_PATIENCE: Duration = Duration::from_secs(1);
/// A bar: which way, how far, and the words.
const BAR: &str = "{prefix:9} [{bar:24}] {msg}";

/// The thread that says it, in a process that has one.
static SPEAKER: OnceLock<Speaker> = OnceLock::new();

/// What is to be said on stdout once something else has been.
static HELD: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// Says a line on stdout.
pub fn say(line: impl fmt::Display) {
    let line = line.to_string();
    match &mut *lock(&HELD) {
        Some(lines) => lines.push(line),
        None => speak(Words::Out(line)),
    }
}

/// Has what is said on stdout wait until [`say_first`].
pub fn hold() {
    lock(&HELD).get_or_insert_default();
}

/// Says a line on stdout, and then what has waited for it.
pub fn say_first(line: impl fmt::Display) {
    let lines = lock(&HELD).take().unwrap_or_default();
    say(line);
    lines.iter().for_each(say);
}

/// Says a line on stderr.
pub fn warn(line: impl fmt::Display) {
    speak(Words::Err(format!("{line}\n").into_bytes()));
}

/// Where the log goes: to stderr.
#[derive(Clone, Copy, Debug)]
pub struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        speak(Words::Err(bytes.to_owned()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How far something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// So much is done.
    pub done: u64,
    /// Of so much.
    pub of: u64,
    /// What stands beside it.
    pub words: String,
}

/// Shows how far something is; `None`: no more. Only where there is a thread that says it.
pub fn show(what: &'static str, bar: Option<Bar>) {
    let Some(speaker) = SPEAKER.get() else { return };
    let mut state = lock(&speaker.shared.state);
    match bar {
        Some(bar) => drop(state.bars.insert(what, bar)),
        None => drop(state.bars.remove(what)),
    }
    drop(state);
    speaker.put(Words::Bars);
}

/// From now on, nobody here waits for the terminal.
pub fn never_wait() -> io::Result<()> {
    if SPEAKER.get().is_none() {
        // Should two come at once, the thread of one ends at once.
        let speaker = Speaker::start()?;
        SPEAKER.get_or_init(|| speaker);
    }
    Ok(())
}

/// Waits until all is said, but not for a terminal that takes nothing.
pub fn end() {
    let Some(Speaker { shared, .. }) = SPEAKER.get() else { return };
    let mut state = lock(&shared.state);
    while state.said < state.put {
        let said = state.said;
        let stands = |state: &mut State| state.said == said;
        let waited = shared.was_said.wait_timeout_while(state, END_PATIENCE, stands);
        let (now, ended) = waited.unwrap_or_else(PoisonError::into_inner);
        if ended.timed_out() {
            return;
        }
        state = now;
    }
}

fn speak(words: Words) {
    match SPEAKER.get() {
        Some(speaker) => speaker.put(words),
        None => words.say(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is to be said next.
#[derive(Debug)]
enum Words {
    /// A line, on stdout.
    Out(String),
    /// On stderr.
    Err(Vec<u8>),
    /// Bars are other ones by now.
    Bars,
}

impl Words {
    fn say(&self) {
        let _ = match self {
            Self::Out(line) => writeln!(io::stdout().lock(), "{line}"),
            Self::Err(bytes) => io::stderr().lock().write_all(bytes),
            Self::Bars => Ok(()),
        };
    }
}

/// The way to the thread that says it.
#[derive(Debug)]
struct Speaker {
    to_say: SyncSender<Words>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    was_said: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// So much was to be said.
    put: u64,
    /// So much of it was said.
    said: u64,
    /// Lines that could not wait any more.
    left_out: u64,
    bars: BTreeMap<&'static str, Bar>,
}

impl Speaker {
    fn start() -> io::Result<Self> {
        let (to_say, words) = sync_channel(MAX_WAITING);
        let shared = Arc::new(Shared::default());
        let screen = Screen { shared: Arc::clone(&shared), ..Screen::default() };
        thread::Builder::new().name("console".to_owned()).spawn(move || screen.run(&words))?;
        Ok(Self { to_say, shared })
    }

    fn put(&self, words: Words) {
        let mut state = lock(&self.shared.state);
        match self.to_say.try_send(words) {
            Ok(()) => state.put += 1,
            Err(TrySendError::Full(words) | TrySendError::Disconnected(words)) => {
                state.left_out += u64::from(!matches!(words, Words::Bars));
            }
        }
    }
}

/// The terminal, and the bars at its end.
#[derive(Debug, Default)]
struct Screen {
    shared: Arc<Shared>,
    all: MultiProgress,
    drawn: BTreeMap<&'static str, ProgressBar>,
}

impl Screen {
    fn run(mut self, words: &Receiver<Words>) {
        for words in words {
            self.all.suspend(|| words.say());
            let left_out = std::mem::take(&mut lock(&self.shared.state).left_out);
            if left_out > 0 {
                let note = format!(
                    "({left_out} lines are left out, as nothing was taken here for a while; \
                     `onefold log` has what happened)\n"
                );
                self.all.suspend(|| Words::Err(note.into_bytes()).say());
            }
            self.draw();
            lock(&self.shared.state).said += 1;
            self.shared.was_said.notify_all();
        }
    }

    /// Has the bars be as they should.
    fn draw(&mut self) {
        let bars = lock(&self.shared.state).bars.clone();
        for (_, gone) in self.drawn.extract_if(.., |what, _| !bars.contains_key(what)) {
            gone.finish_and_clear();
            self.all.remove(&gone);
        }
        for (what, Bar { done, of, words }) in bars {
            let bar = self.drawn.entry(what).or_insert_with(|| {
                let style = ProgressStyle::with_template(BAR).expect("it is well-formed");
                let bar = self.all.add(ProgressBar::new(1));
                bar.set_style(style.progress_chars("=> "));
                bar.set_prefix(what);
                bar
            });
            bar.set_length(of);
            bar.set_position(done);
            if bar.message() != words {
                bar.set_message(words);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_cannot_wait_any_more_are_counted() {
        let (to_say, waiting) = sync_channel(1);
        let speaker = Speaker { to_say, shared: Arc::default() };
        for words in [Words::Out("1".into()), Words::Out("2".into()), Words::Bars] {
            speaker.put(words);
        }
        let counts = || {
            let state = lock(&speaker.shared.state);
            (state.put, state.left_out)
        };
        assert_eq!(counts(), (1, 1));
        drop(waiting);
        speaker.put(Words::Err(b"3".into()));
        assert_eq!(counts(), (1, 2));
    }
}
