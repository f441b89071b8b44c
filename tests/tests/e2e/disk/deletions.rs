//! Most of a folder deleted at once: nothing goes elsewhere before somebody says that it is meant.

use std::fs;

use tests::{Device, Server, Tree, World};

use super::{problems, two, wait_for_bytes, wait_for_problem};

const FILES: usize = 60;

fn fill(device: &Device<'_>) {
    for number in 0..FILES {
        device.write(&format!("{}/{number}.txt", number % 3), format!("file {number}"));
    }
}

fn empty(device: &Device<'_>) {
    for entry in fs::read_dir(device.folder()).expect("the folder is there") {
        let entry = entry.expect("a name");
        if entry.file_name() != ".onefold" {
            fs::remove_dir_all(entry.path()).expect("it is ours");
        }
    }
}

#[test]
fn an_emptied_folder_is_held_over_a_restart_until_it_is_approved() {
    let world = World::new();
    let server = Server::start(&world);
    let [mut one, two] = two(&world, &server);
    fill(&one);
    let whole = one.tree();
    two.wait_for_tree(&whole);

    empty(&one);

    let held = wait_for_problem(&one, "held_deletion");
    assert_eq!(held.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
    assert!(held[0].1.contains("60 of 60 files"), "{held:?}");
    assert!(held[0].1.contains("onefold approve"), "{held:?}");
    assert_eq!(one.status()["state"], "attention");
    assert!(one.process().stderr().contains("60 of 60 files were deleted here"));
    // The rest goes on, both ways.
    one.write("new.txt", "here");
    wait_for_bytes(&two.at("new.txt"), b"here");
    two.write("0/other.txt", "there");
    wait_for_bytes(&one.at("0/other.txt"), b"there");
    assert_eq!(two.tree().files(), FILES + 2);
    // Also over restarts.
    one.stop();
    let output = one.run(["sync", "--once"]).expect(3);
    assert!(output.stderr.contains("held_deletion"), "{}", output.stderr);
    one.sync();
    wait_for_problem(&one, "held_deletion");
    assert_eq!(two.tree().files(), FILES + 2);

    one.run(["approve".as_ref(), one.folder().as_os_str()]).expect(0);

    one.wait_until_in_sync();
    two.wait_for_tree(&one.tree());
    assert_eq!(one.tree().lines(), ["0/", "0/other.txt = there", "new.txt = here"]);
}

#[test]
fn an_emptied_folder_comes_back_when_its_deletion_is_undone() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = ["one", "two"].map(|name| Device::new(&world, name));
    fill(&one);
    let whole = one.tree();
    one.run_join(&server.link(), &["--once"]).expect(0);
    two.run_join(&server.link(), &["--once"]).expect(0);
    empty(&one);
    let output = one.run(["sync", "--once"]).expect(3);
    assert!(output.stderr.contains("held_deletion"), "{}", output.stderr);
    assert_eq!(problems(&one.status(), "held_deletion").len(), 3);

    // With no client running.
    one.run(["approve".as_ref(), one.folder().as_os_str(), "--undo".as_ref()]).expect(0);

    one.once();
    two.once();
    assert_eq!(whole.same(&one.tree()), Ok(()));
    assert_eq!(whole.same(&two.tree()), Ok(()));
    let output = one.run(["approve".as_ref(), one.folder().as_os_str()]).expect(0);
    assert!(output.stdout.contains("no deletion is held"), "{}", output.stdout);
}

#[test]
fn an_approval_with_no_client_running_is_carried_out_by_the_next() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = ["one", "two"].map(|name| Device::new(&world, name));
    fill(&one);
    one.run_join(&server.link(), &["--once"]).expect(0);
    two.run_join(&server.link(), &["--once"]).expect(0);
    empty(&one);
    one.run(["sync", "--once"]).expect(3);

    one.run(["approve".as_ref(), one.folder().as_os_str()]).expect(0);

    one.once();
    two.once();
    assert_eq!(two.tree(), Tree::default());
}

#[test]
fn most_of_a_folder_renamed_is_asked_about_by_nobody() {
    let world = World::new();
    let server = Server::start(&world);
    let [mut one, two] = two(&world, &server);
    fill(&one);
    two.wait_for_tree(&one.tree());
    fs::create_dir(one.at("archive")).expect("the folder is ours");
    for directory in ["0", "1"] {
        fs::rename(one.at(directory), one.at("archive").join(directory)).expect("ours");
    }

    two.wait_for_tree(&one.tree());

    one.wait_until_in_sync();
    assert_eq!(problems(&one.status(), "held_deletion"), []);
}
