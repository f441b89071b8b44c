//! What is kept of contents that are to travel in a commit.

use alloc::format;
use alloc::string::String;

use crate::client::bench::{Bench, ROOT, agreed, file, found};
use crate::operation::{MAX_COMMIT_BYTES, MAX_INLINE_BYTES};

/// Someone writes a file, and it is read.
fn write(bench: &mut Bench, at: &str, bytes: &str) {
    bench.change(at, Some(found(bytes.len() as u64, &file(ROOT, at, bytes).body)));
    bench.wait(200);
    bench.reads(&format!("read {at}"), bytes);
}

/// Time and again, bytes of the file `f` are to travel, which does not come to be: whether there is
/// still room for others then.
#[track_caller]
fn check(mut bench: Bench, take_back: fn(&mut Bench)) {
    write(&mut bench, "first", "1");
    bench.uploads("upload first", "1");
    // What is ready by now waits for the next commit.
    let under_way = "send create new as first";
    let bytes: String = "x".repeat(MAX_INLINE_BYTES as usize);
    for _ in 0..MAX_COMMIT_BYTES / bytes.len() {
        write(&mut bench, "f", &bytes);
        bench.uploads("upload f", &bytes);
        take_back(&mut bench);
        bench.check(&[under_way]);
    }
    write(&mut bench, "second", "three");
    bench.check(&[under_way, "upload second"]);
}

#[test]
fn bytes_that_were_to_travel_are_forgotten_when_their_file_is_gone_or_is_as_it_was() {
    check(Bench::started([]), |bench| bench.change("f", None));
    check(Bench::started([agreed(200, &file(ROOT, "f", "two"))]), |bench| write(bench, "f", "two"));
}
