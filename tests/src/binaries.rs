//! Where the two programs are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// The directory that holds the programs, where somebody has built them already.
const BINARIES: &str = "ONEFOLD_BINARIES";

/// The path of a program: `onefold` or `onefold-server`.
///
/// Unless the environment says where it is, it is built first, in this test's own profile, so that
/// no test ever runs an old program.
pub(crate) fn binary(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY
        .get_or_init(|| match std::env::var_os(BINARIES) {
            Some(directory) => PathBuf::from(directory),
            None => build(),
        })
        .join(name)
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is a member of a workspace")
}

fn build() -> PathBuf {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--workspace", "--bins", "--message-format=json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.current_dir(repository()).stderr(std::process::Stdio::inherit()).output();
    let output = output.expect("cargo runs: it runs this test");
    assert!(output.status.success(), "the programs could not be built");
    let text = String::from_utf8(output.stdout).expect("cargo writes text");
    let directory = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "onefold-server")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    let server = directory.expect("cargo names the program that it has built");
    server.parent().expect("a program is in a directory").to_owned()
}
