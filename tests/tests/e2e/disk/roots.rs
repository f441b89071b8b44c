//! Roots that go away, and a client's own state that is lost.

use std::fs;
use std::os::unix::fs::FileExt;

use serde_json::Value;
use tests::{Device, Mount, PATIENCE, Server, World, wait_for};

use super::{two, wait_for_bytes};

/// Waits until a device's status shows this.
#[track_caller]
pub(super) fn wait_for_state(device: &Device<'_>, state: &str, words: &str) {
    wait_for(&format!("{} to be in {state}", device.name()), PATIENCE, || {
        let status = device.status();
        let told = status["detail"].as_str().unwrap_or_default();
        let there = status["state"] == state && told.contains(words);
        if there { Ok(()) } else { Err(status.to_string()) }
    });
}

#[test]
fn a_root_that_is_renamed_away_while_it_runs_pauses_and_goes_on_when_it_is_back() {
    let world = World::new();
    let server = Server::start(&world);
    let [mut one, two] = two(&world, &server);
    one.write("d/f.txt", "f");
    two.wait_for_tree(&one.tree());
    let aside = world.at("aside");

    fs::rename(one.folder(), &aside).expect("ours");
    fs::create_dir(one.folder()).expect("ours");
    fs::write(one.at("stranger.txt"), "not of this folder").expect("ours");
    // What happens elsewhere meanwhile is not put into the stranger.
    two.write("meanwhile.txt", "there");
    wait_for_state(&one, "attention", "not the linked folder");
    one.run(["sync", "--once"]).complains(1, &["one"]);
    assert_eq!(fs::read_dir(one.folder()).expect("it is there").count(), 1);
    assert_eq!(two.tree().lines(), ["d/", "d/f.txt = f", "meanwhile.txt = there"]);
    fs::remove_dir_all(one.folder()).expect("ours");
    fs::rename(&aside, one.folder()).expect("ours");

    wait_for_bytes(&one.at("meanwhile.txt"), b"there");
    one.wait_until_in_sync();
    one.write("d/f.txt", "after");
    two.wait_for_tree(&one.tree());
}

#[test]
fn a_disk_that_is_unplugged_while_it_runs_deletes_nothing() {
    let world = World::new();
    let server = Server::start(&world);
    let one = Device::join(&world, "one", &server.link());
    let mut two = Device::new(&world, "two");
    let Some(mut mount) = Mount::memory(two.folder(), 16) else { return };
    two.start_joining(&server.link());
    two.wait_until_in_sync();
    for number in 0..50 {
        one.write(&format!("{number}.txt"), "still here");
    }
    two.wait_for_tree(&one.tree());

    mount.unplug();

    wait_for_state(&two, "attention", "");
    two.stop();
    two.run(["sync", "--once"]).complains(1, &["two", "mount"]);
    assert_eq!(one.tree().files(), 50);
}

#[test]
fn another_filesystem_below_the_root_is_not_entered_and_its_mount_point_stays() {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = two(&world, &server);
    fs::create_dir(one.at("disk")).expect("ours");
    one.write("disk/below.txt", "under the mount");
    two.wait_for_tree(&one.tree());
    let Some(mount) = Mount::memory(&one.at("disk"), 4) else { return };

    one.write("disk/other.txt", "on another disk");
    one.write("beside.txt", "1");

    wait_for_bytes(&two.at("beside.txt"), b"1");
    two.write("disk/there.txt", "from elsewhere");
    two.write("done.txt", "2");
    wait_for_bytes(&one.at("done.txt"), b"2");
    assert!(!two.at("disk/other.txt").exists());
    assert!(!one.at("disk/there.txt").exists());
    assert!(two.at("disk/below.txt").exists(), "what cannot be seen is not deleted");
    drop(mount);
    one.run(["sync", "--once"]).expect(0);
    two.wait_for_tree(&one.tree());
    assert_eq!(
        one.tree().lines(),
        [
            "beside.txt = 1",
            "disk/",
            "disk/below.txt = under the mount",
            "disk/there.txt = from elsewhere",
            "done.txt = 2"
        ]
    );
}

fn database(device: &Device<'_>) -> std::path::PathBuf {
    let folders = fs::read_dir(device.home().join("folders")).expect("it has joined");
    let folder = folders.flatten().next().expect("one folder").path();
    folder.join("trees.db")
}

fn remove_database(device: &Device<'_>) {
    let path = database(device);
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", path.display()));
    }
}

fn damage_database(device: &Device<'_>) {
    let file = fs::OpenOptions::new().write(true).open(database(device)).expect("it is there");
    file.write_all_at(&[0xA5; 16 * 1024], 0).expect("ours");
}

#[track_caller]
fn check_rebuilt(damage: impl Fn(&Device<'_>), word: &str) {
    let world = World::new();
    let server = Server::start(&world);
    let [one, two] = ["one", "two"].map(|name| Device::join_once(&world, name, &server.link()));
    for number in 0..30 {
        one.write(&format!("{}/{number}.txt", number % 3), format!("file {number}"));
    }
    one.once();
    two.once();
    // While nothing is known: an edit and a deletion elsewhere, an edit and a new file here.
    two.write("0/0.txt", "edited there");
    fs::remove_file(two.at("1/1.txt")).expect("ours");
    two.once();
    one.write("2/2.txt", "edited here");
    one.write("new.txt", "new here");
    damage(&one);

    let output = one.run(["sync", "--once"]).expect(0);

    assert!(output.stderr.contains(word), "{}", output.stderr);
    assert!(output.stderr.contains("merged anew"), "{}", output.stderr);
    two.once();
    one.once();
    assert_eq!(one.tree().same(&two.tree()), Ok(()));
    let lines = one.tree().lines().join("\n");
    for kept in ["edited there", "edited here", "new here"] {
        assert!(lines.contains(kept), "{kept} is not in\n{lines}");
    }
    assert!(one.tree().files() >= 31, "nothing is lost:\n{lines}");
    let status: Value = one.status();
    assert_eq!(status["problems"], serde_json::json!([]));
}

#[test]
fn a_lost_client_database_is_rebuilt_by_merging_and_says_so() {
    check_rebuilt(remove_database, "is lost");
}

#[test]
fn a_damaged_client_database_is_rebuilt_by_merging_and_says_so() {
    check_rebuilt(damage_database, "is damaged");
}
