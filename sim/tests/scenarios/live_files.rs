//! Files that live: 54 to 74 of the list.

use sim::disk::guard::Moment;
use sim::disk::user::path;
use sim::scenario::Scenario;
use sim::user::script::Call;
use sim::world::Setting;
use sim::world::arranged::Hold;

/// 54: f grows while it is hashed: no torn version goes up.
#[test]
fn a_file_that_grows_while_it_is_hashed_goes_up_whole_or_not_at_all() {
    let mut s = Scenario::new(3);
    s.write(0, "f", "one").settle().mark();
    s.hold(0, Hold::SlowReads)
        .hold(0, Hold::Hashes)
        .write(0, "f", "one two")
        .until_asked(0, "hash");
    s.open(0, "f").append(0, " three", "one two three").close(0);
    s.release(0, Hold::Hashes).everywhere("f=one two three");
    s.check("one version", |s| s.contents_sent() == 1 && !s.was_sent("one two"));
}

/// 55: f changes between its hash and the end of its upload: the server gets a consistent version or
/// none.
#[test]
fn a_file_that_changes_during_its_upload_goes_up_whole_or_not_at_all() {
    let (first, second) =
        ("the first text, and it is a large one", "the second, and it is large, too");
    let mut s = Scenario::new(3);
    s.hold(0, Hold::SlowReads).hold(0, Hold::Uploads).write(0, "f", first).until_asked(0, "upload");
    s.write(0, "f", second).release(0, Hold::Uploads).everywhere(&format!("f={second}"));
    s.check("one version", |s| s.contents_sent() == 1 && !s.was_sent(first));
}

/// 56: An update arrives while a program has f open for writing: it is not applied before that is
/// closed; then it is, if nothing was written, and else there is a copy.
#[test]
fn an_update_waits_while_a_program_has_the_file_open_for_writing() {
    let mut s = Scenario::new(3);
    s.write(0, "f", "old").settle().open(1, "f").write(0, "f", "new").settle();
    s.here(1, "f=old").here(2, "f=new").check("it is told", |s| s.problems(1) == "f: Busy");
    s.close(1).wait(1_000).here(1, "f=new").everywhere("f=new");

    let mut s = Scenario::new(3);
    s.write(0, "f", "old").settle().open(1, "f").append(1, " mine", "old mine");
    s.write(0, "f", "new").settle().here(1, "f=old mine").close(1);
    s.everywhere("f (1)=old mine f=new");
}

/// A file that waits for its program is told to be busy also while its bytes, which were placed for
/// another file, are fetched again.
#[test]
fn a_busy_file_is_told_though_its_bytes_must_be_fetched_again() {
    let mut s = Scenario::new(3);
    s.write(0, "f", "old").settle().open(1, "f").write(0, "f", "new").settle().mark();
    s.lose_staged(1).until_asked(1, "fetch");
    s.check("it is told", |s| s.problems(1) == "f: Busy");
    s.close(1).everywhere("f=new");
}

/// A repository's `index.lock` stands, open, for as long as a checkout lasts; once closed it is renamed.
#[test]
fn a_name_that_was_held_open_for_long_and_is_renamed_once_it_is_closed_never_leaves() {
    let mut s = Scenario::new(3);
    s.write(0, "index", "old").settle().mark();
    s.write(0, "index.lock", "").open(0, "index.lock").wait(5_000);
    s.append(0, "new", "new").close(0).wait(50).rename(0, "index.lock", "index");
    s.everywhere("index=new").check("one version", |s| s.contents_sent() == 1);
}

/// 57: An update arrives after a local write and before the watcher tells of it: the last
/// comparison finds it.
#[test]
fn an_update_that_comes_before_the_event_of_a_local_write_does_not_overwrite_it() {
    for save in [Scenario::write, Scenario::save, Scenario::keepass, Scenario::vim] {
        let mut s = Scenario::new(3);
        s.write(0, "f", "old").settle().hold(1, Hold::Events);
        save(&mut s, 1, "f", "mine");
        s.write(0, "f", "yours").wait(2_000).release(1, Hold::Events);
        s.everywhere("f (1)=mine f=yours").check("one copy", |s| s.copies() == 1);
    }
}

