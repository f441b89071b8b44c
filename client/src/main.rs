//! The `onefold` command.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use onefold_client::cli::Cli;
use onefold_client::error::{Exit, Trouble};
use onefold_client::{commands, console};
use tracing_subscriber::EnvFilter;

/// How long threads that still read or write may hold up the end.
const END_PATIENCE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    onefold_adapters::disk::ignore_sigio();
    std::panic::set_hook(Box::new(|panic| console::warn(in_words(panic))));
    let filter = std::env::var("ONEFOLD_LOG").unwrap_or_else(|_| "warn".to_owned());
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(|| console::Log)
        .init();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Trouble::bug(error)),
    };
    let exit = runtime.block_on(async { tokio::spawn(commands::run(cli.command)).await });
    runtime.shutdown_timeout(END_PATIENCE);
    let exit = match exit {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(trouble)) => failed(&trouble),
        // The panic hook has said why.
        Err(_) => Exit::Failed.into(),
    };
    console::end();
    exit
}

/// What a person is told of a bug: where it is, without a backtrace.
fn in_words(panic: &std::panic::PanicHookInfo<'_>) -> Trouble {
    let what = panic.payload_as_str().unwrap_or("no words for it");
    match panic.location() {
        Some(at) => Trouble::bug(format_args!("{what} ({}:{})", at.file(), at.line())),
        None => Trouble::bug(what),
    }
}

fn failed(trouble: &Trouble) -> ExitCode {
    console::warn(format_args!("onefold: {trouble}"));
    Exit::Failed.into()
}
