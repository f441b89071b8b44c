//! Names and paths inside a folder, which no input can turn into a way out of it.
//!
//! A [`Name`] is one component: any bytes Linux allows but `/` and NUL, never `.` or `..`, and never
//! the client's own `.onefold`. What another system cannot hold is parked there, not forbidden here.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::time::LocalMinute;

/// The longest name, in bytes, on every filesystem that matters.
pub const MAX_NAME_BYTES: usize = 255;

/// The client's own directory in the folder's root, never synced at any depth.
pub const OWN_DIRECTORY: &[u8] = b".onefold";

/// One component of a path: 1 to [`MAX_NAME_BYTES`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Blob", into = "Blob")]
pub struct Name(Blob);

/// Why bytes are not a [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// No bytes at all.
    #[error("a name cannot be empty")]
    Empty,
    /// More than [`MAX_NAME_BYTES`].
    #[error("a name cannot be longer than {MAX_NAME_BYTES} bytes")]
    TooLong,
    /// `/` or NUL, which would make it a path, or end it.
    #[error("a name cannot hold a slash or a NUL byte")]
    Separator,
    /// `.` and `..` lead elsewhere.
    #[error("`.` and `..` are not names")]
    Dots,
    /// `.onefold`, in any case.
    #[error("`.onefold` is the client's own")]
    Reserved,
}

impl Name {
    /// Checks bytes from a disk, a person or a peer.
    pub fn new(bytes: &[u8]) -> Result<Self, InvalidName> {
        check(bytes).map(|()| Self(bytes.into()))
    }

    /// The name that sorts before all others.
    pub(crate) fn first() -> Self {
        Self::new(b"\x01").expect("one byte that is neither slash nor NUL")
    }

    /// The bytes of the name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Blob> for Name {
    type Error = InvalidName;

    fn try_from(bytes: Blob) -> Result<Self, InvalidName> {
        check(&bytes).map(|()| Self(bytes))
    }
}

impl From<Name> for Blob {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    /// For people: control characters escaped, bytes that are not UTF-8 as `\xNN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character.is_control() {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    f.write_char(character)?;
                }
            }
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A path from the folder's root; empty for the root itself.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RelPath(Vec<Name>);

impl RelPath {
    /// The folder's root.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A path of these components, outermost first.
    pub const fn new(names: Vec<Name>) -> Self {
        Self(names)
    }

    /// Splits `a/b/c`; every component must be a [`Name`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidName> {
        if bytes.is_empty() {
            return Ok(Self::root());
        }
        bytes.split(|&byte| byte == b'/').map(Name::new).collect::<Result<_, _>>().map(Self)
    }

    /// The components, outermost first.
    pub fn names(&self) -> &[Name] {
        &self.0
    }

    /// This path and one more component.
    #[must_use]
    pub fn join(&self, name: Name) -> Self {
        let mut names = Vec::with_capacity(self.0.len() + 1);
        names.extend_from_slice(&self.0);
        names.push(name);
        Self(names)
    }

    /// The directory and the name in it; `None` for the root.
    pub fn split(&self) -> Option<(Self, &Name)> {
        self.0.split_last().map(|(name, parents)| (Self(parents.to_vec()), name))
    }

    /// The directories that it is in, from the folder's root on.
    pub fn above(&self) -> impl Iterator<Item = Self> {
        (0..self.0.len()).map(|depth| Self(self.0[..depth].to_vec()))
    }

    /// It is this directory, or below it.
    pub fn is_within(&self, dir: &Self) -> bool {
        self.0.starts_with(&dir.0)
    }

    /// `a/b/c`, as an operating system takes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                bytes.push(b'/');
            }
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes
    }
}

impl fmt::Display for RelPath {
    /// For people, escaped as [`Name`] is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_char('/')?;
            }
            write!(f, "{name}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{self}")
    }
}

fn check(bytes: &[u8]) -> Result<(), InvalidName> {
    match bytes {
        [] => Err(InvalidName::Empty),
        b"." | b".." => Err(InvalidName::Dots),
        _ if bytes.len() > MAX_NAME_BYTES => Err(InvalidName::TooLong),
        _ if bytes.contains(&b'/') || bytes.contains(&0) => Err(InvalidName::Separator),
        _ if bytes.eq_ignore_ascii_case(OWN_DIRECTORY) => Err(InvalidName::Reserved),
        _ => Ok(()),
    }
}

