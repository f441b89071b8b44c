//! A disk with no room: what does not fit waits and says so, everything else goes on.

use tests::{Device, Mount, Server, World, noise};

use super::{problems, wait_for_bytes, wait_for_problem};

#[test]
fn what_does_not_fit_waits_with_its_reason_and_comes_when_there_is_room() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join(&world, "one", &server.link());
    let mut two = Device::new(&world, "two");
    let Some(mount) = Mount::memory(two.folder(), 8) else { return };
    two.start_joining(&server.link());
    two.wait_until_in_sync();

    one.write("large.bin", noise(1, 12_000_000));

    let full = wait_for_problem(&two, "disk_full");
    assert_eq!(full[0].0, "large.bin");
    assert!(full[0].1.contains("MiB are free"), "{full:?}");
    assert_eq!(two.status()["state"], "attention");
    // Uploads go on.
    two.write("small.txt", "from a full disk");
    wait_for_bytes(&one.at("small.txt"), b"from a full disk");
    two.stop();
    let output = two.run(["sync", "--once"]).expect(1);
    assert!(output.stderr.contains("large.bin: disk_full"), "{}", output.stderr);
    two.sync();
    wait_for_problem(&two, "disk_full");

    mount.resize(64);

    two.wait_for_tree(&one.tree());
    two.wait_until_in_sync();
    one.wait_until_in_sync();
    assert_eq!(problems(&two.status(), "disk_full"), []);
    two.stop();
    one.stop();
}
