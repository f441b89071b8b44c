//! `onefold-server quota`: how large a folder may become. Works while the server runs.
//!
//! What counts is the size of the living files together; the past and what several files share cost
//! nothing. Where a quota is smaller than the folder, it may shrink and be rearranged, but not grow.

use std::fmt;

use onefold_adapters::journal::Journal;
use onefold_adapters::port::StoreError;

use crate::config::{StartError, Stores};

/// The units of a size, with how often 1024 they are.
const UNITS: [(&str, u32); 5] = [("TiB", 4), ("GiB", 3), ("MiB", 2), ("KiB", 1), ("", 0)];

/// The bytes that a folder's files may have together; `None`: as many as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota(pub Option<u64>);

impl Quota {
    /// Reads `10GiB`, `500MiB`, a number of bytes, or `none`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "none" {
            return Ok(Self(None));
        }
        let wrong = "a quota is none, or a number of bytes, KiB, MiB, GiB or TiB";
        let unit = UNITS.iter().find_map(|(unit, power)| Some((text.strip_suffix(unit)?, power)));
        let (number, power) = unit.ok_or(wrong)?;
        let bytes = number.parse::<u64>().ok().and_then(|n| n.checked_mul(1024_u64.pow(*power)));
        bytes.filter(|bytes| i64::try_from(*bytes).is_ok()).map(|b| Self(Some(b))).ok_or(wrong)
    }
}

/// How a folder stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Its name.
    pub folder: String,
    /// The bytes that its living files have together.
    pub bytes: u64,
    /// How many they may have.
    pub quota: Quota,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, bytes, quota } = self;
        match quota.0 {
            Some(quota) => write!(f, "{folder}: {bytes} of {quota} bytes"),
            None => write!(f, "{folder}: {bytes} bytes, no quota"),
        }
    }
}

/// Why there is no answer; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum QuotaError {
    /// The stores cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There is no such folder.
    #[error("there is no folder {0:?}, and nothing was changed; folders are made by `invite`")]
    NoFolder(String),
}

impl From<StoreError> for QuotaError {
    fn from(error: StoreError) -> Self {
        Self::Start(error.into())
    }
}

/// How a folder stands, once its quota is set, if it is to be.
pub async fn quota(stores: &Stores, folder: &str, set: Option<Quota>) -> Result<Usage, QuotaError> {
    let none = || QuotaError::NoFolder(folder.to_owned());
    if stores.database.is_none() && !stores.exist() {
        return Err(none());
    }
    let journal = stores.journal().await?;
    let found = journal.folder(folder).await?.ok_or_else(none)?;
    if let Some(Quota(bytes)) = set
        && !journal.set_quota(found.id, bytes).await?
    {
        return Err(none());
    }
    let head = journal.head(found.id).await?;
    journal.close().await;
    Ok(Usage { folder: found.name, bytes: head.bytes, quota: Quota(head.quota) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_a_unit() {
        for (text, bytes) in [("0", 0), ("7", 7), ("3KiB", 3 << 10), ("10GiB", 10 << 30)] {
            assert_eq!(Quota::parse(text), Ok(Quota(Some(bytes))), "{text}");
        }
        assert_eq!(Quota::parse("none"), Ok(Quota(None)));
        for text in ["", "GiB", "-1", "1.5GiB", "10 GiB", "10GB", "99999999999TiB", "16777216TiB"] {
            assert!(Quota::parse(text).is_err(), "{text}");
        }
    }
}
