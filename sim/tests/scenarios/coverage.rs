//! That each of the list's 113 scenarios is shown, and where.
//!
//! Most are tests here, numbered in their first line. What only a real disk, real processes, or one
//! part alone can show is shown there; [`ELSEWHERE`] names the test, or the part of the work that it
//! waits for.

use std::fs;
use std::path::Path;

/// Where a scenario is shown that is not shown here.
enum Shown {
    /// By this test of this file.
    By(&'static str, &'static str),
    /// With real programs on a real disk, which that part of the work is about.
    WithTheDisk,
    /// With this feature, which comes later.
    Later(&'static str),
}
use Shown::{By, Later, WithTheDisk};

const MODULES: [(&str, &str); 9] = [
    ("edits_and_deletes", include_str!("edits_and_deletes.rs")),
    ("rename_and_move", include_str!("rename_and_move.rs")),
    ("names", include_str!("names.rs")),
    ("links_and_metadata", include_str!("links_and_metadata.rs")),
    ("live_files", include_str!("live_files.rs")),
    ("watcher", include_str!("watcher.rs")),
    ("root_disk_power", include_str!("root_disk_power.rs")),
    ("network_and_server", include_str!("network_and_server.rs")),
    ("hostile_input", include_str!("hostile_input.rs")),
];

const ELSEWHERE: &[(u32, Shown)] = &[
    // A parent directory swapped for a symlink between check and rename.
    (44, By("adapters/tests/disk/change.rs", "nothing_is_changed_through_a_link_that_leads_out")),
    // Sparse files stay sparse.
    (46, WithTheDisk),
    // A read-only file is replaced by an update.
    (
        47,
        By(
            "adapters/tests/disk/permission.rs",
            "a_read_only_file_and_one_that_may_not_be_read_are_replaced_and_keep_their_mode",
        ),
    ),
    // An edit within one tick of the clock.
    (
        53,
        By(
            "adapters/tests/disk/content.rs",
            "two_writes_of_one_size_in_one_instant_are_told_apart",
        ),
    ),
    // Writes through a mapping, whose time comes late.
    (59, WithTheDisk),
    // A log appended to ten times a second for an hour: how often it may go.
    (60, WithTheDisk),
    // A repository whose git is busy, and its fsck.
    (71, WithTheDisk),
    // A virus scanner that opens files alone.
    (74, Later("Windows")),
    // The limit of watches is reached.
    (
        77,
        By("adapters/tests/watch.rs", "a_directory_that_cannot_be_watched_is_told_until_it_can_be"),
    ),
    // A root without events, which is polled.
    (79, WithTheDisk),
    // Another folder's root stands at our path.
    (
        84,
        By(
            "adapters/tests/disk/root.rs",
            "everything_stops_when_the_root_goes_away_or_another_takes_its_place",
        ),
    ),
    // A large deletion is held until it is approved.
    (85, WithTheDisk),
    // A blob is stored and its transaction rolled back.
    (98, Later("garbage collection")),
    // Two server processes over one database.
    (
        101,
        By(
            "server/tests/it/streams.rs",
            "what_another_server_over_the_same_database_accepts_is_heard",
        ),
    ),
    // Client and server of different versions.
    (
        105,
        By(
            "tests/tests/e2e/bad_input.rs",
            "a_device_that_speaks_an_unknown_version_is_told_so_and_keeps_its_files",
        ),
    ),
    // Names that lead out, from the server and from a client: none can be made.
    (106, By("core/src/name.rs", "refuses_what_would_lead_out_of_the_folder")),
    (107, By("tests/tests/e2e/bad_input.rs", "a_connection_that_speaks_nonsense_harms_nobody")),
    // Messages and lists without end.
    (108, By("server/tests/it/contents.rs", "a_body_over_its_limit_is_refused")),
    // A chunk that is not what its name says.
    (109, By("server/tests/it/contents.rs", "staged_bytes_that_are_damaged_are_fetched_again")),
    // A content of another folder by its hash.
    (111, By("server/tests/it/contents.rs", "a_device_of_another_folder_gets_nothing_of_it")),
    // A flood of small commits.
    (112, Later("rate limits")),
    // A damaged database of the client.
    (113, By("adapters/tests/trees.rs", "a_damaged_file_is_told_as_damaged_and_left_as_it_is")),
];

/// The numbers of the scenarios that a module shows: each must be the first line of a test's words.
fn numbers(module: &str, text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let number = line.strip_prefix("/// ").and_then(|line| line.split_once(": "));
        let Some(number) = number.and_then(|(number, _)| number.parse().ok()) else { continue };
        let after = lines.by_ref().find(|line| !line.starts_with("///"));
        assert_eq!(after, Some("#[test]"), "{module}: {number} is no test");
        found.push(number);
    }
    assert!(found.is_sorted(), "{module}: {found:?}");
    found
}

#[test]
fn every_scenario_of_the_list_is_shown_once() {
    let here = MODULES.iter().flat_map(|(module, text)| numbers(module, text));
    let mut all: Vec<u32> = here.chain(ELSEWHERE.iter().map(|(number, _)| *number)).collect();
    all.sort_unstable();
    assert_eq!(all, (1..=113).collect::<Vec<u32>>());
}

#[test]
fn the_tests_that_show_what_is_not_shown_here_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (number, shown) in ELSEWHERE {
        match shown {
            By(file, test) => {
                let text = fs::read_to_string(root.join(file)).expect("the file is there");
                assert!(text.contains(&format!("fn {test}(")), "{number}: no {test} in {file}");
            }
            Later(feature) => assert!(!feature.is_empty(), "{number}: which feature?"),
            WithTheDisk => {}
        }
    }
}
