//! What a record remembers, and what it forgets.

use alloc::string::String;

use super::*;
use crate::client::bench::{ROOT, content, dir, file, here, present};

fn agreed_on(texts: &[&str]) -> Record {
    let mut record = Record::NOWHERE;
    texts.iter().for_each(|text| record.set_synced(Some(file(ROOT, "f", text))));
    record
}

#[track_caller]
fn check_past(record: &Record, expected: &[&str]) {
    let texts = ["one", "two", "six"];
    let descends = |text: &&str| record.descends_from(content(text).id);
    assert_eq!(texts.into_iter().filter(descends).collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_here_descends_from_what_was_agreed_on_before() {
    check_past(&agreed_on(&["one"]), &[]);
    check_past(&agreed_on(&["one", "one"]), &[]);
    check_past(&agreed_on(&["one", "two", "six"]), &["one", "two"]);
    check_past(&agreed_on(&["one", "two", "one"]), &["one", "two"]);
    let mut record = agreed_on(&["one", "two"]);
    record.set_synced(None);
    check_past(&record, &["one", "two"]);
    record.forget_past();
    check_past(&record, &[]);
}

#[test]
fn of_all_that_was_agreed_on_the_last_is_remembered() {
    let numbers: Vec<String> = (0..=MAX_PAST).map(|at| at.to_string()).collect();
    let mut texts = alloc::vec!["one"];
    texts.extend(numbers.iter().map(|text| &**text));
    texts.push("two");
    let record = agreed_on(&texts);
    assert!(!record.descends_from(content("one").id));
    assert!(record.descends_from(content(&MAX_PAST.to_string()).id));
}

/// Whether what `change` makes of a deletion that a person is asked about still is one.
#[track_caller]
fn check_consent(change: impl FnOnce(&mut Record), still: bool) {
    let state = file(ROOT, "f", "one");
    let mut record = Record::of(Local::Absent, Some(state.clone()), Some(state));
    record.set_consent(Consent::Awaited);
    change(&mut record);
    let expected = if still { Consent::Awaited } else { Consent::NotAsked };
    assert_eq!(record.consent(), expected);
}

#[test]
fn nobody_is_asked_about_what_is_here_or_was_not_agreed_on() {
    let was = || file(ROOT, "f", "one");
    check_consent(|_| {}, true);
    check_consent(|record| record.set_remote(Some(file(ROOT, "f", "two"))), true);
    check_consent(|record| record.set_local(here(1, &was())), false);
    check_consent(|record| record.set_local(Local::Hidden(present(1, &was()))), false);
    check_consent(|record| record.set_synced(None), false);
    let mut record = Record::of(here(1, &was()), Some(was()), Some(was()));
    record.set_consent(Consent::Awaited);
    assert_eq!(record.consent(), Consent::NotAsked);
}

#[test]
fn what_was_agreed_on_stays_so_while_the_server_goes_on() {
    let (was, now) = (file(ROOT, "f", "one"), dir(ROOT, "f"));
    let mut record = Record::of(Local::Absent, Some(was.clone()), Some(was.clone()));
    record.set_remote(Some(now.clone()));
    assert_eq!((record.synced(), record.remote()), (Some(&was), Some(&now)));
    record.set_remote(None);
    assert_eq!((record.synced(), record.remote()), (Some(&was), None));
    assert!(record.accepted());
    record.set_synced(None);
    assert!(!record.accepted());
    assert!(record.is_nowhere());
}

#[test]
fn what_was_saved_is_read_back() {
    let state = file(ROOT, "f", "one");
    let mut record = Record::of(here(1, &state), Some(state.clone()), Some(file(ROOT, "g", "two")));
    record.set_intent(Some(Intent::Move(state.place.into())));
    assert_eq!(Record::decode(&record.encode()), Ok(record));
    assert!(Record::decode(b"?").is_err());
}

#[test]
fn what_is_on_its_way_is_known_to_come_from_where_both_had_it() {
    let [was, way] = ["was", "way"].map(|at| dir(ROOT, at));
    let mut record = Record::of(here(1, &was), Some(was.clone()), Some(was.clone()));
    record.pass_by(way.place.clone());
    assert_eq!((record.synced(), record.origin()), (Some(&way), Some(&was.place)));
    record.set_remote(Some(dir(ROOT, "other")));
    assert_eq!((record.synced(), record.origin()), (Some(&way), Some(&was.place)));
    assert_eq!(Record::decode(&record.encode()), Ok(record.clone()));
    record.set_remote(Some(was.clone()));
    record.pass_by(was.place.clone());
    assert_eq!((record.synced(), record.origin()), (Some(&was), Some(&was.place)));
}

#[test]
fn what_goes_does_so_until_the_server_has_it_again() {
    let was = file(ROOT, "f", "one");
    let mut record = Record::of(here(1, &was), Some(was.clone()), Some(was.clone()));
    record.let_go();
    assert!(!record.goes());
    record.set_remote(None);
    record.let_go();
    assert_eq!((record.goes(), record.synced()), (true, Some(&was)));
    record.set_remote(Some(was));
    assert!(!record.goes());
}
