//! How pages look: pictures of each, light and dark, narrow and wide; nothing runs over the side, and
//! `axe` finds no serious fault for people who cannot see, or point.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::{Browser, key, pick, repository};

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

/// The most presses of Tab that lead to anything on a page.
const MAX_TABS: usize = 60;

/// Looks at pages, one after another.
pub(crate) struct Inspection {
    axe: String,
    faults: Vec<String>,
}

impl Inspection {
    /// Nothing was looked at yet.
    pub(crate) fn new() -> Self {
        Self { axe: axe(), faults: Vec::new() }
    }

    /// Looks at the page that a browser shows.
    #[track_caller]
    pub(crate) fn look(&mut self, browser: &Browser, page: &str) {
        assert_fits(browser, page);
        for dark in [false, true] {
            browser.dark(dark);
            for (width, height) in pick(&[SIZES[0], SIZES[2]][..], &SIZES[..]) {
                browser.size(*width, *height);
                browser.run("window.scrollTo(0, 0)");
                browser.picture(&picture(page, *width, dark));
            }
            browser.size(1280, 800);
            if let Some(tour) = std::env::var_os(TOUR).filter(|_| !dark) {
                browser.picture(&PathBuf::from(tour).join(format!("{page}.webp")));
            }
            browser.run(&self.axe);
            let found = browser.run(FAULTS);
            let found = found.as_array().cloned().unwrap_or_default();
            let told = found.into_iter().map(|fault| format!("{page} (dark: {dark}): {fault}"));
            self.faults.extend(told);
        }
    }

    /// Insists that no page had a fault.
    #[track_caller]
    pub(crate) fn end(self) {
        assert_eq!(json!(self.faults), json!([]));
    }
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

/// Presses Tab until the focus is on what says this.
#[track_caller]
pub(crate) fn tab_to(browser: &Browser, words: &str) {
    let mut passed = Vec::new();
    for _ in 0..MAX_TABS {
        browser.press(&[key::TAB]);
        let at = browser.run(
            "const at = document.activeElement;
             return [at.labels?.[0]?.innerText || at.getAttribute('aria-label') || at.innerText,
                     getComputedStyle(at).outlineStyle !== 'none' ||
                     getComputedStyle(at.parentElement).outlineStyle !== 'none']",
        );
        let said = at[0].as_str().unwrap_or_default().trim().to_owned();
        if said == words {
            assert_eq!(at[1], true, "the focus on {words:?} is not seen");
            return;
        }
        passed.push(said);
    }
    panic!("Tab does not lead to {words:?}: {passed:?}");
}
