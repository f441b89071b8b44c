//! The list of planted faults, and the rules that may catch each.

use serde::{Deserialize, Serialize};

macro_rules! planted {
    ($(#[doc = $words:literal] $name:ident: [$($rule:literal),*],)*) => {
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
    ReplacesUncompared: ["only what the server has had is displaced", "no version is lost"],
    /// Removes a file without comparing it first.
    RemovesUncompared: ["only what the server has had is displaced", "no version is lost"],
    /// Renames a file without comparing it first.
    RenamesUncompared: [],
    /// Renames a file to a name that another has taken.
    RenamesOverOthers: ["no version is lost"],
    /// Puts a new file at a name that another has taken.
    PlacesOverOthers: ["no version is lost"],
    /// Removes a directory with all that is in it.
    RemovesRecursively: ["no version is lost"],
    /// Takes a change that failed for done.
    FailureIsDone: ["comes to rest"],
    /// Takes the stamp of a placed file after the swap.
    StampsAfterSwap: ["the engine's own invariants", "all disks and the server hold the same tree", "no version is lost"],
    /// Does not swap back when another file was displaced than the one that was compared.
    KeepsWrongSwap: ["no version is lost"],
    /// Drops a displaced file whatever a late writer has written to it.
    DropsLateWriter: ["no version is lost"],
    /// Does not sync what it placed.
    PlacesUnsynced: ["no version is lost"],
    /// Places a content that came torn.
    PlacesTorn: ["only what the server has had is displaced", "all disks and the server hold the same tree"],
    /// Removes the loser of a conflict instead of giving it a conflict name.
    DropsLoser: ["only what the server has had is displaced", "no version is lost"],
    /// Makes a conflict copy of whatever it replaces.
    CopiesNeedlessly: ["what was deleted stays deleted", "there is one file for each version", "no needless conflict copy"],
    /// Takes an unreadable directory for an empty one.
    UnreadableIsEmpty: [],
    /// Takes a root that is not mounted for an empty one.
    UnmountedIsEmpty: [],
    /// Trusts inode numbers alone, whatever the birth time.
    IgnoresBirth: ["the engine's own invariants"],
    /// Takes a file of the same size and mtime for unchanged, whatever the ctime.
    FollowsMtime: [],
    /// Sends a new file at once, though it may be a temporary one.
    NeverSettles: ["no temporary name leaves its device"],
    /// Believes a deletion at first sight.
    NoSecondLook: ["all disks and the server hold the same tree"],
    /// Plans a node again while its commit is under way.
    PlansInFlight: [],
    /// Forgets a commit's key: a fresh one each time it is sent.
    ForgetsKey: [],
    /// Lets an outcome overtake the entries that it comes after.
    OutcomeOvertakes: [],
    /// Takes a device's own entries for another's.
    OwnIsForeign: [],
    /// Keeps what was agreed on although both sides must be merged: merging deletes.
    MergeDeletes: [],
    /// Loses the news of a moved head, and polls an old one.
    NewsLost: ["comes to rest"],
    /// Takes a damaged entry, and never compares a digest.
    IgnoresDigest: [],
    /// Takes a cursor of another history for its own.
    IgnoresChain: [],
    /// Says that a save is durable before it is.
    SavesLate: ["an engine rebuilt from what was saved wants nothing"],
    /// Does not record what it is about to place or remove.
    ForgetsIntent: [],
    /// Draws the same ids after each start.
    KeepsSeed: ["the engine's own invariants"],
    /// Lets the last writer win at the server.
    LastWriterWins: ["no version is lost"],
    /// Decides a commit that is sent again anew.
    DecidesAgain: [],
    /// Accepts a node in a deleted directory.
    AcceptsOrphan: ["the engine's own invariants"],
    /// Accepts a directory inside itself.
    AcceptsCycle: [],
    /// Accepts a second node of one name.
    AcceptsTwin: ["nothing panics"],
    /// Accepts the deletion of a directory that is not empty.
    DeletesFull: ["the engine's own invariants"],
    /// Answers a commit before it is durable.
    AnswersEarly: ["the journal is gapless and chained"],
}
