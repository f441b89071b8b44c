//! How much is asked about, and what is held until a person answers.

use super::*;
use crate::client::bench::{Bench, OTHER, ROOT, agreed, file, node};
use crate::client::event::Event;
use crate::operation::Step;

#[track_caller]
fn check(gone: u64, doubtful: u64, of: u64, expected: Verdict) {
    let loss = Loss { gone, doubtful, of };
    assert_eq!(loss.judge(ASK_FROM_FILES), expected, "{loss:?}");
}

#[test]
fn most_of_a_folder_is_asked_about() {
    check(100, 0, 100, Verdict::Most);
    check(51, 0, 100, Verdict::Most);
}

#[test]
fn a_half_or_a_few_files_are_not() {
    check(50, 0, 100, Verdict::Few);
    check(19, 0, 19, Verdict::Few);
    check(20, 0, 20, Verdict::Most);
    check(900_000, 0, 1_800_000, Verdict::Few);
}

#[test]
fn what_may_be_most_waits_until_that_is_known() {
    check(1, 59, 100, Verdict::Unclear);
    check(51, 49, 100, Verdict::Unclear);
    check(1, 10, 100, Verdict::Few);
    check(10, 1_000, 1_000_000, Verdict::Unclear);
}

#[test]
fn a_trickle_of_missing_names_does_not_keep_a_large_deletion_waiting() {
    check(5_000, 10, 1_000_000, Verdict::Few);
}

/// The names of a folder's 22 files, and their letters.
const FILES: &str = "abcdefghijklmnopqrstuv";
/// Most of them.
const MOST: &str = "abcdefghijklmnopqrstu";

/// A user has deleted most of a folder's files, and a person is asked.
fn asked() -> Bench {
    let agreed = |letter: char| agreed(letter, &file(ROOT, letter.encode_utf8(&mut [0; 4]), "one"));
    let mut bench = Bench::quick(FILES.chars().map(agreed));
    bench.start();
    for name in MOST.split_inclusive(|_| true) {
        bench.change(name, None);
    }
    bench.wait(3_000);
    bench.check_log(&["ask about 21 of 22"]);
    assert_eq!(bench.client.status().held, 21);
    bench
}

fn each(words: impl Fn(char) -> String, letters: &str) -> Vec<String> {
    letters.chars().map(words).collect()
}

#[test]
fn what_a_person_means_is_deleted_everywhere_also_after_a_restart() {
    let mut bench = asked();
    bench.kill();
    bench.wait(3_000);
    bench.check_log(&[]);
    assert_eq!(bench.client.status().held, 21);
    bench.tell(Event::Answered(Answer::Approve));
    assert_eq!(bench.client.status().held, 0);
    let all = each(|letter| format!("delete {letter}"), MOST).join(", ");
    bench.check_log(&[&format!("send {all}")]);
}

#[test]
fn what_a_person_does_not_mean_comes_back() {
    let mut bench = asked();
    bench.tell(Event::Answered(Answer::Undo));
    bench.carry_out();
    bench.wait(3_000);
    assert_eq!(bench.client.status().held, 0);
    bench.log.sort();
    bench.log.retain(|words| words.starts_with("place"));
    assert_eq!(bench.log, each(|letter| format!("place one at {letter}"), MOST));
}

#[test]
fn what_is_there_again_or_was_deleted_by_others_is_not_asked_about() {
    let mut bench = asked();
    bench.write("a", "one");
    bench.wait(400);
    assert_eq!(bench.client.status().held, 20);
    bench.hear(OTHER, [Step::Delete { node: node('b') }]);
    assert_eq!(bench.client.status().held, 19);
    bench.change("a", None);
    bench.wait(3_000);
    assert_eq!(bench.client.status().held, 20);
    bench.check_log(&[]);
}
