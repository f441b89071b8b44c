//! A linked folder: what its `link.json` says.

use std::path::{Path, PathBuf};

use onefold_adapters::link::Server;
use onefold_adapters::secret::Secret;
use onefold_core::id::{DeviceId, FolderId};
use serde::{Deserialize, Serialize};

use crate::error::Trouble;

/// The version of the file's form.
const VERSION: u32 = 1;

/// A folder on this device, and the server it is kept the same with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "LinkFile", into = "LinkFile")]
pub struct Linked {
    /// The folder's root here.
    pub root: PathBuf,
    /// Where the server is, and how it is trusted.
    pub server: Server,
    /// What the server knows this device by.
    pub token: Secret,
    /// This device.
    pub device: DeviceId,
    /// What people call it.
    pub device_name: String,
    /// The folder.
    pub folder: FolderId,
    /// What people call it.
    pub folder_name: String,
    /// It does not sync until it is resumed.
    pub paused: bool,
    /// The server is the one that `onefold host` embeds here.
    pub hosted: bool,
}

/// The form of the file.
#[derive(Clone, Serialize, Deserialize)]
struct LinkFile {
    version: u32,
    root: PathBuf,
    server: Server,
    token: Secret,
    device: String,
    device_name: String,
    folder: String,
    folder_name: String,
    paused: bool,
    hosted: bool,
}

impl Linked {
    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a link's root is text: `check_root` saw to it")
    }

    /// Refuses a place for a new folder that overlaps one that is linked, or that is no directory.
    pub fn check_root(root: &Path, linked: &[Self], home: &Path) -> Result<(), Trouble> {
        let shown = root.display();
        if root.to_str().is_none() {
            return Err(Trouble::unchanged(
                format_args!("the path {shown} is not valid UTF-8 text"),
                "Choose a folder whose own path is; the names inside it may be anything",
            ));
        }
        if root.exists() && !root.is_dir() {
            return Err(Trouble::unchanged(
                format_args!("{shown} is a file, not a folder"),
                "Choose another place for the folder",
            ));
        }
        if home.starts_with(root) || root.starts_with(home) {
            return Err(Trouble::unchanged(
                format_args!("{shown} overlaps the client's own state in {}", home.display()),
                "Choose another place for the folder, or another ONEFOLD_HOME",
            ));
        }
        for other in linked {
            let (what, there) = (&other.folder_name, other.root.display());
            if other.root == root {
                return Err(Trouble::unchanged(
                    format_args!("{shown} is already linked, to the folder {what:?}"),
                    "`onefold sync` goes on syncing it; `onefold unlink` frees it for another link",
                ));
            }
            if root.starts_with(&other.root) || other.root.starts_with(root) {
                let how = if root.starts_with(&other.root) { "inside" } else { "around" };
                return Err(Trouble::unchanged(
                    format_args!("{shown} is {how} the linked folder {there}"),
                    "Choose a place that is neither inside a linked folder nor around one",
                ));
            }
        }
        Ok(())
    }

    /// A link for tests.
    #[cfg(test)]
    pub(crate) fn example(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            server: Server {
                address: "127.0.0.1:1".to_owned(),
                trust: onefold_adapters::link::Trust::Plain,
            },
            token: Secret::generate(),
            device: DeviceId::from_bytes([7; 16]),
            device_name: "laptop".to_owned(),
            folder: FolderId::from_bytes([8; 16]),
            folder_name: "default".to_owned(),
            paused: false,
            hosted: false,
        }
    }
}

impl From<Linked> for LinkFile {
    fn from(linked: Linked) -> Self {
        let Linked { root, server, token, device, device_name, .. } = linked;
        Self {
            version: VERSION,
            root,
            server,
            token,
            device: device.to_string(),
            device_name,
            folder: linked.folder.to_string(),
            folder_name: linked.folder_name,
            paused: linked.paused,
            hosted: linked.hosted,
        }
    }
}

impl TryFrom<LinkFile> for Linked {
    type Error = String;

    fn try_from(file: LinkFile) -> Result<Self, String> {
        if file.version > VERSION {
            return Err(format!("it is of version {}, newer than this program", file.version));
        }
        let LinkFile { root, server, token, device, device_name, folder, .. } = file;
        Ok(Self {
            root,
            server,
            token,
            device: DeviceId::parse(&device).ok_or("its device is no id")?,
            device_name,
            folder: FolderId::parse(&folder).ok_or("its folder is no id")?,
            folder_name: file.folder_name,
            paused: file.paused,
            hosted: file.hosted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_as_it_was_written() {
        let linked = Linked::example(Path::new("/some/where"));
        assert_eq!(Linked::parse(&linked.to_bytes()), Ok(linked));
    }

    #[test]
    fn a_link_of_a_newer_program_is_refused() {
        let bytes = Linked::example(Path::new("/x")).to_bytes();
        let newer = String::from_utf8(bytes).unwrap().replace("\"version\": 1", "\"version\": 2");
        assert!(Linked::parse(newer.as_bytes()).unwrap_err().contains("newer"));
    }

    #[test]
    fn a_folder_that_overlaps_another_is_refused() {
        let linked = [Linked::example(Path::new("/a/b"))];
        let check = |root: &str, word: Option<&str>| {
            let result = Linked::check_root(Path::new(root), &linked, Path::new("/h/home"));
            match (result, word) {
                (Ok(()), None) => {}
                (Err(trouble), Some(word)) => assert!(trouble.what().contains(word), "{trouble}"),
                (result, _) => panic!("{root}: {result:?}"),
            }
        };
        check("/a/b", Some("already linked"));
        check("/a/b/c", Some("inside"));
        check("/a", Some("around"));
        check("/h", Some("own state"));
        check("/h/home/x", Some("own state"));
        check("/a/bc", None);
        check("/dev/null", Some("is a file"));
    }
}
