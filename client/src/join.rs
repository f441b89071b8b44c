//! Linking a folder: checks first, then the server is asked, and only then the link is kept.
//!
//! Invariant: what fails leaves the disk as it was; directories that were made are removed again.

use std::fs;
use std::path::{Path, PathBuf};

use onefold_adapters::http;
use onefold_adapters::link::Link;
use onefold_adapters::wire::check_device_name;
use serde::{Deserialize, Serialize};

use crate::arms;
use crate::error::Trouble;
use crate::home::{Home, full_path};
use crate::linked::Linked;

/// What links a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The link, as it was given.
    pub link: String,
    /// The folder's root, in full.
    pub root: PathBuf,
    /// What this device is to be called.
    pub device_name: String,
    /// The server is the one that `onefold host` embeds in this home.
    pub hosted: bool,
}

impl Request {
    /// What a person asked for; the device is called as this machine, if nothing else is said.
    pub fn new(link: String, dir: &Path, device: Option<String>) -> Result<Self, Trouble> {
        let device_name = device.unwrap_or_else(machine_name);
        if let Err(error) = check_device_name(&device_name) {
            return Err(Trouble::unchanged(
                format_args!("the device cannot be called {device_name:?}: {error}"),
                "Choose another name with --device",
            ));
        }
        Ok(Self { link, root: full_path(dir)?, device_name, hosted: false })
    }
}

/// Links a folder. Who calls holds the home's lock.
pub async fn link(home: &Home, request: &Request) -> Result<Linked, Trouble> {
    let Request { link, root, device_name, hosted } = request;
    let link: Link = link.parse().map_err(|error| {
        Trouble::unchanged(
            format_args!("the folder cannot be joined: {error}"),
            "Copy the link once more, or ask for a fresh one",
        )
    })?;
    Linked::check_root(root, &home.linked()?, home.path())?;
    check_marks(root)?;
    let mut made = Made::default();
    made.directories(&arms::own_directory(root))?;
    let joined = http::join(&link, device_name).await.map_err(|error| {
        Trouble::unchanged(
            format_args!("the folder cannot be joined: {error}"),
            "Check that the server runs and that this device reaches it; if the link is used up or \
             expired, ask for a fresh one (`onefold-server invite`, or a new start of `onefold host`)",
        )
    })?;
    let linked = Linked {
        root: root.clone(),
        server: link.server,
        token: joined.token,
        device: joined.device,
        device_name: device_name.clone(),
        folder: joined.folder,
        folder_name: joined.folder_name,
        paused: false,
        hosted: *hosted,
    };
    // The link is kept before the root is marked: a marked root that nothing knows could not be
    // freed by `unlink`.
    home.save(&linked)?;
    if let Err(trouble) = arms::mark(&linked).await {
        home.forget(linked.device)?;
        return Err(trouble);
    }
    made.keep();
    Ok(linked)
}

/// Refuses a place inside a folder that another home has linked, before the link is used up.
fn check_marks(root: &Path) -> Result<(), Trouble> {
    match root.ancestors().skip(1).find(|above| arms::mark_file(above).exists()) {
        None => Ok(()),
        Some(outer) => Err(Trouble::unchanged(
            format_args!("{} is inside the linked folder {}", root.display(), outer.display()),
            "Choose a place outside of it; if it is not linked any more, remove its .onefold",
        )),
    }
}

/// Directories that were made, and are removed again unless they are kept.
#[derive(Debug, Default)]
struct Made(Vec<PathBuf>);

impl Made {
    /// Makes a directory, and what is missing above it.
    fn directories(&mut self, path: &Path) -> Result<(), Trouble> {
        let missing: Vec<_> = path.ancestors().take_while(|above| !above.exists()).collect();
        for directory in missing.into_iter().rev() {
            fs::create_dir(directory).map_err(|error| {
                Trouble::unchanged(
                    format_args!("{} cannot be made: {error}", directory.display()),
                    "Choose a place that you may write to",
                )
            })?;
            self.0.push(directory.to_owned());
        }
        Ok(())
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for directory in self.0.iter().rev() {
            // What someone has put something into since is theirs.
            let _ = fs::remove_dir(directory);
        }
    }
}

/// What this machine is called.
fn machine_name() -> String {
    let name =
        fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    let name = name.unwrap_or_default();
    let name = name.trim();
    if check_device_name(name).is_ok() { name.to_owned() } else { "device".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_for_nothing_is_removed_again() {
        let parent = tempfile::tempdir().unwrap();
        let deep = parent.path().join("a/b/c");
        let mut made = Made::default();
        made.directories(&deep).unwrap();
        assert!(deep.is_dir());
        drop(made);
        assert!(!parent.path().join("a").exists());

        let mut made = Made::default();
        made.directories(&deep).unwrap();
        made.keep();
        assert!(deep.is_dir());
    }

    #[test]
    fn a_place_inside_a_folder_of_another_home_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("linked/sub");
        fs::create_dir_all(parent.path().join("linked/.onefold")).unwrap();
        fs::write(parent.path().join("linked/.onefold/folder"), "").unwrap();
        assert!(check_marks(&root).unwrap_err().what().contains("is inside"));
        assert!(check_marks(&parent.path().join("linked")).is_ok());
    }

    #[tokio::test]
    async fn a_bad_link_changes_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let home = Home::at(&parent.path().join("home")).unwrap();
        let root = parent.path().join("new/root");
        for text in ["", "https://example.org", "onefold+http://127.0.0.1:1/f#x"] {
            let request = Request::new(text.to_owned(), &root, None).unwrap();
            assert!(link(&home, &request).await.is_err());
            assert!(!parent.path().join("new").exists());
        }
    }

    #[tokio::test]
    async fn a_server_out_of_reach_changes_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let home = Home::at(&parent.path().join("home")).unwrap();
        let root = parent.path().join("new/root");
        let secret = onefold_adapters::secret::Secret::generate().reveal();
        let text = format!("onefold+http://127.0.0.1:1/f#{secret}");
        let request = Request::new(text, &root, Some("laptop".to_owned())).unwrap();
        let trouble = link(&home, &request).await.unwrap_err();
        assert!(trouble.what().contains("127.0.0.1:1"), "{trouble}");
        assert!(!parent.path().join("new").exists());
        assert_eq!(home.linked().unwrap(), []);
    }
}
