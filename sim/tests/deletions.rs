//! Most of a folder deleted at once is held until its user says that it is meant.

use onefold_core::client::Answer;
use sim::scenario::Scenario;
use sim::world::arranged::Hold;

/// Two devices with so many files in four directories, and one more beside them.
fn folder(files: usize) -> Scenario {
    let mut scenario = Scenario::new(2);
    scenario.write(0, "beside", "old");
    for directory in 0..4 {
        scenario.mkdir(0, &format!("d{directory}"));
    }
    for file in 0..files {
        scenario.write(0, &name(file), &format!("file {file}"));
    }
    scenario.settle();
    scenario
}

fn name(file: usize) -> String {
    format!("d{}/{file}", file % 4)
}

fn empty(scenario: &mut Scenario) {
    (0..4).for_each(|directory| _ = scenario.remove_all(0, &format!("d{directory}")));
    scenario.delete(0, "beside");
}

/// What both then hold.
fn whole(files: usize) -> String {
    shown((0..files).collect(), &[("beside", "old")])
}

fn shown(files: Vec<usize>, others: &[(&str, &str)]) -> String {
    let mut lines: Vec<_> = (0..4).map(|directory| format!("d{directory}/")).collect();
    lines.extend(files.into_iter().map(|file| format!("{}=file {file}", name(file))));
    lines.extend(others.iter().map(|(name, text)| format!("{name}={text}")));
    lines.sort();
    lines.join(" ")
}

#[test]
fn an_emptied_root_is_held_and_everything_else_goes_on() {
    let mut scenario = folder(24);
    let entries = scenario.entries();
    empty(&mut scenario);
    scenario.settle().asks(0, 29).here(1, &whole(24));
    assert_eq!(scenario.entries(), entries, "nothing is sent");
    scenario.write(0, "new", "here").write(1, "beside", "there").settle();
    scenario.here(0, "beside=there new=here");
    let others = [("beside", "there"), ("new", "here")];
    scenario.here(1, &shown((0..24).collect(), &others)).asks(0, 28);
}

#[test]
fn an_approved_deletion_goes_everywhere() {
    let mut scenario = folder(24);
    empty(&mut scenario);
    scenario.settle().answer(0, Answer::Approve).everywhere("").asks(0, 0);
}

#[test]
fn an_undone_deletion_comes_back() {
    let mut scenario = folder(24);
    empty(&mut scenario);
    scenario.settle().answer(0, Answer::Undo).everywhere(&whole(24)).asks(0, 0);
}

#[test]
fn a_few_files_go_unasked_however_much_of_the_folder_they_are() {
    let mut scenario = folder(18);
    empty(&mut scenario);
    scenario.everywhere("");
}

#[test]
fn half_of_a_folder_goes_unasked() {
    let mut scenario = folder(40);
    (0..20).for_each(|file| _ = scenario.delete(0, &name(file)));
    scenario.everywhere(&shown((20..40).collect(), &[("beside", "old")]));
}

/// What is in a directory that is gone was not seen to be gone itself.
#[test]
fn files_in_directories_that_are_missing_count_before_the_first_of_what_is_gone_goes() {
    let mut scenario = folder(40);
    let entries = scenario.entries();
    (0..10).for_each(|file| _ = scenario.delete(0, &name(4 * file)));
    scenario.wait(500);
    for directory in 1..4 {
        scenario.move_out(0, &format!("d{directory}"));
    }
    scenario.settle().asks(0, 43).here(1, &whole(40));
    assert_eq!(scenario.entries(), entries, "nothing is sent");
}

#[test]
fn most_of_a_folder_renamed_is_no_deletion() {
    let mut scenario = folder(40);
    scenario.mkdir(0, "new");
    (0..3).for_each(|d| _ = scenario.rename(0, &format!("d{d}"), &format!("new/d{d}")));
    scenario.settle().asks(0, 0);
    let all = shown((0..40).collect(), &[("beside", "old")]);
    let moved = |line: &str| match &line[..2] {
        "d0" | "d1" | "d2" => format!("new/{line}"),
        _ => line.to_owned(),
    };
    // The words of a file are two.
    let lines = all.replace("=file ", "=file_");
    let mut lines: Vec<_> = lines.split(' ').map(moved).collect();
    lines.push("new/".into());
    lines.sort();
    scenario.everywhere(&lines.join(" ").replace("=file_", "=file "));
}

