//! What a run is judged by: what disks hold, how much was sent for it, and the rules of the oracle.

use onefold_core::client::Problem;
use onefold_core::hash::ContentId;
use onefold_core::operation::Step;

use crate::oracle::tree::{self, Leaf, Tree};
use crate::oracle::{Tally, judge};

use super::Scenario;

/// Where counting begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    line: usize,
    entry: usize,
}

impl Scenario {
    /// Counts anew from here.
    pub fn mark(&mut self) -> &mut Self {
        let (line, entry) = (self.world.story.lines.len(), self.world.witness().entries.len());
        self.mark = Mark { line, entry };
        self
    }

    /// How many entries the journal got since the mark.
    pub fn new_entries(&self) -> usize {
        self.world.witness().entries.len() - self.mark.entry
    }

    /// How many nodes were deleted in the journal since the mark.
    pub fn deletions(&self) -> usize {
        self.steps(|step| matches!(step, Step::Delete { .. }))
    }

    /// How many contents came with entries since the mark.
    pub fn contents_sent(&self) -> usize {
        self.steps(|step| step.content().is_some())
    }

    fn steps(&self, wanted: impl Fn(&Step) -> bool) -> usize {
        let entries = &self.world.witness().entries[self.mark.entry..];
        entries.iter().flat_map(|entry| &entry.operation.steps).filter(|step| wanted(step)).count()
    }

    /// How often since the mark a device's engine asked for what these words say.
    pub fn asked(&self, device: usize, words: &str) -> usize {
        let start = format!("device {device}     asks: ");
        let lines = self.world.story.lines[self.mark.line..].iter();
        lines.filter(|line| line.contains(&start) && line.contains(words)).count()
    }

    /// How often since the mark the story says this of a device.
    pub fn told(&self, device: usize, words: &str) -> usize {
        let start = format!("device {device} ");
        let lines = self.world.story.lines[self.mark.line..].iter();
        lines.filter(|line| line.contains(&start) && line.contains(words)).count()
    }

    /// How many files a device's engine uploaded, or began to, since the mark.
    pub fn uploads(&self, device: usize) -> usize {
        self.asked(device, "asks: upload ")
    }

    /// How many changes of its disk a device's engine asked for since the mark.
    pub fn changes(&self, device: usize) -> usize {
        self.asked(device, "asks: change ")
    }

    /// Whether a file with this text was ever accepted by the server.
    pub fn was_sent(&self, text: &str) -> bool {
        self.world.witness().history.contains(&ContentId::of(text.as_bytes()))
    }

    /// How many conflict copies the server has.
    pub fn copies(&self) -> usize {
        let rows = self.world.server.journal.rows();
        let server =
            tree::of_rows(&rows, &mut Tally::default()).expect("the server's tree is whole");
        server.keys().filter(|path| judge::is_copy(path)).count()
    }

    /// What a device's engine says it cannot sync: `path: kind`, in order.
    pub fn problems(&self, device: usize) -> String {
        let client = self.world.devices[device].client.as_ref().expect("it runs");
        let status = client.status();
        let one = |problem: &Problem| format!("{}: {:?}", problem.path, problem.kind);
        status.problems.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Why, in the words that people are told.
    pub fn reasons(&self, device: usize) -> String {
        let client = self.world.devices[device].client.as_ref().expect("it runs");
        let status = client.status();
        status.problems.iter().map(|it| it.reason.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// The paths of the files on a disk, in order.
    pub fn files(&self, device: usize) -> Vec<String> {
        let tree = tree::of_disk(&self.world.devices[device].disk).0;
        let files = tree.iter().filter(|(_, leaf)| matches!(leaf, Leaf::File(..)));
        files.map(|(path, _)| path.to_string()).collect()
    }

    /// Fails with the whole story unless this holds.
    pub fn check(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> &mut Self {
        assert!(holds(self), "not so: {what}\n{}", self.world.story.lines.join("\n"));
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

    /// Lets everything come to rest, where not all can be synced.
    pub fn by_the_rules_here(&mut self, device: usize) -> &mut Self {
        self.settle().check("the engine did not stop", |s| {
            let client = s.world.devices[device].client.as_ref();
            client.is_some_and(|client| client.status().halted.is_none())
        })
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

    /// What one disk must hold now.
    pub fn here(&mut self, device: usize, expected: &str) -> &mut Self {
        self.expect(&format!("device {device}"), &self.disk(device), expected);
        self
    }

    pub(super) fn expect(&self, who: &str, found: &str, expected: &str) {
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
