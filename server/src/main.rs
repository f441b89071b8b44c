//! The command `onefold-server`: reads its options, runs what they ask for, and says how it went.
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use onefold_adapters::journal::MySqlOptions;
use onefold_adapters::link::parse_address;
use onefold_server::{
    AdminError, CheckError, Config, DeviceLine, InviteError, NewInvite, Quota, QuotaError,
    RevokeError, Scheme, StartError, Stores, admin, check, devices, invite, parse_duration, quota,
    revoke, serve,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// How long what still blocks a thread may take once everything else has ended.
const BLOCKING_ENDS_WITHIN: Duration = Duration::from_millis(500);
/// Names the database where other users of the machine must not see its password.
const DATABASE_VARIABLE: &str = "ONEFOLD_DATABASE";
/// Names the NATS server, likewise.
const NATS_VARIABLE: &str = "ONEFOLD_NATS";
/// Says what is logged, in tracing's filter syntax.
const LOG_VARIABLE: &str = "ONEFOLD_LOG";

/// What those who run a server may ask it.
const ASKED: &str = "\
A running server answers GET /healthz (it lives), /readyz (503 when its database does not answer, or it
is about to stop: send devices elsewhere) and /metrics (numbers for Prometheus, no names).";

/// Keeps folders that devices sync: serves until it is told to stop (SIGINT, SIGTERM).
#[derive(Debug, Parser)]
#[command(version, after_help = ASKED)]
struct Cli {
    #[command(flatten)]
    stores: StoreOptions,
    #[command(flatten)]
    serve: ServeOptions,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct StoreOptions {
    /// Where the server keeps things; made if it is missing. Must be given
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE, which may end with how TLS is used:
    /// ?ssl-mode=VERIFY_IDENTITY&ssl-ca=FILE [default: a file in the data directory]
    #[arg(long, global = true, value_name = "URL", env = DATABASE_VARIABLE, hide_env_values = true)]
    database: Option<String>,
    /// The most connections to a MySQL database
    #[arg(long, global = true, value_name = "N", default_value = "16",
          value_parser = clap::value_parser!(u32).range(2..))]
    database_connections: u32,
    /// How long a connection to a MySQL database may take to be had: 10s, 1m
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    database_timeout: Duration,
    /// A directory for the files' contents [default: one in the data directory]
    #[arg(long, global = true, value_name = "URL")]
    blobs: Option<PathBuf>,
    /// What links name [default: where the server listens]
    #[arg(long, global = true, value_name = "HOST:PORT", value_parser = address)]
    advertise: Option<String>,
}

#[derive(Debug, Args)]
struct ServeOptions {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4433")]
    listen: String,
    /// Plain HTTP in place of TLS; on loopback only, unless --behind-proxy is given too
    #[arg(long)]
    http: bool,
    /// A proxy in front speaks TLS, with a certificate that every system trusts
    #[arg(long, requires = "http")]
    behind_proxy: bool,
    /// A certificate of your own, PEM [default: one made at the first start]
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "http")]
    tls_cert: Option<PathBuf>,
    /// Its key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// nats://USER:PASSWORD@HOST:PORT, where several servers share a database: each hears at once of
    /// changes made through another, and not a second later. Nothing is lost without it
    #[arg(long, value_name = "URL", env = NATS_VARIABLE, hide_env_values = true)]
    nats: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a link with which a device joins a folder; works while the server runs
    Invite(InviteOptions),
    /// Say how large a folder is and may become, or set that; works while the server runs
    Quota(QuotaOptions),
    /// List the devices: when each was last seen, and whether it is up to date
    Devices {
        /// For programs: a list of objects
        #[arg(long)]
        json: bool,
    },
    /// Shut a device out at once and for good; its files stay as they are
    Revoke {
        /// Its id, the start of it, or its name; `devices` lists them
        device: String,
    },
    /// Print an address of the administrator's page, good once and for ten minutes
    #[command(long_about = "\
Print an address of the administrator's page, good once and for ten minutes.

The server serves the page: folders, devices, invites, and what takes up space. The browser that opens
the address stays for twelve hours. It may say that it does not know the certificate: the one that it
then shows must have the fingerprint that is printed on stderr. --advertise HOST:PORT names the server
where links name it otherwise than it is to be reached here.")]
    Admin,
    /// Read everything back and list what is wrong; ends with 0 only if nothing is
    Check,
}

#[derive(Debug, Args)]
struct InviteOptions {
    /// Which folder; made if it does not exist
    #[arg(long, value_name = "NAME", default_value = "default")]
    folder: String,
    /// The devices may only read
    #[arg(long)]
    read_only: bool,
    /// How long the link is good: 90s, 30m, 24h, 7d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
    expires: Duration,
    /// How many devices may join with it
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    uses: u32,
}

