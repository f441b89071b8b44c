//! Private NATS servers for tests, each with a port and a password of its own.

use std::process::Command;

use crate::keeper::{Kept, free_port};

/// Its form in a URL.
const IN_URL: &str = "n%40ts%3As3cret";
/// What must never be seen in anything that is written.
const PASSWORD: &str = "n@ts:s3cret";

/// A private NATS server. Dropped, it is killed.
#[derive(Debug)]
pub struct Nats {
    kept: Kept,
    port: u16,
}

impl Nats {
    /// A place for one that does not run yet.
    pub fn away() -> Self {
        Self { kept: Kept::new("onefold-nats-"), port: free_port() }
    }

    /// Starts one.
    pub fn start() -> Self {
        let mut server = Self::away();
        server.restart();
        server
    }

    /// Starts it (again), where it was.
    pub fn restart(&mut self) {
        let mut command = Command::new("nats-server");
        command.args(["--addr", "127.0.0.1", "--user", "onefold", "--pass", PASSWORD]);
        command.arg("--port").arg(self.port.to_string());
        self.kept.run(&command, "Server is ready");
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        self.kept.kill();
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("nats://onefold:{IN_URL}@127.0.0.1:{}", self.port)
    }

    /// Whether a text holds its password, in any form.
    pub fn is_betrayed_by(&self, text: &str) -> bool {
        [PASSWORD, IN_URL].iter().any(|password| text.contains(password))
    }
}