#[test]
fn what_is_held_stays_held_over_a_restart_and_what_was_answered_stays_answered() {
    for answer in [Answer::Approve, Answer::Undo] {
        let mut scenario = folder(24);
        empty(&mut scenario);
        scenario.settle().kill(0).settle().asks(0, 29).here(1, &whole(24));
        scenario.offline(0).answer(0, answer).settle().kill(0).settle();
        let expected = if answer == Answer::Approve { String::new() } else { whole(24) };
        scenario.online(0).everywhere(&expected);
    }
}

#[test]
fn what_was_deleted_while_nobody_looked_is_held() {
    let mut scenario = folder(24);
    scenario.offline(0);
    empty(&mut scenario);
    scenario.settle().online(0).settle().asks(0, 29).here(1, &whole(24));
    scenario.answer(0, Answer::Undo).everywhere(&whole(24));
}

#[test]
fn more_deletions_join_those_that_are_held() {
    let mut scenario = folder(40);
    (0..24).for_each(|file| _ = scenario.delete(0, &name(file)));
    scenario.settle().asks(0, 24);
    scenario.delete(0, &name(30)).settle().asks(0, 25).here(1, &whole(40));
    scenario.answer(0, Answer::Approve);
    let left = (24..40).filter(|file| *file != 30).collect();
    scenario.everywhere(&shown(left, &[("beside", "old")]));
}

#[test]
fn what_a_user_puts_back_is_not_deleted_and_the_rest_stays_held() {
    let mut scenario = folder(24);
    empty(&mut scenario);
    scenario.settle().mkdir(0, "d1");
    for file in [1, 5, 9, 13, 17] {
        scenario.write(0, &name(file), &format!("file {file}"));
    }
    scenario.write(0, &name(21), "changed").settle().asks(0, 22);
    scenario.answer(0, Answer::Approve);
    let back = "d1/ d1/13=file 13 d1/17=file 17 d1/1=file 1 d1/21=changed d1/5=file 5 d1/9=file 9";
    scenario.everywhere(back);
}

#[test]
fn what_another_changes_meanwhile_is_not_deleted() {
    let mut scenario = folder(24);
    empty(&mut scenario);
    scenario.settle().write(1, &name(3), "changed").settle().answer(0, Answer::Approve);
    scenario.everywhere("d3/ d3/3=changed");
}

#[test]
fn deletions_one_after_the_other_count_together() {
    let mut scenario = folder(60);
    (0..15).for_each(|file| _ = scenario.delete(0, &name(file)));
    scenario.settle().asks(0, 0);
    (15..40).for_each(|file| _ = scenario.delete(0, &name(file)));
    scenario.settle().asks(0, 25);
    scenario.here(1, &shown((15..60).collect(), &[("beside", "old")]));
    scenario.answer(0, Answer::Undo);
    scenario.everywhere(&shown((15..60).collect(), &[("beside", "old")]));
}

#[test]
fn files_that_are_made_and_deleted_all_day_are_no_emptied_folder() {
    let mut scenario = folder(24);
    for number in 0..60 {
        let lock = format!("lock {number}");
        scenario.write(0, &lock, "held").settle();
        scenario.delete(0, &lock).settle().asks(0, 0);
    }
    scenario.everywhere(&whole(24));
}

#[test]
fn a_name_that_something_else_takes_is_replaced_and_not_held() {
    let mut scenario = folder(24);
    empty(&mut scenario);
    scenario.symlink(0, "beside", "elsewhere").settle().asks(0, 28);
    scenario.answer(0, Answer::Approve).everywhere("beside->elsewhere");
}

