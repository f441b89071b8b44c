//! What a user moves out of the synced folder, and into it: other places of the same filesystem.

use onefold_core::hash::ContentId;
use onefold_core::name::RelPath;

use super::user::{Act, Deed, version};
use super::{Disk, Errno, Number};

impl Disk {
    /// Moves what stands at a path out of the folder; to a watcher it is simply gone.
    pub fn move_out(&mut self, path: &RelPath) -> Result<Number, Errno> {
        let (directory, name) = self.writable_parent(path)?;
        let (name, number) = self.entry(directory, &name).ok_or(Errno::NotFound)?;
        let before = self.versions();
        self.detach(directory, &name);
        let after: Vec<ContentId> = self.versions().into_iter().map(|(_, v)| v).collect();
        for (path, version) in before {
            if !after.contains(&version) {
                self.deeds.push(Deed { act: Act::Destroyed, version, path });
            }
        }
        self.changed();
        Ok(number)
    }

    /// Moves it in: all that is in it is there at once.
    pub fn move_in(&mut self, number: Number, path: &RelPath) -> Result<(), Errno> {
        let (directory, name) = self.writable_parent(path)?;
        if self.entry(directory, &name).is_some() {
            return Err(Errno::Exists);
        }
        self.attach(directory, &name, number, true);
        let inside = self.walk().into_iter().filter(|(at, _)| at.is_within(path));
        for (path, number) in inside.collect::<Vec<_>>() {
            if let Some(version) = version(&self.inode(number).form) {
                self.deeds.push(Deed { act: Act::Wrote, version, path });
            }
        }
        self.changed();
        Ok(())
    }
}
