//! One node in a client's three trees: *local*, *synced* and *remote*.
//!
//! *Synced* is mostly equal to *remote*, so it is held as a difference from it.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::disk::{Form, Stamp};
use crate::hash::ContentId;
use crate::node::{Body, Content, Kind, Place, State, Target};

use super::DamagedState;

/// What this disk shows of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Local {
    /// It is not here.
    Absent,
    /// It is here, as far as was last seen.
    Present(Present),
    /// Whether it is here is not known: its inode has an ignored name. It is not acted on.
    Hidden(Present),
}

/// A node on this disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present {
    /// Where it is.
    pub place: Place,
    /// Which inode it is, and since when it is as it is.
    pub stamp: Stamp,
    /// It has other names, too: then only the path tells who it is.
    pub linked: bool,
    /// What it holds.
    pub body: LocalBody,
    /// The look that last saw it; not kept over a restart.
    #[serde(skip)]
    pub seen_by: u64,
}

/// What a node on this disk holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LocalBody {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// The content, if the file was read as it now is.
        content: Option<Content>,
        /// Its owner may execute it.
        executable: bool,
    },
    /// A symlink.
    Symlink(Target),
}

impl LocalBody {
    /// What a look shows; the content of a file is yet to be read.
    pub fn unread(form: &Form) -> Self {
        match form {
            Form::Directory => Self::Directory,
            Form::File { executable } => Self::File { content: None, executable: *executable },
            Form::Symlink(target) => Self::Symlink(target.clone()),
        }
    }

    /// What is there when this body was placed on the disk.
    pub fn placed(body: &Body) -> Self {
        match body {
            Body::Directory => Self::Directory,
            Body::File { content, executable } => {
                Self::File { content: Some(*content), executable: *executable }
            }
            Body::Symlink(target) => Self::Symlink(target.clone()),
        }
    }

    /// The kind of node.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Directory => Kind::Directory,
            Self::File { .. } => Kind::File,
            Self::Symlink(_) => Kind::Symlink,
        }
    }

    /// The body, once it is known whole.
    pub fn known(&self) -> Option<Body> {
        match self {
            Self::Directory => Some(Body::Directory),
            Self::File { content, executable } => {
                content.map(|content| Body::File { content, executable: *executable })
            }
            Self::Symlink(target) => Some(Body::Symlink(target.clone())),
        }
    }

    /// The executable bit; `false` for what has none.
    pub const fn executable(&self) -> bool {
        matches!(self, Self::File { executable: true, .. })
    }
}

/// What both sides last agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Base {
    /// Nothing yet.
    Never,
    /// What *remote* says.
    AsRemote,
    /// This.
    Was(Box<State>),
    /// This counts, though its place is on the way from the one that was agreed on: no user's, nor
    /// that of the server.
    OnWay(Box<(State, Place)>),
    /// This, and it was deleted at the server: it goes, wherever the server has its directory go.
    Goes(Box<State>),
}

/// A change of this disk that was begun: known again after a crash, when it may have been done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// This is put here; it is then agreed on.
    Place(Box<State>),
    /// It is removed here.
    Remove,
    /// It is moved here to where the server has it; that is then agreed on.
    Move(Box<Place>),
    /// Its executable bit is set or cleared here; that is then agreed on.
    SetExecutable(bool),
}

/// Whether a person was asked about a deletion here, before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Consent {
    /// No.
    #[default]
    NotAsked,
    /// Yes, and it is held until the answer comes.
    Awaited,
    /// Yes: it is meant.
    Given,
}

/// One node, in three trees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    local: Local,
    base: Base,
    remote: Option<State>,
    /// Contents that were agreed on before, newest last: the ancestors of what is here.
    past: Vec<ContentId>,
    intent: Option<Intent>,
    /// Only of what is agreed on and was deleted here.
    consent: Consent,
}

/// How many former contents of a node are remembered.
const MAX_PAST: usize = 8;

impl Record {
    /// A node that is nowhere yet.
    pub const NOWHERE: Self = Self {
        local: Local::Absent,
        base: Base::Never,
        remote: None,
        past: Vec::new(),
        intent: None,
        consent: Consent::NotAsked,
    };

    /// A node with these three states.
    pub fn of(local: Local, synced: Option<State>, remote: Option<State>) -> Self {
        let mut record = Self { local, remote, ..Self::NOWHERE };
        record.set_synced(synced);
        record
    }

    /// The change of this disk that was begun.
    pub const fn intent(&self) -> Option<&Intent> {
        self.intent.as_ref()
    }

    /// Whether a person was asked about its deletion here.
    pub const fn consent(&self) -> Consent {
        self.consent
    }

    /// Whether what is here descends from this content.
    pub fn descends_from(&self, content: ContentId) -> bool {
        self.past.contains(&content)
    }

    /// What this disk shows.
    pub const fn local(&self) -> &Local {
        &self.local
    }

    /// What is on this disk for certain.
    pub const fn present(&self) -> Option<&Present> {
        match &self.local {
            Local::Present(present) => Some(present),
            Local::Absent | Local::Hidden(_) => None,
        }
    }

