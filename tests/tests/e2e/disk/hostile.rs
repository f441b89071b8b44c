//! What people do to a synced folder that no program expects.

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rustix::fs::{Mode, OFlags, mkdirat, openat};
use tests::{Device, PATIENCE, Server, World, wait_for};

use super::permission::{join_unprivileged, mode};
use super::programs::{run, settle};
use super::roots::wait_for_state;
use super::{problems, two, wait_for_bytes, wait_for_problem};

#[test]
fn a_folder_that_is_reached_through_a_link_is_synced_where_it_really_is() {
    let world = World::new();
    let server = Server::start(&world);
    let one = Device::join(&world, "one", &server.link());
    fs::create_dir(world.at("real")).expect("ours");
    let mut two = Device::new(&world, "two");
    fs::remove_dir(two.folder()).expect("ours");
    symlink("real", two.folder()).expect("ours");
    two.start_joining(&server.link());
    two.wait_until_in_sync();

    one.write("d/f.txt", "1");
    wait_for_bytes(&world.at("real/d/f.txt"), b"1");
    fs::write(two.at("d/g.txt"), "2").expect("ours");
    wait_for_bytes(&one.at("d/g.txt"), b"2");
    // The link leads to another place: nothing there is this folder's.
    fs::create_dir(world.at("other")).expect("ours");
    fs::remove_file(two.folder()).expect("ours");
    symlink("other", two.folder()).expect("ours");
    one.write("d/h.txt", "3");
    wait_for_bytes(&world.at("real/d/h.txt"), b"3");
    assert_eq!(fs::read_dir(world.at("other")).expect("it is there").count(), 0);
    assert_eq!(one.tree().files(), 3);
    two.stop();
}

#[test]
fn when_a_person_deletes_the_clients_own_directory_syncing_stops_in_words_and_loses_nothing() {
    let world = World::new();
    let server = Server::start(&world);
    let [mut one, two] = two(&world, &server);
    one.write("d/f.txt", "f");
    two.wait_for_tree(&one.tree());

    fs::remove_dir_all(one.at(".onefold")).expect("ours");
    one.write("mine.txt", "written after it");
    two.write("there.txt", "there");

    wait_for_state(&one, "attention", "not the linked folder");
    assert_eq!(two.tree().files(), 2);
    one.stop();
    let said = one.run(["sync", "--once"]).complains(1, &["join"]).stderr;
    assert!(said.contains("unlink"), "{said}");
    // What it says is what helps.
    one.run(["unlink".as_ref(), one.folder().as_os_str()]).expect(0);
    one.run_join(&server.link(), &["--once"]).expect(0);
    two.wait_for_tree(&one.tree());
    let files = ["d/", "d/f.txt = f", "mine.txt = written after it", "there.txt = there"];
    assert_eq!(one.tree().lines(), files);
}

#[test]
fn a_file_that_may_not_be_changed_at_all_waits_with_its_reason() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, mut two] = two(&world, &server);
    one.write("fixed.txt", "old");
    wait_for_bytes(&two.at("fixed.txt"), b"old");
    let set = |flag: &str| Command::new("chattr").arg(flag).arg(two.at("fixed.txt")).output();
    if !set("+i").is_ok_and(|output| output.status.success()) {
        eprintln!("this filesystem has no immutable files: not tried");
        return;
    }

    one.write("fixed.txt", "new");
    one.write("free.txt", "1");

    wait_for_bytes(&two.at("free.txt"), b"1");
    let found = wait_for_problem(&two, "unwritable");
    assert_eq!(found[0].0, "fixed.txt");
    assert_eq!(fs::read(two.at("fixed.txt")).expect("it is"), b"old");
    assert!(set("-i").expect("chattr is there").status.success());
    wait_for_bytes(&two.at("fixed.txt"), b"new");
    two.wait_until_in_sync();
    assert_eq!(problems(&two.status(), "unwritable"), []);
}

/// How deep directories are nested, and how long their names are: together they are longer than the
/// kernel takes a path.
const DEPTH: usize = 40;
const NAME: &str = concat!(
    "a directory that someone gave a name of more than a hundred letters, ",
    "as those do who think of names as of the first line of a letter",
);

/// Opens the deepest of nested directories, and makes them where they are missing.
fn deepest(folder: &Path, make: bool) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = OwnedFd::from(File::open(folder).expect("ours"));
    for _ in 0..DEPTH {
        if make {
            mkdirat(at.as_fd(), NAME, Mode::RWXU).expect("ours");
        }
        at = openat(at.as_fd(), NAME, flags, Mode::empty()).ok()?;
    }
    Some(at)
}

