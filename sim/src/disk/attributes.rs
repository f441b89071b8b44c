//! What users set of a file or directory besides what is in it: modes, times, who may look into it.

use onefold_core::name::RelPath;
use onefold_core::time::FileTime;

use super::{Disk, Errno, Form, Inode, Number};

impl Disk {
    /// Sets or clears the executable bit.
    pub fn chmod(&mut self, path: &RelPath, new: bool) -> Result<(), Errno> {
        self.set(path, |inode| {
            let Form::File { executable, .. } = &mut inode.form else { return Err(Errno::Invalid) };
            *executable = new;
            Ok(())
        })
    }

    /// Sets the mtime.
    pub fn touch(&mut self, path: &RelPath, mtime: FileTime) -> Result<(), Errno> {
        self.set(path, |inode| {
            inode.mtime = mtime;
            Ok(())
        })
    }

    /// Says whether a directory may be listed, and names in it changed.
    pub fn set_access(&mut self, path: &RelPath, read: bool, write: bool) -> Result<(), Errno> {
        self.set(path, |inode| {
            inode.readable = read;
            inode.writable = write;
            Ok(())
        })
    }

    fn set(
        &mut self,
        path: &RelPath,
        set: impl FnOnce(&mut Inode) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let number = self.at(path)?;
        let now = self.tick();
        let inode = self.inode_mut(number);
        set(inode)?;
        inode.ctime = now;
        for (directory, name) in self.names_of(number) {
            self.hint(directory, &name, false);
        }
        self.changed();
        Ok(())
    }

    /// Allows everything that was forbidden.
    pub fn allow_all(&mut self) {
        for (path, _) in self.restricted() {
            self.set_access(&path, true, true).expect("a directory that is there");
        }
    }

    /// Whether a directory above a path may not be listed.
    pub fn is_hidden(&self, path: &RelPath) -> bool {
        let above = |dir: &RelPath| path != dir && path.is_within(dir);
        let unreadable = |number: Number| !self.inode(number).readable;
        self.restricted().iter().any(|(dir, number)| unreadable(*number) && above(dir))
    }

    /// Directories that may not be listed, or not be changed.
    pub fn restricted(&self) -> Vec<(RelPath, Number)> {
        let mut found = self.walk();
        found.retain(|(_, number)| {
            let inode = self.inode(*number);
            !inode.readable || !inode.writable
        });
        found
    }
}
