//! Every situation with its decision, as tables that a person reviews.

use std::fmt::Write;
use std::string::String;

use super::*;
use crate::client::bench::{ROOT, file, here, present, unread};
use crate::client::planning::with_executable;
use crate::client::record::Local;

const DIFFS: [Diff; 5] = [Diff::Same, Diff::Here, Diff::There, Diff::Agreed, Diff::Both];

#[test]
fn every_node_alive_on_both_sides() {
    let mut table = String::from("place   content executable | place  content executable\n");
    for place in DIFFS {
        for content in [None].into_iter().chain(DIFFS.map(Some)) {
            // A bit has two values: if both sides changed it, they agree.
            for executable in [Diff::Same, Diff::Here, Diff::There, Diff::Agreed] {
                let read = content.map_or("unread".into(), |content| std::format!("{content:?}"));
                let decision = reconcile(Situation::Alive { place, content, executable });
                let shown = if let Decision::Merge { place, content, executable } = decision {
                    let [place, content] = [place, content].map(|act| std::format!("{act:?}"));
                    std::format!("{place:<6} {content:<7} {executable:?}")
                } else {
                    std::format!("{decision:?}")
                };
                writeln!(
                    table,
                    "{:<7} {read:<7} {:<10} | {shown}",
                    std::format!("{place:?}"),
                    std::format!("{executable:?}"),
                )
                .unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_node_that_one_side_lacks() {
    let mut table = String::new();
    let mut row = |name: &str, situation| {
        writeln!(table, "{name:<62} | {:?}", reconcile(situation)).unwrap();
    };
    row("on neither side", Situation::Gone);
    row("never agreed on, here", Situation::OnlyHere);
    row("never agreed on, there", Situation::OnlyThere);
    row("never agreed on, both, same bytes", Situation::Unmet(Some(true)));
    row("never agreed on, both, other bytes", Situation::Unmet(Some(false)));
    row("never agreed on, both, unread", Situation::Unmet(None));
    for place in [false, true] {
        for content in [Some(false), Some(true), None] {
            for executable in [false, true] {
                let touched = Touched { place, content, executable };
                let mut did = String::new();
                did.push_str(if place { " moved" } else { "" });
                did.push_str(match content {
                    Some(true) => " edited",
                    Some(false) => "",
                    None => " unread",
                });
                did.push_str(if executable { " mode" } else { "" });
                did.push_str(if did.is_empty() { " nothing" } else { "" });
                if content.is_some() {
                    row(
                        &std::format!("deleted here; there:{did}"),
                        Situation::DeletedHere(touched),
                    );
                }
                row(&std::format!("deleted there; here:{did}"), Situation::DeletedThere(touched));
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_each_decision_may_lead_to() {
    let mut table = String::from("decision         | server disk  placed\n");
    let mut row = |name: &str, decision: Decision| {
        let says = |holds, word| if holds { word } else { "" };
        let server = says(decision.may_send(), "asked");
        let disk = says(decision.may_change_disk(), "change");
        let placed = says(decision.places_there(), "there");
        writeln!(
            table,
            "{}",
            std::format!("{name:<16} | {server:<6} {disk:<6} {placed}").trim_end()
        )
        .unwrap();
    };
    for decision in [
        Decision::Forget,
        Decision::Create,
        Decision::Materialise,
        Decision::Adopt,
        Decision::Read,
        Decision::Split,
        Decision::KeepHere(true),
        Decision::KeepThere(true),
        Decision::DeleteHere,
        Decision::DeleteThere,
        Decision::REST,
    ] {
        let merges = decision == Decision::REST;
        row(&if merges { "at rest".into() } else { std::format!("{decision:?}") }, decision);
    }
    let rest = Act::Rest;
    for act in [Act::Agree, Act::Send, Act::Apply, Act::Wait] {
        for (name, [place, content, executable]) in [
            ("place", [act, rest, rest]),
            ("content", [rest, act, rest]),
            ("executable", [rest, rest, act]),
        ] {
            let merge = Decision::Merge { place, content, executable };
            row(&std::format!("{act:?} {name}"), merge);
            assert_eq!(merge.place(), Some(place));
        }
    }
    assert_eq!(Decision::Create.place(), None);
    insta::assert_snapshot!(table);
}

/// What each side may have of a file: where, which bytes, and whether it may be executed.
type Has = Option<(&'static str, &'static str, bool)>;

fn state((at, text, executable): (&str, &str, bool)) -> State {
    let State { place, body } = file(ROOT, at, text);
    State { place, body: with_executable(&body, executable) }
}

/// `unread`: the bytes here are not known.
fn local(has: (&str, &str, bool)) -> Local {
    if has.1 == "unread" { unread(1, &state(has)) } else { here(1, &state(has)) }
}

#[track_caller]
fn check(here: Has, synced: Has, there: Has, moved_above: bool, expected: Situation) {
    let local = here.map_or(Local::Absent, local);
    let record = Record::of(local, synced.map(state), there.map(state));
    assert_eq!(situation(&record, moved_above), Some(expected));
}

#[test]
fn what_was_done_to_what_the_other_side_deleted() {
    let was = ("f", "one", false);
    let untouched = Touched { place: false, content: Some(false), executable: false };
    for (has, moved_above, touched) in [
        (was, false, untouched),
        (was, true, Touched { place: true, ..untouched }),
        (("g", "one", false), false, Touched { place: true, ..untouched }),
        (("f", "two", false), false, Touched { content: Some(true), ..untouched }),
        (("f", "one", true), false, Touched { executable: true, ..untouched }),
    ] {
        check(None, Some(was), Some(has), moved_above, Situation::DeletedHere(touched));
        check(Some(has), Some(was), None, moved_above, Situation::DeletedThere(touched));
    }
    let unread = Touched { content: None, ..untouched };
    check(Some(("f", "unread", false)), Some(was), None, false, Situation::DeletedThere(unread));
}

#[test]
fn how_what_is_on_both_sides_stands() {
    let was = ("f", "one", false);
    let alive = |place, content, executable| Situation::Alive { place, content, executable };
    let (same, here, there) = (Diff::Same, Diff::Here, Diff::There);
    let (agreed, both) = (Diff::Agreed, Diff::Both);
    for (at_here, at_there, expected) in [
        (was, was, alive(same, Some(same), same)),
        (("g", "two", true), was, alive(here, Some(here), here)),
        (was, ("g", "two", true), alive(there, Some(there), there)),
        (("g", "two", true), ("g", "two", true), alive(agreed, Some(agreed), agreed)),
        (("g", "two", false), ("h", "six", true), alive(both, Some(both), there)),
        (("f", "unread", false), was, alive(same, None, same)),
    ] {
        check(Some(at_here), Some(was), Some(at_there), false, expected);
    }
    check(Some(was), None, Some(("g", "one", true)), false, Situation::Unmet(Some(true)));
    check(Some(was), None, Some(("f", "two", false)), false, Situation::Unmet(Some(false)));
    check(Some(("f", "unread", false)), None, Some(was), false, Situation::Unmet(None));
}

#[test]
fn what_may_be_behind_a_name_that_is_not_synced_is_left_alone() {
    let was = ("f", "one", false);
    let hidden = Local::Hidden(present(1, &state(was)));
    let record = Record::of(hidden, Some(state(was)), Some(state(was)));
    assert_eq!(situation(&record, false), None);
}
