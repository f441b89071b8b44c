//! What to do about one node: a pure function of its three states, here (*local*), at the server
//! (*remote*), and what both last agreed on (*synced*).
//!
//! Existence, place, content and the executable bit are merged independently. Two steps, so that
//! every combination can be listed: [`situation`] compares the states, [`reconcile`] decides.
//! Names that two nodes want, parents, and cycles are not one node's affair: see `inbound` and
//! `outbound`.

use crate::node::{Body, Place, State};

use super::record::{LocalBody, Record};

/// How one aspect stands, here and there, against what both last agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Diff {
    /// Nobody changed it.
    Same,
    /// It changed here only.
    Here,
    /// It changed at the server only.
    There,
    /// Both changed it to the same.
    Agreed,
    /// Both changed it, differently.
    Both,
}

impl Diff {
    /// The three-way comparison.
    pub fn of<T: PartialEq>(here: T, synced: T, there: T) -> Self {
        match (here == synced, there == synced) {
            (true, true) => Self::Same,
            (false, true) => Self::Here,
            (true, false) => Self::There,
            (false, false) if here == there => Self::Agreed,
            (false, false) => Self::Both,
        }
    }
}

/// What the surviving side did to a node that the other side deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touched {
    /// It, or a directory above it, was renamed or moved.
    pub place: bool,
    /// It has other bytes; `None`: the file here must be read first.
    pub content: Option<bool>,
    /// Its executable bit was changed.
    pub executable: bool,
}

/// How one node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Situation {
    /// On neither side any more.
    Gone,
    /// Here, and never agreed on.
    OnlyHere,
    /// At the server, and never agreed on.
    OnlyThere,
    /// On both sides, and never agreed on; whether the bytes are the same (`None`: read first).
    Unmet(Option<bool>),
    /// Agreed on, then deleted here.
    DeletedHere(Touched),
    /// Agreed on, then deleted at the server.
    DeletedThere(Touched),
    /// On both sides and agreed on.
    Alive {
        /// Parent and name.
        place: Diff,
        /// The bytes, or the symlink's target; `None`: the file here must be read first.
        content: Option<Diff>,
        /// The executable bit.
        executable: Diff,
    },
}

/// What to do about an aspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Nothing.
    Rest,
    /// Note that both sides agree.
    Agree,
    /// Make the server's as it is here.
    Send,
    /// Make this disk's as it is at the server.
    Apply,
    /// Wait: the file must be read first, or the place settled.
    Wait,
}

impl Act {
    const fn may_send(self) -> bool {
        matches!(self, Self::Send | Self::Wait)
    }

    const fn may_change_disk(self) -> bool {
        matches!(self, Self::Apply | Self::Wait)
    }
}

/// What to do about a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Drop what was agreed on: it is on neither side.
    Forget,
    /// Make it at the server.
    Create,
    /// Make it here.
    Materialise,
    /// Note that both sides have it.
    Adopt,
    /// Read the file first.
    Read,
    /// The bytes here become another node, never accepted, that must find another name: a conflict
    /// copy. This node is then only at the server.
    Split,
    /// Deleted there, but wanted here: what was agreed on no longer holds, so it is made there again.
    /// `true`: with all inside, since it was renamed.
    KeepHere(bool),
    /// Deleted here, but wanted there: the same, the other way round.
    KeepThere(bool),
    /// Delete it here.
    DeleteHere,
    /// Delete it at the server.
    DeleteThere,
    /// Merge aspect by aspect.
    Merge {
        /// Parent and name.
        place: Act,
        /// The bytes, or the target.
        content: Act,
        /// The executable bit.
        executable: Act,
    },
}

impl Decision {
    /// Both sides agree on everything.
    pub const REST: Self =
        Self::Merge { place: Act::Rest, content: Act::Rest, executable: Act::Rest };

    /// The server may be asked to change, now or once more is known.
    pub const fn may_send(self) -> bool {
        match self {
            Self::Forget
            | Self::Materialise
            | Self::Adopt
            | Self::KeepThere(_)
            | Self::DeleteHere => false,
            Self::Create | Self::Read | Self::Split | Self::KeepHere(_) | Self::DeleteThere => true,
            Self::Merge { place, content, executable } => {
                place.may_send() || content.may_send() || executable.may_send()
            }
        }
    }

    /// This disk may be changed, now or once more is known.
    pub const fn may_change_disk(self) -> bool {
        match self {
            Self::Forget
            | Self::Create
            | Self::Adopt
            | Self::Read
            | Self::Split
            | Self::KeepHere(_)
            | Self::DeleteThere => false,
            Self::Materialise | Self::KeepThere(_) | Self::DeleteHere => true,
            Self::Merge { place, content, executable } => {
                place.may_change_disk() || content.may_change_disk() || executable.may_change_disk()
            }
        }
    }

    /// It gets a place at the server: the one that it has here.
    pub const fn places_there(self) -> bool {
        matches!(self, Self::Create | Self::Merge { place: Act::Send, .. })
    }

