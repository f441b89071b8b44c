//! Directories that would be inside themselves.

use super::*;

#[test]
fn a_move_that_would_put_a_directory_into_itself_is_taken_back_and_no_other() {
    let [a, p] = ["a", "p"].map(|at| dir(ROOT, at));
    let [q, renamed] = ["q", "renamed"].map(|at| dir(node(2), at));
    // `a` was moved into `p/q`, and here `p` into `a`.
    let mut bench = Bench::of([
        known(1, Some(&a), Some(&a), Some(&dir(node(3), "a"))),
        known(2, Some(&dir(node(1), "p")), Some(&p), Some(&p)),
        known(3, Some(&renamed), Some(&q), Some(&q)),
    ]);
    // Both have settled when the server hears.
    bench.resume = None;
    bench.tell(Event::Started);
    bench.wait(500);
    bench.check(&[]);
    bench.resume = Some(Resume::Entries);
    bench.wait(2_000);
    bench.check(&["rename a/p (to p) → p", "send move 3 to a/p/renamed"]);
    bench.accept("send move 3 to a/p/renamed");
    bench.done("rename a/p (to p) → p", 2);
    bench.wait(500);
    bench.check(&["rename a (to a) → p/renamed/a"]);
}

#[test]
fn a_directory_that_was_deleted_is_not_made_again_for_what_would_be_inside_itself() {
    let [p, q, a] = [dir(ROOT, "p"), dir(ROOT, "q"), dir(node(2), "a")];
    // `q` was moved into `p`, and `q/a` deleted; here `p` was moved into `q/a`.
    let mut bench = Bench::started([
        known(1, Some(&dir(node(3), "p")), Some(&p), Some(&p)),
        known(2, Some(&q), Some(&q), Some(&dir(node(1), "q"))),
        known(3, Some(&a), Some(&a), None),
    ]);
    bench.wait(500);
    bench.check(&["rename q/a/p (to p) → p"]);
    bench.done("rename q/a/p (to p) → p", 1);
    bench.wait(500);
    bench.check(&["rename q (to q) → p/q"]);
    bench.done("rename q (to q) → p/q", 2);
    bench.wait(500);
    bench.check(&["remove p/q/a"]);
}

#[test]
fn what_was_deleted_in_a_directory_stays_so_when_that_goes_back_to_where_it_was() {
    let [a, b] = ["a", "b"].map(|at| dir(ROOT, at));
    let inside = file(node(1), "f", "one");
    // `b` was moved into `a`; here `a/f` was deleted, and `a` moved into `b`.
    let mut bench = Bench::of([
        known(1, Some(&dir(node(2), "a")), Some(&a), Some(&a)),
        known(2, Some(&b), Some(&b), Some(&dir(node(1), "b"))),
        known(3, None, Some(&inside), Some(&inside)),
    ]);
    // All has settled when the server hears.
    bench.resume = None;
    bench.tell(Event::Started);
    bench.wait(500);
    bench.resume = Some(Resume::Entries);
    bench.wait(2_000);
    bench.check(&["rename b/a (to a) → a", "send delete 3"]);
    bench.done("rename b/a (to a) → a", 1);
    bench.wait(500);
    bench.check(&["rename b (to b) → a/b", "send delete 3"]);
}