#[derive(Debug, Args)]
struct QuotaOptions {
    /// Which folder
    #[arg(long, value_name = "NAME")]
    folder: String,
    /// How much its files may have together: 500MiB, 10GiB, none. What does not fit stays on the
    /// device that has it, which says so, and comes by itself when there is room
    #[arg(value_name = "SIZE", value_parser = Quota::parse)]
    size: Option<Quota>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    // What they have to say is said in our words.
    let filter = ["async_nats=off", "sqlx_core::pool=off"]
        .iter()
        .fold(filter, |filter, off| filter.add_directive(off.parse().expect("a directive")));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(1, &format!("the system gives no threads: {error}")),
    };
    let code = runtime.block_on(run(cli));
    runtime.shutdown_timeout(BLOCKING_ENDS_WITHIN);
    code
}

async fn run(cli: Cli) -> ExitCode {
    let StoreOptions { data, database, database_connections, database_timeout, blobs, advertise } =
        cli.stores;
    let Some(data) = data else {
        return failed(2, "say with --data DIR where the server keeps things");
    };
    let mysql = MySqlOptions { connections: database_connections, timeout: database_timeout };
    let stores = Stores { data, database, mysql, blobs };
    match cli.command {
        None => run_serve(stores, advertise, cli.serve).await,
        Some(Command::Invite(options)) => {
            let InviteOptions { folder, read_only, expires, uses } = options;
            let new = NewInvite { folder, read_only, expires, uses, advertise };
            match invite(&stores, new).await {
                Ok(link) => print(&link.to_string()),
                Err(InviteError::Start(error)) => not_started(&error),
                Err(error) => failed(1, &error.to_string()),
            }
        }
        Some(Command::Quota(QuotaOptions { folder, size })) => {
            match quota(&stores, &folder, size).await {
                Ok(usage) => print(&usage.to_string()),
                Err(QuotaError::Start(error)) => not_started(&error),
                Err(error) => failed(1, &error.to_string()),
            }
        }
        Some(Command::Devices { json }) => match devices(&stores).await {
            Ok(lines) if json => {
                print(&serde_json::to_string(&lines).expect("they are text and numbers"))
            }
            Ok(lines) if lines.is_empty() => print("no device has joined yet"),
            Ok(lines) => {
                let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
                print(&lines.join("\n"))
            }
            Err(error) => not_started(&error),
        },
        Some(Command::Revoke { device }) => match revoke(&stores, &device).await {
            Ok(DeviceLine { id, folder, name, .. }) => print(&format!(
                "shut out {name:?} ({id}): it gets and sends nothing of {folder:?} any more; the \
                 files that it has stay with it"
            )),
            Err(RevokeError::Start(error)) => not_started(&error),
            Err(error) => failed(1, &error.to_string()),
        },
        Some(Command::Admin) => match admin(&stores, advertise).await {
            Ok(address) => {
                if let Some(certificate) = &address.certificate {
                    warn(&format!(
                        "the browser does not know the server's certificate; go on if it shows the \
                         SHA-256 fingerprint {certificate}"
                    ));
                }
                print(&address.to_string())
            }
            Err(AdminError::Start(error)) => not_started(&error),
            Err(error) => failed(1, &error.to_string()),
        },
        Some(Command::Check) => match check(&stores).await {
            Ok(wrong) if wrong.is_empty() => print("nothing is wrong"),
            Ok(wrong) => {
                print(&wrong.join("\n"));
                failed(1, &format!("{} things are wrong; nothing was changed", wrong.len()))
            }
            Err(CheckError::Start(error)) => not_started(&error),
            Err(error) => failed(1, &error.to_string()),
        },
    }
}

async fn run_serve(stores: Stores, advertise: Option<String>, options: ServeOptions) -> ExitCode {
    let ServeOptions { listen, http, behind_proxy, tls_cert, tls_key, nats } = options;
    let scheme = match (tls_cert, tls_key) {
        (Some(certificate), Some(key)) => Scheme::OwnTls { certificate, key },
        _ if behind_proxy => Scheme::BehindProxy,
        _ if http => Scheme::Plain,
        _ => Scheme::Tls,
    };
    let signals = signal(SignalKind::interrupt()).and_then(|interrupt| {
        signal(SignalKind::terminate()).map(|terminate| (interrupt, terminate))
    });
    let (mut interrupt, mut terminate) = match signals {
        Ok(signals) => signals,
        Err(error) => return failed(1, &format!("the system gives no signals: {error}")),
    };
    let running = match serve(Config { stores, listen, advertise, scheme, nats }).await {
        Ok(running) => running,
        Err(error) => return not_started(&error),
    };
    print(&format!("listening on {}", running.url()));
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    running.stop().await;
    ExitCode::SUCCESS
}

fn address(text: &str) -> Result<String, &'static str> {
    parse_address(text).map_err(|_| "it is not HOST:PORT")
}

/// Prints to stdout; that nobody reads it is no failure.
fn print(line: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    ExitCode::SUCCESS
}

fn not_started(error: &StartError) -> ExitCode {
    let code = if matches!(error, StartError::Usage(_)) { 2 } else { 1 };
    failed(code, &error.to_string())
}

fn failed(code: u8, words: &str) -> ExitCode {
    warn(words);
    ExitCode::from(code)
}

fn warn(words: &str) {
    let _ = writeln!(std::io::stderr(), "onefold-server: {words}");
}
