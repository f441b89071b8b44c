//! The administrator's page in a real browser: what is done there holds for the devices.

mod acts;
mod doors;
mod looks;

use tests::{Browser, Server};

/// The page of a server.
pub(super) struct Page {
    /// An address that is good once.
    pub(super) url: String,
}

impl Page {
    /// What `onefold-server admin` prints.
    #[track_caller]
    pub(super) fn of(server: &Server<'_>) -> Self {
        let printed = server.admin(&["admin"]).expect(0).stdout;
        assert_eq!(printed.lines().count(), 1, "one line: {printed}");
        Self { url: printed.trim_end().to_owned() }
    }

    /// Opens it.
    #[track_caller]
    pub(super) fn open(&self, browser: &Browser) {
        browser.go(&self.url);
        browser.wait("what is there", "return document.querySelector('#foot').innerText");
    }

    /// The key in the address.
    pub(super) fn key(&self) -> &str {
        self.url.split_once("?key=").expect("a key").1
    }
}
