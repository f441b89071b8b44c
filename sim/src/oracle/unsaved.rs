//! What was placed on a disk while its engine has not made it durable that it was.
//!
//! What stands at a new name then is nobody's to an engine that dies and starts again: whether its user
//! knew what was placed before he wrote his own, nobody can tell.

use std::collections::{BTreeMap, BTreeSet};

use onefold_core::client::event::{Effect, Event, TaskId};
use onefold_core::disk::Change;
use onefold_core::hash::ContentId;

use crate::disk::user::{Act, Deed, placed_version};

/// Of one device.
#[derive(Clone, Debug, Default)]
pub struct Unsaved {
    /// What was placed, with the save that says so, once that is under way.
    placed: BTreeMap<ContentId, Option<TaskId>>,
    /// Those of which the engine does not know yet that they are there.
    unheard: BTreeSet<ContentId>,
    /// Those that a user changed or deleted meanwhile.
    destroyed: BTreeSet<ContentId>,
    /// Those of an engine that died before it had saved them.
    orphaned: BTreeSet<ContentId>,
}

impl Unsaved {
    /// A change of the disk was carried out.
    pub fn changed(&mut self, change: &Change) {
        let placed = placed_version(change);
        self.placed.extend(placed.map(|version| (version, None)));
        self.unheard.extend(placed);
    }

    /// The engine asks for something.
    pub fn asked(&mut self, effect: &Effect) {
        if let Effect::Save { id, .. } = effect {
            let heard = self.placed.iter_mut().filter(|(placed, _)| !self.unheard.contains(placed));
            heard.for_each(|(_, save)| _ = save.get_or_insert(*id));
        }
    }

    /// The engine hears something.
    pub fn heard(&mut self, event: &Event) {
        match event {
            Event::Changed(_, Ok(_)) => self.unheard.clear(),
            Event::Saved(id, Ok(())) => {
                self.placed.retain(|_, save| *save != Some(*id));
                self.destroyed.retain(|version| self.placed.contains_key(version));
            }
            Event::Saved(_, Err(_)) => self.placed.values_mut().for_each(|save| *save = None),
            _ => {}
        }
    }

    /// A user did this. `true`: to what an engine that died had placed, and not saved.
    pub fn deed(&mut self, deed: &Deed) -> bool {
        if deed.act == Act::Destroyed {
            self.gone(deed.version);
        }
        deed.act == Act::Destroyed && self.orphaned.contains(&deed.version)
    }

    /// A user did away with this, maybe in the midst of the change that placed it.
    pub fn gone(&mut self, version: ContentId) {
        if self.placed.contains_key(&version) {
            self.destroyed.insert(version);
        }
    }

    /// The engine has died: what users changed or deleted that it had not saved.
    pub fn died(&mut self) -> BTreeSet<ContentId> {
        self.unheard.clear();
        self.orphaned.extend(std::mem::take(&mut self.placed).into_keys());
        std::mem::take(&mut self.destroyed)
    }
}
