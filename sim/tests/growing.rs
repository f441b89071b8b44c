//! Files that never rest.

use sim::scenario::Scenario;
use sim::world::arranged::Hold;

/// The file after so many appends.
fn log(appends: usize) -> String {
    (0..appends).map(|number| format!("{number:03};")).collect()
}

/// Device 0 has a file open and appends to it ten times a second.
fn appending(scenario: &mut Scenario, appends: std::ops::Range<usize>) {
    for number in appends {
        scenario.append(0, &format!("{number:03};"), &log(number + 1)).wait(100);
    }
}

#[test]
fn what_is_only_appended_to_goes_as_prefixes_while_it_is_open() {
    let mut scenario = Scenario::new(2);
    scenario.write(0, "log", "").settle();
    let before = scenario.entries();
    scenario.open(0, "log");
    appending(&mut scenario, 0..150);
    assert_eq!(scenario.entries(), before, "he may just be slow");
    appending(&mut scenario, 150..300);
    let versions = scenario.entries() - before;
    assert!((3..60).contains(&versions), "{versions} versions in 30 s");
    scenario.close(0).everywhere(&format!("log={}", log(300)));
}

#[test]
fn a_new_file_that_is_only_appended_to_goes_as_prefixes_too() {
    let mut scenario = Scenario::new(2);
    scenario.open(0, "log");
    appending(&mut scenario, 0..400);
    assert!(scenario.entries() > 1, "{}", scenario.entries());
    scenario.close(0).everywhere(&format!("log={}", log(400)));
}

#[test]
fn what_is_appended_to_and_closed_each_time_has_a_bounded_number_of_versions() {
    let mut scenario = Scenario::new(2);
    scenario.write(0, "log", "").settle();
    let before = scenario.entries();
    for number in 0..300 {
        scenario.open(0, "log").append(0, &format!("{number:03};"), &log(number + 1)).close(0);
        scenario.wait(100);
    }
    let versions = scenario.entries() - before;
    assert!((3..=60).contains(&versions), "{versions} versions in 30 s");
    scenario.everywhere(&format!("log={}", log(300)));
}

/// It settled anew each time it was closed, since it had once been found open: it was sent at the end.
#[test]
fn a_new_file_that_was_found_open_and_is_closed_after_each_line_goes_before_its_end() {
    let mut scenario = Scenario::new(2);
    let before = scenario.settle().entries();
    scenario.open(0, "log").append(0, "000;", &log(1)).wait(150).close(0);
    for number in 1..400 {
        scenario.open(0, "log").append(0, &format!("{number:03};"), &log(number + 1)).close(0);
        scenario.wait(12);
    }
    let versions = scenario.entries() - before;
    assert!((3..=60).contains(&versions), "{versions} versions in 5 s");
    scenario.everywhere(&format!("log={}", log(400)));
}

#[test]
fn what_is_rewritten_in_place_waits_until_it_is_closed() {
    let mut scenario = Scenario::new(2);
    scenario.write(0, "f", "old").write(0, "other", "1").settle();
    let before = scenario.entries();
    scenario.open(0, "f");
    for number in 0..500 {
        scenario.overwrite(0, &format!("version {number:03} of it")).wait(100);
    }
    assert_eq!(scenario.entries(), before);
    scenario.here(1, "f=old other=1");
    scenario.close(0).everywhere("f=version 499 of it other=1");
}

#[test]
fn another_devices_edit_is_kept_beside_what_is_being_appended_to() {
    let mut scenario = Scenario::new(2);
    scenario.write(0, "log", "").settle().open(0, "log");
    appending(&mut scenario, 0..350);
    scenario.write(1, "log", "mine");
    appending(&mut scenario, 350..450);
    scenario.close(0);
    // Both are whole; which of them keeps the name is a matter of who came first.
    scenario.everywhere(&format!("log (0)={} log=mine", log(450)));
}

/// As many bytes were read as a look had said; they were the start of another version by then, which
/// the next look took for an append.
#[test]
fn the_start_of_another_version_is_no_prefix() {
    let mut scenario = Scenario::new(2);
    scenario.write(0, "f", "old").settle();
    scenario.open(0, "f").overwrite(0, "first!").wait(17_000).hold(0, Hold::Looks);
    scenario.write_beside(0, "f", "the second one").wait(1_500).release(0, Hold::Looks);
    scenario.wait(60_000).here(1, "f=old").close(0).everywhere("f=the second one");
    assert!(!scenario.was_sent("the se"), "the start of a version is none");
}

/// A look that was out of date had said that the file is longer than what was read of it.
#[test]
fn a_version_that_is_shorter_than_the_one_before_is_no_prefix_of_it() {
    let mut scenario = Scenario::new(2);
    scenario.write(0, "f", "old").settle();
    scenario.open(0, "f").overwrite(0, "the first one").wait(17_000).hold(0, Hold::Looks);
    scenario.write_beside(0, "f", "half of").wait(5_000);
    scenario
        .here(1, "f=old")
        .release(0, Hold::Looks)
        .overwrite(0, "half of the next")
        .close(0)
        .wait(500);
    scenario.everywhere("f=half of the next");
    assert!(!scenario.was_sent("half of"), "nobody appended to it");
}
