//! Names, types and encodings: 31 to 41 of the list.

use onefold_core::name::RelPath;
use sim::scenario::Scenario;
use sim::scenario::orders::{both_orders, every_order};
use sim::user::script::Call;
use sim::world::Setting;

/// Three devices, of which the second takes names that differ in case only for the same.
fn folding() -> Scenario {
    Scenario::with(Setting { folds_case: 0b10, ..Setting::calm(3) })
}

const COMPOSED: &str = "\u{e9}";
const COMPOSED_TOO: &str = "\u{e8}";
const PARTS: &str = "e\u{301}";

/// Three devices, of which the second takes composed and decomposed letters for one.
fn forms(decomposes: u8) -> Scenario {
    Scenario::with(Setting { folds_form: 0b10, decomposes, ..Setting::calm(3) })
}

/// 31: A case-only rename Foo→foo with B on a disk that folds case: the content is untouched, the
/// name changes.
#[test]
fn a_rename_of_case_only_changes_the_name_and_touches_no_content() {
    for device in [0, 1] {
        let mut s = folding();
        s.write(0, "Foo", "text").mkdir(0, "Dir").write(0, "Dir/x", "one").settle().mark();
        s.rename(device, "Foo", "foo").rename(device, "Dir", "dir");
        s.everywhere("dir/ dir/x=one foo=text").check("two moves", |s| s.new_entries() == 2);
        s.check("no content goes anywhere", |s| {
            (0..3).all(|d| s.uploads(d) == 0 && s.asked(d, "place ") == 0)
        });
    }
}

/// 32: A makes Foo and foo: on B one is there, the other told; deleting one never deletes the other.
#[test]
fn of_two_names_that_differ_in_case_a_folding_disk_has_one_and_tells_of_the_other() {
    let mut s = folding();
    s.write(0, "Foo", "one").settle().write(0, "foo", "two").by_the_rules();
    s.here(1, "Foo=one").here(2, "Foo=one foo=two");
    s.check("it is told", |s| s.problems(1) == "foo: Parked");
    s.delete(1, "Foo").everywhere("foo=two").check("nothing to tell", |s| s.problems(1).is_empty());

    let mut s = folding();
    s.write(0, "Foo", "one").settle().write(0, "foo", "two").settle();
    s.delete(0, "foo").everywhere("Foo=one");
}

/// 33: A case rename, an edit and a deletion of the old name, mixed.
#[test]
fn a_rename_of_case_mixed_with_an_edit_and_with_a_deletion_keeps_the_file() {
    for folds_case in [0, 0b001, 0b010, 0b100, 0b111] {
        for order in [[0, 1], [1, 0]] {
            for delete in [false, true] {
                let mut s = Scenario::with(Setting { folds_case, ..Setting::calm(3) });
                s.write(0, "Foo", "old").settle().offline(0).offline(1);
                s.rename(0, "Foo", "foo");
                if delete {
                    s.delete(1, "Foo");
                } else {
                    s.save(1, "Foo", "new");
                }
                for device in order {
                    s.settle().online(device);
                }
                s.everywhere(if delete { "foo=old" } else { "foo=new" });
            }
        }
    }
    let mut s = folding();
    s.write(0, "Foo", "old").settle().rename(1, "Foo", "foo").save(1, "foo", "new").settle();
    s.everywhere("foo=new").delete(0, "foo").write(0, "FOO", "newest").everywhere("FOO=newest");
}

/// 34: é composed and é in two parts: on Linux with both existing, both are kept; on a disk that
/// takes them for one name, one is there and the other told, whichever form it gives names back in.
#[test]
fn one_letter_in_two_encodings_is_two_files_where_the_disk_says_so() {
    both_orders(
        |_| {},
        |s, d| _ = s.write(d, COMPOSED, "one"),
        |s, d| _ = s.write(d, PARTS, "two"),
        ["e\u{301}=two \u{e9}=one"; 2],
    );
    for decomposes in [0, 0b10] {
        let mut s = forms(decomposes);
        s.write(0, COMPOSED, "one").settle().write(0, PARTS, "two").by_the_rules();
        let there = if decomposes == 0 { "\u{e9}=one" } else { "e\u{301}=one" };
        s.here(1, there).here(2, "e\u{301}=two \u{e9}=one");
        s.check("it is told", |s| s.problems(1) == "e\u{301}: Parked");
        s.delete(1, COMPOSED).by_the_rules().here(0, "e\u{301}=two").here(1, "e\u{301}=two");
        s.check("nothing to tell", |s| s.problems(1).is_empty());
    }
}

