//! Where the window is reached, and who may enter.
//!
//! The key in the printed address is new at each start, since addresses end up in logs and in the
//! histories of shells. What `onefold open` hands to a browser is seen by everyone who lists processes:
//! it is good once, and soon not at all. The cookie stays over restarts, as the port does, so that a
//! page that is open goes on, and a bookmark works.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use onefold_adapters::secret::Secret;
use onefold_server::page::guard::{Keys, same};
use serde::{Deserialize, Serialize};

use crate::home::{Home, replace};

/// How long an address that is good once may wait for its browser.
const GOOD_ONCE_FOR: Duration = Duration::from_secs(60);

/// What is kept of the window from start to start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) port: u16,
    cookie: Secret,
}

impl Kept {
    /// What was kept, or a beginning.
    pub(super) fn read(home: &Home) -> Self {
        let kept = fs::read(home.window()).ok();
        let kept = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        kept.unwrap_or_else(|| Self { port: 0, cookie: Secret::generate() })
    }

    /// Keeps it, for this port.
    pub(super) fn at(self, port: u16, home: &Home) -> Self {
        let kept = Self { port, ..self };
        let bytes = serde_json::to_vec(&kept).expect("a port and a secret are text");
        if let Err(error) = replace(&home.window(), &bytes) {
            tracing::warn!("the window's port could not be kept: {error}");
        }
        kept
    }
}

/// Lets people into the window.
#[derive(Debug)]
pub struct Door {
    port: u16,
    key: Secret,
    cookie: Secret,
    once: Mutex<Vec<(Secret, Instant)>>,
}

impl Door {
    pub(super) fn new(port: u16, kept: &Kept) -> Self {
        let cookie = kept.cookie.clone();
        Self { port, key: Secret::generate(), cookie, once: Mutex::default() }
    }

    /// Its address, good as long as this client runs.
    pub fn address(&self) -> String {
        self.address_with(&self.key)
    }

    /// An address that is good once, within a minute.
    pub fn address_for_one(&self) -> String {
        let key = Secret::generate();
        let address = self.address_with(&key);
        let mut once = self.once.lock().unwrap_or_else(PoisonError::into_inner);
        once.retain(|(_, since)| since.elapsed() < GOOD_ONCE_FOR);
        once.push((key, Instant::now()));
        address
    }

    fn address_with(&self, key: &Secret) -> String {
        format!("http://127.0.0.1:{}/?key={}", self.port, key.reveal())
    }

    fn is_key(&self, key: &str) -> bool {
        let mut once = self.once.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(good, since): &(Secret, Instant)| {
            same(&good.reveal(), key) && since.elapsed() < GOOD_ONCE_FOR
        };
        let used = once.iter().position(is_it).map(|at| once.remove(at));
        used.is_some() || same(&self.key.reveal(), key)
    }
}

impl Keys for Door {
    async fn enter(&self, key: &str) -> Option<String> {
        self.is_key(key).then(|| self.cookie.reveal())
    }

    async fn knows(&self, cookie: &str) -> bool {
        same(&self.cookie.reveal(), cookie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_good_once_and_the_first_one_always() {
        let door = Door::new(1, &Kept { port: 1, cookie: Secret::generate() });
        let key = |address: String| address.split_once("key=").unwrap().1.to_owned();
        let (first, once) = (key(door.address()), key(door.address_for_one()));
        assert!(door.is_key(&once));
        assert!(!door.is_key(&once));
        assert!(door.is_key(&first) && door.is_key(&first));
        assert!(!door.is_key(""));
        assert!(!door.is_key(&door.cookie.reveal()));
    }

    #[test]
    fn port_and_cookie_stay_over_a_restart() {
        let parent = tempfile::tempdir().unwrap();
        let home = Home::at(parent.path()).unwrap();
        let kept = Kept::read(&home).at(4711, &home);
        let again = Kept::read(&home);
        assert_eq!((again.port, again.cookie), (4711, kept.cookie));
    }
}
