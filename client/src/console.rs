//! What a command says to the person at the terminal. A closed terminal ends nothing.
//!
//! Bars ([`bars`](crate::bars)) stand below it: whatever is said steps over them.

use std::fmt;
use std::io::{self, Write};
use std::sync::LazyLock;

use indicatif::{MultiProgress, ProgressBar};

/// The bars at the end of the terminal; none, while nothing long is done.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Says a line on stdout.
pub fn say(line: impl fmt::Display) {
    BARS.suspend(|| {
        let _ = writeln!(io::stdout().lock(), "{line}");
    });
}

/// Says a line on stderr.
pub fn warn(line: impl fmt::Display) {
    BARS.suspend(|| {
        let _ = writeln!(io::stderr().lock(), "{line}");
    });
}

/// A bar below what is said.
pub fn add(bar: ProgressBar) -> ProgressBar {
    BARS.add(bar)
}

/// A bar that is done.
pub fn remove(bar: &ProgressBar) {
    BARS.remove(bar);
}

/// Where the log goes: to stderr, over the bars.
#[derive(Clone, Copy, Debug)]
pub struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        BARS.suspend(|| io::stderr().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}
