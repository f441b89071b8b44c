//! The planner world: any three trees, any order, any failures; every node becomes what it must.

use std::collections::BTreeSet;
use std::io::Write;

use sim::counts;
use sim::planner::case::{Case, Record};
use sim::planner::search::search;
use sim::planner::tally::Tally;

/// Tells people who ran the tests, also when all is well: past the capturing of what tests print.
fn tell(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

#[test]
fn every_node_becomes_what_the_three_trees_say() {
    let found = search(1, counts::planner());
    tell(&found.tally.to_string());
    assert!(found.failures.is_empty(), "{}", found.told().join("\n"));
}

#[test]
fn every_decision_is_met() {
    let mut tally = Tally::default();
    for seed in 0..5_000 {
        let _ = Case::draw(seed).run(&mut tally, Record::Nothing);
    }
    let met: BTreeSet<&str> = tally.decisions.keys().map(String::as_str).collect();
    let all = [
        "Forget",
        "Create",
        "Materialise",
        "Adopt",
        "Read",
        "Split",
        "KeepHere(false)",
        "KeepHere(true)",
        "KeepThere(false)",
        "KeepThere(true)",
        "DeleteHere",
        "DeleteThere",
        "Rest",
        "Agree place",
        "Send place",
        "Apply place",
        "Agree content",
        "Send content",
        "Apply content",
        "Wait content",
        "Agree executable",
        "Send executable",
        "Apply executable",
    ];
    assert_eq!(met, BTreeSet::from(all));
    for kind in ["look", "hash", "upload", "fetch", "change", "save", "connect", "stream"] {
        assert!(tally.failed.get(kind).is_some_and(|failed| *failed > 0), "{kind} never failed");
    }
    assert!(tally.killed > 0 && tally.copies > 0);
}
