//! Hostile input: 106 to 113 of the list, as far as it reaches an engine.

use onefold_core::hash::ContentId;
use onefold_core::id::{CommitKey, NodeId, Seq};
use onefold_core::name::Name;
use onefold_core::node::{Body, Content, Place};
use onefold_core::operation::{Commit, Operation, Step};
use onefold_core::protocol::ClientMessage;
use onefold_core::time::FileTime;
use sim::scenario::Scenario;

fn id(number: u8) -> NodeId {
    NodeId::from_bytes([number; 16])
}

fn create(node: u8, parent: NodeId, name: &str) -> Step {
    let place = Place { parent, name: Name::new(name.as_bytes()).expect("a name") };
    Step::Create { node: id(node), place, body: Body::Directory }
}

fn step_into(node: u8, parent: u8) -> Step {
    let place = Place { parent: id(parent), name: Name::new(b"n").expect("a name") };
    Step::Move { node: id(node), place }
}

/// 110: A child sent before its parent, parents in a circle, two living children of one name, a
/// content that nobody sent: refused, and no row is without its parent.
#[test]
fn commits_that_would_break_the_tree_are_refused_and_harm_nobody() {
    let root = NodeId::ROOT;
    let content =
        Content { id: ContentId::of(b"never sent"), size: 10, mtime: FileTime::default() };
    let place = Place { parent: root, name: Name::new(b"ghost").expect("a name") };
    let ghost =
        Step::Create { node: id(9), place, body: Body::File { content, executable: false } };
    let hostile: [Vec<Step>; 6] = [
        vec![create(1, id(2), "orphan")],
        vec![create(1, id(2), "one"), create(2, id(1), "two")],
        vec![create(1, root, "same"), create(2, root, "same")],
        vec![create(3, root, "f")],
        vec![step_into(4, 4)],
        vec![ghost],
    ];
    for (number, steps) in hostile.into_iter().enumerate() {
        for together in [false, true] {
            let mut s = Scenario::new(3);
            s.mkdir(0, "d").write(0, "d/x", "one").write(0, "f", "two").settle().mark();
            let operations: Vec<Operation> = match together {
                true => vec![Operation { steps: steps.clone() }],
                false => steps.iter().map(|step| Operation { steps: vec![step.clone()] }).collect(),
            };
            let seen = Seq::new(s.entries());
            let key = CommitKey::from_bytes([number as u8 + 1; 16]);
            s.send(
                1,
                ClientMessage::Commit(Commit { key, seen, operations, contents: Vec::new() }),
            );
            s.wait(2_000).kill(1).settle().by_the_rules();
            s.check("nobody's files are touched", |s| {
                (0..3).all(|device| s.disk(device).contains("d/ d/x=one f=two"))
            });
            s.check("at most one directory that comes and goes", |s| s.new_entries() <= 2);
            s.write(2, "f", "goes on")
                .settle()
                .check("it goes on", |s| s.disk(1).contains("f=goes on"));
        }
    }
}
