//! A user's hands on a real directory: the simulation's calls as system calls, and what they meant
//! for versions, told exactly although a client changes the same directory all the time.
//!
//! A file whose bytes are about to go is held open for writing first: no client replaces it then, so
//! that what was in it is what the user did away with. What is deleted is moved out of the folder.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use onefold_core::blob::Blob;
use onefold_core::hash::ContentId;
use onefold_core::name::{Name, RelPath};
use onefold_core::node::Target;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use sim::disk::user::{Act, Deed, target_version};
use sim::disk::{Disk, Traits};
use sim::oracle::tree::{Leaf, Tree};
use sim::user::script::Call;

/// A user of one directory.
pub(super) struct Hands {
    root: PathBuf,
    trash: PathBuf,
    /// Which of the programs of this directory it is.
    number: usize,
    thrown: u64,
    open: Option<(File, RelPath)>,
    deeds: Vec<Deed>,
    /// What the call found where it changed something: a client may have put it there.
    found: Vec<(RelPath, ContentId)>,
}

/// Of what a directory holds, what is synced.
pub(super) fn synced(mut tree: Tree) -> Tree {
    tree.retain(|path, _| !is_ignored(path));
    tree
}

/// Whether it is a lock or an unfinished download, which programs may leave behind.
pub(super) fn is_ignored(path: &RelPath) -> bool {
    path.names().last().map(Name::as_bytes).is_some_and(|name| {
        let is_lock =
            name.starts_with(b".#") || name.starts_with(b".~lock.") && name.ends_with(b"#");
        is_lock || name.ends_with(b".crdownload")
    })
}

/// What a directory holds. What goes while it is read is left out.
pub(super) fn tree_of(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut waiting = vec![RelPath::root()];
    while let Some(dir) = waiting.pop() {
        let Ok(entries) = fs::read_dir(real(root, &dir)) else { continue };
        for entry in entries.flatten().filter(|entry| entry.file_name() != ".onefold") {
            let name = Name::new(entry.file_name().as_bytes()).expect("users give valid names");
            let path = dir.join(name);
            let Ok(leaf) = leaf_at(&entry.path()) else { continue };
            if leaf == Leaf::Directory {
                waiting.push(path.clone());
            }
            tree.insert(path, leaf);
        }
    }
    tree
}

fn leaf_at(path: &Path) -> io::Result<Leaf> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        return Ok(Leaf::Directory);
    }
    if metadata.is_symlink() {
        let target = fs::read_link(path)?;
        let bytes = Blob::from(target.as_os_str().as_bytes());
        return Ok(Leaf::Symlink(Target::try_from(bytes).expect("users give valid targets")));
    }
    let executable = metadata.permissions().mode() & 0o100 != 0;
    Ok(Leaf::File(ContentId::of(&fs::read(path)?), executable))
}

/// The same as a simulated disk, for a script to be written by. A program has nothing to do with
/// another's locks and unfinished downloads: a document that got such a name would be unknown to the
/// client, and so would what the name stands for, so that the document's next name could be a conflict
/// copy's, and it could come back; that is right, and none of the rules here.
pub(super) fn mirror(root: &Path) -> Disk {
    let mut disk = Disk::new(1, Traits::default());
    for (path, leaf) in synced(tree_of(root)) {
        let made = match &leaf {
            Leaf::Directory => disk.mkdir(&path),
            Leaf::Symlink(target) => disk.symlink(&path, target),
            Leaf::File(_, executable) => disk.open(&path, true, false).and_then(|file| {
                let bytes = fs::read(real(root, &path)).unwrap_or_default();
                let written = disk.write(file, true, &bytes);
                disk.close(file);
                written.and_then(|()| disk.chmod(&path, *executable))
            }),
        };
        // What moves away while it is read is not there.
        let _gone = made.is_err();
    }
    disk
}

fn real(root: &Path, path: &RelPath) -> PathBuf {
    path.names()
        .iter()
        .fold(root.to_owned(), |at, name| at.join(OsStr::from_bytes(name.as_bytes())))
}

fn version(bytes: &[u8]) -> Option<ContentId> {
    (!bytes.is_empty()).then(|| ContentId::of(bytes))
}

