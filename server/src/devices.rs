//! The server's devices, for its administrator: a list, and shutting one out.

use std::collections::BTreeMap;
use std::fmt;

use onefold_adapters::journal::{Device, Journal};
use onefold_adapters::port::StoreError;
use onefold_core::time::WallTime;
use serde::Serialize;

use crate::config::{StartError, Stores};

/// A device, as `devices` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceLine {
    /// Its id, in hexadecimal digits.
    pub id: String,
    /// The folder that it has.
    pub folder: String,
    /// What people call it.
    pub name: String,
    /// It may write.
    pub writable: bool,
    /// It was shut out.
    pub revoked: bool,
    /// When it was last connected, to the minute: milliseconds since 1970, UTC.
    pub last_seen_ms: Option<i64>,
    /// How many entries of the journal it does not have yet.
    pub behind: u64,
}

/// Why no device was shut out.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// The stores cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There is no such device.
    #[error(
        "nobody was shut out: no device has the name, or an id that begins with, {0:?}; `onefold-server devices` lists them"
    )]
    Unknown(String),
    /// There are several.
    #[error("nobody was shut out: {0:?} may be any of these; give more of the id:\n{1}")]
    Ambiguous(String, String),
}

impl From<StoreError> for RevokeError {
    fn from(error: StoreError) -> Self {
        Self::Start(error.into())
    }
}

/// Every device of every folder, by folder and name.
pub async fn devices(stores: &Stores) -> Result<Vec<DeviceLine>, StartError> {
    let listed = list(&*stores.journal().await?).await?;
    Ok(listed.into_iter().map(|(_, line)| line).collect())
}

/// Shuts out the device that has this name, this id, or the only one whose id begins so.
pub async fn revoke(stores: &Stores, which: &str) -> Result<DeviceLine, RevokeError> {
    let journal = stores.journal().await?;
    let (devices, lines): (Vec<_>, Vec<_>) = list(&*journal).await?.into_iter().unzip();
    let line = choose(&lines, which)?;
    if let Some(device) = devices.iter().find(|device| device.id.to_string() == line.id) {
        journal.revoke(device.id).await?;
    }
    Ok(line)
}

/// All of them, each with what is told of it, by folder and name.
pub(crate) async fn list(journal: &impl Journal) -> Result<Vec<(Device, DeviceLine)>, StoreError> {
    let mut folders = BTreeMap::new();
    for folder in journal.folders().await? {
        let head = journal.head(folder.id).await?.cursor.seq;
        folders.insert(folder.id, (folder.name, head));
    }
    let line = |device: Device| {
        let (folder, head) = folders.get(&device.folder)?;
        let line = DeviceLine {
            id: device.id.to_string(),
            folder: folder.clone(),
            name: device.name.clone(),
            writable: device.writable,
            revoked: device.revoked,
            last_seen_ms: device.last_seen.map(|WallTime(ms)| ms),
            behind: head.get().saturating_sub(device.acknowledged.get()),
        };
        Some((device, line))
    };
    let mut lines: Vec<_> = journal.devices().await?.into_iter().filter_map(line).collect();
    lines.sort_by(|(_, a), (_, b)| (&a.folder, &a.name, &a.id).cmp(&(&b.folder, &b.name, &b.id)));
    Ok(lines)
}

/// The device that is meant. One that was shut out is named only by its id.
fn choose(lines: &[DeviceLine], which: &str) -> Result<DeviceLine, RevokeError> {
    let named = || lines.iter().filter(|line| line.name == which && !line.revoked);
    let begins = |line: &&DeviceLine| !which.is_empty() && line.id.starts_with(which);
    let found: Vec<_> = named()
        .chain(lines.iter().filter(begins).filter(|line| line.name != which || line.revoked))
        .collect();
    match found[..] {
        [] => Err(RevokeError::Unknown(which.to_owned())),
        [one] => Ok(one.clone()),
        _ => {
            let listed: Vec<_> = found.iter().map(|line| format!("  {line}")).collect();
            Err(RevokeError::Ambiguous(which.to_owned(), listed.join("\n")))
        }
    }
}

impl fmt::Display for DeviceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, folder, name, writable, revoked, last_seen_ms, behind } = self;
        write!(f, "{id} {name:?} in {folder:?}: ")?;
        if *revoked {
            return f.write_str("shut out");
        }
        match last_seen_ms {
            None => f.write_str("never connected")?,
            Some(ms) => {
                let time = jiff::Timestamp::from_millisecond(*ms).unwrap_or_default();
                let time = time.to_zoned(jiff::tz::TimeZone::system());
                write!(f, "last seen {}", time.strftime("%Y-%m-%d %H:%M"))?;
            }
        }
        match behind {
            0 => f.write_str(", up to date")?,
            1 => f.write_str(", 1 change behind")?,
            _ => write!(f, ", {behind} changes behind")?,
        }
        f.write_str(if *writable { "" } else { ", may only read" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, name: &str, revoked: bool) -> DeviceLine {
        DeviceLine {
            id: id.to_owned(),
            folder: "photos".to_owned(),
            name: name.to_owned(),
            writable: true,
            revoked,
            last_seen_ms: None,
            behind: 0,
        }
    }

    #[test]
    fn a_device_is_meant_by_its_name_or_the_start_of_its_id_if_no_other_is() {
        let lines = [
            line("abc1", "laptop", false),
            line("abd2", "desk", false),
            line("bcd3", "desk", false),
            line("cde4", "phone", true),
            line("def5", "phone", false),
            line("efa6", "abc", false),
        ];
        let check = |which: &str, expected: Result<&str, &str>| {
            let found = choose(&lines, which);
            match (&found, expected) {
                (Ok(found), Ok(id)) => assert_eq!(found.id, id, "{which}"),
                (Err(error), Err(word)) => assert!(error.to_string().contains(word), "{error}"),
                _ => panic!("{which}: {found:?}"),
            }
        };
        check("laptop", Ok("abc1"));
        check("abd", Ok("abd2"));
        check("phone", Ok("def5"));
        check("cde4", Ok("cde4"));
        check("desk", Err("bcd3 \"desk\""));
        check("ab", Err("may be any of these"));
        check("abc", Err("may be any of these"));
        check("", Err("no device"));
        check("tablet", Err("no device has the name"));
    }
}
