//! The rules, by name: what a broken one is told as, and what a planted fault must be caught by.

macro_rules! rules {
    ($($name:ident $words:literal)*) => {
        $(#[doc = $words] pub const $name: &str = $words;)*

        /// An engine's own invariants: each is counted under a name of its own.
        pub const OWN_INVARIANTS: &str = "the engine's own invariants";

        /// Every rule that counts what it judged.
        pub const ALL: &[&str] = &[$($name,)*];
    };
}

rules! {
    IN_A_TREE "engine's own: a node is in some tree"
    HERE "engine's own: what is here is in a directory that is here"
    OWN_FILE "engine's own: what is here is a file of its own"
    OWN_SIZE "engine's own: a content is as large as its file"
    THERE "engine's own: what is at the server is in a directory that is there"
    NO_HALT "no engine stops for good"
    SERVER_HAS_CONTENTS "the server has the content of each file"
    SUM_IS_RIGHT "the head's sum is that of the tree"
    BELOW_ROOT "every live node is below the root"
    UNIQUE_NAMES "names are unique among live siblings"
    CHAINED "the journal is gapless and chained"
    SAME_TREES "all disks and the server hold the same tree"
    NOTHING_LOST "no version is lost"
    NEVER_BACK "a version does not give way to one that it came of"
    STAYS_DELETED "what was deleted stays deleted"
    ONE_FILE_EACH "there is one file for each version"
    NO_NEEDLESS_COPY "no needless conflict copy"
    NO_TEMPORARY "no temporary name leaves its device"
    BOUNDED "a bounded number of entries for each deed"
    ONLY_HISTORY "only what the server has had is displaced"
    ALONE "who acts alone is followed"
    ROWS_FOLLOW "the server's rows are what the entries say"
    SAVED_FIRST "nothing is sent or changed for what is not saved"
    DELETED_UNSEEN "a deletion is sent only for what the last look did not show"
    ONLY_SEEN "only what the engine had seen as it was is displaced"
    MOVES_SEEN "only what the engine had seen is moved"
    JUST_THAT "a change does what was asked and nothing else"
    NOTHING_ELSE "a change takes nothing that it was not to take"
    WHOLE "a name shows only what a user wrote, whole"
    PLACED_LASTS "what an engine placed outlasts a power cut, whole"
    ONE_PLACE "a node stands in one place on a disk"
    MOVED_AT_ONCE "a moved directory is in one place at any instant"
    COPY_PER_DIVERGENCE "no more conflict copies than users had reasons for"
    NO_EQUAL_COPY "no conflict copy of equal bytes"
    LATENCY "a change is everywhere within its time"
    FRESH_SCAN "a fresh scan wants to do nothing"
    ONE_AT_A_TIME "one commit at a time, under one key until its outcome is heard"
    NOTHING_OVERTAKES "an outcome comes after the entries that came of it"
    DECIDED_ONCE "a commit is accepted once"
    REBUILT "an engine rebuilt from what was saved wants nothing"
}
