//! How a device goes on after `Hello`: a pure decision.

use crate::id::Lineage;
use crate::operation::Cursor;
use crate::protocol::{MergeReason, Resume};

use super::event::Greeting;

/// So many missed entries are always sent one by one; beyond, a snapshot may be shorter.
pub const ENTRIES_BEFORE_SNAPSHOT: u64 = 1_000;

/// What both agreed on holds only if the device's cursor is a prefix of this journal, and its own
/// state is the very one, and as new, as the server saw from it last.
pub(super) fn resume(greeting: &Greeting, cursor: &Cursor, known: &[Lineage]) -> Resume {
    let welcomed = greeting.lineage.is_some_and(|lineage| known.contains(&lineage));
    if *cursor == Cursor::START && !welcomed {
        return Resume::Merge(MergeReason::FirstJoin);
    }
    if cursor.seq > greeting.head.seq || greeting.at_seq != Some(cursor.hash) {
        return Resume::Merge(MergeReason::OtherJournal);
    }
    if greeting.lineage.is_some_and(|lineage| !known.contains(&lineage)) {
        return Resume::Merge(MergeReason::ClonedDevice);
    }
    if greeting.acknowledged > cursor.seq {
        return Resume::Merge(MergeReason::OlderDevice);
    }
    let missed = greeting.head.seq.get() - cursor.seq.get();
    if missed > ENTRIES_BEFORE_SNAPSHOT && missed > greeting.live_nodes {
        Resume::Snapshot
    } else {
        Resume::Entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::ChainHash;
    use crate::id::Seq;

    const OURS: Lineage = Lineage::from_bytes([1; 16]);
    const OTHERS: Lineage = Lineage::from_bytes([2; 16]);

    fn cursor(seq: u64) -> Cursor {
        Cursor { seq: Seq::new(seq), hash: ChainHash::from_bytes([7; 32]) }
    }

    fn greeting(head: u64) -> Greeting {
        Greeting {
            head: cursor(head),
            at_seq: Some(ChainHash::from_bytes([7; 32])),
            live_nodes: 10,
            writable: true,
            acknowledged: Seq::ZERO,
            lineage: Some(OURS),
        }
    }

    fn check(greeting: Greeting, seq: u64, expected: Resume) {
        assert_eq!(resume(&greeting, &cursor(seq), &[OURS]), expected);
    }

    #[test]
    fn a_device_that_is_not_far_behind_gets_the_entries() {
        check(greeting(5), 5, Resume::Entries);
        check(greeting(1_005), 5, Resume::Entries);
    }

    #[test]
    fn a_snapshot_is_given_when_it_is_shorter() {
        check(greeting(1_006), 5, Resume::Snapshot);
        check(Greeting { live_nodes: 2_000, ..greeting(1_006) }, 5, Resume::Entries);
    }

    #[test]
    fn a_device_with_nothing_joins() {
        let first = resume(&greeting(5), &Cursor::START, &[]);
        assert_eq!(first, Resume::Merge(MergeReason::FirstJoin));
    }

    #[test]
    fn a_device_that_joined_when_the_folder_was_empty_gets_the_entries() {
        let at_start = Greeting { at_seq: Some(ChainHash::EMPTY), ..greeting(5) };
        assert_eq!(resume(&at_start, &Cursor::START, &[OURS]), Resume::Entries);
    }

    #[test]
    fn a_cursor_that_is_no_prefix_of_the_journal_means_merging() {
        let other = Resume::Merge(MergeReason::OtherJournal);
        check(greeting(4), 5, other);
        check(Greeting { at_seq: None, ..greeting(5) }, 5, other);
        check(Greeting { at_seq: Some(ChainHash::EMPTY), ..greeting(5) }, 5, other);
    }

    #[test]
    fn a_device_that_is_older_than_what_it_acknowledged_merges() {
        let older = Greeting { acknowledged: Seq::new(6), ..greeting(9) };
        check(older, 5, Resume::Merge(MergeReason::OlderDevice));
        check(Greeting { acknowledged: Seq::new(5), ..greeting(9) }, 5, Resume::Entries);
    }

    #[test]
    fn a_device_of_which_another_client_went_on_merges() {
        let cloned = Greeting { lineage: Some(OTHERS), ..greeting(5) };
        check(cloned, 5, Resume::Merge(MergeReason::ClonedDevice));
        check(Greeting { lineage: None, ..greeting(5) }, 5, Resume::Entries);
    }
}
