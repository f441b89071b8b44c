//! Runs written by hand: what users do, in calm order, and what every device must then hold.

use std::collections::BTreeMap;

use onefold_core::blob::Blob;
use onefold_core::node::Target;
use onefold_core::time::FileTime;

use crate::disk::user::path;
use crate::oracle::tree::{self, Leaf, Tree};
use crate::story::Story;
use crate::user::script::{Call, Script};
use crate::world::device::Link;
use crate::world::{Setting, World};

/// A world with users who do as they are told.
#[derive(Debug)]
pub struct Scenario {
    /// The world.
    pub world: World,
    words: BTreeMap<onefold_core::hash::ContentId, String>,
}

impl Scenario {
    /// So many devices, all joined and at rest.
    pub fn new(devices: u8) -> Self {
        Self::with(Setting::calm(devices))
    }

    /// A world of this kind, at rest.
    pub fn with(setting: Setting) -> Self {
        let world = World::new(setting, Story::telling()).expect("engines start on nothing");
        let mut scenario = Self { world, words: BTreeMap::new() };
        scenario.settle();
        scenario
    }

    /// A user's program makes a call, at once.
    pub fn call(&mut self, device: usize, call: Call) -> &mut Self {
        self.world.run_script(device, Script { calls: vec![call], temporary: Vec::new() }, 0);
        self.world.user_call(device);
        self
    }

    /// Several calls, one after the other.
    fn calls(&mut self, device: usize, calls: impl IntoIterator<Item = Call>) -> &mut Self {
        for call in calls {
            self.call(device, call);
        }
        self
    }

    fn bytes(&mut self, text: &str) -> Vec<u8> {
        let id = onefold_core::hash::ContentId::of(text.as_bytes());
        self.words.insert(id, text.into());
        text.as_bytes().to_vec()
    }

    /// Writes a file whole, in place.
    pub fn write(&mut self, device: usize, at: &str, text: &str) -> &mut Self {
        let bytes = self.bytes(text);
        self.calls(device, [Call::Open(path(at), true), Call::Write(bytes, true), Call::Close])
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
        inside.retain(|(path, _)| path.names().starts_with(top.names()));
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

    /// A device loses the network.
    pub fn offline(&mut self, device: usize) -> &mut Self {
        self.world.devices[device].reachable = false;
        if self.world.devices[device].link != Link::Down {
            self.world.drop_link(device, "the network is gone");
        }
        self
    }

    /// A device has the network again.
    pub fn online(&mut self, device: usize) -> &mut Self {
        self.world.devices[device].reachable = true;
        self
    }

    /// A device's client is killed.
    pub fn kill(&mut self, device: usize) -> &mut Self {
        self.world.kill_client(device);
        self
    }

    /// Lets everything come to rest.
    pub fn settle(&mut self) -> &mut Self {
        if let Err(broken) = self.world.settle_as_is() {
            panic!("{broken}\n{}", self.world.story.lines.join("\n"));
        }
        self
    }

    /// What a disk holds: `path=text`, `path/`, `path->target`, in order. A conflict copy of device
    /// 1 is named `name (1)`.
    pub fn disk(&self, device: usize) -> String {
        self.show(&tree::of_disk(&self.world.devices[device].disk).0)
    }

    fn show(&self, tree: &Tree) -> String {
        let one = |(path, leaf): (&onefold_core::name::RelPath, &Leaf)| {
            let mut path = path.to_string();
            while let Some(start) = path.find(" (conflict, device") {
                let digit = path[start + 18..].chars().next().unwrap_or('?');
                let end = path[start..].find(')').map_or(path.len(), |end| start + end + 1);
                path.replace_range(start..end, &format!(" ({digit})"));
            }
            match leaf {
                Leaf::Directory => format!("{path}/"),
                Leaf::Symlink(target) => {
                    format!("{path}->{}", String::from_utf8_lossy(target.as_bytes()))
                }
                Leaf::File(content, executable) => {
                    let text = self.words.get(content).map_or("?", String::as_str);
                    format!("{path}={text}{}", if *executable { "*" } else { "" })
                }
            }
        };
        let mut lines: Vec<_> = tree.iter().map(one).collect();
        lines.sort();
        lines.join(" ")
    }

    /// Lets everything come to rest; then every disk and the server must hold this, and all rules
    /// of the oracle must hold.
    pub fn everywhere(&mut self, expected: &str) -> &mut Self {
        self.settle();
        for device in 0..self.world.devices.len() {
            self.expect(&format!("device {device}"), &self.disk(device), expected);
        }
        if let Err(broken) = self.world.judge() {
            panic!("{broken}\n{}", self.world.story.lines.join("\n"));
        }
        self
    }

    /// Lets everything come to rest; then all rules of the oracle must hold. For disks that cannot
    /// hold the same.
    pub fn by_the_rules(&mut self) -> &mut Self {
        self.settle();
        if let Err(broken) = self.world.judge() {
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

    /// What one disk must hold now.
    pub fn here(&mut self, device: usize, expected: &str) -> &mut Self {
        self.expect(&format!("device {device}"), &self.disk(device), expected);
        self
    }

    fn expect(&self, who: &str, found: &str, expected: &str) {
        assert!(
            found == expected,
            "{who} holds\n  {found}\nand not\n  {expected}\n{}",
            self.world.story.lines.join("\n")
        );
    }

    /// How many entries the journal has.
    pub fn entries(&self) -> u64 {
        self.world.server.journal.head().cursor.seq.get()
    }
}

/// Two users change what both have while they are offline; then one comes online, then the other,
/// in both orders. A third device only watches.
pub fn both_orders(
    before: impl Fn(&mut Scenario),
    here: impl Fn(&mut Scenario, usize),
    there: impl Fn(&mut Scenario, usize),
    expected: [&str; 2],
) {
    for (order, expected) in [[0, 1], [1, 0]].into_iter().zip(expected) {
        let mut scenario = Scenario::new(3);
        before(&mut scenario);
        scenario.settle().offline(0).offline(1);
        here(&mut scenario, 0);
        there(&mut scenario, 1);
        for device in order {
            scenario.settle().online(device);
        }
        scenario.everywhere(expected);
    }
}
