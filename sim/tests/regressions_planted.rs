//! Faults of the engine that were found beside planted ones, told as short stories.

use sim::scenario::Scenario;

/// What waited to be tried again was due for ever while the folder itself was not there: the engine
/// asked to be called at once, again and again.
#[test]
fn an_engine_rests_while_the_folder_is_not_there_and_a_change_waits() {
    let mut scenario = Scenario::new(2);
    scenario.mkdir(0, "d").write(0, "d/a", "one").settle();
    scenario.world.devices[1].disk.unmounted = true;
    scenario.remove_all(0, "d");
    for _ in 0..2_000 {
        scenario.world.step().expect("no rule is broken");
    }
    scenario.world.devices[1].disk.unmounted = false;
    scenario.settle().everywhere("");
}
