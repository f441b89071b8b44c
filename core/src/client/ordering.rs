//! The order of the steps of a commit.
//!
//! Steps that need each other (names that are swapped, rotated or replaced) become one operation;
//! every operation comes after those it needs. What needs a step that is not there waits.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::id::NodeId;
use crate::operation::Step;

/// Steps by their node, with what they need.
pub(super) type Pending = BTreeMap<NodeId, (Step, Needs)>;

/// The nodes whose steps a step needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    /// Before it.
    pub(super) first: BTreeSet<NodeId>,
    /// In one operation with it.
    pub(super) together: BTreeSet<NodeId>,
}

/// Groups and orders steps; leaves out those that cannot go yet.
pub(super) fn in_order(mut pending: Pending) -> Vec<Vec<Step>> {
    drop_incomplete(&mut pending);
    let mut edges: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    for (node, (_, needs)) in &pending {
        for other in needs.first.iter().chain(&needs.together) {
            edges.entry(*node).or_default().insert(*other);
        }
        // Needing each other puts both into one component.
        for other in &needs.together {
            edges.entry(*other).or_default().insert(*node);
        }
    }
    components(&pending, &edges)
        .into_iter()
        .map(|nodes| nodes.iter().filter_map(|node| Some(pending.get(node)?.0.clone())).collect())
        .collect()
}

/// Drops what needs a step that is not there, and then what needed that.
fn drop_incomplete(pending: &mut Pending) {
    let mut needed_by: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (node, (_, needs)) in &*pending {
        for other in needs.first.iter().chain(&needs.together) {
            needed_by.entry(*other).or_default().push(*node);
        }
    }
    let there = |node: &NodeId| pending.contains_key(node);
    let mut lacking: Vec<NodeId> = needed_by.keys().filter(|node| !there(node)).copied().collect();
    while let Some(gone) = lacking.pop() {
        pending.remove(&gone);
        lacking.extend(needed_by.remove(&gone).into_iter().flatten());
    }
}

/// Strongly connected components, each after those that it leads to (Tarjan 1972, without
/// recursion, since directories nest deeply).
fn components(pending: &Pending, edges: &BTreeMap<NodeId, BTreeSet<NodeId>>) -> Vec<Vec<NodeId>> {
    #[derive(Clone, Copy)]
    struct Visit {
        index: usize,
        low: usize,
        open: bool,
    }
    let next_of = |node: NodeId, after: Option<NodeId>| {
        edges.get(&node).and_then(|edges| match after {
            None => edges.first().copied(),
            Some(after) => edges.range(after..).find(|&&node| node != after).copied(),
        })
    };
    let mut visits: BTreeMap<NodeId, Visit> = BTreeMap::new();
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for &root in pending.keys() {
        if visits.contains_key(&root) {
            continue;
        }
        let mut path: Vec<(NodeId, Option<NodeId>)> = alloc::vec![(root, None)];
        while let Some((node, last)) = path.pop() {
            let count = visits.len();
            if last.is_none() {
                visits.insert(node, Visit { index: count, low: count, open: true });
                open.push(node);
            }
            let reach = last.and_then(|last| visits.get(&last).copied());
            let visit = visits.get_mut(&node).expect("it was entered when first on the path");
            if let Some(reach) = reach.filter(|reach| reach.open) {
                visit.low = visit.low.min(reach.low);
            }
            let visit = *visit;
            if let Some(next) = next_of(node, last) {
                path.push((node, Some(next)));
                if !visits.contains_key(&next) {
                    path.push((next, None));
                }
                continue;
            }
            if visit.low == visit.index {
                let start = open.iter().rposition(|&other| other == node);
                let component = open.split_off(start.expect("a root is still open"));
                for other in &component {
                    visits.get_mut(other).expect("open nodes were visited").open = false;
                }
                found.push(component);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::bench::node;

    fn check(steps: &[(u8, &[u8], &[u8])], expected: &[&[u8]]) {
        let ids = |numbers: &[u8]| numbers.iter().copied().map(node).collect();
        let pending = (steps.iter())
            .map(|(number, first, together)| {
                let needs = Needs { first: ids(first), together: ids(together) };
                (node(*number), (Step::Delete { node: node(*number) }, needs))
            })
            .collect();
        let groups: Vec<BTreeSet<NodeId>> =
            in_order(pending).iter().map(|group| group.iter().map(Step::node).collect()).collect();
        let expected: Vec<BTreeSet<NodeId>> = expected.iter().map(|group| ids(group)).collect();
        assert_eq!(groups, expected);
    }

    #[test]
    fn what_is_needed_comes_first() {
        check(&[(1, &[2], &[]), (2, &[3], &[]), (3, &[], &[])], &[&[3], &[2], &[1]]);
    }

    #[test]
    fn a_rotation_is_one_operation() {
        check(&[(1, &[], &[2]), (2, &[], &[3]), (3, &[], &[1])], &[&[1, 2, 3]]);
    }

    #[test]
    fn a_chain_of_names_is_one_operation_and_the_new_name_comes_after() {
        check(
            &[(1, &[], &[2]), (2, &[], &[3]), (3, &[], &[]), (4, &[1], &[])],
            &[&[1, 2, 3], &[4]],
        );
    }

    #[test]
    fn what_needs_a_step_that_is_not_there_waits() {
        check(&[(1, &[9], &[]), (2, &[1], &[]), (3, &[], &[])], &[&[3]]);
    }

    #[test]
    fn a_directory_made_at_the_name_of_what_moves_into_it_is_one_operation() {
        check(&[(1, &[2], &[]), (2, &[1], &[])], &[&[1, 2]]);
    }
}
