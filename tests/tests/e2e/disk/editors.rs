//! Editors that save a document in a synced folder, each in its own way, while the other device
//! works, too. Of all the names that they use for a moment, none may ever appear elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tests::{Recorder, Server, World, pick};

use super::programs::{run, settle};
use super::two;

/// How often a document is saved.
const ROUNDS: usize = 3;
/// How long a person waits between keys: programs drop what was typed before they were ready.
const TYPED_EVERY: Duration = Duration::from_millis(400);

/// An editor: how it appends a line to a document.
type Edit<'a> = &'a (dyn Fn(&Path, &str) + Sync);

/// A document is edited on the one device while the other writes another file; then both edit it
/// without knowing of each other. `backups` may appear on the other device, for good.
#[track_caller]
fn check(document: &str, make: &dyn Fn(&Path), edit: Edit<'_>, backups: &[&str]) {
    check_as(document, make, edit, backups, |path| fs::read_to_string(path).expect("text"));
}

fn check_as(
    document: &str,
    make: &dyn Fn(&Path),
    edit: Edit<'_>,
    backups: &[&str],
    text: fn(&Path) -> String,
) {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    let recorder = Recorder::start(devices[1].folder());
    make(&devices[0].at(document));
    settle(&mut devices);
    for round in 0..ROUNDS {
        std::thread::scope(|scope| {
            let folder = devices[0].folder();
            scope.spawn(move || edit(&folder.join(document), &format!("round {round}")));
            devices[1].write("beside.txt", format!("round {round}"));
        });
        settle(&mut devices);
    }
    let arrived = text(&devices[1].at(document));
    for round in 0..ROUNDS {
        assert!(arrived.contains(&format!("round {round}")), "round {round} is not in {arrived}");
    }
    let allowed: BTreeSet<_> = [document, "beside.txt"].iter().chain(backups).copied().collect();
    let seen: BTreeSet<_> = recorder.names().into_iter().filter(|name| !is_own(name)).collect();
    let strange: Vec<_> = seen
        .iter()
        .filter(|name| !name.to_str().is_some_and(|name| allowed.contains(name)))
        .collect();
    assert!(strange.is_empty(), "these appeared on the other device: {strange:?}");
    assert!(seen.contains(Path::new(document)), "{seen:?}");

    devices[0].stop();
    edit(&devices[0].at(document), "only here");
    edit(&devices[1].at(document), "only there");
    devices[1].wait_until_in_sync();
    devices[0].sync();
    let tree = settle(&mut devices);
    let copies: Vec<_> = tree.conflict_copies().into_iter().map(Path::to_owned).collect();
    let mut of_document =
        copies.iter().filter(|copy| copy.extension() == Path::new(document).extension());
    let copy =
        of_document.next_back().unwrap_or_else(|| panic!("no copy of it: {:?}", tree.lines()));
    let both = [devices[0].at(document), devices[0].folder().join(copy)].map(|path| text(&path));
    for line in ["only here", "only there"] {
        assert!(both.iter().any(|text| text.contains(line)), "{line} is lost: {both:?}");
    }
}

/// The client's own: what it makes in the folder only for itself.
fn is_own(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == ".onefold")
}

fn folder_of(path: &Path) -> (&Path, &str) {
    let name = path.file_name().and_then(|name| name.to_str()).expect("text");
    (path.parent().expect("it is in a folder"), name)
}

fn text_file(path: &Path) {
    fs::write(path, "the first line\n").expect("ours");
}

/// Types keys into a program that has a terminal of its own, each when the one before was taken in.
fn type_into(path: &Path, command: &str, keys: &[&str]) {
    let (folder, _) = folder_of(path);
    let mut typing = Command::new("script");
    typing.args(["-q", "-e", "-c", command, "/dev/null"]).current_dir(folder);
    typing.env("TERM", "xterm").env("HOME", folder.parent().expect("a world"));
    let mut program = typing
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{command}: {error}"));
    let mut keyboard = program.stdin.take().expect("it is piped");
    for keys in keys {
        std::thread::sleep(TYPED_EVERY);
        keyboard.write_all(keys.as_bytes()).expect("it reads");
        keyboard.flush().expect("it reads");
    }
    assert!(program.wait().expect("it is our child").success(), "{command}");
    drop(keyboard);
}

