//! Stories of faults that the turmoil world found, told in the engine world's words.

use sim::scenario::Scenario;

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
