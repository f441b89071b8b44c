//! Faults that the turmoil world found: stories in the engine world's words, or, where they are the
//! turmoil world's own, its tapes.

use sim::scenario::Scenario;
use sim::turmoil::case::Case;

/// A directory was away for a moment, just as all of it was to be looked at for the first time, and
/// came back as it was: nobody ever looked into it.
#[test]
fn a_directory_that_was_away_when_it_was_looked_at_is_looked_at_again() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "d").settle().mark().mkdir(0, "d/e").write(0, "d/e/f", "text");
    s.until_asked(0, "at all of /d/e").rename(0, "d/e", "d/away");
    s.until("the look fails", |s| s.told(0, "fails") > 0);
    s.rename(0, "d/away", "d/e").everywhere("d/ d/e/ d/e/f=text");
}

/// A file was made empty, written to and synced; a power cut took that, and what the client had saved:
/// the oracle did not know of the second, and took the copy that was made of the first for needless.
#[test]
fn a_power_cut_also_takes_what_was_saved() {
    let tape = "turmoil:c02000242000301050001891703000101ab050140040002018703019a05000201eb03010c03000101bf0a8e7304070007";
    let outcome = Case::decode(tape).expect("it is a tape").run(true);
    assert_eq!(outcome.struck.get("power_cut"), Some(&1));
    assert!(outcome.lines.iter().any(|line| line.contains("ConflictCopy")));
    outcome.result.unwrap();
}
