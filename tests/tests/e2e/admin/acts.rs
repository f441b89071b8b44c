//! What is done on the page, and its effect on devices.

use std::fs;

use tests::{Browser, Device, PATIENCE, Server, World, wait_for};

use super::Page;
use crate::inspection::tab_to;

/// The cell of a device, by what it is called.
fn wait_for_device(browser: &Browser, name: &str, says: &str) {
    let script = "const [name, says] = arguments;
        return [...document.querySelectorAll('[data-device]')].some((row) =>
            row.querySelector('bdi').textContent === name && row.innerText.includes(says))";
    let what = format!("{name} to be shown as {says:?}");
    browser.wait_with(&what, script, &serde_json::json!([name, says]));
}

#[test]
fn a_device_that_is_shut_out_on_the_page_gets_and_sends_nothing_more() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join(&world, "one", &server.link());
    let mut two = Device::join(&world, "two", &server.link());
    one.write("before.txt", "both have it");
    two.wait_for_tree(&one.tree());
    let browser = Browser::start(&world);
    Page::of(&server).open(&browser);
    assert!(!browser.url().contains("key="), "the key does not stay in the address");
    wait_for_device(&browser, "one", "connected");
    wait_for_device(&browser, "two", "up to date");
    browser.wait_for_text("#folders", "default");
    browser.wait_for_text("#folders", "2 devices");
    browser.wait_for_text("#folders", "12 bytes");

    browser.click("[aria-label*=two]");
    browser.click_in_dialog("Cancel");
    wait_for_device(&browser, "two", "connected");
    browser.click("[aria-label*=two]");
    browser.click_in_dialog("Shut out");
    wait_for_device(&browser, "two", "shut out");
    wait_for("the device to say that it was shut out", PATIENCE, || {
        let status = two.status();
        let told = status["detail"].as_str().is_some_and(|words| words.contains("was shut out"));
        if told { Ok(()) } else { Err(status.to_string()) }
    });
    browser.wait_for_text("#folders", "1 device");
    one.write("after.txt", "only one has it");
    two.write("own.txt", "only two has it");
    one.once();
    assert!(!two.at("after.txt").exists() && !one.at("own.txt").exists());
    assert_eq!(fs::read_to_string(two.at("before.txt")).expect("it stays"), "both have it");

    // Who leaves is seen to.
    one.stop();
    wait_for_device(&browser, "one", "last seen");
    two.stop();
    drop(browser);
    server.check();
}

#[test]
fn an_invite_that_is_made_on_the_page_lets_a_device_join_and_one_that_is_taken_back_does_not() {
    let world = World::new();
    let server = Server::start(&world);
    let browser = Browser::start(&world);
    Page::of(&server).open(&browser);
    browser.wait_for_text("#devices", "No device has joined yet");
    browser.wait_for_text("#invites", "No link is open");

    // A folder's name that cannot be is refused in words.
    browser.fill("#invite-folder", "a/b");
    browser.click("#invites button[type=submit]");
    browser.wait_for_text("#told", "cannot be called");
    assert_eq!(browser.count("#made-link"), 0);

    let made = |folder: &str, uses: &str| {
        browser.run("document.querySelector('#made-link')?.remove()");
        browser.fill("#invite-folder", folder);
        browser.fill("#invite-uses", uses);
        browser.click("#invites button[type=submit]");
        browser.wait_for_text("#made-link", "onefold");
        browser.text("#made-link")
    };
    let link = made("photos", "2");
    browser.wait_for_text("#invites table", "2 devices");
    let one = Device::join_once(&world, "one", &link);
    wait_for_device(&browser, "one", "photos");
    browser.wait_for_text("#invites table", "1 device");

    browser.click("[aria-label*='Take back']");
    browser.click_in_dialog("Take back");
    browser.wait_for_text("#invites", "No link is open");
    let late = Device::new(&world, "late");
    late.run_join(&link, &["--once"]).complains(1, &["does not know this link"]);
    one.write("f.txt", "who has joined stays");
    one.once();

    browser.click("#invites .check");
    let reading = made("photos", "1");
    browser.wait_for_text("#invites table", "may only read");
    let reader = Device::join_once(&world, "reader", &reading);
    assert!(reader.at("f.txt").exists());
    wait_for_device(&browser, "reader", "may only read");
    browser.wait_for_text("#invites", "No link is open");
    reader.write("own.txt", "stays here");
    reader.run(["sync", "--once"]).expect(3);
}

#[test]
fn what_takes_up_space_is_counted_when_somebody_asks() {
    let world = World::new();
    let server = Server::start(&world);
    let one = Device::new(&world, "one");
    one.write("small.txt", vec![b'x'; 1000]);
    one.write("large.bin", tests::noise(7, 3 << 20));
    one.run_join(&server.link(), &["--once"]).expect(0);
    one.write("small.txt", vec![b'y'; 500]);
    fs::remove_file(one.at("large.bin")).expect("ours");
    one.once();
    let browser = Browser::start(&world);
    Page::of(&server).open(&browser);
    assert_eq!(browser.count("[data-space]"), 0);
    browser.click_on("Count");
    browser.wait_for_text("[data-space]", "default");
    let row = browser.text("[data-space]");
    for words in ["500 bytes", "1.5 KiB in 2 small contents", "3.0 MiB in"] {
        assert!(row.contains(words), "{words}: {row}");
    }
}

#[test]
fn everything_is_done_by_keys_alone() {
    let world = World::new();
    let server = Server::start(&world);
    let _one = Device::join_once(&world, "one", &server.link());
    let browser = Browser::start(&world);
    Page::of(&server).open(&browser);
    wait_for_device(&browser, "one", "up to date");
    tab_to(&browser, "Invites");
    browser.press(&[tests::key::ENTER]);
    browser.wait("the part", "return document.activeElement.id === 'invites'");
    tab_to(&browser, "Make a link");
    browser.press(&[tests::key::ENTER]);
    browser.wait_for_text("#made-link", "onefold");
    browser.run("document.activeElement.blur()");
    tab_to(&browser, "Shut out \u{2068}one\u{2069}");
    browser.press(&[tests::key::ENTER]);
    let focus = "return document.querySelector('dialog[open]')?.contains(document.activeElement)";
    browser.wait("the dialog", focus);
    browser.press(&[tests::key::ESCAPE]);
    browser.wait("no dialog", "return !document.querySelector('dialog')");
    browser.press(&[tests::key::ENTER]);
    browser.wait("the dialog", focus);
    tab_to(&browser, "Shut out");
    browser.press(&[tests::key::ENTER]);
    wait_for_device(&browser, "one", "shut out");
}
