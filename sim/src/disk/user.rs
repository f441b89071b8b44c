//! What users' programs do to a disk: system calls, and a record of what they meant for versions.
//!
//! A *version* is the bytes of a file (or a symlink's target). Each call notes which versions it made,
//! moved or did away with; that is what the oracle holds the engines to.

use onefold_core::blob::Blob;
use onefold_core::disk::Change;
use onefold_core::hash::ContentId;
use onefold_core::name::{Name, RelPath};
use onefold_core::node::Target;
use serde::Serialize;

use super::{Disk, Errno, Form, Handle, Number};

/// What a user's call meant for a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// What happened to it.
    pub act: Act,
    /// Which version.
    pub version: ContentId,
    /// Where it is, or was.
    pub path: RelPath,
}

/// See [`Deed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Act {
    /// It came to be.
    Wrote,
    /// It got another name, or a directory above it did.
    Moved,
    /// A directory got another name; the version means nothing.
    MovedDirectory,
    /// A directory, an empty file or a pipe came to be; the version means nothing.
    Made,
    /// It got another name beside.
    Linked,
    /// It was changed, replaced or deleted, and stands nowhere else on this disk.
    Destroyed,
    /// It was changed, replaced or deleted, and still stands elsewhere on this disk; or it was changed
    /// where an engine keeps what it took from a name.
    Dropped,
}

/// The version that bytes or a target are; none for an empty file, which all share.
pub fn version(form: &Form) -> Option<ContentId> {
    match form {
        Form::File { bytes, .. } if bytes.is_empty() => None,
        Form::File { bytes, .. } => Some(ContentId::of(bytes)),
        Form::Symlink(target) => Some(target_version(target)),
        Form::Directory(_) | Form::Fifo => None,
    }
}

/// The version that a change places.
pub fn placed_version(change: &Change) -> Option<ContentId> {
    match change {
        Change::PlaceFile { content, .. } => Some(content.id),
        Change::PlaceSymlink { target, .. } => Some(target_version(target)),
        Change::MakeDirectory { .. }
        | Change::Rename { .. }
        | Change::Exchange { .. }
        | Change::SetExecutable { .. }
        | Change::Remove { .. } => None,
    }
}

/// The version that a symlink is.
pub fn target_version(target: &Target) -> ContentId {
    ContentId::of(&[b"symlink to ", target.as_bytes()].concat())
}

impl Disk {
    /// What users did since the last call.
    pub fn take_deeds(&mut self) -> Vec<Deed> {
        std::mem::take(&mut self.deeds)
    }

