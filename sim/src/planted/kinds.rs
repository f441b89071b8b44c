//! The list of planted faults, and the rules that may catch each.

use serde::{Deserialize, Serialize};

use crate::oracle::rules::*;

const RESTS: &str = "comes to rest";
const NO_PANIC: &str = "nothing panics";

macro_rules! planted {
    ($(#[doc = $words:literal] $name:ident: [$($rule:ident),*],)*) => {
        /// A fault, planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Planted {
            $(#[doc = $words] $name,)*
        }

        impl Planted {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What it does, in words.
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }

            /// The rules that it breaks: caught by another, it would be caught by chance. None for one that
            /// no rule catches yet.
            pub const fn rules(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &[$($rule),*],)*
                }
            }
        }
    };
}

planted! {
    /// Replaces a file without comparing it first.
    ReplacesUncompared: [ONLY_SEEN, ONLY_HISTORY, NOTHING_LOST],
    /// Removes a file without comparing it first.
    RemovesUncompared: [ONLY_SEEN, ONLY_HISTORY, NOTHING_LOST],
    /// Renames a file without comparing it first.
    RenamesUncompared: [MOVES_SEEN],
    /// Renames a file to a name that another has taken.
    RenamesOverOthers: [NOTHING_ELSE, NOTHING_LOST],
    /// Puts a new file at a name that another has taken.
    PlacesOverOthers: [NOTHING_ELSE, NOTHING_LOST],
    /// Removes a directory with all that is in it.
    RemovesRecursively: [NOTHING_ELSE, NOTHING_LOST],
    /// Takes a change that failed for done.
    FailureIsDone: [JUST_THAT, OWN_INVARIANTS],
    /// Takes the stamp of a placed file after the swap.
    StampsAfterSwap: [OWN_INVARIANTS, SAME_TREES, NOTHING_LOST],
    /// Does not swap back when another file was displaced than the one that was compared.
    KeepsWrongSwap: [NOTHING_LOST],
    /// Drops a displaced file whatever a late writer has written to it.
    DropsLateWriter: [NOTHING_LOST],
    /// Does not sync what it placed.
    PlacesUnsynced: [PLACED_LASTS, NO_NEEDLESS_COPY],
    /// Places a content that came torn.
    PlacesTorn: [WHOLE],
    /// Removes the loser of a conflict instead of giving it a conflict name.
    DropsLoser: [ONLY_HISTORY, ONLY_SEEN, NOTHING_LOST],
    /// Makes a conflict copy of whatever it replaces.
    CopiesNeedlessly: [JUST_THAT, NO_NEEDLESS_COPY],
    /// Takes an unreadable directory for an empty one.
    UnreadableIsEmpty: [DELETED_UNSEEN],
    /// Takes a root that is not mounted for an empty one.
    UnmountedIsEmpty: [ONE_PLACE, DELETED_UNSEEN],
    /// Trusts inode numbers alone, whatever the birth time.
    IgnoresBirth: [DELETED_UNSEEN, OWN_INVARIANTS],
    /// Does not know that names may differ in case only and clash.
    IgnoresCase: [RESTS],
    /// Takes a file of the same size and mtime for unchanged, whatever the ctime.
    FollowsMtime: [SAME_TREES],
    /// Sends a new file at once, though it may be a temporary one.
    NeverSettles: [NO_TEMPORARY],
    /// Believes at first sight that something is not there.
    NoSecondLook: [DELETED_UNSEEN, SAME_TREES],
    /// Plans a node again while its commit is under way.
    PlansInFlight: [ONE_AT_A_TIME],
    /// Forgets a commit's key: a fresh one each time it is sent.
    ForgetsKey: [ONE_AT_A_TIME],
    /// Lets an outcome overtake the entries that it comes after.
    OutcomeOvertakes: [NOTHING_OVERTAKES],
    /// Takes a device's own entries for another's.
    OwnIsForeign: [COPY_PER_DIVERGENCE, NO_NEEDLESS_COPY, ALONE],
    /// Takes what a copy of a device writes for that device's own.
    CopyIsOwn: [NEVER_BACK, DELETED_UNSEEN],
    /// Keeps what was agreed on although both sides must be merged: merging deletes.
    MergeDeletes: [NOTHING_LOST],
    /// Loses the news of a moved head, and polls an old one.
    NewsLost: [RESTS],
    /// Takes a damaged entry, and never compares a digest.
    IgnoresDigest: [SAME_TREES],
    /// Takes a cursor of another history for its own.
    IgnoresChain: [RESTS, SAME_TREES, NOTHING_LOST],
    /// Says that a save is durable before it is.
    SavesLate: [REBUILT, NO_NEEDLESS_COPY],
    /// Does not record what it is about to place or remove.
    ForgetsIntent: [COPY_PER_DIVERGENCE, ALONE],
    /// Draws the same ids after each start.
    KeepsSeed: [OWN_INVARIANTS, DECIDED_ONCE, SAME_TREES, RESTS],
    /// Lets the last writer win at the server.
    LastWriterWins: [NOTHING_LOST],
    /// Decides a commit that is sent again anew.
    DecidesAgain: [DECIDED_ONCE],
    /// Accepts a node in a deleted directory.
    AcceptsOrphan: [OWN_INVARIANTS],
    /// Accepts a directory inside itself.
    AcceptsCycle: [BELOW_ROOT, OWN_INVARIANTS, RESTS],
    /// Accepts a second node of one name.
    AcceptsTwin: [NO_PANIC],
    /// Accepts the deletion of a directory that is not empty.
    DeletesFull: [OWN_INVARIANTS],
    /// Answers a commit before it is durable.
    AnswersEarly: [CHAINED],
}