fn vim(options: &str) -> impl Fn(&Path, &str) + Sync {
    move |path, line| {
        let command =
            format!("vim -u NONE -N -c 'set backupskip= {options}' {}", folder_of(path).1);
        type_into(path, &command, &["Go", line, "\x1b", ":wq\r"]);
    }
}

#[test]
fn vim_without_a_backup() {
    check("letter.txt", &text_file, &vim("nobackup nowritebackup"), &[]);
}

#[test]
fn vim_with_a_backup_that_it_removes() {
    check("letter.txt", &text_file, &vim("writebackup backupcopy=no"), &[]);
    check("letter.txt", &text_file, &vim("writebackup backupcopy=yes"), &[]);
}

#[test]
fn vim_with_a_backup_that_stays() {
    check("letter.txt", &text_file, &vim("backup backupcopy=no"), &["letter.txt~"]);
}

#[test]
fn emacs_with_its_lock_its_autosave_and_its_backup() {
    let emacs = |path: &Path, line: &str| {
        let (folder, name) = folder_of(path);
        let edit = format!(
            "(progn (find-file {name:?}) (goto-char (point-max)) (insert \"{line}\\n\") \
             (do-auto-save) (save-buffer) (kill-emacs))"
        );
        run(folder, "emacs", &["--batch", "--no-site-file", "--eval", &edit]);
    };
    check("letter.txt", &text_file, &emacs, &["letter.txt~"]);
}

#[test]
fn nano_writes_in_place() {
    let nano = |path: &Path, line: &str| {
        let command = format!("nano -I {}", folder_of(path).1);
        type_into(path, &command, &[line, "\r", "\x18", "y", "\r"]);
    };
    check("letter.txt", &text_file, &nano, &[]);
}

#[test]
fn sed_edits_in_place() {
    let sed = |path: &Path, line: &str| {
        run(folder_of(path).0, "sed", &["-i", &format!("$a {line}"), folder_of(path).1]);
    };
    check("letter.txt", &text_file, &sed, &[]);
}

/// A macro that appends to a document and stores it, as a person would.
const MACRO: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Edit" script:language="StarBasic">
Sub Append(path, line)
  document = StarDesktop.loadComponentFromURL(ConvertToURL(path), "_blank", 0, Array())
  document.Text.insertString(document.Text.End, line, False)
  document.store()
  document.close(True)
End Sub
</script:module>
"#;
/// The library that it is in.
const LIBRARY: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE library:library PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "library.dtd">
<library:library xmlns:library="http://openoffice.org/2000/library" library:name="Standard" library:readonly="false" library:passwordprotected="false">
 <library:element library:name="Edit"/>
</library:library>
"#;

/// Runs LibreOffice, with a profile of its own for each folder.
fn office(path: &Path, arguments: &[&str]) {
    let folder = folder_of(path).0;
    let profile = folder.with_extension("profile");
    let profile = format!("-env:UserInstallation=file://{}", profile.display());
    run(folder, "soffice", &[&[&profile, "--headless", "--norestore"], arguments].concat());
}

fn office_edits(path: &Path, line: &str) {
    let basic = folder_of(path).0.with_extension("profile").join("user/basic/Standard");
    if !basic.join("Edit.xba").exists() {
        // The first start makes the profile.
        office(path, &["--terminate_after_init"]);
        fs::write(basic.join("Edit.xba"), MACRO).expect("it was made");
        fs::write(basic.join("script.xlb"), LIBRARY).expect("it was made");
    }
    office(path, &[&format!("macro:///Standard.Edit.Append({},{line})", path.display())]);
}

#[test]
fn libreoffice_stores_a_document_when_the_disk_tests_are_long() {
    if pick(0, 1) == 0 {
        return;
    }
    let make = |path: &Path| {
        let source = folder_of(path).0.with_extension("source.txt");
        fs::write(&source, "the first line").expect("ours");
        let directory = source.with_extension("made");
        let (to, from) = (directory.to_str().expect("text"), source.to_str().expect("text"));
        office(path, &["--convert-to", "odt", "--outdir", to, from]);
        let made = fs::read_dir(&directory).expect("made").flatten().next().expect("one file");
        fs::copy(made.path(), path).expect("ours");
    };
    let text = |path: &Path| {
        let folder = folder_of(path).0;
        let profile = format!("-env:UserInstallation=file://{}.reader", folder.display());
        run(folder, "soffice", &[&profile, "--headless", "--cat", path.to_str().expect("text")])
    };
    check_as("letter.odt", &make, &office_edits, &[], text);
}
