//! Which node is met under which name, by what one look shows.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use super::*;
use crate::client::bench::{self, ROOT, file, form, link, name, node, place};
use crate::client::intents::Unresolved;
use crate::client::planning::with_executable;
use crate::client::record::{Intent, Record};
use crate::disk::{Form, Names};
use crate::node::{Body, State};
use crate::time::FileTime;

const FILE: Form = Form::File { executable: false };

/// A node: its letter, where it is, which inode it is and what; those in capitals were never
/// accepted.
type Known = (char, NodeId, &'static str, u64, Form);
/// A name in a listing, and the inode that stands there.
type Shown = (&'static str, u64, Form);

fn stamp(number: u64) -> Stamp {
    bench::stamp(number, &file(ROOT, "f", "one").body)
}

fn record((letter, parent, at, number, form): &Known) -> (NodeId, Record) {
    let place = place(*parent, at);
    let body = match form {
        Form::Directory => Body::Directory,
        Form::File { executable } => with_executable(&file(ROOT, at, "one").body, *executable),
        Form::Symlink(target) => Body::Symlink(target.clone()),
    };
    let agreed = letter.is_lowercase().then(|| State { place: place.clone(), body });
    let (linked, seen_by) = (false, 0);
    let body = LocalBody::unread(form);
    let here = Present { place, stamp: stamp(*number), linked, body, seen_by };
    (node(*letter), Record::of(Local::Present(here), agreed.clone(), agreed))
}

/// Takes in what a look showed; it is known what the server has: nothing else was sent.
fn look(client: &mut Client, (number, dir, names): (u64, NodeId, Names), shown: &[(&str, Found)]) {
    let seen = |(at, found): &(&str, Found)| (name(at), Seen::Node(found.clone()));
    let names_shown = shown.iter().map(seen).collect();
    let listing = Listing { inode: stamp(99).inode, names: names_shown, unnameable: vec![] };
    client.sent_before.clear();
    let (tainted, since) = (BTreeSet::new(), client.now.instant);
    client.identify(&Look { dir, names, deep: false, tainted, number, since }, &listing);
}

fn found(number: u64, form: &Form) -> Found {
    Found { stamp: stamp(number), links: 1, form: form.clone() }
}

fn client(known: &[Known]) -> Client {
    let mut client = Client::of_trees(known.iter().map(record));
    plan(&mut client);
    client
}

/// What is to be planned, which it then is not any more.
fn plan(client: &mut Client) -> BTreeSet<NodeId> {
    core::iter::from_fn(|| client.trees.next_dirty()).collect()
}

/// Each present node as `place:letter`; `+` for one that is new, `?` after one that is missing.
fn names(client: &Client, known: &[Known]) -> String {
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
    words.join(" ")
}

fn check(known: &[Known], looks: &[(u64, NodeId, &[Shown])], expected: &str) {
    let mut client = client(known);
    for (number, dir, shown) in looks {
        let shown: Vec<(&str, Found)> =
            shown.iter().map(|(at, number, form)| (*at, found(*number, form))).collect();
        look(&mut client, (*number, *dir, Names::All), &shown);
    }
    assert_eq!(names(&client, known), expected);
}

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
    check(&known, &[(1, ROOT, &[("f", 3, FILE), ("g", 7, FILE)])], "f:a g:+");
    // Unless that file has moved.
    check(&known, &[(1, ROOT, &[("f", 3, FILE), ("g", 1, FILE)])], "f:N g:a");
}

#[test]
fn a_directory_that_takes_a_directorys_name_is_itself() {
    let known = [('d', ROOT, "d", 4, Form::Directory), ('E', ROOT, "e", 5, Form::Directory)];
    check(&known, &[(1, ROOT, &[("d", 5, Form::Directory)])], "d:E d:d?");
}

#[test]
fn what_was_agreed_to_be_at_a_name_is_edited_by_what_takes_it_again() {
    let known = [('a', ROOT, "f", 1, FILE)];
    // It became a backup, or moved on and is gone.
    let backup: (u64, NodeId, &[Shown]) = (1, ROOT, &[("f~", 1, FILE)]);
    let anew: (u64, NodeId, &[Shown]) = (2, ROOT, &[("f", 9, FILE), ("f~", 1, FILE)]);
    check(&known, &[backup, anew], "f:a");
    check(&known, &[backup, anew, (3, ROOT, anew.2)], "f:a f~:+");
    let moved: (u64, NodeId, &[Shown]) = (1, ROOT, &[("g", 1, FILE)]);
    check(&known, &[moved, (2, ROOT, &[]), (3, ROOT, &[("f", 9, FILE)])], "f:a");
    check(&known, &[moved, (2, ROOT, &[("f", 9, FILE), ("g", 1, FILE)])], "f:+ g:a");
}

#[test]
fn what_was_deleted_comes_back_as_itself_where_it_was_agreed_to_be() {
    let known = [('a', ROOT, "f", 1, FILE)];
    let check = |agreed: &str, shown: Form, expected: &str| {
        let mut client = client(&known);
        let there = client.trees.get(node('a')).remote().cloned();
        client.trees.set_local(node('a'), Local::Absent);
        let place = place(ROOT, agreed);
        client.trees.set_synced(node('a'), there.map(|there| State { place, ..there }));
        look(&mut client, (1, ROOT, Names::All), &[("f", found(9, &shown))]);
        assert_eq!(names(&client, &known), expected);
        client
    };
    let back = check("f", FILE, "f:a");
    assert!(back.is_settled(node('a')), "a name that is known does not wait");
    check("f", Form::Directory, "f:+");
    check("g", FILE, "f:+");
}

#[test]
fn only_a_new_name_is_waited_for_and_only_a_directory_looked_into() {
    let known = [('N', ROOT, "n", 1, FILE)];
    let mut client = client(&known);
    let shown = [("d", found(4, &Form::Directory)), ("f", found(5, &FILE)), ("n", found(6, &FILE))];
    look(&mut client, (1, ROOT, Names::All), &shown);
    let at = |name: &str| client.trees.child_here(ROOT, &bench::name(name)).unwrap();
    let settled = ["d", "f", "n"].map(|name| client.is_settled(at(name)));
    let looked_into = ["d", "f", "n"].map(|name| client.is_looked_into(at(name)));
    assert_eq!((settled, looked_into), ([false, false, true], [true, false, false]));
}

#[test]
fn what_moved_is_looked_into_if_it_is_a_directory() {
    let known = [('a', ROOT, "f", 1, FILE), ('d', ROOT, "d", 4, Form::Directory)];
    let mut client = client(&known);
    let shown = [("e", found(4, &Form::Directory)), ("g", found(1, &FILE))];
    look(&mut client, (1, ROOT, Names::All), &shown);
    assert_eq!(names(&client, &known), "e:d g:a");
    assert_eq!(['a', 'd', '*'].map(|at| client.is_looked_into(node(at))), [false, true, false]);
}

#[test]
fn what_an_editor_left_at_another_name_is_looked_at() {
    let known = [('a', ROOT, "f", 1, FILE)];
    let mut client = client(&known);
    look(&mut client, (1, ROOT, Names::All), &[("f", found(9, &FILE))]);
    assert!(!client.is_looked_into(ROOT), "it left nothing");
    look(&mut client, (2, ROOT, Names::All), &[("f~", found(9, &FILE))]);
    look(&mut client, (3, ROOT, Names::All), &[("f", found(8, &FILE)), ("f~", found(9, &FILE))]);
    assert!(client.is_looked_into(ROOT), "{}", names(&client, &known));
}

#[test]
fn a_directory_that_may_be_another_or_can_be_read_again_is_looked_into() {
    let check = |form: Form, birth: Option<FileTime>, blind: bool, expected: bool| {
        let mut client = client(&[('d', ROOT, "d", 4, form.clone())]);
        client.trees.update_present(node('d'), |present| present.stamp.inode.birth = birth);
        if blind {
            client.looks.blind.insert(node('d'));
        }
        let mut found = found(4, &form);
        found.stamp.inode.birth = birth;
        look(&mut client, (1, ROOT, Names::All), &[("d", found)]);
        assert_eq!(client.is_looked_into(node('d')), expected, "{form:?} {birth:?} {blind}");
    };
    check(Form::Directory, Some(FileTime::default()), false, false);
    check(Form::Directory, Some(FileTime::default()), true, true);
    check(Form::Directory, None, false, true);
    check(FILE, None, false, false);
}

#[test]
fn what_comes_out_of_a_directory_that_cannot_be_read_is_planned_with_all_in_it() {
    let dir = |letter, parent, name, number| (letter, parent, name, number, Form::Directory);
    let known = [
        dir('x', ROOT, "x", 5),
        dir('d', node('x'), "d", 4),
        dir('e', node('d'), "e", 6),
        ('f', node('e'), "f", 7, FILE),
    ];
    for blind in [false, true] {
        let mut client = client(&known);
        if blind {
            client.looks.blind.insert(node('x'));
        }
        let shown = [("d", found(4, &Form::Directory)), ("x", found(5, &Form::Directory))];
        look(&mut client, (1, ROOT, Names::All), &shown);
        assert_eq!(names(&client, &known), "d/e/f:f d/e:e d:d x:x");
        assert_eq!(plan(&mut client).contains(&node('f')), blind);
    }
}

#[test]
fn what_is_as_it_was_is_not_planned_and_what_is_not_is() {
    let check = |known: Form, has_modes: bool, shown: Form, links: u32, expected: &str| {
        let mut client = client(&[('a', ROOT, "f", 1, known)]);
        client.config.has_modes = has_modes;
        look(&mut client, (1, ROOT, Names::All), &[("f", Found { links, ..found(1, &shown) })]);
        let present = client.trees.get(node('a')).present().unwrap();
        let (linked, body) = (present.linked, present.body.clone());
        let what = match body {
            LocalBody::Directory => "a directory".into(),
            LocalBody::File { executable: true, .. } => "a program".into(),
            LocalBody::File { executable: false, .. } => "a file".into(),
            LocalBody::Symlink(target) => String::from_utf8_lossy(target.as_bytes()).into_owned(),
        };
        let linked = if linked { ", with other names" } else { "" };
        let planned = if plan(&mut client).is_empty() { "" } else { ", planned" };
        assert_eq!(format!("{what}{linked}{planned}"), expected);
    };
    let program = Form::File { executable: true };
    let link = |to| form(&link(to));
    check(FILE, true, FILE, 1, "a file");
    check(FILE, true, program.clone(), 1, "a program, planned");
    check(FILE, false, program, 1, "a file");
    check(FILE, true, FILE, 2, "a file, with other names, planned");
    check(link("there"), true, link("there"), 1, "there");
    check(link("there"), true, link("elsewhere"), 1, "elsewhere, planned");
}

#[test]
fn a_file_with_two_names_is_two_nodes_until_it_has_one() {
    let known = [('a', ROOT, "f", 1, FILE), ('d', ROOT, "d", 4, Form::Directory)];
    let mut client = client(&known);
    let twice = |size| {
        let found = found(1, &FILE);
        Found { stamp: Stamp { size, ..found.stamp }, links: 2, ..found }
    };
    let f = || Names::Only([name("f")].into());
    look(&mut client, (1, ROOT, f()), &[("f", twice(3))]);
    look(&mut client, (2, node('d'), Names::All), &[("g", twice(3))]);
    assert_eq!(names(&client, &known), "d/g:+ d:d f:a");
    assert!(!client.is_looked_into(node('d')));
    // What is written through one of them is looked at under the other.
    look(&mut client, (3, ROOT, f()), &[("f", twice(4))]);
    assert_eq!([node('d'), ROOT].map(|dir| client.is_looked_into(dir)), [true, false]);
    look(&mut client, (4, node('d'), Names::All), &[("g", twice(4))]);
    assert_eq!(names(&client, &known), "d/g:+ d:d f:a");
    // Its other name is gone.
    look(&mut client, (5, node('d'), Names::All), &[("g", Found { links: 1, ..twice(5) })]);
    assert_eq!(names(&client, &known), "d/g:+ d:d f:a?");
}

#[test]
fn whose_number_was_given_away_is_gone() {
    let known = [('a', ROOT, "l", 1, form(&link("x"))), ('d', ROOT, "d", 4, Form::Directory)];
    for (links, expected) in [(1, "d/f:+ d:d l:a?"), (2, "d/f:+ d:d l:a")] {
        let mut client = client(&known);
        let shown = Found { links, ..found(1, &FILE) };
        look(&mut client, (1, node('d'), Names::All), &[("f", shown)]);
        assert_eq!(names(&client, &known), expected);
    }
}

#[test]
fn what_was_begun_where_a_directory_stands_counts_before_a_bare_number() {
    let known = |form: &Form| [('d', ROOT, "d", 4, form.clone())];
    let check = |form: Form, birth: Option<FileTime>, (begun, at): (char, &str), expected: &str| {
        let mut client = client(&known(&form));
        client.trees.update_present(node('d'), |present| present.stamp.inode.birth = birth);
        let state = State { place: place(ROOT, at), body: Body::Directory };
        if begun != 'd' {
            client.trees.set_remote(node(begun), Some(state.clone()));
        }
        client.trees.set_intent(node(begun), Some(Intent::Place(Box::new(state))));
        client.unresolved = Unresolved::of(&client.trees);
        let mut found = found(4, &form);
        found.stamp.inode.birth = birth;
        look(&mut client, (1, ROOT, Names::All), &[("e", found)]);
        assert_eq!(names(&client, &known(&form)), expected, "{form:?} {birth:?} {begun} at {at}");
    };
    check(Form::Directory, None, ('e', "e"), "d:d? e:+");
    check(Form::Directory, None, ('e', "f"), "e:d");
    check(Form::Directory, None, ('d', "e"), "e:d");
    check(Form::Directory, Some(FileTime::default()), ('e', "e"), "e:d");
    check(FILE, None, ('e', "e"), "e:d");
}
