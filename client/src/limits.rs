//! How fast contents may move: kept in the home, for all of its folders together.

use std::fmt;
use std::fs;

use onefold_adapters::limit::{LOWEST_LIMIT, Limit, Limits};
use serde::{Deserialize, Serialize};

use crate::error::Trouble;
use crate::home::{Home, replace_durably};
use crate::words::size;

/// The most that may move one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Most {
    /// As fast as it goes.
    #[default]
    None,
    /// So many bytes a second.
    Bytes(u64),
}

/// The limits of a home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// To servers.
    pub up: Most,
    /// To this device.
    pub down: Most,
}

/// What is to be changed of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// To servers.
    pub up: Option<Most>,
    /// To this device.
    pub down: Option<Most>,
}

impl Change {
    /// The limits that these become.
    pub fn of(self, kept: Kept) -> Kept {
        Kept { up: self.up.unwrap_or(kept.up), down: self.down.unwrap_or(kept.down) }
    }
}

impl Kept {
    /// Those of this home; none if none were ever set.
    pub fn read(home: &Home) -> Self {
        let bytes = fs::read(home.limits()).ok();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Keeps them.
    pub fn save(self, home: &Home) -> Result<(), Trouble> {
        let bytes = serde_json::to_vec_pretty(&self).expect("they are numbers");
        replace_durably(&home.limits(), &bytes).map_err(|error| {
            Trouble::unchanged(
                format_args!("{} cannot be written: {error}", home.limits().display()),
                "Make it writable for you, and try again",
            )
        })
    }

    /// Has what moves keep to them.
    pub fn apply(self, limits: &Limits) {
        let set = |limit: &Limit, most| {
            limit.set(match most {
                Most::None => None,
                Most::Bytes(bytes) => Some(bytes),
            });
        };
        set(&limits.up, self.up);
        set(&limits.down, self.down);
    }
}

/// Reads `none`, or bytes a second: `500KiB`, `2MiB`, `1.5MB`.
pub fn parse(text: &str) -> Result<Most, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Most::None);
    }
    let wrong = || "a limit is `none`, or bytes a second, such as 500KiB or 2MiB".to_owned();
    let text = text.strip_suffix("/s").unwrap_or(text);
    let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit() || digit == '.');
    let number: f64 = text[..text.len() - unit.len()].parse().map_err(|_| wrong())?;
    let unit: u32 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "kib" | "k" => 1 << 10,
        "mb" => 1_000_000,
        "mib" | "m" => 1 << 20,
        "gb" => 1_000_000_000,
        "gib" | "g" => 1 << 30,
        _ => return Err(wrong()),
    };
    let bytes = number * f64::from(unit);
    if bytes < LOWEST_LIMIT as f64 {
        return Err(format!("the lowest limit is {} a second", size(LOWEST_LIMIT)));
    }
    Ok(Most::Bytes(bytes as u64))
}

impl fmt::Display for Most {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Bytes(bytes) => write!(f, "{}/s", size(*bytes)),
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limits: up {}, down {}", self.up, self.down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_in_the_units_that_people_write() {
        for (text, most) in [
            ("none", Most::None),
            ("500KiB", Most::Bytes(512_000)),
            ("2MiB/s", Most::Bytes(2 << 20)),
            ("1.5MB", Most::Bytes(1_500_000)),
            ("65536", Most::Bytes(65_536)),
        ] {
            assert_eq!(parse(text), Ok(most), "{text}");
        }
        for text in ["", "fast", "-1MiB", "1 KiB", "100", "1KiB", "2MiBit", "inf", "nan"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn limits_are_kept_and_what_is_not_said_stays() {
        let parent = tempfile::tempdir().unwrap();
        let home = Home::at(parent.path()).unwrap();
        assert_eq!(Kept::read(&home), Kept::default());
        let change = Change { up: Some(Most::Bytes(100_000)), down: None };
        let kept = change.of(Kept { up: Most::None, down: Most::Bytes(200_000) });
        kept.save(&home).unwrap();
        assert_eq!(Kept::read(&home), kept);
        assert_eq!(kept.to_string(), "limits: up 97.7 KiB/s, down 195.3 KiB/s");
        let limits = Limits::default();
        kept.apply(&limits);
        assert_eq!((limits.up.get(), limits.down.get()), (Some(100_000), Some(200_000)));
    }
}
