//! Every row of the conflict table: two devices change things without knowing of each other, then
//! sync; in both orders of acceptance.

mod deletions;
mod edits;
mod places;

use std::path::Path;

use tests::{Device, World};

use crate::files::write;
use crate::pair::Pair;

/// What two devices do without knowing of each other.
#[derive(Clone, Copy)]
struct Row {
    before: fn(&Path),
    one: fn(&Path),
    two: fn(&Path),
}

/// What is there at the end, when device one is accepted first, and when device two is.
struct Outcome<'a> {
    one_first: &'a [&'a str],
    two_first: &'a [&'a str],
}

/// The same in both orders.
const fn always<'a>(lines: &'a [&'a str]) -> Outcome<'a> {
    Outcome { one_first: lines, two_first: lines }
}

fn check(row: Row, outcome: &Outcome<'_>) {
    check_order(row, outcome.one_first, |pair| (&pair.one, &pair.two));
    check_order(row, outcome.two_first, |pair| (&pair.two, &pair.one));
}

fn check_order(
    row: Row,
    expected: &[&str],
    order: for<'p> fn(&'p Pair<'p>) -> (&'p Device<'p>, &'p Device<'p>),
) {
    let world = World::new();
    let pair = Pair::offline(&world, row.before);
    (row.one)(pair.one.folder());
    (row.two)(pair.two.folder());
    let (first, second) = order(&pair);
    first.once();
    second.once();
    first.once();
    assert_eq!(first.tree().lines(), expected, "{} was accepted first", first.name());
    assert_eq!(first.tree().timeless().same(&second.tree().timeless()), Ok(()));
    let copies = first.tree().conflict_copies().len();
    assert_eq!(first.json("conflicts").as_array().map(Vec::len), Some(copies));

    let cursor = first.cursor();
    second.once();
    first.once();
    assert_eq!((first.cursor(), second.cursor()), (cursor, cursor), "it does not rest");
    assert_eq!(second.tree().lines(), expected);
    pair.end();
}

fn a_file(root: &Path) {
    write(root.join("f.txt"), "old");
}

fn a_directory(root: &Path) {
    write(root.join("d/x"), "x");
    write(root.join("d/sub/y"), "y");
}
