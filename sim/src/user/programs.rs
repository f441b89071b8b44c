//! What programs do with files: editors that save, tools that rewrite, package managers, databases.
//!
//! Each goes by the calls that it was watched making. What it makes and removes again itself is noted as
//! temporary: no such name may leave its device.

use onefold_core::name::RelPath;
use onefold_core::time::FileTime;

use super::Editor;
use super::call::Call;
use super::script::{Script, Writer, beside, word};

impl Writer {
    /// An editor, or a tool, saves a file.
    pub(super) fn save(&mut self, path: RelPath, editor: Editor) -> Script {
        let (new, old) = (self.aside(&path), self.aside(&path));
        let backup = beside(&path, "", "~");
        let write = |writer: &mut Self, at: &RelPath| writer.whole(at.clone());
        let rename = |from: &RelPath, to: &RelPath| Call::Rename(from.clone(), to.clone());
        let (calls, temporary) = match editor {
            Editor::Gedit => {
                let mut calls = write(self, &new);
                calls.push(rename(&new, &path));
                (calls, vec![])
            }
            Editor::Vim => {
                let mut calls = vec![rename(&path, &backup)];
                calls.extend(write(self, &path));
                calls.push(Call::Unlink(backup.clone()));
                (calls, vec![backup])
            }
            Editor::Emacs => {
                let lock = beside(&path, ".#", "");
                let mut calls = vec![Call::Symlink(lock.clone(), self.target())];
                calls.push(rename(&path, &backup));
                calls.extend(write(self, &path));
                calls.push(Call::Unlink(lock.clone()));
                (calls, vec![lock, backup])
            }
            Editor::LibreOffice => {
                let lock = beside(&path, ".~lock.", "#");
                let mut calls = write(self, &lock);
                calls.extend(write(self, &new));
                calls.extend([rename(&new, &path), Call::Unlink(lock.clone())]);
                (calls, vec![lock])
            }
            Editor::MsOffice | Editor::JetBrains => {
                let mut calls = write(self, &new);
                calls.extend([rename(&path, &old), rename(&new, &path)]);
                calls.push(Call::Unlink(old.clone()));
                (calls, vec![])
            }
            Editor::InDesign => {
                let mut calls = write(self, &new);
                calls.push(Call::Unlink(new.clone()));
                calls.extend(write(self, &path));
                (calls, vec![])
            }
            Editor::Sed => {
                self.serial += 1;
                let new = beside_it(&path, &format!("sed{:06}", self.serial));
                let mut calls = write(self, &new);
                calls.push(rename(&new, &path));
                (calls, vec![new])
            }
            Editor::Rsync => {
                self.serial += 1;
                let new = beside(&path, ".", &format!(".{:06}", self.serial));
                let mtime = FileTime { seconds: 2_000_000 + self.serial as i64, nanoseconds: 0 };
                let mut calls = write(self, &new);
                calls.extend([Call::Chmod(new.clone(), false), Call::Touch(new.clone(), mtime)]);
                calls.push(rename(&new, &path));
                (calls, vec![new])
            }
            Editor::KeePass => {
                let mut calls = write(self, &new);
                calls.extend([Call::Unlink(path.clone()), rename(&new, &path)]);
                (calls, vec![])
            }
            Editor::MacOs => {
                self.serial += 1;
                let inner = new.join(word(&format!("save{}", self.serial)));
                let mut calls = vec![Call::Mkdir(new.clone())];
                calls.extend(write(self, &inner));
                calls.extend([rename(&inner, &path), Call::Rmdir(new.clone())]);
                (calls, vec![inner])
            }
        };
        Script { calls, temporary }
    }