/// 58: A local write, rename or removal lands between the last comparison and the swap: the bytes
/// are kept.
#[test]
fn what_lands_between_the_last_comparison_and_the_swap_is_kept() {
    let deeds = |s: &mut Scenario| -> [Vec<Call>; 3] {
        let mine = s.bytes("mine");
        let write = |at: &str| {
            [Call::Open(path(at), true), Call::Write(mine.clone(), true), Call::Close].to_vec()
        };
        let mut save = write("f.new");
        save.push(Call::Rename(path("f.new"), path("f")));
        let mut again = vec![Call::Unlink(path("f"))];
        again.extend(write("f"));
        [write("f"), save, again]
    };
    for at in [Moment::Begin, Moment::Compared, Moment::Swapped] {
        for which in 0..3 {
            let mut s = Scenario::new(3);
            s.write(0, "f", "old").settle().mark();
            let calls = deeds(&mut s)[which].clone();
            s.act_in_change(1, at, calls).write(0, "f", "yours").heal().by_the_rules();
            s.check("it happened", |s| s.world.arranged.in_change.is_none());
            s.check("both are kept", |s| {
                let disk = s.disk(2);
                disk.contains("=mine") && (disk.contains("=yours") || s.was_sent("yours"))
            });
            s.check("the same everywhere", |s| s.disk(0) == s.disk(1) && s.disk(1) == s.disk(2));
        }
    }
}

/// 61: A slow writer, a piece each 1.5 seconds: no torn version, an upload when he is done.
#[test]
fn a_slow_writer_is_waited_for() {
    let mut s = Scenario::new(3);
    let mut whole = String::new();
    s.write(0, "other", "old").settle().mark().write(0, "slow", "").open(0, "slow");
    for piece in 0..10 {
        let more = format!("piece {piece} ");
        whole.push_str(&more);
        s.append(0, &more, &whole).wait(1_500);
    }
    s.write_beside(0, "other", "new")
        .wait(1_000)
        .check("others go on", |s| s.disk(1).contains("other=new"));
    s.check("nothing torn", |s| !s.disk(1).contains("slow=piece"));
    s.close(0).everywhere(&format!("other=new slow={whole}"));
    s.check("one version of it", |s| s.contents_sent() <= 3);
}

/// 62: A user edits f while f is downloading: a copy; never a mixture.
#[test]
fn a_file_edited_while_it_is_downloaded_becomes_a_copy() {
    for save in [Scenario::write, Scenario::save, Scenario::office, Scenario::mac_os] {
        let mut s = Scenario::new(3);
        s.write(0, "f", "old").settle().mark().hold(1, Hold::Fetches);
        s.write(0, "f", "yours").until_asked(1, "fetch");
        save(&mut s, 1, "f", "mine");
        s.wait(2_000).release(1, Hold::Fetches).everywhere("f (1)=mine f=yours");
    }
}

/// How a program saves a file.
type Save = for<'a> fn(&'a mut Scenario, usize, &str, &str) -> &'a mut Scenario;

/// Ten saves, at any pace: one edit each, no other name ever sent, the node's history kept.
fn check_editor(save: Save, ignored: &[&str], backup: bool) {
    for pause_ms in [0, 3, 20, 120, 1_500] {
        let mut s = Scenario::new(3);
        ignored.iter().for_each(|name| _ = s.ignore(name, true));
        s.mkdir(0, "d").write(0, "d/f", "v0").settle().mark();
        for round in 1..=5 {
            save(&mut s, 0, "d/f", &format!("v{round}")).wait(pause_ms);
        }
        if backup {
            s.everywhere("d/ d/f=v5 d/f~=v4");
        } else {
            s.everywhere("d/ d/f=v5");
            s.check("nothing is deleted", |s| s.deletions() == 0);
            s.check("only edits", |s| s.new_entries() <= 5 && s.new_entries() == s.contents_sent());
        }
        s.check("no copy", |s| s.copies() == 0);
    }
}

/// 63: vim: moves f aside, writes f, drops the old one; and probes the directory: one edit.
#[test]
fn vim_saves_are_edits() {
    check_editor(Scenario::vim, &[], false);
}

/// 64: emacs: its lock and its autosave are ignored.
#[test]
fn emacs_saves_are_edits_beside_a_backup() {
    check_editor(Scenario::emacs, &[".#f", "#f#"], true);
}

/// 65: MS Office: a new file, the old one aside, the new one in, the old one gone: one edit.
#[test]
fn office_saves_are_edits() {
    check_editor(Scenario::office, &["~$f"], false);
}

/// 66: LibreOffice, JetBrains, gedit, KeePass, InDesign, and macOS: each save is one edit.
#[test]
fn saves_of_other_programs_are_edits() {
    check_editor(Scenario::libre_office, &[".~lock.f#"], false);
    check_editor(Scenario::jet_brains, &[], false);
    check_editor(Scenario::gedit, &[".goutputstream-f"], false);
    check_editor(Scenario::keepass, &[], false);
    check_editor(Scenario::in_design, &[], false);
    check_editor(Scenario::mac_os, &[], false);
}

/// 67: A browser's download: only the whole file is sent.
#[test]
fn only_the_whole_download_is_sent() {
    let mut s = Scenario::new(3);
    s.ignore("f.zip.crdownload", true);
    for part in ["f.zip.crdownload", "f.zip.part"] {
        s.mark().write(0, part, "half").open(0, part).append(0, " and more", "half and more");
        s.wait(3_000)
            .append(0, " and all", "half and more and all")
            .close(0)
            .rename(0, part, "f.zip");
        s.everywhere("f.zip=half and more and all");
        s.check("no half", |s| !s.was_sent("half") && !s.was_sent("half and more"));
        s.delete(0, "f.zip").settle();
    }
}

