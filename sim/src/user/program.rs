//! A user, and the program that he runs: system calls one after the other, at its pace.

use std::collections::VecDeque;

use onefold_core::name::RelPath;

use crate::disk::{Disk, Errno, Handle};
use crate::oracle::Witness;
use crate::story::Story;

use super::Action;
use super::call::Call;
use super::script::Script;

/// Bytes of a call that are told in words; of more, only their number.
const TOLD_BYTES: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub struct User {
    calls: VecDeque<Call>,
    handle: Option<Handle>,
    pace_ms: u64,
    next_ms: u64,
    temporary: Vec<RelPath>,
}

impl User {
    /// A program is running.
    pub fn is_active(&self) -> bool {
        !self.calls.is_empty()
    }

    /// When the program makes its next call, if one is running.
    pub fn due_ms(&self) -> Option<u64> {
        self.is_active().then_some(self.next_ms)
    }

    /// Runs a program from now on.
    pub fn run(&mut self, script: Script, pace_ms: u64, now_ms: u64) {
        self.calls.extend(script.calls);
        self.pace_ms = pace_ms;
        self.next_ms = now_ms;
        self.temporary = script.temporary;
    }

    /// The next call.
    pub fn next(&self) -> Option<&Call> {
        self.calls.front()
    }

    /// The program makes its next call; one that has to wait for a lease is made again later.
    pub fn call(&mut self, disk: &mut Disk, index: usize, story: &mut Story) {
        let Some(call) = self.calls.pop_front() else { return };
        let result = call.run(disk, &mut self.handle);
        story.say(|| match result {
            Ok(()) => format!("device {index} user: {}", in_words(&call)),
            Err(error) => format!("device {index} user: {} fails: {error:?}", in_words(&call)),
        });
        if result == Err(Errno::WouldWait) {
            self.calls.push_front(call);
        }
    }

    /// The program has just made a call, at this time: it makes the next one when its pace says so.
    pub fn pause_from(&mut self, now_ms: u64) {
        self.next_ms = now_ms + self.pace_ms;
    }

    /// The program makes its calls, as far as it need not wait.
    pub fn act(&mut self, calls: Vec<Call>, disk: &mut Disk, index: usize, story: &mut Story) {
        let count = calls.len();
        self.calls.extend(calls);
        for _ in 0..count {
            self.call(disk, index, story);
        }
    }

    /// The program ends at once, as when the machine loses power.
    pub fn stop(&mut self) {
        self.calls.clear();
        self.handle = None;
    }

    /// Shows the oracle which of the program's temporary names are there now.
    pub fn show_temporary(&self, index: usize, disk: &Disk, witness: &mut Witness, now_ms: u64) {
        for path in &self.temporary {
            // Someone may have moved the directory that it is in.
            witness.temporary.seen(index, path, disk.has_name(path), now_ms);
        }
    }
}

/// A user begins to do something; a program that has something to do it to is counted.
pub fn begins(action: Action, script: &Script, index: usize, story: &mut Story) {
    let line = || format!("device {index} user: {action:?}");
    match action.program().filter(|_| !script.calls.is_empty()) {
        Some(program) => story.strike(program, line),
        None => story.say(line),
    }
}

/// What late writers wrote to displaced files comes back under names of its own, while a client runs.
pub fn tend_displaced(disk: &mut Disk, index: usize, witness: &mut Witness, story: &mut Story) {
    let rescued = disk.tend_kept(&format!("device{index}"), false);
    if !rescued.is_empty() {
        witness.rescued(rescued.len());
        story.say(|| format!("device {index}: rescued {rescued:?}"));
    }
}

fn in_words(call: &Call) -> String {
    match call {
        Call::Write(bytes, _) if bytes.len() > TOLD_BYTES => {
            format!("Write({} bytes)", bytes.len())
        }
        _ => format!("{call:?}"),
    }
}
