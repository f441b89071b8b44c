//! The tour of how Onefold works that the map shows is what its command prints.

use sim::run::Case;

const MAP: &str = include_str!("../../ARCHITECTURE.md");
const COMMAND: &str = "$ cargo run --release -p sim -- replay ";

/// What a line of the tour says that a story tells; what is left out of it is `…`.
fn told(line: &str) -> Vec<String> {
    let line = line.trim().replace("     asks:", "\u{0}asks:");
    let told = line.split("   ").next().unwrap_or_default().trim();
    told.split('…').map(|part| part.replace("\u{0}asks:", "     asks:")).collect()
}

#[test]
fn the_tour_tells_what_its_replay_tells() {
    let (_, tour) = MAP.split_once(COMMAND).expect("the map has a tour");
    let mut lines = tour.lines();
    let word = lines.next().expect("a case");
    let outcome = Case::decode(word).expect("the tour's word is a case").run(true);
    assert_eq!(outcome.result, Ok(()));
    let mut rest = outcome.lines.iter();
    let tour =
        lines.take_while(|line| !line.starts_with("```")).filter(|line| line.contains(" ms  "));
    let mut shown = 0;
    for line in tour {
        let parts = told(line);
        let tells = |story: &&String| parts.iter().all(|part| story.contains(part.as_str()));
        assert!(rest.find(tells).is_some(), "not told, or not there: {line}");
        shown += 1;
    }
    assert!(shown > 10, "{shown} lines");
}
