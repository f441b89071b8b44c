//! Now: what a folder's card tells, and what is done there, on the other device's disk.

use std::fs::{self, OpenOptions};

use tests::{Browser, Device, Server, World};

use super::{Window, wait_for_file, wait_until_gone};
use crate::pair::Pair;

#[track_caller]
fn wait_for_state(browser: &Browser, state: &str, word: &str) {
    browser.wait(word, &format!("return document.querySelector('[data-state={state}]')"));
    assert_eq!(browser.text(".card .state").trim(), word);
}

#[test]
fn a_folder_is_told_in_a_word_paused_and_resumed() {
    let world = World::new();
    let mut pair = Pair::live(&world, |root| fs::write(root.join("a.txt"), "a").expect("ours"));
    let browser = Browser::start(&world);
    Window::of(&mut pair.one).open(&browser, "now");

    wait_for_state(&browser, "in_sync", "In sync");
    browser.wait_for_text(".facts", "1 file, 1 byte");
    browser.wait_for_text("[data-guard]", "Whole");
    assert!(!browser.url().contains("key="), "the key stays in the address: {}", browser.url());

    browser.click_on("Pause");
    wait_for_state(&browser, "paused", "Paused");
    assert_eq!(pair.one.status()["state"], "paused");
    pair.one.write("b.txt", "waits");
    pair.two.write("c.txt", "there");
    pair.two.wait_until_in_sync();
    assert!(!pair.two.at("b.txt").exists());

    browser.click_on("Resume");
    wait_for_file(&pair.two, "b.txt", b"waits");
    wait_for_file(&pair.one, "c.txt", b"there");
    wait_for_state(&browser, "in_sync", "In sync");
    browser.wait_for_text(".facts", "3 files");

    // The server goes, and comes back.
    pair.server.kill();
    wait_for_state(&browser, "offline", "Offline");
    pair.server.restart();
    wait_for_state(&browser, "in_sync", "In sync");

    // The client goes, and comes back: the page goes on by itself.
    pair.one.stop();
    browser.wait_for_text("#lost", "does not answer");
    pair.one.sync();
    browser.wait("the page to go on", "return document.querySelector('#lost').hidden");
    wait_for_state(&browser, "in_sync", "In sync");
    drop(browser);
    pair.end();
}

#[test]
fn what_waits_is_grouped_with_the_reason() {
    const FILES: usize = 30;
    let world = World::new();
    let mut pair = Pair::live(&world, |root| {
        (0..FILES).for_each(|file| fs::write(root.join(file.to_string()), "a").expect("ours"));
    });
    let browser = Browser::start(&world);
    Window::of(&mut pair.one).open(&browser, "now");

    // A program has them open for writing, and others want to change them.
    let path = |file: usize| pair.one.at(&file.to_string());
    let append = |file| OpenOptions::new().append(true).open(path(file)).expect("ours");
    let open: Vec<_> = (0..FILES).map(append).collect();
    (0..FILES).for_each(|file| pair.two.write(&file.to_string(), "from two"));
    browser.wait_for_text("[data-kind=busy]", "Open in a program");
    // Many of one kind are few rows, until more are wanted.
    browser.wait_for_text("[data-kind=busy] summary", "more");
    assert_eq!(browser.count("[data-kind=busy] li"), 5);
    browser.wait_for_text("[data-kind=busy]", &format!("{FILES} files"));
    browser.click("[data-kind=busy] summary");
    let all = format!("return document.querySelectorAll('[data-kind=busy] li').length == {FILES}");
    browser.wait("all of them", &all);

    drop(open);
    wait_for_file(&pair.one, "29", b"from two");
    wait_for_state(&browser, "in_sync", "In sync");
    browser.wait("nothing to wait", "return !document.querySelector('[data-kind]')");
    drop(browser);
    pair.end();
}

#[test]
fn a_held_deletion_is_approved_or_brought_back() {
    const FILES: usize = 30;
    let world = World::new();
    let fill = |device: &Device<'_>| {
        (0..FILES).for_each(|number| device.write(&format!("d/{number}.txt"), number.to_string()));
    };
    let server = Server::start(&world);
    let mut one = Device::join(&world, "one", &server.link());
    let two = Device::join(&world, "two", &server.link());
    fill(&one);
    let whole = one.tree();
    two.wait_for_tree(&whole);
    let browser = Browser::start(&world);
    Window::of(&mut one).open(&browser, "now");

    fs::remove_dir_all(one.at("d")).expect("ours");
    browser.wait_for_text(".card", &format!("{FILES} files of {FILES} were deleted here at once"));
    wait_for_state(&browser, "attention", "Needs attention");
    assert_eq!(two.tree(), whole);
    browser.click_on("Bring them back");
    one.wait_for_tree(&whole);
    wait_for_state(&browser, "in_sync", "In sync");

    fs::remove_dir_all(one.at("d")).expect("ours");
    browser.click_on("Delete everywhere");
    browser.click_in_dialog("Cancel");
    assert_eq!(two.tree().files(), FILES);
    browser.click_on("Delete everywhere");
    browser.click_in_dialog("Delete everywhere");
    wait_until_gone(&two, "d");
    wait_for_state(&browser, "in_sync", "In sync");
}
