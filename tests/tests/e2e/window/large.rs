//! The log of a large folder: only what is seen is in the page, and nothing stalls it.
//!
//! Times are held to what was promised in a long run alone, with the programs as people run them; a
//! short one tells them.

use std::fs;
use std::time::Duration;

use serde_json::json;
use tests::{Browser, Device, Server, World, long, pick};

use super::Window;

/// How often the page is opened.
const OPENS: usize = 10;
/// So many places are jumped to.
const JUMPS: usize = 20;
/// The most rows in the page at any time.
const MAX_ROWS: u64 = 500;
/// The first rows are there after so many milliseconds, half of the time.
const FIRST_ROWS_MS: f64 = 300.0;
/// No task keeps the page busy for longer, in milliseconds.
const MAX_TASK_MS: f64 = 100.0;
/// How long the page is left open without anything happening.
const IDLE: Duration = Duration::from_secs(60);
/// The CPU time that the client takes meanwhile, in seconds.
const IDLE_CPU_SECONDS: f64 = 0.6;

/// Notes when the first rows are there and the filter can be used, how many rows there ever are, and
/// how long each long task takes.
const WATCH: &str = "
    window.most = 0; window.tasks = [];
    new PerformanceObserver((list) => {
        window.tasks.push(...list.getEntries().map(({ duration }) => duration));
    }).observe({ type: 'longtask', buffered: true });
    new MutationObserver(() => {
        const rows = document.querySelectorAll('.row').length;
        window.most = Math.max(window.most, rows);
        const filter = document.querySelector('#log-text');
        if (!window.first && document.querySelector('.row [data-action]') && filter && !filter.disabled) {
            requestAnimationFrame(() => { window.first ??= performance.now(); });
        }
    }).observe(document, { childList: true, subtree: true });";

#[test]
fn a_long_log_is_opened_and_jumped_through() {
    let files: usize = pick(1_500, 100_000);
    let world = World::new();
    let server = Server::start(&world);
    let mut device = Device::new(&world, "one").patient(Duration::from_secs(900));
    for number in 0..files {
        let path = device.at(&format!("{}/{number}.txt", number / 100));
        if number % 100 == 0 {
            fs::create_dir_all(path.parent().expect("a directory")).expect("ours");
        }
        fs::write(path, number.to_string()).expect("ours");
    }
    device.start_joining(&server.link());
    device.wait_until_in_sync();
    let window = Window::of(&mut device);
    let browser = Browser::start(&world);
    browser.tools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": WATCH }));
    window.open(&browser, "log");
    let lines = browser.wait(
        "all lines",
        &format!(
            "const found = Number(document.querySelector('[data-found]')?.dataset.found);
                  return found >= {files} && found"
        ),
    );

    let mut opened = Vec::new();
    let (mut most, mut longest) = (0, 0.0_f64);
    let mut note = |browser: &Browser| {
        let seen = browser.run("return [window.most, Math.max(0, ...window.tasks)]");
        most = most.max(seen[0].as_u64().expect("a number"));
        longest = longest.max(seen[1].as_f64().expect("a number"));
    };
    for _ in 0..OPENS {
        browser.run("location.reload()");
        let first = browser.wait("the first rows", "return window.first");
        opened.push(first.as_f64().expect("a time"));
        note(&browser);
    }
    opened.sort_by(f64::total_cmp);
    let median = f64::midpoint(opened[OPENS / 2 - 1], opened[OPENS / 2]);

    // To places all over it, and to its end.
    browser.run("window.tasks.length = 0");
    let mut longest_jump = 0.0_f64;
    for jump in 1..=JUMPS {
        let place = (jump * 13 % (JUMPS + 1)) as f64 / JUMPS as f64;
        let place = if jump == JUMPS { 1.0 } else { place };
        browser.run_with(
            "const rows = document.querySelector('.rows');
             rows.scrollTop = arguments[0] * (rows.scrollHeight - rows.clientHeight)",
            json!([place]),
        );
        browser.wait(
            "its rows",
            "const frame = document.querySelector('.rows').getBoundingClientRect();
             const seen = [...document.querySelectorAll('.row')].filter((row) => {
                 const box = row.getBoundingClientRect();
                 return box.bottom > frame.top && box.top < frame.bottom });
             return seen.length > 3 && seen.every((row) => row.querySelector('[data-action]'))",
        );
        let seen = browser.run("return [window.most, Math.max(0, ...window.tasks)]");
        most = most.max(seen[0].as_u64().expect("a number"));
        longest_jump = longest_jump.max(seen[1].as_f64().expect("a number"));
    }
    let last = browser.wait_with(
        "the oldest line",
        "return document.querySelector(`.row[aria-rowindex='${arguments[0]}'] [data-action]`) !== null",
        &json!([lines]),
    );
    assert_eq!(last, true);
    assert!(most < MAX_ROWS, "{most} rows were in the page");

    // What is looked for in all of it is found.
    browser.fill("#log-text", "/7.TXT");
    browser.wait_for_text("[data-found]", "1 change found");

    println!(
        "log of {lines} lines: first rows after {median:.0} ms (median of {OPENS}), at most {most} rows, \
         longest task {longest:.0} ms while opening, {longest_jump:.0} ms while jumping"
    );
    if !long() {
        return;
    }
    assert!(median < FIRST_ROWS_MS, "{opened:?}");
    assert!(longest_jump < MAX_TASK_MS, "a task took {longest_jump} ms");
    let before = cpu_seconds(device.process().id());
    std::thread::sleep(IDLE);
    let spent = cpu_seconds(device.process().id()) - before;
    println!("idle with the page open: {spent:.2} s of CPU in {} s", IDLE.as_secs());
    assert!(spent < IDLE_CPU_SECONDS, "{spent} s");
}

/// The CPU time that a process has taken.
fn cpu_seconds(id: u32) -> f64 {
    /// Linux tells times in hundredths of a second, whatever its own clock.
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
    let after_name = stat.rsplit_once(')').expect("a name in brackets").1;
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / TICKS_A_SECOND
}