/// A name that a disk gives back in another form is nobody's rename: the name is one entry, whoever
/// made, edits, saves, moves or deletes it.
#[test]
fn a_name_that_comes_back_in_another_form_is_the_same_name() {
    for decomposes in [0, 0b10] {
        let mut s = forms(decomposes);
        s.mkdir(0, COMPOSED).write(0, &format!("{COMPOSED}/{COMPOSED}.txt"), "old").settle().mark();
        s.overflow(1).settle().kill(1).settle();
        s.check("no entry comes of a look, or of a start", |s| s.new_entries() == 0);
        let at = format!("{PARTS}/{PARTS}.txt");
        s.write(1, &at, "new").by_the_rules().check("one edit", |s| s.new_entries() == 1);
        s.save(1, &at, "newer").by_the_rules().vim(1, &at, "newest").by_the_rules();
        s.check("an edit each", |s| s.new_entries() == 3 && s.deletions() == 0);
        s.here(0, "\u{e9}/ \u{e9}/\u{e9}.txt=newest");
        s.rename(0, &format!("{COMPOSED}/{COMPOSED}.txt"), COMPOSED_TOO).by_the_rules();
        s.check("one move", |s| s.new_entries() == 4 && s.copies() == 0);
        s.delete(1, COMPOSED_TOO).by_the_rules().here(0, "\u{e9}/");
        s.rename(2, COMPOSED, PARTS).by_the_rules().here(0, "e\u{301}/");
    }
}

/// 35: Names with newline, tab, quote, backslash, leading dash, spaces, `%`, `;` and emoji go around
/// exactly as they are.
#[test]
fn awkward_names_go_around_exactly() {
    let names =
        ["a\nb", "a\tb", "a'b", "a\"b", "a\\b", "-rf", " a", "a ", "100%", "a;b", "🦀", "*", "?"];
    let mut s = Scenario::new(3);
    for (index, name) in names.iter().enumerate() {
        s.write(0, name, &format!("text {index}"));
        s.mkdir(0, &format!("d{name}")).write(
            0,
            &format!("d{name}/{name}"),
            &format!("in {index}"),
        );
    }
    s.by_the_rules();
    let files = s.files(0);
    assert_eq!(files.len(), 2 * names.len());
    for device in [1, 2] {
        s.check("the same names", |s| s.files(device) == files);
        s.check("the same texts", |s| s.disk(device) == s.disk(0));
    }
    for name in names {
        s.rename(1, name, &format!("{name}{name}"));
    }
    s.by_the_rules().check("renamed alike", |s| s.disk(0) == s.disk(1) && s.disk(2) == s.disk(1));
}

/// 36: Names that Windows does not take are kept on S and on Linux. (Windows itself is a later
/// feature.)
#[test]
fn names_that_windows_does_not_take_are_kept_where_they_can_be() {
    let mut s = Scenario::new(3);
    for name in ["CON", "aux.txt", "a:b", "x.", "x ", "x"] {
        s.write(0, name, &format!("text of {name:?}"));
    }
    s.by_the_rules().check("six files", |s| s.files(2).len() == 6 && s.disk(2) == s.disk(0));
}

/// 37: A path of more than 4096 bytes, a depth of 500: an error on that item only. (What the system
/// refuses to open is shown with the disk.)
#[test]
fn what_is_too_deep_stays_and_is_told_and_the_rest_goes_on() {
    let mut s = Scenario::new(2);
    let mut path = String::from("deep");
    for _ in 0..500 {
        s.mkdir(0, &path);
        path.push_str("/a-name-of-12");
    }
    s.write(0, "near", "text").by_the_rules_here(0);
    s.check("the rest is there", |s| s.files(1).contains(&"near".into()));
    s.write(1, "deep/back", "there").settle();
    s.check("and goes on", |s| s.files(0).contains(&"deep/back".into()));
}

/// 38: A name that is no UTF-8 goes around as it is.
#[test]
fn a_name_that_is_no_utf8_goes_around_as_it_is() {
    let at = RelPath::parse(b"caf\xe9").expect("any bytes are a name");
    let mut s = Scenario::new(3);
    let text = s.bytes("text");
    for call in [Call::Open(at.clone(), true), Call::Write(text, true), Call::Close] {
        s.call(0, call);
    }
    s.write(0, "plain", "other").by_the_rules();
    for device in 0..3 {
        s.check("it is there", |s| s.world.devices[device].disk.has(&at));
    }
    s.call(2, Call::Rename(at, RelPath::parse(b"\xff\xfe").expect("any bytes are a name")));
    s.by_the_rules().check("one move", |s| s.disk(0) == s.disk(2) && s.deletions() == 0);
}

