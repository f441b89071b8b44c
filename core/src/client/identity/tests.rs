//! Which node is met under which name, by what one look shows.

use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use super::*;
use crate::client::record::Record;
use crate::disk::{Form, Names};
use crate::hash::ContentId;
use crate::node::{Body, Content, State};
use crate::time::FileTime;

const TIME: FileTime = FileTime { seconds: 1, nanoseconds: 0 };
const FILE: Form = Form::File { executable: false };

/// A node: its letter, where it is, which inode it is and what; those in capitals were never accepted.
type Known = (char, NodeId, &'static str, u64, Form);
/// A name in a listing, and the inode that stands there.
type Shown = (&'static str, u64, Form);

fn node(letter: char) -> NodeId {
    NodeId::from_bytes([letter as u8; 16])
}

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).expect("a valid name")
}

fn stamp(number: u64) -> Stamp {
    let inode = Inode { device: 1, number, birth: Some(TIME) };
    Stamp { inode, size: 3, mtime: TIME, ctime: None }
}

fn record((letter, parent, at, number, form): &Known) -> (NodeId, Record) {
    let place = Place { parent: *parent, name: name(at) };
    let body = match form {
        Form::Directory => Body::Directory,
        Form::File { executable } => {
            let content = Content { id: ContentId::of(b"one"), size: 3, mtime: TIME };
            Body::File { content, executable: *executable }
        }
        Form::Symlink(target) => Body::Symlink(target.clone()),
    };
    let agreed = letter.is_lowercase().then(|| State { place: place.clone(), body });
    let (linked, seen_by) = (false, 0);
    let body = LocalBody::unread(form);
    let here = Present { place, stamp: stamp(*number), linked, body, seen_by };
    (node(*letter), Record::of(Local::Present(here), agreed.clone(), agreed))
}

/// Each present node as `place:letter`; `+` for one that is new, `?` after one that is missing.
fn check(known: &[Known], looks: &[(u64, NodeId, &[Shown])], expected: &str) {
    let mut client = Client::of_trees(known.iter().map(record));
    for (number, dir, shown) in looks {
        let found = |(at, number, form): &Shown| {
            let found = Found { stamp: stamp(*number), links: 1, form: form.clone() };
            (name(at), Seen::Node(found))
        };
        let names = shown.iter().map(found).collect();
        let listing = Listing { inode: stamp(99).inode, names, unnameable: vec![] };
        // It is known what the server has: nothing else was sent.
        client.sent_before.clear();
        let look = Look {
            dir: *dir,
            names: Names::All,
            deep: false,
            tainted: BTreeSet::new(),
            number: *number,
            since: client.now.instant,
        };
        client.identify(&look, &listing);
    }
    let letter = |node: NodeId| {
        let letter = known.iter().map(|known| known.0).find(|letter| self::node(*letter) == node);
        letter.unwrap_or('+')
    };
    let mut words: Vec<String> = (client.trees.nodes())
        .filter_map(|(node, record)| {
            let missing = if client.looks.missing.contains_key(&node) { "?" } else { "" };
            let path = client.trees.place_path(&record.present()?.place)?;
            Some(format!("{path}:{}{missing}", letter(node)))
        })
        .collect();
    words.sort();
    assert_eq!(words.join(" "), expected);
}

const ROOT: NodeId = NodeId::ROOT;

#[test]
fn a_file_stays_where_its_inode_is_and_goes_where_its_inode_goes() {
    let known = [('a', ROOT, "f", 1, FILE)];
    check(&known, &[(1, ROOT, &[("f", 1, FILE)])], "f:a");
    check(&known, &[(1, ROOT, &[("g", 1, FILE)])], "g:a");
    check(&known, &[(1, ROOT, &[("f", 9, FILE)])], "f:a");
    check(&known, &[(1, ROOT, &[("g", 9, FILE)])], "f:a? g:+");
}

#[test]
fn another_kind_with_the_number_of_a_file_is_another() {
    let known = [('a', ROOT, "f", 1, FILE)];
    check(&known, &[(1, ROOT, &[("f", 1, Form::Directory)])], "f:+ f:a?");
}

#[test]
fn an_older_look_does_not_undo_what_a_later_one_showed() {
    let known = [('a', ROOT, "f", 1, FILE), ('d', ROOT, "d", 4, Form::Directory)];
    let later: (u64, NodeId, &[Shown]) = (9, node('d'), &[("g", 1, FILE)]);
    let older: (u64, NodeId, &[Shown]) = (5, ROOT, &[("d", 4, Form::Directory), ("f", 1, FILE)]);
    check(&known, &[later, older], "d/g:a d:d");
    check(&known, &[older, later], "d/g:a d:d");
    // Also where the later one showed it as it was.
    let later: (u64, NodeId, &[Shown]) = (9, ROOT, &[("d", 4, Form::Directory), ("f", 1, FILE)]);
    let older: (u64, NodeId, &[Shown]) = (5, node('d'), &[("g", 1, FILE)]);
    check(&known, &[later, older], "d:d f:a");
}

#[test]
fn a_backup_beside_a_new_file_of_the_old_name_is_new() {
    let known = [('a', ROOT, "f", 1, FILE), ('d', ROOT, "d", 4, Form::Directory)];
    let dir = ("d", 4, Form::Directory);
    check(&known, &[(1, ROOT, &[dir.clone(), ("f", 9, FILE), ("f~", 1, FILE)])], "d:d f:a f~:+");
    // In another directory it is no backup, and has moved.
    let inside: &[Shown] = &[("f", 9, FILE), ("f~", 1, FILE)];
    check(&known, &[(1, node('d'), inside), (2, ROOT, &[dir])], "d/f:+ d/f~:a d:d");
}

#[test]
fn names_that_were_moved_along_are_no_backups() {
    let known = [('a', ROOT, "f", 1, FILE), ('b', ROOT, "g", 2, FILE)];
    check(&known, &[(1, ROOT, &[("f", 2, FILE), ("f~", 1, FILE)])], "f:b f~:a");
}

#[test]
fn a_directory_is_no_backup() {
    let known = [('a', ROOT, "f", 1, FILE), ('d', ROOT, "d", 4, Form::Directory)];
    check(&known, &[(1, ROOT, &[("d", 1, FILE), ("d~", 4, Form::Directory)])], "d:a d~:d");
}

#[test]
fn what_was_never_accepted_and_takes_a_files_name_is_an_edit_of_it() {
    let known = [('a', ROOT, "f", 1, FILE), ('N', ROOT, "f.tmp", 3, FILE)];
    check(&known, &[(1, ROOT, &[("f", 3, FILE)])], "f:a");
    // Unless that file has moved.
    check(&known, &[(1, ROOT, &[("f", 3, FILE), ("g", 1, FILE)])], "f:N g:a");
}

#[test]
fn a_directory_that_takes_a_directorys_name_is_itself() {
    let known = [('d', ROOT, "d", 4, Form::Directory), ('E', ROOT, "e", 5, Form::Directory)];
    check(&known, &[(1, ROOT, &[("d", 5, Form::Directory)])], "d:E d:d?");
}
