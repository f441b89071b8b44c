//! What users do, as plain data: a tape of steps that means something on whatever is on the disk.
//!
//! A step names files by a number that is taken modulo what is there, so that a tape stays meaningful
//! when steps before it are left out. [`script`] turns a step into system calls.

pub mod call;
pub mod draw;
pub mod intrude;
pub mod program;
pub mod programs;
pub mod script;

use serde::{Deserialize, Serialize};

/// One thing that the user of a device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserStep {
    /// Which device, modulo those there are.
    pub device: u8,
    /// How long after the step before.
    pub pause: Pause,
    /// What.
    pub action: Action,
    /// How slowly the program works: an index of [`script::PACES_MS`].
    pub pace: u8,
}

/// How long users wait before a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pause {
    /// Until everything is quiet.
    Quiet,
    /// So many milliseconds after the step before.
    Ms(u16),
}

/// A name that may be there or not: a word in one of the directories that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// Which directory.
    pub dir: u8,
    /// Which word.
    pub word: u8,
}

/// What a user does. A `u8` names one of the files (or links, or nodes) that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Nothing.
    Rest,
    /// Makes a file, or writes over it.
    Create(Spot),
    /// Makes a file by a download that is renamed at its end.
    Download(Spot),
    /// Adds to a file.
    Append(u8),
    /// Writes over a file's first bytes, in place.
    Overwrite(u8),
    /// Empties a file and writes it anew.
    Rewrite(u8),
    /// Opens a file and writes to it several times before it is closed.
    Linger(u8),
    /// Saves a file as an editor does.
    Save(u8, Editor),
    /// Deletes a file or link.
    Delete(u8),
    /// Deletes anything, with all that is in it.
    DeleteTree(u8),
    /// Renames anything, or moves it to another directory; a file that is in the way is replaced.
    Rename(u8, Spot),
    /// Renames anything and back.
    RenameAndBack(u8),
    /// Moves a file over another.
    Replace(u8, u8),
    /// Swaps two names by way of a third, also those of a directory and one that is in it.
    Swap(u8, u8),
    /// Moves each of several files to the next one's name, and makes a new first one.
    Rotate(u8, u8),
    /// Makes directories in one another, with a file in the last.
    MakeTree(Spot, u8),
    /// Copies a file.
    Copy(u8, Spot),
    /// Gives a file a second name.
    Link(u8, Spot),
    /// Makes a symlink.
    Symlink(Spot),
    /// Points a symlink elsewhere.
    Retarget(u8),
    /// Turns a file's executable bit around.
    Chmod(u8),
    /// Sets a file's mtime.
    Touch(u8),
    /// Makes and removes many files.
    Storm(u8, u8),
    /// Switches a working copy in a directory to another branch, in which so many files differ.
    Checkout(u8, u8),
    /// Writes a transaction into a file, with a write-ahead log or with a rollback journal.
    Database(u8, bool),
    /// Installs packages in a directory, and may remove them at once again.
    Install(u8, u8),
    /// Makes a named pipe.
    Pipe(Spot),
    /// Forbids to list or to change a directory, or allows it again.
    Access(u8, u8),
    /// Writes other bytes of the same size into a file, and puts its mtime back.
    Disguise(u8),
    /// Takes the folder's disk out, or puts it in again.
    Mount(bool),
    /// Loses the network.
    GoOffline,
    /// Has it again.
    GoOnline,
}

/// How an editor saves a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Editor {
    /// A new file is renamed over the old one.
    Gedit,
    /// The old file becomes `f~`, a new one is written, `f~` goes.
    Vim,
    /// The old file becomes `f~` and stays; a dangling symlink is the lock.
    Emacs,
    /// A lock file; a temporary file is renamed over the old one.
    LibreOffice,
    /// The old file is renamed away, the new one to its name, the old one deleted.
    MsOffice,
    /// The same with other names.
    JetBrains,
    /// The old file is deleted, then the new one renamed to its name.
    KeePass,
    /// A file in a temporary directory is renamed over the old one.
    MacOs,
    /// A temporary file is written and deleted, then the old one is written anew.
    InDesign,
    /// `sed -i`: a new file with a name of its own is renamed over the old one.
    Sed,
    /// A hidden file is written, gets its mode and time, and is renamed over the old one.
    Rsync,
}

impl Action {
    /// The program that does it, as it is counted, where it is a program of its own.
    pub const fn program(self) -> Option<&'static str> {
        Some(match self {
            Self::Download(_) => "browser",
            Self::Rotate(..) => "rotation",
            Self::Storm(..) => "storm",
            Self::Checkout(..) => "git",
            Self::Database(_, true) => "sqlite_wal",
            Self::Database(_, false) => "sqlite_journal",
            Self::Install(..) => "npm",
            Self::DeleteTree(_) => "rm_rf",
            Self::Save(_, editor) => match editor {
                Editor::Gedit => "gedit",
                Editor::Vim => "vim",
                Editor::Emacs => "emacs",
                Editor::LibreOffice => "libre_office",
                Editor::MsOffice => "ms_office",
                Editor::JetBrains => "jet_brains",
                Editor::KeePass => "kee_pass",
                Editor::MacOs => "mac_os",
                Editor::InDesign => "in_design",
                Editor::Sed => "sed",
                Editor::Rsync => "rsync",
            },
            _ => return None,
        })
    }

    /// Every program, as it is counted.
    pub const PROGRAMS: [&'static str; 19] = [
        "browser",
        "rotation",
        "storm",
        "git",
        "sqlite_wal",
        "sqlite_journal",
        "npm",
        "rm_rf",
        "gedit",
        "vim",
        "emacs",
        "libre_office",
        "ms_office",
        "jet_brains",
        "kee_pass",
        "mac_os",
        "in_design",
        "sed",
        "rsync",
    ];
}