    /// Does something that no user did.
    pub(crate) fn unnoted<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let deeds = self.take_deeds();
        let result = act(self);
        self.deeds = deeds;
        result
    }

    /// Users did nothing since.
    pub fn no_deeds(&self) -> bool {
        self.deeds.is_empty()
    }

    /// Every version below the root.
    pub fn versions(&self) -> Vec<(RelPath, ContentId)> {
        let all = self.walk().into_iter();
        all.filter_map(|(path, number)| Some((path, version(&self.inode(number).form)?))).collect()
    }

    fn note(&mut self, act: Act, number: Number, path: &RelPath) {
        if let Some(version) = version(&self.inode(number).form) {
            self.deeds.push(Deed { act, version, path: path.clone() });
        }
    }

    fn note_made(&mut self, path: &RelPath) {
        let version = ContentId::of(b"");
        self.deeds.push(Deed { act: Act::Made, version, path: path.clone() });
    }

    /// Notes that a version left a path, or what an engine took from there (`kept`); call when it has.
    fn note_loss(&mut self, lost: Option<ContentId>, path: &RelPath, kept: bool) {
        if let Some(lost) = lost {
            let elsewhere = kept || self.versions().iter().any(|(_, version)| *version == lost);
            let act = if elsewhere { Act::Dropped } else { Act::Destroyed };
            self.deeds.push(Deed { act, version: lost, path: path.clone() });
        }
    }

    /// Opens a file for writing.
    pub fn open(&mut self, path: &RelPath, create: bool, truncate: bool) -> Result<Handle, Errno> {
        let (directory, name) = self.parent(path)?;
        let number = match self.entry(directory, &name) {
            Some((_, number)) => number,
            None if !create => return Err(Errno::NotFound),
            None => {
                self.writable_parent(path)?;
                if self.full {
                    return Err(Errno::Full);
                }
                let number =
                    self.allocate(Form::File { bytes: Blob::from(&[][..]), executable: false });
                self.attach(directory, &name, number, false);
                self.note_made(path);
                self.changed();
                number
            }
        };
        match &self.inode(number).form {
            Form::File { .. } => {}
            Form::Directory(_) => return Err(Errno::IsDirectory),
            Form::Symlink(_) | Form::Fifo => return Err(Errno::Invalid),
        }
        if self.break_lease(number) {
            return Err(Errno::WouldWait);
        }
        let handle = Handle { id: self.next_handle, number };
        self.next_handle += 1;
        self.handles.push(handle);
        if truncate {
            self.rewrite(number, Vec::new());
        }
        Ok(handle)
    }

    /// Writes to an open file: at its end, or from its beginning on.
    pub fn write(&mut self, handle: Handle, append: bool, new: &[u8]) -> Result<(), Errno> {
        let Form::File { bytes, .. } = &self.inode(handle.number).form else {
            return Err(Errno::Invalid);
        };
        let mut whole = bytes.to_vec();
        if append {
            whole.extend_from_slice(new);
        } else {
            let rest = whole.split_off(new.len().min(whole.len()));
            whole = new.to_vec();
            whole.extend(rest);
        }
        if self.full && whole.len() > bytes.len() {
            return Err(Errno::Full);
        }
        self.rewrite(handle.number, whole);
        Ok(())
    }

    fn rewrite(&mut self, number: Number, whole: Vec<u8>) {
        let now = self.tick();
        let old = version(&self.inode(number).form);
        let inode = self.inode_mut(number);
        if let Form::File { bytes, .. } = &mut inode.form {
            *bytes = whole.into();
        }
        inode.mtime = now;
        inode.ctime = now;
        let path = self.some_path(number);
        if let Some(path) = path {
            if old != version(&self.inode(number).form) {
                // An engine may have taken it from its name: what stands there now is not meant.
                let kept = self.names_of(number).is_empty();
                self.note_loss(old, &path, kept);
                self.note(Act::Wrote, number, &path);
                if self.inode(number).links > 1 {
                    self.note(Act::Linked, number, &path);
                }
            }
            for (directory, name) in self.names_of(number) {
                self.hint(directory, &name, false);
            }
        }
        self.changed();
    }

    /// Where an inode is, or was kept from: `None` if it has no name and nobody keeps it.
    fn some_path(&self, number: Number) -> Option<RelPath> {
        let kept = self.table.kept.iter().find(|kept| kept.number == number);
        let mut names = self.names_of(number).into_iter();
        names
            .find_map(|(directory, name)| Some(self.path_of(directory)?.join(name)))
            .or_else(|| kept.map(|kept| kept.from.clone()))
    }

    /// Closes an open file.
    pub fn close(&mut self, handle: Handle) {
        self.handles.retain(|open| open.id != handle.id);
        for (directory, name) in self.names_of(handle.number) {
            self.hint(directory, &name, true);
        }
        self.release(handle.number);
    }

    /// Closes every open file: the users' programs are gone.
    pub fn close_all(&mut self) {
        for handle in self.handles.clone() {
            self.close(handle);
        }
    }

    /// Renames as POSIX does: replaces a file with a file, an empty directory with a directory.
    pub fn rename(&mut self, from: &RelPath, to: &RelPath) -> Result<(), Errno> {
        let (source, name) = self.writable_parent(from)?;
        let (target, new) = self.writable_parent(to)?;
        let (name, number) = self.entry(source, &name).ok_or(Errno::NotFound)?;
        let directory = self.children(number).is_some();
        if directory && to.is_within(from) && from != to {
            return Err(Errno::Invalid);
        }
        let mut lost = None;
        match self.entry(target, &new) {
            // Two names of one file; but for another spelling of the same name, that is no rename.
            Some((_, other))
                if other == number
                    && (source != target
                        || !self.traits.folding.same(&name, &new)
                        || name == self.stored(&new)) =>
            {
                return Ok(());
            }
            Some((_, other)) if other == number => {}
            Some((_, other)) => match (directory, self.children(other)) {
                (true, Some(names)) if !names.is_empty() => return Err(Errno::NotEmpty),
                (true, None) => return Err(Errno::NotDirectory),
                (false, Some(_)) => return Err(Errno::IsDirectory),
                (true, Some(_)) | (false, None) => lost = Some(other),
            },
            None => {}
        }
        self.note_moved(number, from);
        let lost_version = lost.and_then(|other| version(&self.inode(other).form));
        if let Some(other) = lost {
            let (old, _) = self.entry(target, &new).ok_or(Errno::NotFound)?;
            self.detach(target, &old);
            self.release(other);
        }
        self.detach(source, &name);
        self.attach(target, &new, number, true);
        self.note_loss(lost_version, to, false);
        self.note_moved(number, to);
        self.changed();
        Ok(())
    }

    /// Notes that a version, or all versions below a directory, got another path.
    fn note_moved(&mut self, number: Number, path: &RelPath) {
        if self.children(number).is_none() {
            if version(&self.inode(number).form).is_some() {
                return self.note(Act::Moved, number, path);
            }
            // An empty file: what others wrote into it meanwhile moves with it.
            let version = ContentId::of(b"");
            return self.deeds.push(Deed { act: Act::Moved, version, path: path.clone() });
        }
        let version = ContentId::of(b"");
        self.deeds.push(Deed { act: Act::MovedDirectory, version, path: path.clone() });
        for (inside, child) in self.walk() {
            if inside.is_within(path) {
                self.note(Act::Moved, child, &inside);
            }
        }
    }

    /// Removes a name that is no directory's.
    pub fn unlink(&mut self, path: &RelPath) -> Result<(), Errno> {
        let (directory, name) = self.writable_parent(path)?;
        let (name, number) = self.entry(directory, &name).ok_or(Errno::NotFound)?;
        if self.children(number).is_some() {
            return Err(Errno::IsDirectory);
        }
        let lost = version(&self.inode(number).form);
        self.detach(directory, &name);
        self.release(number);
        self.note_loss(lost, path, false);
        self.changed();
        Ok(())
    }

    /// Makes an empty directory.
    pub fn mkdir(&mut self, path: &RelPath) -> Result<(), Errno> {
        self.make(path, |_| Form::Directory(std::collections::BTreeMap::new()))
    }

    /// Makes a symbolic link.
    pub fn symlink(&mut self, path: &RelPath, target: &Target) -> Result<(), Errno> {
        self.make(path, |_| Form::Symlink(target.clone()))
    }

    /// Makes a named pipe.
    pub fn mkfifo(&mut self, path: &RelPath) -> Result<(), Errno> {
        self.make(path, |_| Form::Fifo)
    }

    fn make(&mut self, path: &RelPath, form: impl Fn(&Self) -> Form) -> Result<(), Errno> {
        let (directory, name) = self.writable_parent(path)?;
        if self.entry(directory, &name).is_some() {
            return Err(Errno::Exists);
        }
        if self.full {
            return Err(Errno::Full);
        }
        let number = self.allocate(form(self));
        self.attach(directory, &name, number, false);
        self.note_made(path);
        self.note(Act::Wrote, number, path);
        self.changed();
        Ok(())
    }

    /// Removes an empty directory.
    pub fn rmdir(&mut self, path: &RelPath) -> Result<(), Errno> {
        let (directory, name) = self.writable_parent(path)?;
        let (name, number) = self.entry(directory, &name).ok_or(Errno::NotFound)?;
        if !self.children(number).ok_or(Errno::NotDirectory)?.is_empty() {
            return Err(Errno::NotEmpty);
        }
        self.detach(directory, &name);
        self.release(number);
        self.changed();
        Ok(())
    }

    /// Gives a file one more name.
    pub fn link(&mut self, from: &RelPath, to: &RelPath) -> Result<(), Errno> {
        let number = self.at(from)?;
        let (directory, name) = self.writable_parent(to)?;
        if self.children(number).is_some() {
            return Err(Errno::IsDirectory);
        }
        if self.entry(directory, &name).is_some() {
            return Err(Errno::Exists);
        }
        self.attach(directory, &name, number, false);
        // An empty file has no version, but one bit for both names.
        let version = version(&self.inode(number).form).unwrap_or(ContentId::of(b""));
        self.deeds.push(Deed { act: Act::Linked, version, path: to.clone() });
        self.changed();
        Ok(())
    }

    /// Whether something stands at a path.
    pub fn has(&self, path: &RelPath) -> bool {
        self.at(path).is_ok()
    }

    /// Whether anything on the disk has the last name of a path, there or anywhere.
    pub fn has_name(&self, path: &RelPath) -> bool {
        self.names().iter().any(|(name, _)| Some(*name) == path.names().last())
    }

    /// The bytes of the file at a path.
    pub fn bytes(&self, path: &RelPath) -> Option<Blob> {
        match &self.inode(self.at(path).ok()?).form {
            Form::File { bytes, .. } => Some(bytes.clone()),
            Form::Directory(_) | Form::Symlink(_) | Form::Fifo => None,
        }
    }
}

/// A name for people and tests.
pub fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).expect("names in the simulation are valid")
}

/// A path for people and tests.
pub fn path(text: &str) -> RelPath {
    RelPath::parse(text.as_bytes()).expect("paths in the simulation are valid")
}