#[test]
fn what_is_deeper_than_the_kernel_takes_a_path_arrives() {
    let world = World::new();
    let server = Server::start(&world);
    let [mut one, mut two] = two(&world, &server);
    let deep = deepest(one.folder(), true).expect("it was made");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
    let file = openat(&deep, "deep.txt", flags, Mode::RUSR | Mode::WUSR).expect("ours");
    rustix::io::write(&file, b"far down").expect("ours");
    drop(file);
    one.write("beside.txt", "1");

    wait_for_bytes(&two.at("beside.txt"), b"1");
    wait_for("what is deep to arrive", PATIENCE, || {
        let deep = deepest(two.folder(), false).ok_or("not all directories are there")?;
        let file = openat(&deep, "deep.txt", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let file = file.map_err(|error| error.to_string())?;
        let mut bytes = [0; 16];
        let read = rustix::io::read(&file, &mut bytes).map_err(|error| error.to_string())?;
        if &bytes[..read] == b"far down" { Ok(()) } else { Err("it is not whole".to_owned()) }
    });
    // And goes.
    run(two.folder(), "rm", &["-rf", NAME]);
    wait_for("it to go", PATIENCE, || {
        if one.at(NAME).exists() { Err("it is there".to_owned()) } else { Ok(()) }
    });
    one.wait_until_in_sync();
    two.wait_until_in_sync();
}

#[test]
fn a_conflict_of_the_longest_names_keeps_both_under_names_that_are_valid() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    let long = format!("{}.txt", "n".repeat(251));
    let wide = format!("{}.txt", "\u{e9}".repeat(125));
    for name in [&long, &wide] {
        devices[0].write(name, "old");
    }
    settle(&mut devices);
    // Twice, so that there is a copy of each on the same minute.
    for round in 0..2 {
        devices[0].stop();
        for name in [&long, &wide] {
            devices[0].write(name, format!("here {round}"));
            devices[1].write(name, format!("there {round}"));
        }
        devices[1].wait_until_in_sync();
        devices[0].sync();
        settle(&mut devices);
    }
    let tree = settle(&mut devices);
    let lines = tree.lines().join("\n");
    assert_eq!(tree.files(), 6, "{lines}");
    for text in ["here 0", "here 1", "there 1"] {
        assert_eq!(lines.matches(&format!("= {text}")).count(), 2, "{text}:\n{lines}");
    }
    assert!(tree.conflict_copies().iter().all(|path| path.to_str().is_some()), "{lines}");
}

#[test]
fn a_backup_of_hard_links_and_trees_that_go_out_and_come_back_stay_what_they_are() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    for number in 0..30 {
        devices[0].write(&format!("work/{number}.txt"), format!("file {number}"));
    }
    settle(&mut devices);
    let folder = devices[0].folder().to_owned();
    run(&folder, "cp", &["-al", "work", "backup"]);
    settle(&mut devices);
    // One is edited by replacing it, one through both of its names.
    fs::write(world.at("saved"), "file 1, edited").expect("ours");
    fs::rename(world.at("saved"), folder.join("work/1.txt")).expect("ours");
    devices[0].write("work/2.txt", "file 2, both names");
    settle(&mut devices);
    assert_eq!(fs::read(devices[1].at("backup/1.txt")).expect("it is"), b"file 1");
    assert_eq!(fs::read(devices[1].at("work/1.txt")).expect("it is"), b"file 1, edited");
    assert_eq!(fs::read(devices[1].at("backup/2.txt")).expect("it is"), b"file 2, both names");

    let whole = settle(&mut devices);
    for aside in ["aside", "aside again"] {
        run(&folder, "mv", &["work", world.at(aside).to_str().expect("text")]);
        devices[1].write("meanwhile.txt", aside);
        wait_for_bytes(&folder.join("meanwhile.txt"), aside.as_bytes());
        run(&folder, "mv", &[world.at(aside).to_str().expect("text"), "work"]);
        settle(&mut devices);
    }
    let tree = settle(&mut devices);
    assert_eq!(tree.files(), whole.files() + 1);
    assert_eq!(tree.conflict_copies(), Vec::<&Path>::new());
    let deleted = devices[1].log().iter().filter(|line| line["action"] == "deleted").count();
    println!("{deleted} deletions were sent");
}

#[test]
fn a_client_that_may_open_few_files_syncs_all_the_same() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::new(&world, "one");
    for number in 0..400 {
        one.write(&format!("{}/{number}.txt", number % 40), format!("file {number}"));
    }
    let command = one.command(["join", &server.link()]);
    let mut few = Command::new("sh");
    few.args(["-c", "ulimit -n 64 && exec \"$@\"", "sh"]).arg(command.get_program());
    few.args(command.get_args()).arg(one.folder()).args(["--device", "one"]);
    few.current_dir(world.path());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => few.env(name, value),
            None => few.env_remove(name),
        };
    }
    one.start(few);
    one.wait_until_in_sync();
    let two = Device::join(&world, "two", &server.link());
    two.wait_for_tree(&one.tree());
    for number in 0..400 {
        two.write(&format!("{}/{number}.txt", number % 40), format!("edited {number}"));
    }
    wait_for("one to hold the same", PATIENCE, || two.tree().same(&one.tree()));
    one.wait_until_in_sync();
    assert_eq!(one.status()["problems"], serde_json::json!([]));
}

#[test]
fn a_folder_that_nobody_may_enter_waits_and_goes_on() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = join_unprivileged(&world, "one", &server.link());
    let two = Device::join(&world, "two", &server.link());
    one.write("d/f.txt", "1");
    two.wait_for_tree(&one.tree());

    mode(one.folder(), 0o000);
    two.write("meanwhile.txt", "2");
    two.write("d/f.txt", "3");

    wait_for("it to tell of that", PATIENCE, || {
        let status = one.status();
        if status["state"] == "in_sync" { Err(status.to_string()) } else { Ok(()) }
    });
    assert_eq!(two.tree().files(), 2);
    mode(one.folder(), 0o755);
    one.wait_until_in_sync();
    one.wait_for_tree(&two.tree());
    assert_eq!(one.tree().files(), 2);
}
