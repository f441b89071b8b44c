//! The course of a case: rounds of effects, carried out in shuffled order, until all is quiet.

use std::collections::{BTreeMap, VecDeque};

use onefold_core::blob::Blob;
use onefold_core::client::event::{Effect, Event, TransferError, Upload};
use onefold_core::client::saved::{SaveBatch, Saved};
use onefold_core::client::{Client, Config};
use onefold_core::disk::DiskError;
use onefold_core::folding::Folding;
use onefold_core::id::NodeId;
use onefold_core::protocol::ClientMessage;
use onefold_core::time::{Instant, LocalMinute, Now};
use serde::Serialize;

use crate::tape::{Random, Tape};
use crate::words;

use super::Broken;
use super::case::Record;
use super::disk::Disk;
use super::rules;
use super::server::Server;
use super::setup::{Setup, Three, listed};
use super::tally::Tally;
use super::tree::{bytes, number_of};

/// All must be quiet within so many rounds.
const MAX_ROUNDS: u64 = 200;
/// An engine that asks for more than this in one case spins.
const MAX_EFFECTS: u64 = 20_000;
/// When it all happens.
const MINUTE: LocalMinute = LocalMinute { year: 2026, month: 11, day: 22, hour: 7, minute: 41 };

/// An engine, between a disk and a server.
#[derive(Debug)]
pub struct World {
    three: Three,
    client: Client,
    disk: Disk,
    server: Server,
    records: BTreeMap<NodeId, Blob>,
    header: Option<Blob>,
    now_ms: u64,
    tasks: Vec<Effect>,
    up: VecDeque<ClientMessage>,
    down: VecDeque<Event>,
    linked: bool,
    schedule: Tape,
    failing: u32,
    killed: u32,
    seeds: Random,
    /// Nothing may be changed any more, on either side.
    done: bool,
    asked: u64,
    record: Record,
    hasher: blake3::Hasher,
    lines: Vec<String>,
}

fn engine(
    seeds: &mut Random,
    records: &BTreeMap<NodeId, Blob>,
    header: &Option<Blob>,
) -> Result<Client, Broken> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&seeds.draw().to_be_bytes());
    let config = Config {
        device_name: "laptop".into(),
        seed,
        folding: Folding::NONE,
        has_modes: true,
        ask_from_files: u64::MAX,
    };
    let records = records.iter().map(|(node, blob)| (*node, blob.clone())).collect();
    let saved = Saved { records, header: header.clone() };
    let made = Client::new(config, saved);
    made.map_err(|error| Broken::new("saved state can be gone on from", error.to_string()))
}