    /// What to do about the place, if the node is merged aspect by aspect.
    pub const fn place(self) -> Option<Act> {
        if let Self::Merge { place, .. } = self { Some(place) } else { None }
    }
}

/// Compares a node's three states. `moved_above`: a directory above it was renamed by the side that
/// still has it, which the other side does not know yet. `None` for a node whose state here is not
/// known, which is left alone.
pub fn situation(record: &Record, moved_above: bool) -> Option<Situation> {
    use super::record::Local;
    let here = match record.local() {
        Local::Absent => None,
        Local::Present(present) => Some((&present.place, &present.body)),
        Local::Hidden(_) => return None,
    };
    Some(match (here, record.synced(), record.remote()) {
        (None, _, None) => Situation::Gone,
        (Some(_), None, None) => Situation::OnlyHere,
        (None, None, Some(_)) => Situation::OnlyThere,
        (Some((_, body)), None, Some(there)) => Situation::Unmet(same(body, &there.body)),
        (None, Some(synced), Some(there)) => Situation::DeletedHere(Touched {
            place: moved_above || record.origin() != Some(&there.place),
            content: Some(!there.body.same_bytes(&synced.body)),
            executable: there.body.executable() != synced.body.executable(),
        }),
        (Some((place, body)), Some(synced), None) => Situation::DeletedThere(Touched {
            place: moved_above || *place != synced.place,
            content: same(body, &synced.body).map(|same| !same),
            executable: body.executable() != synced.body.executable(),
        }),
        (Some((place, body)), Some(synced), Some(there)) => alive(place, body, synced, there),
    })
}

fn alive(place: &Place, body: &LocalBody, synced: &State, there: &State) -> Situation {
    let content = same(body, &synced.body).map(|unchanged| {
        match (unchanged, there.body.same_bytes(&synced.body)) {
            (true, true) => Diff::Same,
            (false, true) => Diff::Here,
            (true, false) => Diff::There,
            (false, false) if same(body, &there.body) == Some(true) => Diff::Agreed,
            (false, false) => Diff::Both,
        }
    });
    Situation::Alive {
        place: Diff::of(place, &synced.place, &there.place),
        content,
        executable: Diff::of(body.executable(), synced.body.executable(), there.body.executable()),
    }
}

/// Whether the bytes are the same; `None`: the file here must be read first.
pub fn same(here: &LocalBody, other: &Body) -> Option<bool> {
    if here.kind() != other.kind() {
        return Some(false);
    }
    here.known().map(|here| here.same_bytes(other))
}

/// Decides. The same situation has the same decision, always.
pub const fn reconcile(situation: Situation) -> Decision {
    match situation {
        Situation::Gone => Decision::Forget,
        Situation::OnlyHere => Decision::Create,
        Situation::OnlyThere => Decision::Materialise,
        Situation::Unmet(None) => Decision::Read,
        Situation::Unmet(Some(true)) => Decision::Adopt,
        Situation::Unmet(Some(false)) => Decision::Split,
        Situation::DeletedHere(touched) => match touched {
            Touched { place: true, .. } => Decision::KeepThere(true),
            Touched { content: Some(true), .. } => Decision::KeepThere(false),
            Touched { content: Some(false), .. } => Decision::DeleteThere,
            Touched { content: None, .. } => Decision::Read,
        },
        Situation::DeletedThere(touched) => match touched {
            Touched { place: true, .. } => Decision::KeepHere(true),
            Touched { content: Some(true), .. } => Decision::KeepHere(false),
            Touched { content: Some(false), .. } => Decision::DeleteHere,
            Touched { content: None, .. } => Decision::Read,
        },
        Situation::Alive { place, content, executable } => merge(place, content, executable),
    }
}

const fn merge(place: Diff, content: Option<Diff>, executable: Diff) -> Decision {
    let place_act = match place {
        Diff::Same => Act::Rest,
        Diff::Here => Act::Send,
        Diff::Agreed => Act::Agree,
        // Both: of two renames, the first accepted wins.
        Diff::There | Diff::Both => Act::Apply,
    };
    let content_act = match (content, place) {
        (None, _) => Act::Wait,
        (Some(Diff::Same), _) => Act::Rest,
        (Some(Diff::Here), _) => Act::Send,
        (Some(Diff::There), _) => Act::Apply,
        (Some(Diff::Agreed), _) => Act::Agree,
        (Some(Diff::Both), Diff::Same | Diff::Agreed) => return Decision::Split,
        // A rename and a conflicting edit both survive: first the node finds its place.
        (Some(Diff::Both), Diff::Here | Diff::There | Diff::Both) => Act::Wait,
    };
    let executable_act = match executable {
        Diff::Same => Act::Rest,
        Diff::Here => Act::Send,
        Diff::Agreed => Act::Agree,
        // A bit that both changed is equal; should it ever not be, the first accepted wins.
        Diff::There | Diff::Both => Act::Apply,
    };
    Decision::Merge { place: place_act, content: content_act, executable: executable_act }
}

#[cfg(test)]
mod tests;
