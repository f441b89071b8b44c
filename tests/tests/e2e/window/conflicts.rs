//! Conflicts: both versions are shown, and what a person decides arrives on the other device.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tests::{Browser, PATIENCE, World, wait_for};

use super::{Window, conflict_paths, wait_for_file, wait_until_gone};
use crate::pair::Pair;

/// A picture of one dot, of this red.
fn png(red: u8) -> Vec<u8> {
    // A BMP holds its dots as they are; it needs no packing.
    let mut bytes =
        b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0".to_vec();
    bytes.extend([0; 24]);
    bytes.extend([0, 0, red, 0]);
    bytes
}

/// Two devices that both changed these files without knowing of each other; both sync again. Where
/// each file's copy is.
fn conflicts<'w>(world: &'w World, files: &[&str], of: fn(&str, u8) -> Vec<u8>) -> Pair<'w> {
    let before = |root: &Path| {
        for name in files {
            fs::write(root.join(name), of(name, 0)).expect("ours");
        }
    };
    let mut pair = Pair::offline(world, before);
    for name in files {
        pair.one.write(name, of(name, 1));
        pair.two.write(name, of(name, 2));
    }
    // One's are accepted first; two's become the copies.
    pair.one.sync();
    pair.one.wait_until_in_sync();
    pair.two.sync();
    wait_for("the copies", PATIENCE, || {
        let copies = [&pair.one, &pair.two].map(|device| conflict_paths(device).len());
        if copies == [files.len(); 2] { Ok(()) } else { Err(format!("{copies:?}")) }
    });
    pair.two.wait_until_in_sync();
    pair
}

fn text(name: &str, version: u8) -> Vec<u8> {
    format!("the first line of {name}\nby {version}\nthe last line\n").into_bytes()
}

fn copy_of(pair: &Pair<'_>, name: &str) -> String {
    let stem = name.split('.').next().expect("a stem");
    let all = conflict_paths(&pair.one);
    all.into_iter().find(|path| path.starts_with(&format!("{stem} ("))).expect("a copy")
}

/// The card of a file's conflict.
fn card(name: &str, rest: &str) -> String {
    format!(".card[data-copy^='{} ('] {rest}", name.split('.').next().expect("a stem"))
}

#[track_caller]
fn decide(browser: &Browser, name: &str, keep: &str) {
    browser.click(&card(name, &format!("[data-keep={keep}]")));
    match keep {
        "original" => browser.click_in_dialog("Keep this"),
        "copy" => browser.click_in_dialog("Keep that"),
        _ => {}
    }
}

#[test]
fn this_that_or_both_are_kept_on_every_device() {
    let world = World::new();
    let files = ["this.txt", "that.txt", "both.txt"];
    let mut pair = conflicts(&world, &files, text);
    let copies = files.map(|name| copy_of(&pair, name));
    let browser = Browser::start(&world);
    Window::of(&mut pair.one).open(&browser, "conflicts");
    for (name, copy) in files.iter().zip(&copies) {
        browser.wait(
            "the conflict",
            &format!("return document.querySelector(\"{}\")", card(name, "")),
        );
        let shown = browser.text(&card(name, "[data-side=that]"));
        assert!(shown.contains(&**copy) && shown.contains("two"), "{shown}");
        assert!(browser.text(&card(name, "[data-side=this]")).contains("one"));
    }
    browser.wait_for_text("nav a[href='#conflicts'] .count", "3");
    // The lines, side by side, with what differs marked.
    browser.click(&card("this.txt", "summary"));
    let differs = browser.wait(
        "the lines that differ",
        "const row = document.querySelector('.diff-row.changed');
         return row && [...row.querySelectorAll('.gone, .came')].map((side) => side.textContent)",
    );
    assert_eq!(differs, serde_json::json!(["by 1", "by 2"]));
    assert_eq!(browser.text(".diff-row.changed mark"), "1");

    decide(&browser, "this.txt", "original");
    wait_until_gone(&pair.two, &copies[0]);
    wait_for_file(&pair.two, "this.txt", &text("this.txt", 1));

    decide(&browser, "that.txt", "copy");
    wait_until_gone(&pair.two, &copies[1]);
    wait_for_file(&pair.two, "that.txt", &text("that.txt", 2));

    decide(&browser, "both.txt", "both");
    wait_until_gone(&pair.two, &copies[2]);
    wait_for_file(&pair.two, "both (two).txt", &text("both.txt", 2));
    wait_for_file(&pair.two, "both.txt", &text("both.txt", 1));

    browser.wait_for_text(".empty", "No conflicts");
    browser.wait("no mark", "return !document.querySelector('nav .count')");
    pair.one.wait_until_in_sync();
    pair.two.wait_until_in_sync();
    pair.assert_same();
    assert_eq!(pair.one.tree().files(), 4);
    // Who decided is in the log, and that.txt was edited, not made anew.
    let edited = |line: &Value| line["path"] == "that.txt" && line["action"] == "edited";
    assert!(pair.two.log().iter().any(|line| edited(line) && line["device"] == "one"));
    drop(browser);
    pair.end();
}

