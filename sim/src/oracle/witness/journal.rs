//! What the server's journal holds, as the record of a run follows it.

use onefold_core::id::Seq;
use onefold_core::node::Body;
use onefold_core::operation::{Cursor, Entry, Step};

use super::Witness;
use crate::disk::user::target_version;
use crate::oracle::{Broken, rules};
use crate::story::Story;
use crate::words;

impl Witness {
    /// The server came back with an older journal: these entries are all that it ever had.
    pub fn restored(&mut self, entries: Vec<(Entry, Cursor)>) {
        self.cursor = entries.last().map(|(_, cursor)| *cursor);
        self.entries = entries.into_iter().map(|(entry, _)| entry).collect();
        self.shadow = Default::default();
        let followed = self.entries.iter().try_for_each(|entry| self.shadow.follow(entry));
        self.hold(followed);
        self.merged = true;
        self.spoil();
    }

    /// The journal has these new entries: gapless, and chained.
    pub fn journal_grew(
        &mut self,
        entries: Vec<(Entry, Cursor)>,
        story: &mut Story,
    ) -> Result<(), Broken> {
        let mut cursor = self.cursor.unwrap_or(Cursor::START);
        for (entry, stored) in entries {
            self.tally.judged(rules::CHAINED, 1u64);
            let whole = cursor.after(&entry);
            if entry.seq != Seq::next(cursor.seq) || whole != stored {
                let what = format!("{entry:?} after {cursor:?}");
                return Err(Broken::new(rules::CHAINED, what));
            }
            story.hash(&entry);
            story.say(|| format!("server: {}", words::entry(&entry)));
            self.remember(&entry)?;
            self.entries.push(entry);
            cursor = stored;
        }
        self.cursor = Some(cursor);
        Ok(())
    }

    /// No edit puts an older version in the place of one that came of it.
    fn never_back(&mut self, entry: &Entry) -> Result<(), Broken> {
        for step in &entry.operation.steps {
            let Step::Edit { node, content } = step else { continue };
            let before = self.shadow.live(*node).and_then(|state| state.body.content());
            // What is done to one name is done to others.
            let Some(before) = before.filter(|_| !self.has_links) else { continue };
            self.tally.judged(rules::NEVER_BACK, 1u64);
            if self.versions.left_behind(before.id, content.id) {
                let what = format!("{node:?} was {:?}, is {:?}", before.id, content.id);
                return Err(Broken::new(rules::NEVER_BACK, what));
            }
        }
        Ok(())
    }

    fn remember(&mut self, entry: &Entry) -> Result<(), Broken> {
        self.divergence.entry(entry, &self.shadow, &self.versions, &mut self.tally)?;
        self.never_back(entry)?;
        self.tally.judged(rules::ROWS_FOLLOW, 1u64);
        for step in &entry.operation.steps {
            let was = self.shadow.last(step.node()).map(|state| &state.place);
            self.epoch.step(step, was);
        }
        self.shadow.follow(entry)?;
        if let Some(moving) = &self.epoch.moving {
            moving.check(&self.shadow.tree(), &mut self.tally)?;
        }
        for step in &entry.operation.steps {
            self.history.extend(step.content().map(|content| content.id));
            if let Step::Create { place, .. } | Step::Move { place, .. } = step {
                self.namers.entry(place.name.clone()).or_default().insert(entry.device);
            }
            match step {
                Step::Retarget { target, .. }
                | Step::Create { body: Body::Symlink(target), .. } => {
                    self.history.insert(target_version(target));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
