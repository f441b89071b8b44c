//! Settings: who joins, what this device is called, and how fast contents may move.

use serde_json::json;
use tests::{Browser, Device, World, noise};

use super::{Window, show, wait_for_file};
use crate::pair::Pair;

/// Draws the code that the page shows as a camera sees it: dark pixels are `1`, row by row.
const PIXELS: &str = "
    const svg = document.querySelector('.qr svg');
    const squares = svg.viewBox.baseVal.width;
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = squares * arguments[0];
    const context = canvas.getContext('2d');
    context.scale(arguments[0], arguments[0]);
    context.fill(new Path2D(svg.querySelector('path').getAttribute('d')));
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let dark = '';
    for (let at = 3; at < data.length; at += 4) dark += data[at] > 127 ? '1' : '0';
    return [canvas.width, dark]";

/// What the code on the page says.
#[track_caller]
fn read_code(browser: &Browser) -> String {
    let seen = browser.run_with(PIXELS, json!([4]));
    let width = usize::try_from(seen[0].as_u64().expect("a number")).expect("it fits");
    let dark = seen[1].as_str().expect("pixels").as_bytes();
    let shade = |x, y| if dark[y * width + x] == b'1' { 0 } else { 255 };
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, width, shade);
    let codes = picture.detect_grids();
    assert_eq!(codes.len(), 1, "one code is seen");
    codes[0].decode().expect("it can be read").1
}

#[test]
fn a_device_is_invited_by_a_link_and_by_its_code() {
    let world = World::new();
    let mut pair =
        Pair::live(&world, |root| std::fs::write(root.join("a.txt"), "a").expect("ours"));
    let browser = Browser::start(&world);
    Window::of(&mut pair.one).open(&browser, "settings");

    browser.click("[data-invite] .check input");
    browser.click_on("Make a link");
    browser.wait("the link", "return document.querySelector('[data-invite] .copied input')");
    let link = browser.run("return document.querySelector('[data-invite] .copied input').value");
    assert_eq!(read_code(&browser), link.as_str().expect("a link"));

    // It may read, as was said, and no more; and the link was for one.
    let three = Device::join(&world, "three", &read_code(&browser));
    wait_for_file(&three, "a.txt", b"a");
    three.write("mine.txt", "mine");
    pair.one.write("b.txt", "b");
    wait_for_file(&three, "b.txt", b"b");
    assert!(!pair.one.at("mine.txt").exists());
    let late = Device::new(&world, "late");
    late.run_join(&read_code(&browser), &["--once"]).expect(1);

    // Now shows it, and that it may only read.
    show(&browser, "now");
    browser.wait_for_text("[data-device=three]", "may only read");
    browser.wait_for_text("[data-device=three]", "connected");
}

#[test]
fn a_device_gets_another_name_and_goes_on_under_it() {
    let world = World::new();
    let mut pair = Pair::live(&world, |_| ());
    let browser = Browser::start(&world);
    Window::of(&mut pair.one).open(&browser, "settings");
    let field = "[data-name] input";
    let value = format!("return document.querySelector('{field}').value");
    assert_eq!(browser.run(&value), json!("one"));

    browser.fill(field, "a/b");
    browser.click_on("Rename");
    browser.wait_for_text("#told .bad", "cannot be called");
    browser.fill(field, "study");
    browser.click_on("Rename");
    browser.wait_for_text("#told", "study");
    // The other device hears of it when somebody looks there, and within a minute at work.
    tests::wait_for("two to know the name", tests::PATIENCE, || {
        let devices = pair.two.status()["devices"].to_string();
        if devices.contains("study") { Ok(()) } else { Err(devices) }
    });
    pair.one.write("x.txt", "x");
    wait_for_file(&pair.two, "x.txt", b"x");
    let line = pair.two.log_line("x.txt");
    assert_eq!(line["device"], "study");
    show(&browser, "now");
    browser.wait_for_text("[data-device=study]", "this device");
}

#[test]
fn what_moves_is_shown_and_keeps_to_the_limit_until_it_is_lifted() {
    let world = World::new();
    let mut pair = Pair::live(&world, |_| ());
    let browser = Browser::start(&world);
    Window::of(&mut pair.one).open(&browser, "settings");

    browser.fill("#limit-down", "slowly");
    browser.click_on("Set limits");
    browser.wait_for_text("#told .bad", "bytes a second");
    browser.fill("#limit-down", "64 KiB");
    browser.click_on("Set limits");
    browser.wait_for_text("#told", "The limits hold");

    // 16 MiB that nothing makes smaller would take four minutes.
    let large = noise(1, 16 << 20);
    pair.two.write("large.bin", &large);
    show(&browser, "now");
    browser.wait_for_text("[data-way=down]", "large.bin");
    browser.wait_for_text("[data-way=down]", "per second");
    browser.wait_for_text("[data-way=down]", "left");
    browser.wait("progress", "return document.querySelector('[data-way=down] progress').value > 0");
    assert!(!pair.one.at("large.bin").exists());

    show(&browser, "settings");
    browser.wait("the limit", "return document.querySelector('#limit-down').value === '64 KiB'");
    browser.fill("#limit-down", "");
    browser.click_on("Set limits");
    wait_for_file(&pair.one, "large.bin", &large);
    drop(browser);
    pair.end();
}