    /// How it was last seen on this disk, certain or not.
    pub const fn last_seen(&self) -> Option<&Present> {
        match &self.local {
            Local::Present(present) | Local::Hidden(present) => Some(present),
            Local::Absent => None,
        }
    }

    /// What both sides last agreed on.
    pub fn synced(&self) -> Option<&State> {
        match &self.base {
            Base::Never => None,
            Base::AsRemote => self.remote.as_ref(),
            Base::Was(state) | Base::Goes(state) => Some(state),
            Base::OnWay(way) => Some(&way.0),
        }
    }

    /// It has come to its name on this disk, or was made there, and the server does not know that.
    pub fn is_new_at_its_name(&self) -> bool {
        self.present().is_some_and(|here| match self.synced() {
            Some(synced) => synced.place != here.place,
            None => !self.accepted(),
        })
    }

    /// Where both sides last had it.
    pub(super) fn origin(&self) -> Option<&Place> {
        match &self.base {
            Base::OnWay(way) => Some(&way.1),
            Base::Never | Base::AsRemote | Base::Was(_) | Base::Goes(_) => {
                self.synced().map(|synced| &synced.place)
            }
        }
    }

    /// It was deleted at the server, and a move here of a directory above it does not keep it.
    pub(super) const fn goes(&self) -> bool {
        matches!(self.base, Base::Goes(_))
    }

    /// What the server has.
    pub const fn remote(&self) -> Option<&State> {
        self.remote.as_ref()
    }

    /// The server had it, or has it: its id is known there.
    pub const fn accepted(&self) -> bool {
        self.remote.is_some() || !matches!(self.base, Base::Never)
    }

    /// It is in no tree, nor is it being put on this disk.
    pub const fn is_nowhere(&self) -> bool {
        self.intent.is_none()
            && matches!(self.local, Local::Absent)
            && matches!(self.base, Base::Never)
            && self.remote.is_none()
    }

    pub(super) fn set_intent(&mut self, intent: Option<Intent>) {
        self.intent = intent;
    }

    pub(super) fn set_consent(&mut self, consent: Consent) {
        self.consent = consent;
        self.forget_vain_consent();
    }

    fn forget_vain_consent(&mut self) {
        if !matches!(self.local, Local::Absent) || self.synced().is_none() {
            self.consent = Consent::NotAsked;
        }
    }

    pub(super) fn set_local(&mut self, local: Local) {
        self.local = local;
        self.forget_vain_consent();
    }

    pub(super) const fn present_mut(&mut self) -> Option<&mut Present> {
        match &mut self.local {
            Local::Present(present) => Some(present),
            Local::Absent | Local::Hidden(_) => None,
        }
    }

    pub(super) fn set_synced(&mut self, state: Option<State>) {
        let content = |state: &State| state.body.content().map(|content| content.id);
        let was = self.synced().and_then(content);
        if let Some(was) = was.filter(|was| state.as_ref().and_then(content) != Some(*was)) {
            self.past.retain(|past| *past != was);
            self.past.push(was);
            let excess = self.past.len().saturating_sub(MAX_PAST);
            self.past.drain(..excess);
        }
        let before = core::mem::replace(&mut self.base, Base::Never);
        self.base = match (state, before) {
            (None, _) => Base::Never,
            (Some(state), _) if self.remote.as_ref() == Some(&state) => Base::AsRemote,
            (Some(state), Base::OnWay(way))
                if way.0.place == state.place && !self.is_there(&state.place) =>
            {
                Base::OnWay(Box::new((state, way.1)))
            }
            (Some(state), _) => Base::Was(Box::new(state)),
        };
        self.forget_vain_consent();
    }

    fn is_there(&self, place: &Place) -> bool {
        self.remote.as_ref().is_some_and(|there| there.place == *place)
    }

    /// On its way to where the server has it, it counts as agreed on that it is at this place.
    pub(super) fn pass_by(&mut self, place: Place) {
        let (Some(synced), Some(origin)) = (self.synced().cloned(), self.origin().cloned()) else {
            return;
        };
        let passing = State { place, ..synced };
        self.set_synced(Some(passing.clone()));
        if !self.is_there(&passing.place) {
            self.base = Base::OnWay(Box::new((passing, origin)));
        }
    }

    /// What was deleted at the server goes from here, whatever directory it is in by then.
    pub(super) fn let_go(&mut self) {
        if let (Some(synced), None) = (self.synced().cloned(), &self.remote) {
            self.base = Base::Goes(Box::new(synced));
        }
    }

    pub(super) fn forget_past(&mut self) {
        self.past.clear();
    }

    pub(super) fn set_remote(&mut self, state: Option<State>) {
        let synced = self.synced().cloned();
        if self.base == Base::AsRemote {
            // It is `synced`, whatever *remote* becomes.
            self.base = Base::Never;
        }
        self.remote = state;
        self.set_synced(synced);
    }

    pub(super) fn encode(&self) -> Blob {
        postcard::to_allocvec(self).expect("a record holds nothing unencodable").into()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DamagedState> {
        postcard::from_bytes(bytes).map_err(|error| DamagedState(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
