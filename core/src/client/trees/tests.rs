//! What is in what, also while moves are half seen.

use super::*;
use crate::client::record::{LocalBody, Present};
use crate::disk::{Inode, Stamp};
use crate::node::Body;
use crate::time::FileTime;

fn directory_in(parent: NodeId, number: u64) -> Record {
    let time = FileTime { seconds: 1, nanoseconds: 0 };
    let inode = Inode { device: 1, number, birth: Some(time) };
    let name = Name::new("d".as_bytes()).expect("a valid name");
    let here = Present {
        place: Place { parent, name },
        stamp: Stamp { inode, size: 0, mtime: time, ctime: None },
        linked: false,
        body: LocalBody::Directory,
        seen_by: 0,
    };
    Record::of(Local::Present(here), None, None)
}

/// Of two moves, the second was seen first: each directory is in the other.
#[test]
fn what_is_below_a_directory_ends_where_a_circle_closes() {
    let (one, other) = (NodeId::from_bytes([1; 16]), NodeId::from_bytes([2; 16]));
    let mut trees = Trees::default();
    trees.restore(one, directory_in(other, 1));
    trees.restore(other, directory_in(one, 2));
    assert_eq!(trees.below_here(one), [other]);
    assert_eq!(trees.below_here(other), [one]);
}

/// Of two that were seen at one name, the first has lost it: it is not met by name, and yet goes where
/// its directory goes.
#[test]
fn what_has_lost_its_name_stays_in_its_directory() {
    let [dir, first, second, heir] = [1, 2, 3, 4].map(|number| NodeId::from_bytes([number; 16]));
    let mut trees = Trees::default();
    trees.restore(dir, directory_in(NodeId::ROOT, 1));
    trees.restore(first, directory_in(dir, 2));
    trees.restore(second, directory_in(dir, 3));
    assert_eq!(trees.below_here(dir), [second]);
    assert_eq!(trees.all_below_here(dir), [first, second]);
    trees.hand_over(dir, heir);
    assert_eq!(trees.all_below_here(dir), []);
    assert_eq!(trees.all_below_here(heir), [first, second]);
    trees.set_local(first, Local::Absent);
    assert_eq!(trees.all_below_here(heir), [second]);
}

#[test]
fn what_comes_and_goes_without_being_kept_is_never_saved() {
    let (dir, inside) = (NodeId::from_bytes([1; 16]), NodeId::from_bytes([2; 16]));
    let mut trees = Trees::default();
    for (node, record) in [(dir, directory_in(NodeId::ROOT, 1)), (inside, directory_in(dir, 2))] {
        trees.set_local(node, record.local().clone());
        assert!(trees.is_unsaved(node));
    }
    assert_eq!(trees.take_unsaved(), BTreeSet::new());
    trees.set_local(inside, Local::Absent);
    trees.set_local(dir, Local::Absent);
    assert!(!trees.has_unsaved());
}

#[test]
fn what_is_kept_is_saved_with_the_directories_that_it_is_in() {
    let [dir, inside] = [1, 2].map(|byte| NodeId::from_bytes([byte; 16]));
    let mut trees = Trees::default();
    trees.set_local(dir, directory_in(NodeId::ROOT, 1).local().clone());
    trees.set_local(inside, directory_in(dir, 2).local().clone());
    trees.keep(inside);
    assert_eq!(trees.take_unsaved(), BTreeSet::from([dir, inside]));
    trees.set_local(inside, Local::Absent);
    assert_eq!(trees.take_unsaved(), BTreeSet::from([inside]), "its record is to go");

    // What is known to the server moves into a directory that was just made.
    let [new, known] = [3, 4].map(|byte| NodeId::from_bytes([byte; 16]));
    let here = directory_in(NodeId::ROOT, 4);
    let state =
        State { place: here.present().expect("it is").place.clone(), body: Body::Directory };
    trees.set_remote(known, Some(state));
    trees.set_local(new, directory_in(NodeId::ROOT, 3).local().clone());
    assert_eq!(trees.take_unsaved(), BTreeSet::from([known]));
    trees.set_local(known, directory_in(new, 4).local().clone());
    assert_eq!(trees.take_unsaved(), BTreeSet::from([new, known]));
}