#[test]
fn all_that_are_marked_are_decided_at_once_and_pictures_are_shown() {
    let world = World::new();
    let files = ["a.bmp", "b.bmp", "c.bmp", "d.bmp"];
    let mut pair = conflicts(&world, &files, |_, version| png(version));
    let browser = Browser::start(&world);
    Window::of(&mut pair.one).open(&browser, "conflicts");
    // The first is open by itself.
    let shown = browser.wait(
        "both pictures",
        "const all = [...document.querySelectorAll('.picture img')];
         return all.length === 2 && all.every((one) => one.complete && one.naturalWidth === 1)",
    );
    assert_eq!(shown, true);

    browser.click("#mark-all");
    browser.click(&card("d.bmp", "input[type=checkbox]"));
    browser.wait_for_text(".marks", "3 of 4 marked");
    browser.click(".marks .buttons button:nth-child(2)");
    browser.click_in_dialog("Keep that");
    for name in &files[..3] {
        wait_for_file(&pair.two, name, &png(2));
    }
    wait_for("three copies to go", PATIENCE, || match &*conflict_paths(&pair.two) {
        [last] if last.starts_with("d (") => Ok(()),
        left => Err(format!("{left:?}")),
    });
    wait_for_file(&pair.two, "d.bmp", &png(1));
    drop(browser);
    pair.end();
}

#[test]
fn what_changed_since_it_was_seen_is_left_as_it_is() {
    let world = World::new();
    let mut pair = conflicts(&world, &["a.txt", "b.txt", "c.txt"], text);
    let copies = ["a.txt", "b.txt", "c.txt"].map(|name| copy_of(&pair, name));
    let browser = Browser::start(&world);
    Window::of(&mut pair.one).open(&browser, "conflicts");
    browser
        .wait("the conflicts", "return document.querySelectorAll('.card[data-copy]').length === 3");
    let resolve = |keep: &str, edit: &dyn Fn()| {
        let asked = browser.run_with(
            "const [keep] = arguments;
             const folder = document.querySelector('nav') && (await (await fetch('/api/events')).body
                 .getReader().read()).value;
             const { folders } = JSON.parse(new TextDecoder().decode(folder).match(/data: ?(.*)/)[1]);
             const { conflicts } = await (await fetch(`/api/conflicts?folder=${folders[0].id}`)).json();
             return { folder: folders[0].id, keep, copies: conflicts.map(({ copy, original }) =>
                 ({ id: copy.id, seen: copy.seen, original: original.seen })) }",
            serde_json::json!([keep]),
        );
        edit();
        browser.run_with(
            "return (await fetch('/api/resolve', { method: 'POST', body: JSON.stringify(arguments[0]),
                 headers: { 'content-type': 'application/json' } })).json()",
            serde_json::json!([asked]),
        )
    };
    let told = resolve("original", &|| {
        pair.one.write("a.txt", "newer than what was seen");
        pair.one.write(&copies[1], "newer, too");
    });
    assert_eq!(told["done"], 1, "{told}");
    assert_eq!(told["refused"].as_array().map(Vec::len), Some(2), "{told}");
    assert!(told["refused"][0]["why"].as_str().is_some_and(|why| why.contains("changed since")));
    wait_until_gone(&pair.two, &copies[2]);
    wait_for_file(&pair.two, &copies[1], b"newer, too");
    wait_for_file(&pair.two, &copies[0], &text("a.txt", 2));
    wait_for_file(&pair.two, "a.txt", b"newer than what was seen");

    // One that a program has open for writing is left alone, too.
    let open = fs::OpenOptions::new().append(true).open(pair.one.at("a.txt")).expect("ours");
    let told = resolve("copy", &|| {});
    assert_eq!(told["done"], 1, "{told}");
    let why = told["refused"][0]["why"].as_str().unwrap_or_default();
    assert!(why.contains("open for writing"), "{told}");
    drop(open);
    wait_for_file(&pair.two, &copies[0], &text("a.txt", 2));
    wait_for_file(&pair.two, "b.txt", b"newer, too");
    drop(browser);
    pair.end();
}