/// 68: Thousands of temporary files within a second: no error, no entry.
#[test]
fn thousands_of_temporary_files_cost_nothing() {
    let mut s = Scenario::new(2);
    s.mark();
    for file in 0..2_000 {
        let name = format!("t{file}");
        s.write(0, &name, &format!("temporary {file}")).delete(0, &name);
        if file % 20 == 0 {
            s.wait(10);
        }
    }
    s.everywhere("").check("nothing is sent", |s| s.new_entries() == 0 && s.uploads(0) == 0);
    s.check("nothing is read", |s| s.asked(0, "hash") == 0);
    s.check("no error", |s| s.problems(0).is_empty());
}

/// 69: A file goes between its event and its being opened, between that and its hash, between its
/// hash and its upload: it is dropped in silence each time.
#[test]
fn a_file_that_goes_at_any_step_of_its_way_is_dropped_in_silence() {
    for (held, words) in [
        (Hold::Events, ""),
        (Hold::Looks, "look"),
        (Hold::Hashes, "hash"),
        (Hold::Uploads, "upload"),
    ] {
        let mut s = Scenario::new(3);
        s.mark().hold(0, held).write(0, "f", "a text that goes up as a large one");
        if !words.is_empty() {
            s.until_asked(0, words);
        }
        s.delete(0, "f").release(0, held).everywhere("");
        s.check("nothing is sent", |s| s.new_entries() == 0);
        s.check("no error", |s| s.problems(0).is_empty());
    }
    let mut s = Scenario::new(3);
    s.mark().hold(0, Hold::Up).write(0, "f", "text").until_asked(0, "send commit");
    s.delete(0, "f")
        .release(0, Hold::Up)
        .everywhere("")
        .check("it came and went", |s| s.new_entries() == 2);
}

/// 70: A checkout changes most files while B edits one: it converges, and nothing is deleted on the
/// way that the checkout did not mean.
#[test]
fn a_checkout_of_many_files_beside_an_edit_converges_and_deletes_nothing_on_the_way() {
    let mut s = Scenario::new(3);
    for file in 0..100 {
        s.write(0, &format!("f{file:02}"), &format!("main {file}"));
    }
    s.write(0, "mine", "old").settle().mark();
    for round in 0..4 {
        for file in 0..100 {
            let name = format!("f{file:02}");
            s.delete(0, &name).write(0, &name, &format!("branch {round} {file}"));
            if file % 10 == 0 {
                s.wait(30);
            }
        }
        s.write(1, "mine", &format!("edit {round}")).wait(700);
    }
    s.by_the_rules().check("the same", |s| s.disk(0) == s.disk(1) && s.disk(1) == s.disk(2));
    s.check("nothing is deleted", |s| s.deletions() == 0 && s.copies() == 0);
    s.check("mine is there", |s| s.disk(0).contains("mine=edit 3"));
}

/// 72: An install makes a great many files, and all are removed again: the end is equal; with an
/// overflow, too.
#[test]
fn an_install_that_is_removed_again_leaves_nothing() {
    for overflow in [false, true] {
        // An install is large: nobody is to be asked about it here.
        let mut s = Scenario::with(Setting { ask_from_files: 10_000, ..Setting::calm(3) });
        s.mkdir(0, "modules");
        for dir in 0..20 {
            s.mkdir(0, &format!("modules/{dir}"));
            for file in 0..20 {
                s.write(0, &format!("modules/{dir}/{file}"), &format!("text {dir} {file}"));
            }
            s.wait(50);
            if overflow {
                s.overflow(0);
            }
        }
        s.remove_all(0, "modules").everywhere("");
        s.check("no problem", |s| s.problems(0).is_empty() && s.problems(1).is_empty());
    }
}

/// 73: A database in use on A: sent only when it is closed; on a conflict nothing is renamed while it
/// is open for writing.
#[test]
fn a_database_in_use_is_never_renamed_under_its_program() {
    let mut s = Scenario::new(3);
    s.write(0, "db", "pages").write(0, "db-wal", "log").settle().mark();
    s.open(0, "db").append(0, " more", "pages more").wait(3_000);
    s.check("it is not sent", |s| s.new_entries() == 0 && s.problems(0) == "db: Busy");
    s.write(1, "db", "theirs").wait(60_000).here(0, "db-wal=log db=pages more");
    s.check("nothing is renamed", |s| s.asked(0, "rename") == s.asked(0, "if quiet: true"));
    s.append(0, " and more", "pages more and more").close(0).heal();
    s.everywhere("db (0)=pages more and more db-wal=log db=theirs");
}