impl World {
    /// An engine that is yet to be started.
    pub fn new(setup: Setup, record: Record) -> Result<Self, Broken> {
        let mut seeds = Random(setup.seed.rotate_left(17));
        let records: BTreeMap<_, _> = setup.saved.records.into_iter().collect();
        let header = setup.saved.header;
        Ok(Self {
            three: setup.three,
            client: engine(&mut seeds, &records, &header)?,
            disk: setup.disk,
            server: setup.server,
            records,
            header,
            now_ms: 1_000,
            tasks: Vec::new(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            linked: false,
            schedule: setup.schedule,
            failing: setup.failing,
            killed: setup.killed,
            seeds,
            done: false,
            asked: 0,
            record,
            hasher: blake3::Hasher::new(),
            lines: Vec::new(),
        })
    }

    /// Runs until all is quiet, judges, and sees that it stays so.
    pub fn run(&mut self, tally: &mut Tally) -> Result<(), Broken> {
        self.tell_trees();
        self.give(Event::Started)?;
        self.until_quiet(tally)?;
        let after = self.server.tree();
        tally.copies += rules::all(&self.three, &after, &self.disk.tree())?;
        self.say(|| "quiet: every rule holds; the engine is made anew from what it saved".into());
        self.done = true;
        self.restart()?;
        self.until_quiet(tally)
    }

    /// The hash of all that happened, and the story.
    pub fn told(&mut self) -> (blake3::Hash, Vec<String>) {
        (self.hasher.finalize(), std::mem::take(&mut self.lines))
    }

    fn until_quiet(&mut self, tally: &mut Tally) -> Result<(), Broken> {
        let mut rounds = 0;
        while let Err(why) = self.is_quiet() {
            if rounds == MAX_ROUNDS || self.asked > MAX_EFFECTS {
                return Err(Broken::new("comes to rest", why));
            }
            rounds += 1;
            self.say(|| format!("round {rounds}"));
            self.round(tally)?;
        }
        tally.rounds += rounds;
        tally.longest = tally.longest.max(rounds);
        Ok(())
    }

    fn is_quiet(&self) -> Result<(), String> {
        if !self.tasks.is_empty() || !self.up.is_empty() || !self.down.is_empty() {
            return Err("there is work to do".into());
        }
        if let Some(why) = self.client.unrest() {
            return Err(why);
        }
        let status = self.client.status();
        match status.problems.first() {
            Some(problem) => Err(format!("{problem:?}")),
            None if status.seq != self.server.cursor().seq.get() => Err("behind".into()),
            None => Ok(()),
        }
    }

    /// Everything that is to be done now, in any order, but the stream's in its own; if there is nothing,
    /// time goes on to what the engine waits for.
    fn round(&mut self, tally: &mut Tally) -> Result<(), Broken> {
        if self.schedule.strikes(self.killed) {
            tally.killed += 1;
            self.kill(tally)?;
        }
        self.now_ms += [1, 0, 30, 400, 2_000][self.schedule.below(5)];
        let (mut tasks, mut up, mut down) = (self.tasks.len(), self.up.len(), self.down.len());
        if tasks + up + down == 0 {
            return self.wait();
        }
        while tasks + up + down > 0 {
            let at = self.schedule.below(tasks + up + down);
            if at < tasks {
                tasks -= 1;
                let effect = self.tasks.remove(at);
                if let Some(event) = self.carry_out(effect, tally) {
                    self.give(event)?;
                }
            } else if at < tasks + up {
                up -= 1;
                self.send_up(tally);
            } else {
                down -= 1;
                if let Some(event) = self.down.pop_front() {
                    self.give(event)?;
                }
            }
            // A connection that was lost took its messages along.
            (up, down) = (up.min(self.up.len()), down.min(self.down.len()));
        }
        Ok(())
    }

    /// Nothing is under way: time goes on, and the server sends its digest, as it does every few seconds.
    fn wait(&mut self) -> Result<(), Broken> {
        let due = self.client.deadline().map(|(due, _)| due.as_ms());
        self.now_ms = self.now_ms.max(due.unwrap_or(0));
        if self.linked {
            self.give(Event::Received(self.server.digest()))?;
        }
        self.give(Event::Ticked)
    }

    fn give(&mut self, event: Event) -> Result<(), Broken> {
        self.hash(&event);
        self.say(|| format!("  engine {}", words::event(&event)));
        let now = Now { instant: Instant::from_ms(self.now_ms), local: MINUTE };
        for effect in self.client.handle(now, event) {
            self.hash(&effect);
            self.say(|| format!("    asks: {}", words::effect(&effect)));
            self.asked += 1;
            self.take(effect)?;
        }
        let checked = self.client.check();
        checked.map(drop).map_err(|what| Broken::new("the engine's own invariants", what))
    }

    fn take(&mut self, effect: Effect) -> Result<(), Broken> {
        match effect {
            Effect::Report(_) => {}
            Effect::Send(message) if self.linked => self.up.push_back(message),
            Effect::Send(_) => {}
            Effect::Disconnect => self.cut("it was asked for"),
            Effect::Change { .. } | Effect::Upload { .. } | Effect::Fetch { .. } if self.done => {
                return Err(Broken::new("what is quiet stays so", words::effect(&effect)));
            }
            Effect::Look { .. }
            | Effect::Hash { .. }
            | Effect::HashStart { .. }
            | Effect::Upload { .. }
            | Effect::Fetch { .. }
            | Effect::Change { .. }
            | Effect::Save { .. }
            | Effect::Connect => self.tasks.push(effect),
        }
        Ok(())
    }

    fn cut(&mut self, why: &str) {
        self.linked = false;
        self.up.clear();
        self.down.clear();
        self.down.push_back(Event::Disconnected(why.into()));
    }

    fn send_up(&mut self, tally: &mut Tally) {
        let Some(message) = self.up.pop_front() else { return };
        // It may get there, or not; in neither case does the device hear of it.
        let lost = self.fails("stream", tally);
        if !lost || self.schedule.below(2) == 1 {
            let answers = self.server.hear(message);
            self.down.extend(answers.into_iter().map(Event::Received));
        }
        if lost {
            self.say(|| "  the connection is lost".into());
            self.cut("lost");
        }
    }

    fn fails(&mut self, kind: &'static str, tally: &mut Tally) -> bool {
        let fails = !self.done && self.failing > 0 && self.schedule.strikes(self.failing);
        if fails {
            *tally.failed.entry(kind).or_default() += 1;
        }
        fails
    }

    /// The engine ends, and begins again: what was under way was done, or not.
    fn kill(&mut self, tally: &mut Tally) -> Result<(), Broken> {
        self.say(|| "the engine is killed, and begins again".into());
        while !self.tasks.is_empty() {
            let at = self.schedule.below(self.tasks.len());
            let effect = self.tasks.remove(at);
            if self.schedule.below(2) == 1 {
                self.say(|| format!("  still done: {}", words::effect(&effect)));
                self.carry_out(effect, tally);
            }
        }
        self.restart()
    }

    fn restart(&mut self) -> Result<(), Broken> {
        self.tasks.clear();
        self.up.clear();
        self.down.clear();
        self.linked = false;
        self.disk.unstage();
        self.client = engine(&mut self.seeds, &self.records, &self.header)?;
        self.give(Event::Started)
    }

    /// Carries an effect out, or has it fail.
    fn carry_out(&mut self, effect: Effect, tally: &mut Tally) -> Option<Event> {
        let kind = kind(&effect);
        *tally.effects.entry(kind).or_default() += 1;
        // What cannot be seen while both sides are merged is not agreed on: no rule tells then.
        let certain = kind == "look" && self.server.news.0.is_merge();
        let fails = !certain && self.fails(kind, tally);
        Some(match effect {
            Effect::Look { id, .. } if fails => {
                let error = DiskError::Denied("permission denied".into());
                Event::Looked(id, Err(error))
            }
            Effect::Look { id, dir, names } => Event::Looked(id, self.disk.look(&dir, &names)),
            Effect::Hash { id, .. } if fails => Event::Hashed(id, Err(self.disk_error())),
            Effect::Hash { id, path, stamp } => Event::Hashed(id, self.disk.read(&path, &stamp)),
            Effect::Upload { id, .. } if fails => Event::Uploaded(id, Err(self.transfer_error())),
            // Nothing grows here.
            Effect::HashStart { id, path, stamp, .. } => {
                Event::Hashed(id, self.disk.read(&path, &stamp))
            }
            Effect::Upload { id, path, stamp, content, .. } => {
                let read = self.disk.read(&path, &stamp).map_err(TransferError::Disk);
                let read = read.and_then(|now| {
                    let same = now.id == content.id;
                    same.then_some(()).ok_or(TransferError::Disk(DiskError::Changed))
                });
                Event::Uploaded(id, read.map(|()| self.upload(content.id)))
            }
            Effect::Fetch { id, .. } if fails => Event::Fetched(id, Err(self.transfer_error())),
            Effect::Fetch { id, content, bytes, .. } => {
                let here = bytes.is_some() || self.server.has(content.id);
                if here {
                    self.disk.stage(content.id);
                }
                Event::Fetched(id, here.then_some(()).ok_or(TransferError::Missing))
            }
            Effect::Change { id, .. } if fails => Event::Changed(id, Err(self.change_error())),
            Effect::Change { id, change, .. } => Event::Changed(id, self.disk.change(&change)),
            Effect::Save { id, .. } if fails => Event::Saved(id, Err("no space left".into())),
            Effect::Save { id, batch } => {
                self.save(batch);
                Event::Saved(id, Ok(()))
            }
            Effect::Connect if fails => Event::Disconnected("nobody answers".into()),
            Effect::Connect => {
                self.linked = true;
                Event::Connected
            }
            Effect::Disconnect | Effect::Send(_) | Effect::Report(_) => return None,
        })
    }

    fn save(&mut self, batch: SaveBatch) {
        for (node, record) in batch.records {
            match record {
                Some(blob) => self.records.insert(node, blob),
                None => self.records.remove(&node),
            };
        }
        self.header = batch.header.or(self.header.take());
    }

    /// Half of the contents are small, and travel in the commit.
    fn upload(&mut self, id: onefold_core::hash::ContentId) -> Upload {
        let bytes = number_of(id).map(bytes).expect("all contents are numbered");
        if id.as_bytes()[1].is_multiple_of(2) {
            return Upload::Inline(bytes);
        }
        self.server.put(id, bytes);
        Upload::Stored
    }

    fn disk_error(&mut self) -> DiskError {
        let errors = [
            DiskError::Busy,
            DiskError::Changed,
            DiskError::Denied("permission denied".into()),
            DiskError::Failed("input/output error".into()),
        ];
        errors[self.schedule.below(errors.len())].clone()
    }

    fn change_error(&mut self) -> DiskError {
        let mut errors = vec![
            DiskError::Busy,
            DiskError::Changed,
            DiskError::Occupied,
            DiskError::Denied("permission denied".into()),
            DiskError::Full("no space left".into()),
        ];
        errors.push(DiskError::NotStaged);
        errors[self.schedule.below(errors.len())].clone()
    }

    fn transfer_error(&mut self) -> TransferError {
        match self.schedule.below(3) {
            0 => TransferError::Network("cut".into()),
            1 => TransferError::Missing,
            _ => TransferError::Disk(self.disk_error()),
        }
    }

    fn hash(&mut self, what: &impl Serialize) {
        if self.record != Record::Nothing {
            let bytes = postcard::to_allocvec(what).expect("events and effects are encodable");
            self.hasher.update(&bytes);
        }
    }

    fn say(&mut self, line: impl FnOnce() -> String) {
        if self.record == Record::Story {
            self.lines.push(format!("{:>9} ms  {}", self.now_ms, line()));
        }
    }

    fn tell_trees(&mut self) {
        let Three { agreed, local, remote, .. } = &self.three;
        let trees = [("agreed on", agreed), ("here", local), ("there", remote)];
        let told: Vec<String> = trees
            .into_iter()
            .flat_map(|(name, tree)| {
                let lines =
                    listed(tree).into_iter().map(|(path, body)| format!("  {path}: {body}"));
                std::iter::once(format!("{name}:")).chain(lines).collect::<Vec<_>>()
            })
            .collect();
        told.into_iter().for_each(|line| self.say(|| line));
    }
}

fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::Look { .. } => "look",
        Effect::Hash { .. } | Effect::HashStart { .. } => "hash",
        Effect::Upload { .. } => "upload",
        Effect::Fetch { .. } => "fetch",
        Effect::Change { .. } => "change",
        Effect::Save { .. } => "save",
        Effect::Connect => "connect",
        Effect::Disconnect => "disconnect",
        Effect::Send(_) => "send",
        Effect::Report(_) => "report",
    }
}