#[test]
fn a_file_waits_for_the_name_of_a_directory_whose_deletion_is_held() {
    let mut scenario = folder(24);
    empty(&mut scenario);
    scenario.write(0, "d0", "a file").settle();
    scenario.here(1, &shown((0..24).collect(), &[("beside", "old")]));
    scenario.answer(0, Answer::Approve).everywhere("d0=a file");
}

#[test]
fn a_file_that_has_a_held_directorys_name_gives_way_when_it_comes_back() {
    let mut scenario = folder(24);
    empty(&mut scenario);
    scenario.write(0, "d0", "a file").write(1, "e", "by another").settle();
    scenario.answer(0, Answer::Undo);
    let others = [("beside", "old"), ("d0 (0)", "a file"), ("e", "by another")];
    scenario.everywhere(&shown((0..24).collect(), &others));
}

/// An installer unpacks the new before it removes the old; what is then removed is judged by itself.
#[test]
fn files_that_were_replaced_by_as_many_before_do_not_count_with_those_deleted_next() {
    let mut scenario = folder(54);
    scenario.mkdir(0, "new");
    (0..24).for_each(|file| _ = scenario.write(0, &format!("new/{file}"), &format!("new {file}")));
    scenario.settle();
    (0..24).for_each(|file| _ = scenario.delete(0, &name(file)));
    scenario.settle().asks(0, 0);
    scenario.remove_all(0, "new");
    scenario.everywhere(&shown((24..54).collect(), &[("beside", "old")])).asks(0, 0);
}

/// That much was made does not hide that most is gone.
#[test]
fn most_of_a_folder_is_asked_about_though_as_much_was_made_before() {
    let mut scenario = folder(60);
    scenario.mkdir(0, "new");
    (0..40).for_each(|file| _ = scenario.write(0, &format!("new/{file}"), &format!("new {file}")));
    scenario.settle();
    (0..60).for_each(|file| _ = scenario.delete(0, &name(file)));
    scenario.settle().asks(0, 60);
}

/// It was said to be held, and that it could be undone, while it went out.
#[test]
fn a_held_deletion_is_asked_about_no_more_once_something_has_taken_its_name() {
    let mut scenario = folder(24);
    empty(&mut scenario);
    scenario.settle().asks(0, 29).hold(0, Hold::Up);
    scenario.symlink(0, "beside", "elsewhere").wait(3_000).asks(0, 28);
    scenario.answer(0, Answer::Undo).release(0, Hold::Up).settle();
    let back = shown((0..24).collect(), &[]);
    scenario.everywhere(&format!("beside->elsewhere {back}"));
}

/// They were counted twice, and said to be held.
#[test]
fn deletions_that_are_on_their_way_count_once_and_are_not_held() {
    let mut scenario = folder(40);
    let of = |directory: usize| (directory..40).step_by(4);
    scenario.hold(0, Hold::Up);
    of(0).for_each(|file| _ = scenario.delete(0, &name(file)));
    scenario.wait(3_000);
    of(1).take(5).for_each(|file| _ = scenario.delete(0, &name(file)));
    scenario.wait(3_000).asks(0, 0);
    of(1).skip(5).chain(of(2)).for_each(|file| _ = scenario.delete(0, &name(file)));
    scenario.wait(3_000).asks(0, 20).answer(0, Answer::Undo).release(0, Hold::Up);
    let left = (0..40).filter(|file| file % 4 != 0).collect();
    scenario.everywhere(&shown(left, &[("beside", "old")]));
}

/// A checkout went on while what it had made was still being uploaded: of the folder as the server knew
/// it, most was gone.
#[test]
fn what_is_new_and_not_uploaded_yet_is_of_the_folder() {
    let mut scenario = folder(24);
    scenario.hold(0, Hold::Uploads).hold(0, Hold::Up).mkdir(0, "new");
    (0..60).for_each(|file| _ = scenario.write(0, &format!("new/{file}"), &format!("new {file}")));
    scenario.wait(1_000);
    empty(&mut scenario);
    scenario.wait(10_000).asks(0, 0).release(0, Hold::Uploads).release(0, Hold::Up).settle();
    scenario.asks(0, 0).check("it is gone", |s| !s.disk(1).contains("d0/"));
}
