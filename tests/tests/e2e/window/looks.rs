//! How the window's pages look, and whom they serve.

use std::fs;

use tests::{Browser, World};

use super::{Window, show};
use crate::inspection::Inspection;
use crate::pair::Pair;

/// A folder in which everything that pages can show is to be seen.
fn scene(world: &World) -> Pair<'_> {
    let long =
        format!("{}.txt", "a name that is so long that it does not fit anywhere ".repeat(4).trim());
    let mut pair = Pair::offline(world, |root| {
        for name in ["report.txt", "plan.md", "photo.svg", "open in a program.txt", &long] {
            fs::write(root.join(name), format!("# {name}\n\nthe same on both\nline 4\n"))
                .expect("ours");
        }
        for number in 0..40 {
            let directory = root.join(format!("letters/{}", 2000 + number % 4));
            fs::create_dir_all(&directory).expect("ours");
            fs::write(directory.join(format!("{number}.txt")), number.to_string()).expect("ours");
        }
    });
    let draw = |colour: &str| {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"240\" height=\"160\">\
                 <rect width=\"240\" height=\"160\" fill=\"{colour}\"/></svg>"
        )
    };
    pair.one.write("report.txt", "# report.txt\n\nwritten on one\nline 4\nand a line more\n");
    pair.two.write("report.txt", "# report.txt\n\nwritten on two\nline 4\n");
    pair.one.write("photo.svg", draw("#3a7"));
    pair.two.write("photo.svg", draw("#c52"));
    pair.one.write(&long, "by one");
    pair.two.write(&long, "by two");
    pair.one.sync();
    pair.one.wait_until_in_sync();
    pair.two.sync();
    pair.two.wait_until_in_sync();
    pair.one.wait_for_tree(&pair.two.tree());
    pair
}

#[test]
fn pages_fit_and_serve_everyone() {
    let world = World::new();
    let mut pair = scene(&world);
    let browser = Browser::start(&world);
    let window = Window::of(&mut pair.one);
    let path = pair.one.at("open in a program.txt");
    let held = fs::OpenOptions::new().append(true).open(path).expect("ours");
    pair.two.write("open in a program.txt", "changed on two");
    window.open(&browser, "now");
    browser.wait_for_text("[data-kind=busy]", "open in a program");
    browser.wait_for_text("main", "3 files changed in two places");
    let mut inspection = Inspection::new();
    for (name, page) in
        [("now", "now"), ("log", "log"), ("conflicts", "conflicts"), ("settings", "settings")]
    {
        show(&browser, page);
        match name {
            "log" => drop(browser.wait("rows", "return document.querySelector('[data-action]')")),
            "conflicts" => {
                browser.wait(
                    "conflicts",
                    "return document.querySelectorAll('[data-copy]').length === 3",
                );
                browser.run("document.querySelectorAll('main details').forEach((one) => { one.open = true })");
                browser.wait(
                    "what differs",
                    "return document.querySelector('.diff') && document.querySelector('.picture')",
                );
            }
            "settings" => {
                browser.click_on("Make a link");
                browser.wait("the code", "return document.querySelector('.qr path')");
                browser.click("[data-rules] summary");
                browser.fill("[data-rules] textarea", "letters/\n*.tmp");
                browser.wait_for_text("[data-preview=newly]", "letters/");
            }
            _ => {}
        }
        inspection.look(&browser, name);
    }
    inspection.end();
    drop(held);
    drop(browser);
    pair.end();
}
