//! Every situation with its decision, as tables that a person reviews.

use std::fmt::Write;
use std::string::String;

use super::*;

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
