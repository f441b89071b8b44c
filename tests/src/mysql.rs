//! Private MariaDB servers for tests: each with a data directory and a port of its own, never one
//! that runs on the machine already.
//!
//! `ONEFOLD_TEST_MYSQL=mysql://USER:PASSWORD@HOST:PORT` names one to use instead, where a test does
//! not kill it; its databases named `onefold_test_…` are dropped at the start.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::keeper::{Kept, free_port};

/// Names a server to use, without a database in the URL.
const GIVEN: &str = "ONEFOLD_TEST_MYSQL";
/// The user that the tests are, with every right.
const USER: &str = "onefold:p%40ss";

/// A private MariaDB server. Dropped, it is killed, and its data is removed.
#[derive(Debug)]
pub struct MariaDb {
    kept: Kept,
    port: u16,
}

impl MariaDb {
    /// Makes a data directory and starts a server on it.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, with these options.
    pub fn start_with(options: &[&str]) -> Self {
        let mut server = Self { kept: Kept::new("onefold-db-"), port: free_port() };
        let at = server.kept.directory();
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
        install.args(["--skip-test-db", "--user=root"]).arg(datadir(at)).arg(tmpdir(at));
        let made = install.output().expect("mariadb-install-db is there: ./test installs it");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let sql = "CREATE USER IF NOT EXISTS onefold@'127.0.0.1' IDENTIFIED BY 'p@ss';\n\
                   GRANT ALL ON *.* TO onefold@'127.0.0.1' WITH GRANT OPTION;\n";
        fs::write(at.join("init.sql"), sql).expect("the directory is ours");
        server.restart(options);
        server
    }

    /// Starts it again, where it was, with these options.
    pub fn restart(&mut self, options: &[&str]) {
        let at = self.kept.directory();
        let mut command = Command::new("mariadbd");
        command.args(["--no-defaults", "--user=root", "--bind-address=127.0.0.1"]);
        command.args(["--skip-name-resolve", "--innodb-buffer-pool-size=128M"]);
        command.arg(datadir(at)).arg(tmpdir(at)).arg(format!("--port={}", self.port));
        for (option, file) in [("socket", "socket"), ("pid-file", "pid"), ("init-file", "init.sql")]
        {
            command.arg(format!("--{option}={}", at.join(file).display()));
        }
        command.args(options);
        self.kept.run(&command, "ready for connections");
    }

    /// Kills it (SIGKILL), as a power cut of one program.
    pub fn kill(&mut self) {
        self.kept.kill();
    }

    /// Its URL, without a database.
    pub fn url(&self) -> String {
        format!("mysql://{USER}@127.0.0.1:{}", self.port)
    }

    /// Runs SQL as an administrator; what it printed, one row a line, columns apart by tabs.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        mysql_sql(&self.url(), sql)
    }
}

fn datadir(at: &Path) -> String {
    format!("--datadir={}", at.join("data").display())
}

/// One of its own: a server that starts removes the temporary tables of all that share one.
fn tmpdir(at: &Path) -> String {
    format!("--tmpdir={}", at.display())
}

/// A URL of a database that nobody else uses, on a server that all tests of this process share.
pub fn mysql_database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name =
        format!("onefold_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    format!("{}/{name}", shared())
}

/// The server that all tests of this process share: what is static is never dropped, but its keeper
/// ends it with this process.
fn shared() -> &'static str {
    static SERVER: OnceLock<(String, Option<MariaDb>)> = OnceLock::new();
    let (url, _) = SERVER.get_or_init(|| match std::env::var(GIVEN) {
        Ok(given) => {
            let url = given.trim_end_matches('/').to_owned();
            for database in mysql_sql(&url, "SHOW DATABASES LIKE 'onefold\\_test\\_%'").lines() {
                mysql_sql(&url, &format!("DROP DATABASE `{database}`"));
            }
            (url, None)
        }
        Err(_) => {
            let server = MariaDb::start();
            (server.url(), Some(server))
        }
    });
    url
}

/// Runs SQL on the server of a URL; what it printed, one row a line, columns apart by tabs.
#[track_caller]
pub fn mysql_sql(url: &str, sql: &str) -> String {
    let mut client = mysql_program("mariadb", url);
    client.args(["--batch", "--skip-column-names"]);
    let mut client = client
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("mariadb is there: ./test installs it");
    let mut input = client.stdin.take().expect("it is piped");
    input.write_all(sql.as_bytes()).expect("the client reads");
    drop(input);
    let output = client.wait_with_output().expect("it is our child");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// One of MariaDB's own programs, told how to reach the server of a URL.
pub fn mysql_program(program: &str, url: &str) -> Command {
    let rest = url.strip_prefix("mysql://").expect("a MySQL URL");
    let (user, host) = rest.rsplit_once('@').expect("a user and a host");
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let (host, port) = host.split_once(':').unwrap_or((host, "3306"));
    let mut command = Command::new(program);
    command.args(["--no-defaults", "--protocol=tcp", "-h", host, "-P", port, "-u", user]);
    command.env("MYSQL_PWD", password.replace("%40", "@"));
    command
}