fn held(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).expect("it is small")];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

impl Hands {
    /// On this directory; what is deleted goes to `trash`, on the same filesystem, which all programs
    /// of a directory share.
    pub(super) fn new(root: &Path, trash: PathBuf, number: usize) -> Self {
        fs::create_dir_all(&trash).expect("the world is ours");
        let (deeds, found) = (Vec::new(), Vec::new());
        Self { root: root.to_owned(), trash, number, thrown: 0, open: None, deeds, found }
    }

    /// What the last call found where it changed something.
    pub(super) fn take_found(&mut self) -> Vec<(RelPath, ContentId)> {
        std::mem::take(&mut self.found)
    }

    /// Makes a call; what it meant. One that cannot be made means nothing.
    pub(super) fn call(&mut self, call: &Call) -> Vec<Deed> {
        let made = match call {
            Call::Open(path, truncate) => self.open(path, *truncate),
            Call::Write(bytes, append) => self.write(bytes, *append),
            Call::Close => {
                self.open = None;
                Ok(())
            }
            Call::Rename(from, to) => self.rename(from, to),
            Call::Unlink(path) => self.unlink(path),
            Call::Mkdir(path) => fs::create_dir(self.at(path)).map(|()| self.made(path)),
            Call::Rmdir(path) => fs::remove_dir(self.at(path)),
            Call::Symlink(path, target) => self.symlink(path, target),
            Call::Chmod(path, executable) => {
                let mode = if *executable { 0o755 } else { 0o644 };
                fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode))
            }
            Call::Touch(path, mtime) => File::open(self.at(path)).and_then(|file| {
                let seconds = u64::try_from(mtime.seconds).expect("users set times after 1970");
                file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds))
            }),
            // Not drawn here.
            Call::Link(..) | Call::Pipe(_) | Call::Access(..) | Call::Mount(_) => Ok(()),
        };
        let deeds = std::mem::take(&mut self.deeds);
        if made.is_ok() { deeds } else { Vec::new() }
    }

    fn at(&self, path: &RelPath) -> PathBuf {
        real(&self.root, path)
    }

    fn note(&mut self, act: Act, version: Option<ContentId>, path: &RelPath) {
        let path = path.clone();
        self.deeds.extend(version.map(|version| Deed { act, version, path }));
    }

    /// This stood there before.
    fn found(&mut self, version: Option<ContentId>, path: &RelPath) {
        self.found.extend(version.map(|version| (path.clone(), version)));
    }

    fn made(&mut self, path: &RelPath) {
        self.note(Act::Made, Some(ContentId::of(b"")), path);
    }

    /// A version left a path: whether it still stands elsewhere here.
    fn lost(&mut self, version: Option<ContentId>, path: &RelPath) {
        let still = tree_of(&self.root).values().any(|leaf| leaf.version() == version);
        self.note(if still { Act::Dropped } else { Act::Destroyed }, version, path);
    }

    fn open(&mut self, path: &RelPath, truncate: bool) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let at = self.at(path);
        let file = match options.create_new(true).open(&at) {
            Ok(file) => {
                self.made(path);
                file
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                options.create_new(false).open(&at)?
            }
            Err(error) => return Err(error),
        };
        if truncate {
            let old = version(&held(&file)?);
            file.set_len(0)?;
            if self.place_of(&file, path)?.is_some() {
                self.found(old, path);
                self.lost(old, path);
            }
        }
        self.open = Some((file, path.clone()));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], append: bool) -> io::Result<()> {
        let Some((mut file, path)) = self.open.take() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let old = version(&held(&file)?);
        file.seek(if append { SeekFrom::End(0) } else { SeekFrom::Start(0) })?;
        file.write_all(bytes)?;
        let new = version(&held(&file)?);
        // Another program may have deleted or renamed it meanwhile.
        if let Some(path) = self.place_of(&file, &path)? {
            self.found(old, &path);
            self.lost(old, &path);
            self.note(Act::Wrote, new, &path);
        }
        self.open = Some((file, path));
        Ok(())
    }

    /// Where an open file is now; none if users have deleted it. Where it is nowhere for the moment,
    /// a client moves it.
    fn place_of(&self, file: &File, path: &RelPath) -> io::Result<Option<RelPath>> {
        let inode = file.metadata()?.ino();
        let is_it = |at: &Path| fs::symlink_metadata(at).is_ok_and(|there| there.ino() == inode);
        if is_it(&self.at(path)) {
            return Ok(Some(path.clone()));
        }
        let thrown = fs::read_dir(&self.trash)?.flatten().any(|entry| is_it(&entry.path()));
        if thrown || file.metadata()?.nlink() == 0 {
            return Ok(None);
        }
        let moved = tree_of(&self.root).into_keys().find(|path| is_it(&self.at(path)));
        Ok(moved.or_else(|| Some(path.clone())))
    }

    fn symlink(&mut self, path: &RelPath, target: &Target) -> io::Result<()> {
        symlink(OsStr::from_bytes(target.as_bytes()), self.at(path))?;
        self.made(path);
        self.note(Act::Wrote, Some(target_version(target)), path);
        Ok(())
    }

    /// Out of the folder: what was taken out is what was deleted.
    fn unlink(&mut self, path: &RelPath) -> io::Result<()> {
        if fs::symlink_metadata(self.at(path))?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        self.thrown += 1;
        let trash = self.trash.join(format!("{}-{}", self.number, self.thrown));
        fs::rename(self.at(path), &trash)?;
        let leaf = leaf_at(&trash)?;
        self.lost(leaf.version(), path);
        Ok(())
    }

    fn rename(&mut self, from: &RelPath, to: &RelPath) -> io::Result<()> {
        let (old, new) = (self.at(from), self.at(to));
        if fs::symlink_metadata(&old)?.is_dir() {
            return self.rename_directory(from, to);
        }
        if from == to {
            return Ok(());
        }
        let moved = Hold::of(&old)?;
        let replaced = match Hold::of(&new) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                renameat_with(CWD, &old, CWD, &new, RenameFlags::NOREPLACE)?;
                None
            }
            Err(error) => return Err(error),
            Ok(replaced) => {
                fs::rename(&old, &new)?;
                replaced.version_if_gone()?
            }
        };
        let version = moved.version()?;
        let moved = version.or(Some(ContentId::of(b"")));
        self.note(Act::Moved, moved, from);
        self.found(replaced, to);
        self.lost(replaced, to);
        self.note(Act::Moved, moved, to);
        Ok(())
    }

    fn rename_directory(&mut self, from: &RelPath, to: &RelPath) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))?;
        let inside: Vec<_> = (tree_of(&self.at(to)).into_iter())
            .filter_map(|(rest, leaf)| Some((rest, leaf.version()?)))
            .collect();
        for top in [from, to] {
            self.note(Act::MovedDirectory, Some(ContentId::of(b"")), top);
            for (rest, version) in &inside {
                let path = RelPath::new([top.names(), rest.names()].concat());
                self.note(Act::Moved, Some(*version), &path);
            }
        }
        Ok(())
    }
}

/// What stands at a path, held so that no client changes it.
enum Hold {
    File(File),
    Symlink(ContentId),
}

impl Hold {
    fn of(path: &Path) -> io::Result<Self> {
        loop {
            let leaf = fs::symlink_metadata(path)?;
            if leaf.is_symlink() {
                let bytes = Blob::from(fs::read_link(path)?.as_os_str().as_bytes());
                let target = Target::try_from(bytes).expect("users give valid targets");
                return Ok(Self::Symlink(target_version(&target)));
            }
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            // Between the two another may have come there.
            if fs::symlink_metadata(path)?.ino() == file.metadata()?.ino() {
                return Ok(Self::File(file));
            }
        }
    }

    fn version(&self) -> io::Result<Option<ContentId>> {
        match self {
            Self::File(file) => Ok(version(&held(file)?)),
            Self::Symlink(version) => Ok(Some(*version)),
        }
    }

    /// What it was, if it has no name any more: a client may have moved it away just before.
    fn version_if_gone(&self) -> io::Result<Option<ContentId>> {
        match self {
            Self::File(file) if file.metadata()?.nlink() > 0 => Ok(None),
            Self::File(_) | Self::Symlink(_) => self.version(),
        }
    }
}
