//! Names are text everywhere, whatever is in them.

use std::fs;
use std::path::Path;

use serde_json::json;
use tests::{Browser, World};

use super::{Window, show};
use crate::pair::Pair;

/// Names that a page could take for something else than a name.
const NAMES: [&str; 6] = [
    "<script>window.hacked = 1<!--.txt",
    "<img src=x onerror=\"window.hacked = 1\">.txt",
    "quotes \" ' ` & &amp;.txt",
    "two\nlines.txt",
    "gpj.\u{202e}exe.txt",
    "עברית (\u{200f}x\u{200f}).txt",
];

/// What is seen of them: what is not seen in a name is told.
const SEEN: [&str; 6] = [
    "<script>window.hacked = 1<!--.txt",
    "<img src=x onerror=\"window.hacked = 1\">.txt",
    "quotes \" ' ` & &amp;.txt",
    "two\u{240a}lines.txt",
    "gpj.U+202Eexe.txt",
    "עברית (U+200FxU+200F).txt",
];

/// Insists that each name is seen in the page, isolated from what stands around it, and does nothing.
#[track_caller]
fn assert_text(browser: &Browser, within: &str) {
    browser.wait_with(
        &format!("the names in {within}"),
        "const [within, names] = arguments;
         const seen = [...document.querySelectorAll(`${within} bdi`)].map((bdi) => bdi.textContent);
         return names.every((name) => seen.some((text) => text.includes(name)))",
        &json!([within, SEEN]),
    );
    let harm = browser.run(
        "return [window.hacked, document.querySelectorAll('main img:not(.picture img)').length]",
    );
    assert_eq!(harm, json!([null, 0]));
}

#[test]
fn names_are_shown_as_text_everywhere() {
    let world = World::new();
    let fill = |root: &Path| {
        for name in NAMES {
            fs::write(root.join(name), "before").expect("ours");
        }
    };
    let mut pair = Pair::offline(&world, fill);
    for name in NAMES {
        pair.one.write(name, format!("by one: {name}\n"));
        pair.two.write(name, format!("by two: {name}\n"));
    }
    pair.one.sync();
    pair.one.wait_until_in_sync();
    pair.two.sync();
    pair.two.wait_until_in_sync();
    pair.one.wait_for_tree(&pair.two.tree());
    let browser = Browser::start(&world);
    Window::of(&mut pair.one).open(&browser, "log");
    assert_text(&browser, ".rows");
    // A name that is asked for by its own row is found, and shown in the field as it is.
    show(&browser, "log");
    browser.fill("#log-text", "<script>");
    browser.wait_for_text(".rows", "<script>window.hacked = 1<!--.txt");

    show(&browser, "conflicts");
    browser
        .wait("the conflicts", "return document.querySelectorAll('.card[data-copy]').length === 6");
    browser.run("document.querySelectorAll('main details').forEach((one) => { one.open = true })");
    browser.wait("what differs", "return document.querySelectorAll('.diff').length >= 6");
    assert_text(&browser, "h2");
    assert_text(&browser, "[data-side=this]");

    // Open in a program, they wait: Now lists them.
    show(&browser, "now");
    let open = NAMES
        .map(|name| fs::OpenOptions::new().append(true).open(pair.one.at(name)).expect("ours"));
    for name in NAMES {
        pair.two.write(name, "again");
    }
    browser.wait_for_text("[data-kind=busy]", "6 files");
    browser.click("[data-kind=busy] summary");
    assert_text(&browser, "[data-kind=busy]");
    drop(open);

    show(&browser, "settings");
    browser.click("[data-rules] summary");
    browser.fill("[data-rules] textarea", "*.txt\n<script>window.hacked = 1</script>");
    browser.wait_for_text("[data-preview=newly]", "<script>");
    assert_text(&browser, "[data-preview=newly]");
    drop(browser);
    pair.one.wait_until_in_sync();
    pair.end();
}
