//! A TCP balancer (haproxy) in front of several servers: it looks into nothing, and asks each server
//! whether it is ready.

use std::fmt::Write;
use std::net::TcpStream;
use std::process::Command;

use crate::keeper::{Kept, free_port};
use crate::server::Server;
use crate::wait::{PATIENCE, wait_for};

/// How it is told to behave. A check's TLS handshake may take as long as `inter`: on a busy machine, what
/// takes 200 ms is no sign that a server is away. One that was killed refuses, and is not sent anybody.
const SETTINGS: &str = "\
global
    maxconn 1000
    log stderr format raw local0
defaults
    mode tcp
    log global
    option tcplog
    option log-health-checks
    timeout connect 1s
    timeout client 1h
    timeout server 1h
    timeout check 5s
    retries 2
    option redispatch
    default-server check check-ssl verify none inter 2s fastinter 200ms fall 2 rise 1 on-marked-down shutdown-sessions
";

/// A balancer. Dropped, it is killed.
#[derive(Debug)]
pub struct Balancer {
    kept: Kept,
    port: u16,
}

impl Balancer {
    /// A place for one that does not run yet, since servers are told its address.
    pub fn new() -> Self {
        Self { kept: Kept::new("onefold-balancer-"), port: free_port() }
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it in front of these servers.
    pub fn start(&mut self, servers: &[Server<'_>]) {
        let mut settings = SETTINGS.to_owned();
        let _ = writeln!(settings, "listen onefold\n    bind {}", self.address());
        settings += "    balance leastconn\n    option httpchk GET /readyz\n";
        for (server, number) in servers.iter().zip(1..) {
            let _ = writeln!(settings, "    server s{number} {}", server.address());
        }
        let file = self.kept.directory().join("settings");
        std::fs::write(&file, settings).expect("the directory is ours");
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(file);
        self.kept.run(&command, "");
        wait_for("haproxy to accept connections", PATIENCE, || {
            TcpStream::connect(self.address()).map(drop).map_err(|error| error.to_string())
        });
    }
}

impl Default for Balancer {
    fn default() -> Self {
        Self::new()
    }
}
