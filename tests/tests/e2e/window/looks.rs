//! How pages look: pictures of each, light and dark, narrow and wide; nothing runs over the side, and
//! `axe` finds no serious fault for people who cannot see, or point.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::{Browser, World, pick, repository};

use super::{Window, show};
use crate::pair::Pair;

/// The widths at which pages are looked at, in pixels, and the heights.
const SIZES: [(u32, u32); 4] = [(360, 740), (768, 1024), (1440, 900), (2560, 1440)];
/// The widths at which nothing may run over the side.
const WIDTHS: [u32; 9] = [360, 414, 576, 640, 768, 960, 1024, 1440, 2560];
/// Where the pictures of README's tour go, when they are made anew.
const TOUR: &str = "ONEFOLD_TOUR";
/// Faults of these kinds are none of ours to have.
const FAULTS: &str = "return (async () => {
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((node) =>
            `${node.target} ${node.failureSummary}`).slice(0, 3).join(' | ')}`) })()";

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

/// `axe`, as `./test` fetched it.
fn axe() -> String {
    let path = repository().join("target/axe/node_modules/axe-core/axe.min.js");
    fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; `./test` fetches it (npm install --prefix target/axe axe-core)",
            path.display()
        )
    })
}

fn picture(page: &str, width: u32, dark: bool) -> PathBuf {
    let colours = if dark { "dark" } else { "light" };
    repository().join(format!("target/screenshots/{page}-{width}-{colours}.png"))
}

/// Insists that nothing runs over the side at any width.
#[track_caller]
fn assert_fits(browser: &Browser, page: &str) {
    for width in WIDTHS {
        browser.size(width, 800);
        let over = browser.run(
            "const width = document.documentElement.clientWidth;
             const over = [...document.querySelectorAll('body *')].filter((one) => {
                 const box = one.getBoundingClientRect();
                 if (box.width === 0 || box.right <= width + 1) return false;
                 for (let above = one.parentElement; above; above = above.parentElement) {
                     if (getComputedStyle(above).overflowX !== 'visible') return false;
                 }
                 return !one.closest('.only-read, .skip');
             }).map((one) => one.outerHTML.slice(0, 120));
             return document.documentElement.scrollWidth > width || over.length ?
                 [document.documentElement.scrollWidth, ...over.slice(0, 5)] : null",
        );
        assert_eq!(over, Value::Null, "{page} at {width} pixels");
    }
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
    let axe = axe();
    let mut faults = Vec::new();
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
        assert_fits(&browser, name);
        for dark in [false, true] {
            browser.dark(dark);
            for (width, height) in pick(&[SIZES[0], SIZES[2]][..], &SIZES[..]) {
                browser.size(*width, *height);
                browser.run("window.scrollTo(0, 0)");
                browser.picture(&picture(name, *width, dark));
            }
            browser.size(1280, 800);
            if let Some(tour) = std::env::var_os(TOUR).filter(|_| !dark) {
                browser.picture(&PathBuf::from(tour).join(format!("{name}.webp")));
            }
            browser.run(&axe);
            let found = browser.run(FAULTS);
            let found = found.as_array().cloned().unwrap_or_default();
            faults.extend(found.into_iter().map(|fault| format!("{name} (dark: {dark}): {fault}")));
        }
    }
    assert_eq!(json!(faults), json!([]));
    drop(held);
    drop(browser);
    pair.end();
}
