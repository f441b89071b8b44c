//! Everything is done by the keyboard alone.

use std::fs;

use serde_json::json;
use tests::{Browser, World, key};

use super::{Window, wait_for_file};
use crate::inspection::tab_to;
use crate::pair::Pair;

#[test]
fn pages_are_reached_and_used_by_keys_alone() {
    let world = World::new();
    let mut pair = Pair::live(&world, |root| fs::write(root.join("a.txt"), "a").expect("ours"));
    let browser = Browser::start(&world);
    Window::of(&mut pair.one).open(&browser, "now");

    // Pause and resume.
    tab_to(&browser, "Pause");
    browser.press(&[key::ENTER]);
    browser.wait("a pause", "return document.querySelector('[data-state=paused]')");
    pair.two.write("b.txt", "b");
    // The page was drawn anew, and the focus has stayed: on what undoes what was done.
    let focus = "return document.activeElement.innerText.trim() === 'Resume'";
    browser.wait("the focus on Resume", focus);
    browser.press(&[key::ENTER]);
    wait_for_file(&pair.one, "b.txt", b"b");

    // The log, and who deleted something.
    tab_to(&browser, "Log");
    browser.press(&[key::ENTER]);
    browser.wait_for_text("h1", "Log");
    fs::remove_file(pair.two.at("a.txt")).expect("ours");
    assert_eq!(browser.run("return document.activeElement.id"), json!("main"));
    browser.wait("the deletion", "return document.querySelector('[data-action=deleted]')");
    tab_to(&browser, "Everything");
    browser.press(&["\u{e014}", "\u{e014}", "\u{e014}", "\u{e014}"]);
    browser.wait("only the deletion", "return document.querySelectorAll('.row').length === 1");

    // The rows are scrolled by keys.
    browser.run("document.activeElement.blur()");
    tab_to(&browser, "Changes, newest first");

    // A dialog takes the focus, and Escape leaves it.
    browser.run("location.hash = 'settings'");
    browser.wait_for_text("h1", "Settings");
    tab_to(&browser, "Unlink");
    browser.press(&[key::ENTER]);
    browser.wait(
        "the dialog",
        "return document.querySelector('dialog[open]')?.contains(document.activeElement)",
    );
    browser.press(&[key::ESCAPE]);
    browser.wait("no dialog", "return !document.querySelector('dialog')");
    assert_eq!(browser.run("return document.activeElement.innerText.trim()"), json!("Unlink"));
    drop(browser);
    pair.end();
}
