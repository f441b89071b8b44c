//! What a command says to the person at the terminal. A closed terminal ends nothing.

use std::fmt;
use std::io::{self, Write};

/// Says a line on stdout.
pub fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Says a line on stderr.
pub fn warn(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
