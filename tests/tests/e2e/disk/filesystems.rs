//! Folders on filesystems that lack what the guard would like to have.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use tests::{Device, Mount, PATIENCE, Server, World, made, wait_for};

use super::wait_for_bytes;

/// Two devices, of which the second has its folder on what `mount` makes.
fn second_on<'w>(
    world: &'w World,
    server: &Server<'_>,
    mount: impl FnOnce(&Device<'_>) -> Option<Mount>,
) -> Option<([Device<'w>; 2], Mount)> {
    let one = Device::join(world, "one", &server.link());
    let mut two = Device::new(world, "two");
    let Some(mount) = mount(&two) else {
        eprintln!("it cannot be mounted here: not tried");
        return None;
    };
    two.start_joining(&server.link());
    two.wait_until_in_sync();
    Some(([one, two], mount))
}

#[test]
fn on_ntfs_there_is_no_exchange_and_no_executable_bit_and_none_is_taken_away_elsewhere() {
    let world = World::new();
    let server = Server::start(&world);
    let ntfs = |two: &Device<'_>| {
        let image = made(two.folder(), "ntfs", 16, &["-F", "-q"])?;
        Mount::by("ntfs-3g", two.folder(), &[image.to_str().expect("text")])
    };
    let Some(([mut one, mut two], _mount)) = second_on(&world, &server, ntfs) else { return };
    let guard = two.status()["guard"].as_str().expect("text").to_owned();
    for word in ["weaker", "no exchange", "hard links", "executable bits"] {
        assert!(guard.contains(word), "{word} is not in {guard}");
    }
    one.write("run.sh", "#!/bin/sh\n");
    fs::set_permissions(one.at("run.sh"), Permissions::from_mode(0o755)).expect("ours");
    one.write("plain.txt", "old");
    for (name, text) in [("run.sh", "#!/bin/sh\n"), ("plain.txt", "old")] {
        wait_for_bytes(&two.at(name), text.as_bytes());
    }

    // Both ways, over what is there, and with new names.
    one.write("plain.txt", "new");
    wait_for_bytes(&two.at("plain.txt"), b"new");
    two.write("run.sh", "#!/bin/sh\nexit 0\n");
    two.write("there.txt", "made there");
    wait_for_bytes(&one.at("run.sh"), b"#!/bin/sh\nexit 0\n");
    wait_for_bytes(&one.at("there.txt"), b"made there");
    fs::rename(one.at("there.txt"), one.at("renamed.txt")).expect("it came");
    wait_for_bytes(&two.at("renamed.txt"), b"made there");
    fs::remove_file(two.at("plain.txt")).expect("it came");
    wait_for("the deletion to arrive", PATIENCE, || {
        if one.at("plain.txt").exists() { Err("it is there".into()) } else { Ok(()) }
    });

    two.wait_until_in_sync();
    one.wait_until_in_sync();
    let folder = one.folder().to_owned();
    let mode =
        |name: &str| fs::metadata(folder.join(name)).expect("it is").permissions().mode() & 0o111;
    assert_ne!(mode("run.sh"), 0, "its executable bit was taken away");
    assert_eq!(mode("renamed.txt"), 0, "an executable bit came from nowhere");
    // It is set there by the other device, and kept through an edit.
    fs::set_permissions(one.at("renamed.txt"), Permissions::from_mode(0o755)).expect("ours");
    one.wait_until_in_sync();
    two.write("renamed.txt", "edited there");
    wait_for_bytes(&one.at("renamed.txt"), b"edited there");
    one.wait_until_in_sync();
    assert_ne!(mode("renamed.txt"), 0);
    assert_eq!(two.status()["problems"], serde_json::json!([]));
    let modes = one.log().iter().filter(|line| line["action"] == "mode_changed").count();
    assert_eq!(modes, 1, "{:?}", one.log());
    // After a restart, too.
    two.stop();
    two.sync();
    two.wait_until_in_sync();
    assert_ne!(mode("run.sh"), 0);
    two.stop();
    one.stop();
}

#[test]
fn a_filesystem_where_no_name_can_be_taken_safely_is_refused_in_words() {
    let world = World::new();
    let server = Server::start(&world);
    let two = Device::new(&world, "two");
    let Some(image) = made(two.folder(), "vfat", 16, &[]) else { return };
    let arguments = ["-o", "rw+", image.to_str().expect("text")];
    let Some(_mount) = Mount::by("fusefat", two.folder(), &arguments) else { return };
    fs::write(two.at("mine.txt"), "mine").expect("ours");
    let words = ["without replacing", "Nothing was changed", "another disk"];
    two.run_join(&server.link(), &["--once"]).complains(1, &words);
    assert_eq!(fs::read(two.at("mine.txt")).expect("it is"), b"mine");
}

#[test]
fn what_others_change_on_a_network_filesystem_is_found_though_no_event_tells_of_it() {
    let world = World::new();
    let server = Server::start(&world);
    let shared = world.at("shared");
    fs::create_dir(&shared).expect("ours");
    let share =
        |two: &Device<'_>| Mount::by("bindfs", two.folder(), &[shared.to_str().expect("text")]);
    let Some(([mut one, mut two], _mount)) = second_on(&world, &server, share) else { return };
    let polled = two.status()["polled"].as_str().unwrap_or_default().to_owned();
    assert!(polled.contains("filesystem (FUSE) on which others can change files"), "{polled}");
    one.write("d/known.txt", "old");
    wait_for_bytes(&two.at("d/known.txt"), b"old");

    // Another machine, on the other side of the mount.
    fs::write(shared.join("d/known.txt"), "edited elsewhere").expect("ours");
    fs::write(shared.join("d/new.txt"), "made elsewhere").expect("ours");

    wait_for_bytes(&one.at("d/known.txt"), b"edited elsewhere");
    wait_for_bytes(&one.at("d/new.txt"), b"made elsewhere");
    one.write("d/known.txt", "and back");
    wait_for_bytes(&shared.join("d/known.txt"), b"and back");
    two.wait_until_in_sync();
    two.stop();
    one.stop();
}
