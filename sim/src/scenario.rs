//! Runs written by hand: what users do, in calm order, and what every device must then hold.
//!
//! What users do is here; what befalls devices, the network and the server is in [`faults`], how
//! programs save in [`editors`], what a run is judged by in [`judging`].

pub mod editors;
pub mod faults;
pub mod judging;
pub mod orders;

use std::collections::BTreeMap;

use onefold_core::blob::Blob;
use onefold_core::client::Answer;
use onefold_core::node::Target;
use onefold_core::time::FileTime;

use crate::disk::user::path;
use crate::story::Story;
use crate::user::script::{Call, Script};
use crate::world::{Setting, World};

use judging::Mark;

/// A world with users who do as they are told.
#[derive(Debug)]
pub struct Scenario {
    /// The world.
    pub world: World,
    words: BTreeMap<onefold_core::hash::ContentId, String>,
    mark: Mark,
}

impl Scenario {
    /// So many devices, all joined and at rest.
    pub fn new(devices: u8) -> Self {
        Self::with(Setting::calm(devices))
    }

    /// A world of this kind, at rest.
    pub fn with(setting: Setting) -> Self {
        let world = World::new(setting, Story::telling()).expect("engines start on nothing");
        let mut scenario = Self { world, words: BTreeMap::new(), mark: Mark::default() };
        scenario.settle().mark();
        scenario
    }

    /// A user's program makes a call, at once; it must succeed.
    pub fn call(&mut self, device: usize, call: Call) -> &mut Self {
        let told = self.world.story.lines.len();
        self.world.run_script(device, Script { calls: vec![call], temporary: Vec::new() }, 0);
        self.world.user_call(device);
        let failed = self.world.story.lines[told..].iter().find(|line| line.contains(" fails: "));
        assert!(failed.is_none(), "{failed:?}");
        self
    }

    /// Several calls, one after the other.
    fn calls(&mut self, device: usize, calls: impl IntoIterator<Item = Call>) -> &mut Self {
        for call in calls {
            self.call(device, call);
        }
        self
    }

    /// The bytes of a text, which is then known by its words.
    pub fn bytes(&mut self, text: &str) -> Vec<u8> {
        let id = onefold_core::hash::ContentId::of(text.as_bytes());
        self.words.insert(id, text.into());
        text.as_bytes().to_vec()
    }

    /// Writes a file whole, in place.
    pub fn write(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let bytes = self.bytes(text);
        self.calls(device, [Call::Open(path(at), true), Call::Write(bytes, true), Call::Close])
    }

    /// Writes a file whole while the user's own program has another one open.
    pub fn write_beside(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let bytes = self.bytes(text);
        self.world.outside(device, |disk| {
            let handle = disk.open(&path(at), true, true).expect("it can be opened");
            disk.write(handle, true, &bytes).expect("there is room");
            disk.close(handle);
        });
        self
    }

    /// Saves a file by renaming a new one over it.
    pub fn save(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let new = format!("{at}.new");
        self.write(device, &new, text).rename(device, &new, at)
    }

    /// Opens a file for writing and leaves it open.
    pub fn open(&mut self, device: usize, at: &str) -> &mut Self {
        self.call(device, Call::Open(path(at), false))
    }

    /// Writes at the end of the open file; `whole` is what it then holds.
    pub fn append(&mut self, device: usize, more: &str, whole: &str) -> &mut Self {
        self.bytes(whole);
        self.call(device, Call::Write(more.as_bytes().to_vec(), true))
    }

    /// Writes over the beginning of the open file; it then holds just this.
    pub fn overwrite(&mut self, device: usize, text: &str) -> &mut Self {
        let bytes = self.bytes(text);
        self.call(device, Call::Write(bytes, false))
    }

    /// Closes the open file.
    pub fn close(&mut self, device: usize) -> &mut Self {
        self.call(device, Call::Close)
    }

    /// Renames; a file that is in the way is replaced.
    pub fn rename(&mut self, device: usize, from: &str, to: &str) -> &mut Self {
        self.call(device, Call::Rename(path(from), path(to)))
    }

