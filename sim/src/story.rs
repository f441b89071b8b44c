//! What happened in a run: a hash of all of it, counts of faults, and the story in words if asked for.

use std::collections::BTreeMap;

use serde::Serialize;

/// A record of a run.
#[derive(Debug, Default)]
pub struct Story {
    hasher: blake3::Hasher,
    /// Room for what is hashed, used again and again.
    buffer: Vec<u8>,
    /// How many faults of each kind struck.
    pub struck: BTreeMap<&'static str, u64>,
    telling: bool,
    /// The story, if it is told.
    pub lines: Vec<String>,
    time_ms: u64,
}

impl Story {
    /// A record that also tells the story in words, which takes time.
    pub fn telling() -> Self {
        Self { telling: true, ..Self::default() }
    }

    /// Sets the time that what follows happens at.
    pub fn set_time(&mut self, ms: u64) {
        self.time_ms = ms;
    }

    /// Takes something into the hash.
    pub fn hash(&mut self, what: &impl Serialize) {
        self.buffer.clear();
        let buffer = std::mem::take(&mut self.buffer);
        self.buffer = postcard::to_extend(what, buffer).expect("events and effects are encodable");
        self.hasher.update(&self.buffer);
    }

    /// The hash so far.
    pub fn digest(&self) -> blake3::Hash {
        self.hasher.finalize()
    }

    /// Tells a line.
    pub fn say(&mut self, line: impl FnOnce() -> String) {
        if self.telling {
            self.lines.push(format!("{:>9} ms  {}", self.time_ms, line()));
        }
    }

    /// A fault struck.
    pub fn strike(&mut self, fault: &'static str, line: impl FnOnce() -> String) {
        *self.struck.entry(fault).or_default() += 1;
        self.hasher.update(fault.as_bytes());
        self.say(line);
    }
}
