//! What a person is told when something could not be done: what happened, what was kept, what to do.
//!
//! [`Trouble`] is the only way to fail towards a person, and cannot be made without all three.

use std::fmt;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// Nothing was changed: the commonest answer to "what was kept?".
pub const UNCHANGED: &str = "Nothing was changed";

/// A failure in words for a person. It can be passed on from the running client to another command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    what: String,
    kept: String,
    advice: String,
}

impl Trouble {
    /// What happened (and to what), what was kept (and where), what to do or what happens by itself.
    pub fn new(
        what: impl fmt::Display,
        kept: impl fmt::Display,
        advice: impl fmt::Display,
    ) -> Self {
        Self { what: what.to_string(), kept: kept.to_string(), advice: advice.to_string() }
    }

    /// One that changed nothing.
    pub fn unchanged(what: impl fmt::Display, advice: impl fmt::Display) -> Self {
        Self::new(what, UNCHANGED, advice)
    }

    /// A bug of ours, told as one.
    pub fn bug(what: impl fmt::Display) -> Self {
        Self::new(
            format_args!("something inside Onefold went wrong: {what}"),
            "Your files are as they were, and what was not sent yet will be",
            "Start it again; if it comes back, please report it with what stands above",
        )
    }

    /// What happened.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, kept, advice } = self;
        write!(f, "{}.\n{}. {}.", what.trim_end_matches('.'), kept, advice.trim_end_matches('.'))
    }
}

impl std::error::Error for Trouble {}

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Exit {
    /// It was done; `--once`: in sync.
    Done,
    /// `--once`: in sync, but for the files that were listed.
    ButFor,
    /// It could not be done.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::FAILURE,
            Exit::ButFor => Self::from(3),
        }
    }
}
