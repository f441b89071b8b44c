//! A server process, and what an administrator does with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::mysql::mysql_database;
use crate::process::{Output, Process};
use crate::world::World;

/// Tells a server its database.
const DATABASE: &str = "ONEFOLD_DATABASE";
/// Tells a server where its news of others come from.
const NATS: &str = "ONEFOLD_NATS";
/// Says which database servers are on: `sqlite`, or `mysql`.
const STORE: &str = "ONEFOLD_TEST_STORE";

/// Whether the tests were asked to put servers on MySQL.
fn on_mysql() -> bool {
    match std::env::var(STORE).as_deref() {
        Ok("mysql") => true,
        Ok("sqlite") | Err(_) => false,
        Ok(other) => panic!("{STORE}={other}: it is sqlite or mysql"),
    }
}

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Plain HTTP in place of TLS.
    pub http: bool,
    /// On SQLite, whatever other servers are on.
    pub sqlite: bool,
    /// On this MySQL database, whatever other servers are on: its URL.
    pub mysql: Option<String>,
    /// Keeps contents there; in its data directory, if not given.
    pub blobs: Option<PathBuf>,
    /// Hears of other servers through this NATS server: its URL.
    pub nats: Option<String>,
    /// More of what it is told when it serves.
    pub arguments: Vec<String>,
    /// Run under `strace`: where the trace goes, and what is traced.
    pub trace: Option<(PathBuf, Vec<&'static str>)>,
}

/// A server. It keeps its data and its address when it is stopped or killed and started again.
#[derive(Debug)]
pub struct Server<'w> {
    world: &'w World,
    name: String,
    data: PathBuf,
    options: Options,
    /// The URL of its database, if that is not in its data directory.
    database: Option<String>,
    /// `HOST:PORT`.
    address: String,
    process: Option<Process>,
}

impl<'w> Server<'w> {
    /// Starts a server over a fresh data directory, with TLS.
    pub fn start(world: &'w World) -> Self {
        Self::start_with(world, Options::default())
    }

    /// Starts one in a way of its own.
    pub fn start_with(world: &'w World, options: Options) -> Self {
        let mysql = (on_mysql() && !options.sqlite).then(mysql_database);
        let database = options.mysql.clone().or(mysql);
        let mut server = Self::new(world, "server", options, database);
        server.restart();
        server
    }

    /// Starts another over the same database and contents.
    pub fn beside(&self, name: &str) -> Self {
        let blobs = self.options.blobs.clone().or_else(|| Some(self.data.join("blobs")));
        let options = Options { blobs, ..self.options.clone() };
        let mut server = Self::new(self.world, name, options, Some(self.database()));
        server.restart();
        server
    }

    fn new(world: &'w World, name: &str, options: Options, database: Option<String>) -> Self {
        let (data, address) = (world.at(name), "127.0.0.1:0".to_owned());
        Self { world, name: name.to_owned(), data, options, database, address, process: None }
    }

    /// Starts it again, where it listened before.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let mut command = match &self.options.trace {
            Some((trace, options)) => self.world.traced("onefold-server", trace, options),
            None => self.world.command("onefold-server"),
        };
        self.tell_stores(&mut command);
        command.args(["--listen", &self.address]).args(&self.options.arguments);
        command.envs(self.options.nats.iter().map(|url| (NATS, url)));
        if self.options.http {
            command.arg("--http");
        }
        let mut process = self.world.start(command, &self.name);
        let line = process.line("listening on ");
        let scheme = if self.options.http { "http://" } else { "https://" };
        let address = line.strip_prefix("listening on ").and_then(|url| url.strip_prefix(scheme));
        self.address = address.unwrap_or_else(|| panic!("an address: {line}")).to_owned();
        self.process = Some(process);
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The URL of its database.
    pub fn database(&self) -> String {
        let file = || format!("sqlite:{}", self.data.join("server.db").display());
        self.database.clone().unwrap_or_else(file)
    }

    /// What it has said for its administrator so far.
    pub fn log(&self) -> String {
        self.process.as_ref().expect("it runs").stderr()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// A link for one device. It names this server, whichever over its database was started last, unless
    /// this one was told to name another address.
    pub fn link(&self) -> String {
        const ADVERTISE: &str = "--advertise";
        let told = self.options.arguments.iter().any(|argument| argument == ADVERTISE);
        let here = [ADVERTISE, &self.address];
        self.invite(if told { &[] } else { &here })
    }

    /// A link, with options.
    pub fn invite(&self, options: &[&str]) -> String {
        let output = self.admin(&[&["invite"], options].concat()).expect(0);
        assert_eq!(output.stdout.lines().count(), 1, "one line: {}", output.stdout);
        output.stdout.trim_end().to_owned()
    }

    /// Runs one of its subcommands.
    pub fn admin(&self, arguments: &[&str]) -> Output {
        self.world.run(self.subcommand(arguments), "server-admin")
    }

    fn subcommand(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command("onefold-server");
        self.tell_stores(&mut command);
        command.args(arguments);
        command
    }

    fn tell_stores(&self, command: &mut Command) {
        command.arg("--data").arg(&self.data);
        command.envs(self.database.iter().map(|url| (DATABASE, url)));
        if let Some(blobs) = &self.options.blobs {
            command.arg("--blobs").arg(blobs);
        }
    }

    /// Insists that everything it keeps can be read back and is right.
    #[track_caller]
    pub fn check(&self) {
        self.admin(&["check"]).expect(0);
    }

    /// Stops it.
    #[track_caller]
    pub fn stop(&mut self) {
        self.process.take().expect("it runs").stop();
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }
}
