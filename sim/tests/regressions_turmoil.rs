//! Stories of faults that the turmoil world found, told in the engine world's words.

use sim::scenario::Scenario;
use sim::world::arranged::Hold;

/// A directory was away for a moment, just as all of it was to be looked at for the first time, and
/// came back as it was: nobody ever looked into it.
#[test]
fn a_directory_that_was_away_when_it_was_looked_at_is_looked_at_again() {
    let mut s = Scenario::new(2);
    s.mkdir(0, "d").settle();
    s.hold(0, Hold::Events).mkdir(0, "d/e").write(0, "d/e/f", "text").release(0, Hold::Events);
    s.until_asked(0, "look").hold(0, Hold::Looks).rename(0, "d/e", "d/away");
    s.release(0, Hold::Looks).until("a look fails", |s| {
        s.world.story.lines.iter().any(|line| line.contains("look") && line.contains("fails"))
    });
    s.rename(0, "d/away", "d/e").everywhere("d/ d/e/ d/e/f=text");
}