/// 39: A user makes names like our own: a conflict copy's is a name like any other.
#[test]
fn a_file_that_is_named_like_a_conflict_copy_is_a_file_like_any_other() {
    let name = "f (conflict, device1, 2026-01-01 0000).txt";
    let mut s = Scenario::new(3);
    s.write(0, name, "mine").write(0, "f.txt", "old").settle();
    s.offline(0).offline(1).write(0, "f.txt", "here").write(1, "f.txt", "there");
    s.settle().online(0).settle().online(1).settle();
    s.check("three files", |s| s.files(2).len() == 3 && s.disk(0) == s.disk(2));
    s.check("and mine is one", |s| s.files(2).contains(&name.into()) && s.disk(1) == s.disk(0));
    s.write(2, name, "yours").settle().delete(0, name).settle();
    s.check("gone like any other", |s| s.files(1).len() == 2 && s.disk(0) == s.disk(1));
}

/// 40: A file gets a name that is ignored: it is no longer synced, and not deleted elsewhere.
#[test]
fn a_file_renamed_to_an_ignored_name_is_not_deleted_elsewhere() {
    let mut s = Scenario::new(3);
    s.write(0, "x.txt", "text").settle().ignore("x.tmp", true).mark();
    s.rename(0, "x.txt", "x.tmp").settle().wait(10_000).by_the_rules();
    s.check("nothing is deleted", |s| s.deletions() == 0);
    s.check("it stays elsewhere", |s| s.disk(1) == "x.txt=text" && s.disk(2) == "x.txt=text");
    s.check("and is not sent", |s| s.copies() == 0);
}

/// A directory gets a name that is ignored: what comes into it elsewhere waits for it, and what is moved
/// into it says why it cannot be there; both are there once it has another name.
#[test]
fn what_comes_into_a_directory_that_is_ignored_here_waits_until_it_is_not() {
    let mut s = Scenario::new(3);
    s.mkdir(0, "d").write(0, "d/x", "one").write(0, "f", "two").settle().ignore("d.tmp", true);
    s.rename(1, "d", "d.tmp").settle().write(0, "d/y", "three").mkdir(0, "d/in");
    s.write(0, "d/in/z", "four").by_the_rules();
    s.check("at rest, without it", |s| s.disk(1) == "f=two" && s.problems(1).is_empty());
    s.kill(1).start(1).settle().check("after a restart, too", |s| s.disk(1) == "f=two");
    s.rename(0, "f", "d/f").settle();
    s.check("it is told", |s| s.disk(1) == "f=two" && s.problems(1) == "f: Parked");
    s.rename(1, "d.tmp", "d");
    s.everywhere("d/ d/f=two d/in/ d/in/z=four d/x=one d/y=three");
    s.check("no deletion and no copy", |s| s.deletions() == 0 && s.copies() == 0);
}

/// 41: An ignore rule comes and goes while files exist: nothing is deleted, nothing comes back.
#[test]
fn a_rule_that_comes_and_goes_deletes_nothing_and_brings_nothing_back() {
    let mut s = Scenario::new(3);
    s.mkdir(0, "d").write(0, "d/x", "one").write(0, "y", "two").settle().mark();
    s.ignore("d", true).write(0, ".onefoldignore", "d\n").by_the_rules();
    s.check("nothing is deleted", |s| s.deletions() == 0 && s.new_entries() == 1);
    s.write(1, "d/x", "newer").by_the_rules().check("it is not sent", |s| s.new_entries() == 1);
    s.ignore("d", false).write(0, ".onefoldignore", "");
    s.settle().overflow(1).overflow(2).settle();
    s.check("nothing is deleted", |s| s.deletions() == 0);
    s.check("both are there", |s| s.was_sent("newer") && s.disk(0).contains("d/x"));
    s.check("the same everywhere", |s| s.disk(0) == s.disk(1) && s.disk(1) == s.disk(2));

    every_order(
        |s| _ = s.write(0, "d", "old"),
        &[&|s, d| _ = s.ignore("d", true).overflow(d), &|s, d| _ = s.ignore("d", true).overflow(d)],
        |s, _| _ = s.by_the_rules().check("no deletion", |s| s.deletions() == 0),
    );
}