    /// Deletes a file.
    pub fn delete(&mut self, device: usize, at: &str) -> &mut Self {
        self.call(device, Call::Unlink(path(at)))
    }

    /// Makes a directory.
    pub fn mkdir(&mut self, device: usize, at: &str) -> &mut Self {
        self.call(device, Call::Mkdir(path(at)))
    }

    /// Removes a directory and all that is in it.
    pub fn remove_all(&mut self, device: usize, at: &str) -> &mut Self {
        let top = path(at);
        let mut inside = self.world.devices[device].disk.walk();
        inside.retain(|(path, _)| path.is_within(&top));
        let calls: Vec<_> = (inside.into_iter().rev())
            .map(|(path, number)| match self.world.devices[device].disk.children(number) {
                Some(_) => Call::Rmdir(path),
                None => Call::Unlink(path),
            })
            .collect();
        self.calls(device, calls)
    }

    /// Makes a symlink.
    pub fn symlink(&mut self, device: usize, at: &str, to: &str) -> &mut Self {
        let target = Target::try_from(Blob::from(to.as_bytes())).expect("a plain target");
        self.call(device, Call::Symlink(path(at), target))
    }

    /// Sets or clears the executable bit.
    pub fn chmod(&mut self, device: usize, at: &str, executable: bool) -> &mut Self {
        self.call(device, Call::Chmod(path(at), executable))
    }

    /// Sets the mtime.
    pub fn touch(&mut self, device: usize, at: &str, seconds: i64) -> &mut Self {
        self.call(device, Call::Touch(path(at), FileTime { seconds, nanoseconds: 0 }))
    }

    /// Forbids, or allows, to list and to change a directory.
    pub fn access(&mut self, device: usize, at: &str, read: bool, write: bool) -> &mut Self {
        self.call(device, Call::Access(path(at), read, write))
    }

    /// Moves what stands at a path out of the folder, where it stays.
    pub fn move_out(&mut self, device: usize, at: &str) -> usize {
        self.world.outside(device, |disk| disk.move_out(&path(at)).expect("it is there"))
    }

    /// Moves what was moved out into the folder.
    pub fn move_in(&mut self, device: usize, what: usize, at: &str) -> &mut Self {
        self.world.outside(device, |disk| disk.move_in(what, &path(at)).expect("the name is free"));
        self
    }

    /// A device's user says what is to become of the deletions that are held.
    pub fn answer(&mut self, device: usize, answer: Answer) -> &mut Self {
        if let Err(broken) = self.world.answer_deletions(device, answer) {
            panic!("{broken}\n{}", self.world.story.lines.join("\n"));
        }
        self
    }

    /// How many deletions a device's user is asked about: files and directories.
    pub fn asks(&mut self, device: usize, expected: usize) -> &mut Self {
        let client = self.world.devices[device].client.as_ref().expect("it runs");
        let held = client.held_deletions().len();
        self.expect(&format!("device {device}"), &held.to_string(), &expected.to_string());
        self
    }

    /// Lets everything come to rest.
    pub fn settle(&mut self) -> &mut Self {
        if let Err(broken) = self.world.settle_as_is() {
            panic!("{broken}\n{}", self.world.story.lines.join("\n"));
        }
        self
    }

    /// Lets everything come to rest with nothing left undone.
    pub fn heal(&mut self) -> &mut Self {
        if let Err(broken) = self.world.settle() {
            panic!("{broken}\n{}", self.world.story.lines.join("\n"));
        }
        self
    }

    /// Gives a file a second name.
    pub fn link(&mut self, device: usize, at: &str, second: &str) -> &mut Self {
        self.call(device, Call::Link(path(at), path(second)))
    }

    /// Makes a named pipe, which is not synced.
    pub fn pipe(&mut self, device: usize, at: &str) -> &mut Self {
        self.call(device, Call::Pipe(path(at)))
    }
}