/// `report (conflict, DEVICE, 2026-11-22 0741).txt`, with ` 2`, ` 3` … after the time for a `count`
/// above 1. A stem too long is shortened at a character. `label` is the device and the local time.
pub fn conflict_name(name: &Name, label: &str, count: u32) -> Name {
    let bytes = name.as_bytes();
    let dot = bytes.iter().rposition(|&byte| byte == b'.').filter(|&at| at > 0);
    let (stem, extension) = bytes.split_at(dot.unwrap_or(bytes.len()));
    let extension = if extension.len() > MAX_EXTENSION_BYTES { &[][..] } else { extension };
    let stem = if extension.is_empty() { bytes } else { stem };
    let mut tag = String::from(" (conflict, ");
    tag.extend(label.chars().filter(|&c| c != '/' && !c.is_control()));
    if count > 1 {
        let _ = write!(tag, " {count}");
    }
    tag.push(')');
    let room = MAX_NAME_BYTES.saturating_sub(tag.len() + extension.len());
    let mut whole = shortened(stem, room).to_vec();
    whole.extend_from_slice(tag.as_bytes());
    whole.extend_from_slice(extension);
    Name::new(&whole).unwrap_or_else(|_| name.clone())
}

/// What stands between the stem and the device in the name of a conflict copy.
const CONFLICT_MARK: &[u8] = b" (conflict, ";

/// What the name of a conflict copy tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictName {
    /// The name it stands beside; cut short where the stem was too long.
    pub beside: Name,
    /// The device whose version it is.
    pub device: String,
    /// When it was made, by that device's clock.
    pub time: LocalMinute,
    /// 1 for the first of that minute.
    pub count: u32,
}

/// Reads what [`conflict_name`] writes; `None` for any other name.
pub fn parse_conflict_name(name: &Name) -> Option<ConflictName> {
    let bytes = name.as_bytes();
    let ends_stem =
        |at: &usize| bytes[*at] == b')' && matches!(bytes.get(at + 1), None | Some(b'.'));
    let close = (0..bytes.len()).rev().find(ends_stem)?;
    let (head, extension) = (&bytes[..close], &bytes[close + 1..]);
    let open = head.windows(CONFLICT_MARK.len()).rposition(|part| part == CONFLICT_MARK)?;
    let label = core::str::from_utf8(&head[open + CONFLICT_MARK.len()..]).ok()?;
    let (device, when) = label.rsplit_once(", ")?;
    let (time, count) = match when.match_indices(' ').nth(1) {
        Some((at, _)) => (&when[..at], when[at + 1..].parse().ok().filter(|&count| count > 1)?),
        None => (when, 1),
    };
    let beside = Name::new(&[&head[..open], extension].concat()).ok()?;
    Some(ConflictName { beside, device: device.into(), time: LocalMinute::parse(time)?, count })
}

/// A longer "extension" is no extension, but part of a long name with a dot in it.
const MAX_EXTENSION_BYTES: usize = 32;

