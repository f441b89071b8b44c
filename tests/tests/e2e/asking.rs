//! What is asked of the program's own pages, and by whom: so that one thing of it can be wrong.

use std::net::SocketAddr;

use tests::{Reply, request};

/// A request as the page itself would send it, but for what is said.
#[derive(Clone, Copy)]
pub(crate) struct Try<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) host: &'a str,
    pub(crate) cookie: Option<&'a str>,
    pub(crate) origin: Option<&'a str>,
    /// The type of its body's content.
    pub(crate) kind: &'a str,
    pub(crate) body: &'a str,
}

impl Try<'_> {
    /// Sends it.
    pub(crate) fn send(&self) -> Reply {
        let mut headers = vec![("Host", self.host)];
        headers.extend(self.cookie.map(|cookie| ("Cookie", cookie)));
        headers.extend(self.origin.map(|origin| ("Origin", origin)));
        if !self.body.is_empty() {
            headers.push(("Content-Type", self.kind));
        }
        let body = self.body.as_bytes();
        request(self.address, self.method, self.target, &headers, body).expect("an answer")
    }
}
