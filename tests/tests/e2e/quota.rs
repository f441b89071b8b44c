//! A folder's quota: what does not fit stays on its device, and says so; all else goes on.

use tests::{Device, PATIENCE, Server, World, noise, wait_for};

#[test]
fn what_is_over_the_quota_waits_and_is_told_and_goes_when_there_is_room() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join(&world, "one", &server.link());
    let mut two = Device::join(&world, "two", &server.link());
    let set = |size: &str| {
        server.admin(&["quota", "--folder", "default", size]).expect(0).stdout.trim_end().to_owned()
    };
    assert_eq!(set("100KiB"), "default: 0 of 102400 bytes");
    one.write("first.bin", noise(1, 60_000));
    one.wait_until_in_sync();

    one.write("second.bin", noise(2, 60_000));

    wait_for("the device to say that it is too much", PATIENCE, || {
        let problems = one.status()["problems"].to_string();
        let told = ["second.bin", "refused", "full at the server"];
        if told.iter().all(|word| problems.contains(word)) { Ok(()) } else { Err(problems) }
    });
    one.write("third.bin", noise(3, 10_000));
    wait_for("what fits to arrive", PATIENCE, || {
        if two.at("third.bin").exists() { Ok(()) } else { Err(one.status().to_string()) }
    });
    assert!(!two.at("second.bin").exists());
    let said = server.admin(&["quota", "--folder", "default"]).expect(0).stdout;
    assert_eq!(said.trim_end(), "default: 70000 of 102400 bytes");
    assert_eq!(set("none"), "default: 70000 bytes, no quota");

    two.wait_for_tree(&one.tree());
    for device in [&mut one, &mut two] {
        device.wait_until_in_sync();
        assert_eq!(device.status()["problems"].to_string(), "[]");
        device.stop();
    }
    server.admin(&["quota", "--folder", "other", "1GiB"]).complains(1, &["no folder", "other"]);
    server.admin(&["quota", "--folder", "default", "much"]).complains(2, &["MiB"]);
}