/// The longest prefix of at most `room` bytes that does not cut a UTF-8 character.
fn shortened(stem: &[u8], room: usize) -> &[u8] {
    if stem.len() <= room {
        return stem;
    }
    let mut end = room;
    while end > 0 && stem[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    &stem[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn refuses_what_would_lead_out_of_the_folder() {
        for bytes in
            [&b""[..], b".", b"..", b"a/b", b"a\0b", b".onefold", b".OneFold", &[b'a'; 256]]
        {
            assert!(Name::new(bytes).is_err(), "{bytes:?}");
        }
        assert!(RelPath::parse(b"../x").is_err());
        assert!(RelPath::parse(b"/x").is_err());
        assert!(RelPath::parse(b"a//x").is_err());
        assert!(RelPath::parse(b"a/.onefold/x").is_err());
    }

    #[test]
    fn takes_every_other_byte_sequence_and_gives_it_back() {
        for bytes in [&b" "[..], b"\xff\xfe", b"-rf", b"a\nb", b"...", b"CON", &[b'a'; 255]] {
            assert_eq!(Name::new(bytes).unwrap().as_bytes(), bytes);
        }
    }

    #[test]
    fn a_path_is_its_names_outermost_first() {
        let path = RelPath::parse(b"a/b/c").unwrap();
        assert_eq!(path.names(), [name("a"), name("b"), name("c")]);
        assert_eq!(path, RelPath::root().join(name("a")).join(name("b")).join(name("c")));
        assert_eq!(path.to_bytes(), b"a/b/c");
        assert_eq!(path.split(), Some((RelPath::parse(b"a/b").unwrap(), &name("c"))));
        assert_eq!(RelPath::parse(b"").unwrap(), RelPath::root());
        assert_eq!((RelPath::root().split(), RelPath::root().to_bytes()), (None, Vec::new()));
        let above: Vec<_> = path.above().map(|dir| dir.to_bytes()).collect();
        assert_eq!(above, [&b""[..], b"a", b"a/b"]);
        assert_eq!(RelPath::root().above().count(), 0);
    }

    #[test]
    fn a_directory_holds_what_its_path_begins_by_whole_names() {
        let check = |path: &[u8], dir: &[u8], within: bool| {
            let (path, dir) = (RelPath::parse(path).unwrap(), RelPath::parse(dir).unwrap());
            assert_eq!(path.is_within(&dir), within, "{path} in {dir}");
        };
        check(b"a/b", b"", true);
        check(b"a/b", b"a", true);
        check(b"a/b", b"a/b", true);
        check(b"a/b", b"a/b/c", false);
        check(b"ab", b"a", false);
        check(b"b/a", b"a", false);
    }

    #[test]
    fn people_see_what_a_terminal_could_not_show() {
        let path = RelPath::parse(b"d\xc3\xa9/a\nb\xff").unwrap();
        assert_eq!(alloc::format!("{path} {path:?}"), "d\u{e9}/a\\nb\\xff /d\u{e9}/a\\nb\\xff");
    }

    #[test]
    fn a_conflict_name_keeps_the_extension_and_fits() {
        let label = "laptop, 2026-11-22 0741";
        let check = |from: &str, count, to: &str| {
            assert_eq!(conflict_name(&name(from), label, count), name(to));
        };
        check("report.txt", 1, "report (conflict, laptop, 2026-11-22 0741).txt");
        check("report.txt", 2, "report (conflict, laptop, 2026-11-22 0741 2).txt");
        check(".bashrc", 1, ".bashrc (conflict, laptop, 2026-11-22 0741)");
        check("Makefile", 1, "Makefile (conflict, laptop, 2026-11-22 0741)");
        check("x", 1, "x (conflict, laptop, 2026-11-22 0741)");
        let dotted = alloc::format!("a.{}", "x".repeat(MAX_EXTENSION_BYTES - 1));
        let (tag, suffix) = (" (conflict, laptop, 2026-11-22 0741)", &dotted[1..]);
        check(&dotted, 1, &alloc::format!("a{tag}{suffix}"));
        check(&alloc::format!("{dotted}x"), 1, &alloc::format!("{dotted}x{tag}"));
    }

    #[test]
    fn a_conflict_name_of_a_long_name_is_cut_at_a_character() {
        let label = "laptop, 2026-11-22 0741";
        let tag = " (conflict, laptop, 2026-11-22 0741)";
        // 255 bytes less the tag and `.txt` are 215: 107 characters of two bytes, and one byte.
        let long = alloc::format!("{}.txt", "é".repeat(125));
        let expected = alloc::format!("{}{tag}.txt", "é".repeat(107));
        assert_eq!(conflict_name(&name(&long), label, 1), name(&expected));
        let exact = alloc::format!("x{}", &expected[..expected.len() - tag.len() - 4]);
        let fits = alloc::format!("{exact}{tag}.txt");
        assert_eq!(fits.len(), MAX_NAME_BYTES);
        assert_eq!(conflict_name(&name(&alloc::format!("{exact}.txt")), label, 1), name(&fits));
    }

    #[test]
    fn a_conflict_name_of_a_long_name_that_is_no_text_still_is_one() {
        let continued = Name::new(&[0x80; MAX_NAME_BYTES]).unwrap();
        let made = conflict_name(&continued, "laptop, 2026-11-22 0741", 1);
        assert_eq!(made, name(" (conflict, laptop, 2026-11-22 0741)"));
    }

    #[test]
    fn a_device_cannot_put_separators_into_a_conflict_name() {
        let made = conflict_name(&name("a"), "x/y\n\0, 2026-11-22 0741", 1);
        assert_eq!(made, name("a (conflict, xy, 2026-11-22 0741)"));
    }

    #[test]
    fn a_conflict_name_tells_what_it_was_made_of() {
        for (from, device, count) in [
            ("report.txt", "laptop", 1),
            ("report.txt", "laptop", 12),
            (".bashrc", "Ann's (old), 2nd", 2),
            ("a.tar.gz", "désk", 1),
            ("a (conflict, x, 2026-11-22 0741).txt", "y", 1),
            (&"n".repeat(30), "", 3),
        ] {
            let made =
                conflict_name(&name(from), &alloc::format!("{device}, 2026-11-22 0741"), count);
            let told = parse_conflict_name(&made).unwrap();
            assert_eq!(told.beside, name(from));
            assert_eq!((told.device.as_str(), told.count), (device, count));
            assert_eq!(alloc::format!("{}", told.time), "2026-11-22 0741");
        }
    }

    #[test]
    fn other_names_are_no_conflict_names() {
        for text in [
            "report.txt",
            "report (conflict).txt",
            "report (conflict, laptop).txt",
            "report (conflict, laptop, 2026-11-22).txt",
            "report (conflict, laptop, 2026-13-22 0741).txt",
            "report (conflict, laptop, 2026-11-22 0741 1).txt",
            "report (conflict, laptop, 2026-11-22 0741 x).txt",
            "report (conflict, laptop, 2026-11-22 0741)x.txt",
            " (conflict, laptop, 2026-11-22 0741)",
        ] {
            assert_eq!(parse_conflict_name(&name(text)), None, "{text}");
        }
    }
}