    /// git switches to another branch: a lock that becomes the index, and every file that differs is
    /// removed and made anew.
    pub(super) fn checkout(&mut self, dir: &RelPath, files: &[RelPath], count: u8) -> Script {
        let (lock, index) = (dir.join(word("index.lock")), dir.join(word("index")));
        let (head_lock, head) = (dir.join(word("HEAD.lock")), dir.join(word("HEAD")));
        let mut calls = self.whole(lock.clone());
        let inside =
            files.iter().filter(|path| path.is_within(dir) && ![&index, &head].contains(path));
        for path in inside.take(1 + usize::from(count) % 6) {
            calls.push(Call::Unlink(path.clone()));
            calls.extend(self.whole(path.clone()));
        }
        calls.push(Call::Rename(lock.clone(), index));
        calls.extend(self.whole(head_lock.clone()));
        calls.push(Call::Rename(head_lock.clone(), head));
        Script { calls, temporary: vec![lock, head_lock] }
    }

    /// SQLite writes a transaction: beside the file there is a rollback journal, or a write-ahead log
    /// with its index, which is written back at the end.
    pub(super) fn database(&mut self, path: &RelPath, wal: bool) -> Script {
        let names: &[&str] = if wal { &["-wal", "-shm"] } else { &["-journal"] };
        let aside: Vec<_> = names.iter().map(|ending| beside(path, "", ending)).collect();
        let mut calls = Vec::new();
        for path in &aside {
            calls.extend(self.whole(path.clone()));
        }
        if wal {
            calls.extend([
                Call::Open(aside[0].clone(), false),
                Call::Write(self.bytes(), true),
                Call::Close,
            ]);
        }
        calls.extend([
            Call::Open(path.clone(), false),
            Call::Write(self.bytes(), false),
            Call::Write(self.bytes(), true),
            Call::Close,
        ]);
        calls.extend(aside.iter().map(|path| Call::Unlink(path.clone())));
        Script { calls, temporary: aside }
    }

    /// A package manager unpacks packages under names of their own and renames them into place; some of
    /// the time all of it is removed at once again.
    pub(super) fn install(&mut self, dir: &RelPath, how: u8) -> Script {
        self.serial += 1;
        let removed = how.is_multiple_of(3);
        let top = dir.join(word(&format!("modules{}", self.serial)));
        let mut script = Script { calls: vec![Call::Mkdir(top.clone())], ..Script::default() };
        let mut removal = Vec::new();
        for number in 0..1 + how % 4 {
            let package = top.join(word(&format!("p{number}")));
            let unpacked = top.join(word(&format!(".p{number}-{}", self.serial)));
            script.calls.push(Call::Mkdir(unpacked.clone()));
            for name in ["package.json", "index.js"] {
                script.calls.extend(self.whole(unpacked.join(word(name))));
                removal.push(Call::Unlink(package.join(word(name))));
            }
            script.calls.push(Call::Rename(unpacked.clone(), package.clone()));
            removal.push(Call::Rmdir(package));
            script.temporary.push(unpacked);
        }
        removal.push(Call::Rmdir(top.clone()));
        if removed {
            script.calls.extend(removal);
            script.temporary.push(top);
        }
        script
    }

    /// A browser: the file grows under a name of its own, which is renamed at its end.
    pub(super) fn download(&mut self, path: RelPath) -> Script {
        self.serial += 1;
        let part = beside(&path, "", &format!(".{}.crdownload", self.serial));
        let mut calls = vec![Call::Open(part.clone(), true)];
        calls.extend((0..3).map(|_| Call::Write(self.bytes(), true)));
        calls.extend([Call::Close, Call::Rename(part.clone(), path)]);
        Script { calls, temporary: vec![part] }
    }

    /// Many files that are made and removed at once.
    pub(super) fn storm(&mut self, dir: &RelPath, count: u8) -> Script {
        let mut script = Script::default();
        for _ in 0..1 + count % 8 {
            self.serial += 1;
            let path = dir.join(word(&format!("storm{}", self.serial)));
            script.calls.extend(self.whole(path.clone()));
            script.calls.push(Call::Unlink(path.clone()));
            script.temporary.push(path);
        }
        script
    }
}

/// Another name in the same directory.
fn beside_it(path: &RelPath, name: &str) -> RelPath {
    let (parent, _) = path.split().expect("a file is not the root");
    parent.join(word(name))
}
