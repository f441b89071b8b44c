//! A large file: its transfer goes on where it was cut, and a small change in it is a small transfer.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use tests::{Device, Proxy, Server, World, fill, noise, pick};

const MIB: u64 = 1024 * 1024;
/// A file of any of these sizes is there by then.
const PATIENCE: Duration = Duration::from_secs(900);
/// A change in the middle costs so much, at most.
const CHANGE_BYTES: u64 = 4 * MIB;

#[test]
fn a_large_file_goes_on_where_it_was_cut_and_a_small_change_in_it_is_small() {
    let size = pick(64, 1024) * MIB;
    // What was under way when it was cut goes again, and each piece has a name.
    let most = size + size / 5 + 16 * MIB;
    let world = World::new();
    let server = Server::start(&world);
    let [up, down] = [Proxy::to(server.address()), Proxy::to(server.address())];
    let mut one = Device::new(&world, "one").patient(PATIENCE);
    let mut two = Device::new(&world, "two").patient(PATIENCE);
    one.start_joining(&up.link(&server.link()));
    two.start_joining(&down.link(&server.link()));
    one.wait_until_in_sync();
    two.wait_until_in_sync();

    up.cut_after(size / 2);
    let beside = world.at("beside");
    fill(&beside, 1, size).unwrap();
    std::fs::rename(&beside, one.at("large.bin")).unwrap();
    up.wait_until_cut();
    println!("the way up was cut after {} MiB", up.up() / MIB);
    assert!(!two.at("large.bin").exists());

    down.cut_after(size / 2);
    up.mend();
    down.wait_until_cut();
    println!("the way down was cut after {} MiB", down.down() / MIB);
    assert!(!two.at("large.bin").exists(), "a part of a file is no file");
    down.mend();
    let expected = one.tree();
    two.wait_for_tree(&expected);
    println!("{} MiB went up, {} MiB came down", up.up() / MIB, down.down() / MIB);
    assert!(up.up() < most, "{} bytes went up", up.up());
    assert!(down.down() < most, "{} bytes came down", down.down());
    one.wait_until_in_sync();
    two.wait_until_in_sync();

    let before = (up.up(), down.down());
    let file = File::options().write(true).open(one.at("large.bin")).unwrap();
    file.write_all_at(&noise(2, 4096), size / 2).unwrap();
    drop(file);
    let expected = one.tree();
    two.wait_for_tree(&expected);
    let sent = (up.up() - before.0, down.down() - before.1);
    println!("4 KiB changed: {} KiB went up, {} KiB came down", sent.0 / 1024, sent.1 / 1024);
    assert!(sent.0 < CHANGE_BYTES && sent.1 < CHANGE_BYTES, "{sent:?} bytes passed");
    one.stop();
    two.stop();
}
