//! What is in what, also while moves are half seen.

use super::*;
use crate::client::record::{LocalBody, Present};
use crate::disk::{Inode, Stamp};
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
