//! Two texts side by side, as rows: what is equal stands beside its like, what differs is marked.
//!
//! It only compares; `similar` finds what is alike. Texts that would take too long are compared as far
//! as time allows, which shows more as different than is, and never less.

use std::time::Duration;

use serde::Serialize;
use similar::{ChangeTag, DiffOp, TextDiff};

/// The largest text that is compared, in bytes.
pub(super) const MAX_TEXT_BYTES: u64 = 1024 * 1024;
/// How long a comparison may take.
const MAX_TIME: Duration = Duration::from_millis(300);
/// Equal lines that are shown around a difference.
const CONTEXT_LINES: usize = 3;
/// The most rows that are shown.
const MAX_ROWS: usize = 2_000;
/// In longer lines, what differs is not looked for.
const MAX_LINE_BYTES: usize = 2_000;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Row {
    /// Equal on both sides.
    Same(Line, Line),
    /// Different.
    Changed(Line, Line),
    /// Only on the left.
    Left(Line),
    /// Only on the right.
    Right(Line),
    /// Equal lines are left out here: so many.
    Gap(usize),
    /// There are more rows than are shown.
    More,
}

/// A line, with its number, in parts; those that differ are marked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line(usize, Vec<(String, bool)>);

/// Whether bytes are a text that a person can read.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Compares two texts.
pub(super) fn rows(left: &str, right: &str) -> Vec<Row> {
    let diff = TextDiff::configure().timeout(MAX_TIME).diff_lines(left, right);
    let line = |lines: &[&str], at: usize| {
        let text = lines[at].trim_end_matches(['\n', '\r']);
        Line(at + 1, vec![(text.to_owned(), false)])
    };
    let (old, new) = (diff.old_slices(), diff.new_slices());
    let mut rows = Vec::new();
    let mut next = 0;
    for op in diff.grouped_ops(CONTEXT_LINES).into_iter().flatten() {
        let (left, right) = (op.old_range(), op.new_range());
        if left.start > next {
            rows.push(Row::Gap(left.start - next));
        }
        next = left.end;
        match op {
            DiffOp::Equal { .. } => rows.extend(
                left.zip(right).map(|(left, right)| Row::Same(line(old, left), line(new, right))),
            ),
            DiffOp::Delete { .. } => rows.extend(left.map(|at| Row::Left(line(old, at)))),
            DiffOp::Insert { .. } => rows.extend(right.map(|at| Row::Right(line(new, at)))),
            DiffOp::Replace { old_len, new_len, .. } => {
                let both = old_len.min(new_len);
                for beside in 0..both {
                    let (at, there) = (left.start + beside, right.start + beside);
                    rows.push(changed(line(old, at), line(new, there)));
                }
                rows.extend(left.skip(both).map(|at| Row::Left(line(old, at))));
                rows.extend(right.skip(both).map(|at| Row::Right(line(new, at))));
            }
        }
        if rows.len() > MAX_ROWS {
            rows.truncate(MAX_ROWS);
            rows.push(Row::More);
            return rows;
        }
    }
    if next < old.len() && !rows.is_empty() {
        rows.push(Row::Gap(old.len() - next));
    }
    rows
}

/// Two lines that differ, with the words marked that do.
fn changed(left: Line, right: Line) -> Row {
    let (Line(left_number, left), Line(right_number, right)) = (left, right);
    let texts = [&left, &right].map(|parts| parts.iter().map(|(text, _)| &**text).collect());
    let [old, new]: [String; 2] = texts;
    if old.len().max(new.len()) > MAX_LINE_BYTES {
        return Row::Changed(Line(left_number, left), Line(right_number, right));
    }
    let diff = TextDiff::from_words(&*old, &*new);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for change in diff.iter_all_changes() {
        let text = change.value();
        match change.tag() {
            ChangeTag::Equal => {
                add(&mut left, text, false);
                add(&mut right, text, false);
            }
            ChangeTag::Delete => add(&mut left, text, true),
            ChangeTag::Insert => add(&mut right, text, true),
        }
    }
    Row::Changed(Line(left_number, left), Line(right_number, right))
}

fn add(parts: &mut Vec<(String, bool)>, text: &str, differs: bool) {
    match parts.last_mut() {
        Some((last, same)) if *same == differs => last.push_str(text),
        Some(_) | None => parts.push((text.to_owned(), differs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row as a line: `=`, `~` with what differs in brackets, `<`, `>`, or how many are left out.
    fn check(left: &str, right: &str, expected: &[&str]) {
        let side = |Line(number, parts): &Line| {
            let part = |(text, differs): &(String, bool)| match differs {
                true => format!("[{text}]"),
                false => text.clone(),
            };
            format!("{number} {}", parts.iter().map(part).collect::<String>())
        };
        let told = |row: &Row| match row {
            Row::Same(left, right) => format!("= {} | {}", side(left), side(right)),
            Row::Changed(left, right) => format!("~ {} | {}", side(left), side(right)),
            Row::Left(left) => format!("< {}", side(left)),
            Row::Right(right) => format!("> {}", side(right)),
            Row::Gap(lines) => format!("… {lines}"),
            Row::More => "more".to_owned(),
        };
        let rows: Vec<_> = rows(left, right).iter().map(told).collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn words_that_differ_are_marked_in_lines_that_stand_beside_each_other() {
        check(
            "a\nthe old word\n",
            "a\nthe new word\nz\n",
            &["= 1 a | 1 a", "~ 2 the [old] word | 2 the [new] word", "> 3 z"],
        );
        check("x\n", "", &["< 1 x"]);
        check("same\n", "same\n", &[]);
    }

    #[test]
    fn equal_lines_far_from_a_difference_are_left_out() {
        let left: String = (0..20).map(|line| format!("{line}\n")).collect();
        let rows = rows(&left, &left.replace("10\n", "ten\n"));
        assert_eq!(rows.first(), Some(&Row::Gap(7)));
        assert_eq!(rows.last(), Some(&Row::Gap(6)));
        assert_eq!(rows.len(), 9);
    }

    #[test]
    fn more_rows_than_a_page_holds_are_left_out() {
        let left: String = (0..9_000).map(|line| format!("{line}\n")).collect();
        let rows = rows(&left, "");
        assert_eq!((rows.len(), rows.last()), (MAX_ROWS + 1, Some(&Row::More)));
    }

    #[test]
    fn what_is_no_text_is_told() {
        assert_eq!(text("é\n".as_bytes()), Some("é\n"));
        assert_eq!(text(b"\xff"), None);
        assert_eq!(text(b"a\0b"), None);
    }
}
