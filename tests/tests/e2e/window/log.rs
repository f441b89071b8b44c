//! Log: what `onefold log` tells, live, newest on top, and found.

use std::fs;

use serde_json::{Value, json};
use tests::{Browser, PATIENCE, World, wait_for};

use super::{Window, show};
use crate::pair::Pair;

/// The rows that are shown: action, path and device.
const ROWS: &str = "return [...document.querySelectorAll('.row')]
    .sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex'))
    .filter((row) => row.querySelector('[data-action]'))
    .map((row) => [row.querySelector('[data-action]').dataset.action,
                   row.querySelector('.where .path').textContent,
                   row.querySelector('.who').textContent])";

#[track_caller]
fn wait_for_rows(browser: &Browser, expected: &[[&str; 3]]) {
    let expected = json!(expected);
    wait_for("the rows", PATIENCE, || match browser.run(ROWS) {
        rows if rows == expected => Ok(()),
        rows => Err(rows.to_string()),
    });
}

#[test]
fn every_change_is_shown_as_it_comes_and_found() {
    let world = World::new();
    let mut pair = Pair::live(&world, |root| {
        fs::create_dir(root.join("docs")).expect("ours");
        fs::write(root.join("docs/a.txt"), "a").expect("ours");
    });
    let browser = Browser::start(&world);
    Window::of(&mut pair.one).open(&browser, "log");
    wait_for_rows(&browser, &[["created", "docs/a.txt", "one"], ["created", "docs", "one"]]);

    // Live, newest on top, from either device.
    pair.two.write("docs/a.txt", "edited there");
    wait_for_rows(
        &browser,
        &[
            ["edited", "docs/a.txt", "two"],
            ["created", "docs/a.txt", "one"],
            ["created", "docs", "one"],
        ],
    );
    fs::rename(pair.one.at("docs/a.txt"), pair.one.at("docs/b.txt")).expect("ours");
    browser.wait_for_text(".rows", "was docs/a.txt");
    pair.two.wait_for_tree(&pair.one.tree());
    fs::remove_file(pair.two.at("docs/b.txt")).expect("ours");
    let deleted = ["deleted", "docs/b.txt", "two"];
    browser.wait("the deletion", "return document.querySelector('[data-action=deleted]')");

    // The same as the command tells.
    let of = |line: &Value| json!([line["action"], line["path"], line["device"]]);
    let told: Vec<_> = pair.one.log().iter().rev().map(of).collect();
    assert_eq!(browser.run(ROWS), json!(told));

    // "Who deleted this?": two clicks from anywhere.
    show(&browser, "now");
    browser.click("nav a[href='#log']");
    browser.click("input[name=kind][value=deleted]");
    wait_for_rows(&browser, &[deleted]);

    // By text, in small or capital letters; by path; by device; together.
    browser.click("input[name=kind][value='']");
    browser.fill("#log-text", "A.TXT");
    wait_for_rows(
        &browser,
        &[
            ["moved", "docs/b.txt", "one"],
            ["edited", "docs/a.txt", "two"],
            ["created", "docs/a.txt", "one"],
        ],
    );
    browser.click("input[name=kind][value=edited]");
    wait_for_rows(&browser, &[["edited", "docs/a.txt", "two"]]);
    browser.click("input[name=kind][value='']");
    browser.fill("#log-text", "nothing like this");
    browser.wait_for_text(".empty", "Nothing like that was found");
    show(&browser, "log?path=docs/b.txt");
    wait_for_rows(&browser, &[deleted, ["moved", "docs/b.txt", "one"]]);
    show(&browser, "log?device=two&path=docs");
    wait_for_rows(&browser, &[deleted, ["edited", "docs/a.txt", "two"]]);

    // A row leads to all that happened to its path.
    browser.click(".row .where button");
    wait_for_rows(&browser, &[deleted]);
    drop(browser);
    pair.end();
}
