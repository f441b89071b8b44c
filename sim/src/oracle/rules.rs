//! The rules, by name: what a broken one is told as, and what a planted fault must be caught by.

macro_rules! rules {
    ($($name:ident $words:literal)*) => {
        $(#[doc = $words] pub const $name: &str = $words;)*

        /// Every rule that counts what it judged.
        pub const ALL: &[&str] = &[$($name,)*];
    };
}

rules! {
    NO_HALT "no engine stops for good"
    SERVER_HAS_CONTENTS "the server has the content of each file"
    SUM_IS_RIGHT "the head's sum is that of the tree"
    BELOW_ROOT "every live node is below the root"
    UNIQUE_NAMES "names are unique among live siblings"
    CHAINED "the journal is gapless and chained"
    SAME_TREES "all disks and the server hold the same tree"
    NOTHING_LOST "no version is lost"
    STAYS_DELETED "what was deleted stays deleted"
    ONE_FILE_EACH "there is one file for each version"
    NO_NEEDLESS_COPY "no needless conflict copy"
    NO_TEMPORARY "no temporary name leaves its device"
    BOUNDED "a bounded number of entries for each deed"
    ONLY_HISTORY "only what the server has had is displaced"
    ALONE "who acts alone is followed"
    FRESH_SCAN "a fresh scan wants to do nothing"
    ONE_AT_A_TIME "one commit at a time, under one key until its outcome is heard"
    NOTHING_OVERTAKES "an outcome comes after the entries that came of it"
    DECIDED_ONCE "a commit is accepted once"
    REBUILT "an engine rebuilt from what was saved wants nothing"
}
