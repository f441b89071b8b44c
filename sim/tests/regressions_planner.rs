//! What the planner world found, each kept as the deeds of both sides and the order of things.

use sim::planner::case::{Case, Record};
use sim::planner::server::News;
use sim::planner::tally::Tally;
use sim::planner::tree::Deed;
use sim::planner::tree::What::*;

/// What, to which node, in which other, by which name, with which content.
type Short = (sim::planner::tree::What, [u8; 4]);

fn deeds(short: &[Short]) -> Vec<Deed> {
    let deed =
        |&(what, [node, other, name, bytes]): &Short| Deed { what, node, other, name, bytes };
    short.iter().map(deed).collect()
}

/// What made the tree that was agreed on, what was then done here, and elsewhere.
fn case(seed: u64, news: News, [base, local, remote]: [&[Short]; 3]) -> Case {
    let [base, local, remote] = [base, local, remote].map(deeds);
    Case {
        seed,
        base,
        local,
        remote,
        forgotten: 0,
        seen: true,
        read: true,
        news,
        failing: 0,
        killed: 0,
        schedule: Vec::new(),
    }
}

fn check(case: Case) {
    let outcome = case.run(&mut Tally::default(), Record::Story);
    if let Err(broken) = outcome.result {
        panic!("{}\n{broken}", outcome.lines.join("\n"));
    }
}

/// The problem was taken for solved when the directory itself was planned again.
#[test]
fn a_directory_that_cannot_be_read_is_told_of_as_long() {
    let steps: [&[Short]; 3] = [
        &[
            (MakeSymlink, [52, 134, 95, 7]),
            (MakeDirectory, [222, 15, 90, 204]),
            (MakeFile, [75, 73, 14, 192]),
        ],
        &[],
        &[(ChangeKind, [234, 180, 59, 244]), (Rename, [50, 130, 156, 64])],
    ];
    let calm = case(323, News::Entries, steps);
    check(Case {
        failing: 300,
        schedule: vec![
            2706761688, 2462784651, 2693947826, 1123631105, 0, 0, 0, 0, 4288093812, 2426072764,
            4001092446, 3305162438, 2775982091, 3269762102, 1428760238, 669307289, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2737954889, 1196701369, 302287705, 1395209577,
            43064381, 4244501496, 2974342335, 2202708177,
        ],
        ..calm
    });
}

/// A new content was placed with the bit of this disk, and noted with the server's.
#[test]
fn an_executable_bit_that_was_kept_is_known_to_differ() {
    let steps: [&[Short]; 3] = [
        &[(MakeFile, [146, 91, 231, 255])],
        &[(SetExecutable, [52, 0, 133, 184]), (Move, [33, 51, 64, 174])],
        &[(Edit, [234, 89, 35, 227])],
    ];
    let calm = case(1285, News::Heard, steps);
    check(calm);
}

/// It was asked every 20 ms whether it had been looked at.
#[test]
fn a_new_symlink_in_an_unreadable_folder_waits_without_spinning() {
    let steps: [&[Short]; 3] = [
        &[(MakeFile, [63, 33, 123, 194])],
        &[(MakeSymlink, [223, 119, 16, 235])],
        &[(Move, [196, 118, 158, 69])],
    ];
    let calm = case(2209, News::Entries, steps);
    check(Case {
        failing: 300,
        killed: 50,
        schedule: vec![
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4116902846, 0,
            3070902614, 0, 0, 2381430908, 0, 0, 4020462029,
        ],
        ..calm
    });
}

/// The invariant was broken by a displaced node whose directory was removed.
#[test]
fn what_is_missing_needs_no_directory_here() {
    let steps: [&[Short]; 3] = [
        &[
            (MakeDirectory, [185, 16, 107, 211]),
            (MakeFile, [9, 62, 93, 67]),
            (MakeFile, [57, 38, 50, 158]),
            (MakeDirectory, [252, 141, 225, 201]),
            (MakeSymlink, [10, 250, 253, 180]),
            (MakeFile, [38, 54, 194, 96]),
            (MakeSymlink, [43, 167, 102, 114]),
        ],
        &[
            (Replace, [46, 72, 26, 3]),
            (SaveAnew, [26, 108, 161, 57]),
            (MakeFile, [215, 185, 244, 87]),
            (Rename, [29, 132, 235, 242]),
        ],
        &[
            (Move, [16, 239, 140, 64]),
            (SwapNames, [142, 250, 200, 107]),
            (Rename, [229, 68, 58, 163]),
            (Delete, [79, 252, 191, 61]),
        ],
    ];
    let calm = case(11829, News::Entries, steps);
    check(Case { seen: false, ..calm });
}

/// Only the directory itself lost what was agreed on; its children were deleted at the server.
#[test]
fn a_merge_deletes_nothing_of_what_was_in_a_missing_directory() {
    let steps: [&[Short]; 3] = [
        &[
            (MakeDirectory, [214, 112, 176, 212]),
            (MakeFile, [17, 141, 97, 87]),
            (MakeDirectory, [178, 228, 183, 107]),
            (MakeDirectory, [121, 182, 241, 104]),
            (MakeDirectory, [134, 127, 2, 109]),
        ],
        &[(ChangeKind, [124, 126, 162, 88])],
        &[(Edit, [159, 27, 118, 214])],
    ];
    let calm = case(15311, News::OlderDevice, steps);
    check(Case { seen: false, ..calm });
}

/// Whether a file in it was deleted depended on which was planned first.
#[test]
fn a_directory_that_both_sides_moved_alike_is_no_reason_to_keep() {
    let steps: [&[Short]; 3] = [
        &[
            (MakeFile, [141, 130, 123, 214]),
            (MakeFile, [3, 199, 206, 243]),
            (MakeDirectory, [157, 18, 29, 222]),
            (MakeFile, [241, 199, 103, 68]),
        ],
        &[
            (Move, [57, 176, 30, 220]),
            (Replace, [112, 177, 3, 70]),
            (MakeFile, [243, 193, 91, 241]),
        ],
        &[
            (MakeFile, [99, 214, 153, 30]),
            (Replace, [112, 177, 3, 70]),
            (SwapNames, [98, 220, 23, 57]),
            (ChangeKind, [98, 211, 157, 149]),
        ],
    ];
    let calm = case(10232, News::Entries, steps);
    check(Case { seen: false, ..calm });
}

/// Its failure was told of for ever, at the folder itself.
#[test]
fn a_look_at_a_directory_that_was_met_as_another_leaves_nothing_unreadable() {
    let steps: [&[Short]; 3] = [
        &[(MakeFile, [254, 15, 253, 198])],
        &[(ChangeKind, [189, 97, 13, 1])],
        &[(ChangeKind, [248, 157, 49, 106])],
    ];
    let calm = case(19004, News::Heard, steps);
    check(Case {
        seen: false,
        failing: 300,
        schedule: vec![
            0, 0, 0, 3599655595, 0, 0, 0, 0, 0, 3155727661, 0, 0, 3718052649, 0, 0, 3637580239, 0,
            0, 0, 0, 0, 2778725269, 0, 3624270637, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3015829316, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4022820067, 0, 0, 2075654245, 0, 0, 0, 0,
            2390800349, 0, 3914586980, 0, 0, 0, 3285274654, 0, 0, 0, 2670882885, 0, 0, 0,
            3701687421, 0, 0, 0, 0, 3784953194, 0, 0, 0, 0, 0, 3008492138, 0, 0, 0, 0, 0, 0, 0,
            3605889023, 1725450245, 0, 0, 4201022552,
        ],
        ..calm
    });
}

/// It was taken for moved here, and came back though it was deleted elsewhere.
#[test]
fn what_is_in_a_directory_that_gets_another_id_has_not_moved() {
    let steps: [&[Short]; 3] = [
        &[
            (MakeSymlink, [137, 212, 5, 110]),
            (MakeDirectory, [89, 86, 14, 247]),
            (MakeDirectory, [95, 27, 183, 46]),
            (MakeSymlink, [96, 65, 218, 100]),
        ],
        &[(Move, [149, 100, 53, 204])],
        &[(ChangeKind, [92, 59, 222, 19]), (ChangeKind, [32, 51, 19, 209])],
    ];
    let calm = case(38029, News::Heard, steps);
    check(Case {
        failing: 300,
        schedule: vec![
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            3456489415, 0, 0, 0, 3950201351,
        ],
        ..calm
    });
}

/// Refused as stale, it was sent again when the move had been followed.
#[test]
fn a_deletion_on_its_way_does_not_outlive_the_move_of_its_directory() {
    let steps: [&[Short]; 3] = [
        &[
            (MakeDirectory, [2, 38, 170, 155]),
            (MakeFile, [74, 164, 228, 101]),
            (MakeFile, [184, 73, 122, 229]),
        ],
        &[(ChangeKind, [48, 28, 171, 201])],
        &[(SwapNames, [127, 230, 63, 114])],
    ];
    let calm = case(26294, News::Entries, steps);
    check(calm);
}

/// The new directory waited for the old one to be empty, and what was in that for the new one.
#[test]
fn what_waits_for_a_directory_is_taken_out_of_the_one_in_its_way() {
    let steps: [&[Short]; 3] = [
        &[
            (MakeFile, [25, 145, 34, 171]),
            (MakeFile, [96, 47, 248, 44]),
            (MakeFile, [187, 251, 62, 58]),
            (MakeDirectory, [86, 184, 129, 61]),
        ],
        &[(Move, [202, 43, 202, 193])],
        &[
            (Rename, [199, 144, 66, 189]),
            (Replace, [170, 219, 216, 26]),
            (ChangeKind, [183, 19, 85, 44]),
            (Move, [161, 141, 108, 61]),
        ],
    ];
    let calm = case(5877, News::Entries, steps);
    check(Case { read: false, ..calm });
}

/// It was taken for deleted before the scan had come to where it stood.
#[test]
fn what_lost_its_name_before_a_restart_is_looked_for_everywhere_first() {
    let steps: [&[Short]; 3] = [
        &[
            (MakeDirectory, [32, 221, 253, 228]),
            (MakeFile, [140, 193, 187, 178]),
            (MakeDirectory, [239, 58, 136, 171]),
            (MakeFile, [1, 237, 150, 146]),
            (MakeFile, [88, 244, 46, 87]),
            (MakeFile, [15, 137, 89, 10]),
            (MakeFile, [110, 242, 187, 158]),
        ],
        &[
            (Replace, [35, 74, 11, 217]),
            (MakeDirectory, [244, 170, 32, 42]),
            (SaveAnew, [255, 41, 93, 64]),
        ],
        &[(Delete, [45, 122, 108, 9])],
    ];
    let calm = case(16252, News::Entries, steps);
    check(Case {
        seen: false,
        failing: 50,
        killed: 50,
        schedule: vec![
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            4258836361, 0, 2507202431, 0, 0, 4039314215, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3944768117,
            0, 0, 4127336101,
        ],
        ..calm
    });
}

/// Its content was deleted elsewhere, and here unreadable, when the move was accepted.
#[test]
fn a_directory_s_move_keeps_what_could_not_be_seen_in_it() {
    let steps: [&[Short]; 3] = [
        &[
            (MakeSymlink, [13, 112, 229, 65]),
            (MakeSymlink, [29, 101, 81, 31]),
            (MakeDirectory, [126, 152, 254, 135]),
            (MakeFile, [15, 124, 68, 122]),
            (MakeSymlink, [128, 233, 99, 221]),
            (MakeSymlink, [161, 151, 147, 174]),
        ],
        &[(Move, [105, 246, 196, 27]), (SwapNames, [242, 196, 149, 126])],
        &[
            (MakeSymlink, [206, 193, 172, 75]),
            (SwapNames, [124, 96, 190, 201]),
            (Delete, [156, 32, 206, 124]),
            (MakeDirectory, [156, 144, 144, 221]),
        ],
    ];
    let calm = case(32261, News::Heard, steps);
    check(Case {
        seen: false,
        read: false,
        failing: 300,
        schedule: vec![
            642848546, 781813960, 2672028030, 1186642431, 3887344687, 596414901, 3076541615,
            1948272935, 1387886529, 3403591566, 1905881026, 3360738545, 2735144648, 4091610813,
            1989662561, 789164995, 2910125633, 1767003516, 4090068324, 4069266226, 1892102693,
            1952419321, 2280068748, 2920812860, 405639493, 1192387420, 4124291444, 839584129,
            2896014662, 3411426082, 2230408971, 716403242, 2112968098, 1607875517, 152179975,
            2867407009, 4054948597, 3148373782, 1894749602, 628777812,
        ],
        ..calm
    });
}

/// A look at it was wanted still when it had been removed: deletions waited for that.
#[test]
fn a_directory_that_is_removed_is_not_waited_for() {
    let steps: [&[Short]; 3] = [
        &[(MakeDirectory, [218, 52, 195, 71]), (MakeDirectory, [178, 234, 168, 138])],
        &[(Delete, [170, 175, 104, 205])],
        &[(Delete, [77, 53, 130, 35])],
    ];
    let calm = case(109502, News::Entries, steps);
    check(Case {
        seen: false,
        failing: 300,
        schedule: vec![
            0, 0, 0, 4215998794, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 1587878758, 2593317465, 3790150253,
        ],
        ..calm
    });
}

/// What was missing was looked into five times a second until it was believed to be gone, and for as long
/// as another directory could not be read.
#[test]
fn a_missing_directory_is_not_looked_into_again_and_again() {
    let steps: [&[Short]; 3] = [
        &[
            (MakeSymlink, [174, 208, 147, 215]),
            (MakeDirectory, [117, 211, 18, 210]),
            (MakeDirectory, [177, 139, 76, 95]),
        ],
        &[(Delete, [240, 222, 102, 181]), (ChangeKind, [7, 161, 55, 129])],
        &[(SaveAnew, [31, 91, 121, 164])],
    ];
    let calm = case(40104218, News::Entries, steps);
    check(Case {
        seen: false,
        failing: 300,
        schedule: vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3872046452],
        ..calm
    });
}

/// Two symlinks with one target were placed, and the first had not been when the client ended: it was
/// taken for moved to where the second stands, and for everyone.
#[test]
fn what_stands_where_it_was_placed_is_not_another_that_was_moved_on() {
    let steps: [&[Short]; 3] = [
        &[(MakeSymlink, [85, 159, 94, 207])],
        &[(Edit, [19, 155, 189, 108]), (Rename, [148, 150, 143, 220])],
        &[(MakeSymlink, [217, 157, 32, 231])],
    ];
    let calm = case(23983, News::FirstJoin, steps);
    check(Case {
        killed: 50,
        schedule: vec![
            0, 0, 0, 0, 0, 0, 0, 0, 3898717006, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            4174198124, 4192847775, 3991478880,
        ],
        ..calm
    });
}

/// Each side moved one of two directories into the other, by way of one that both had made: this disk's
/// became the server's, and the rule did not see that its place would be inside itself.
#[test]
fn a_circle_by_way_of_a_directory_that_both_made_is_one() {
    let steps: [&[Short]; 3] = [
        &[
            (MakeDirectory, [131, 85, 54, 106]),
            (MakeDirectory, [168, 140, 111, 29]),
            (MakeFile, [21, 225, 190, 208]),
            (MakeFile, [40, 166, 163, 242]),
        ],
        &[
            (MakeSymlink, [166, 73, 219, 13]),
            (MakeDirectory, [185, 13, 16, 136]),
            (Edit, [139, 172, 42, 90]),
            (Move, [99, 253, 18, 48]),
        ],
        &[
            (Move, [61, 218, 54, 25]),
            (MakeDirectory, [185, 13, 16, 136]),
            (Replace, [63, 19, 174, 176]),
            (Move, [99, 253, 18, 48]),
        ],
    ];
    check(Case { seen: false, read: false, ..case(5195893, News::Entries, steps) });
}

/// On its way out of the directory whose name it gets, it became a conflict copy, of a name that nothing
/// has there.
#[test]
fn a_copy_of_what_comes_out_of_the_directory_whose_name_it_gets_stands_beside_it() {
    let steps: [&[Short]; 3] = [
        &[(MakeDirectory, [57, 151, 112, 174]), (MakeFile, [108, 10, 15, 112])],
        &[(Edit, [23, 247, 231, 170]), (Move, [94, 73, 134, 86])],
        &[(SaveAnew, [13, 46, 104, 129]), (Replace, [114, 65, 36, 7])],
    ];
    let mut schedule = vec![0; 32];
    schedule.push(3451142358);
    check(Case { failing: 300, schedule, ..case(4416573, News::Heard, steps) });
}

/// What had lost its name to a symlink had it again after a restart, and was taken for edited by what this
/// device had put there.
#[test]
fn who_has_lost_its_name_does_not_have_it_again_after_a_restart() {
    let steps: [&[Short]; 3] = [
        &[(MakeSymlink, [25, 168, 22, 30]), (MakeSymlink, [168, 85, 67, 176])],
        &[(Replace, [158, 175, 115, 238])],
        &[(Edit, [84, 198, 189, 175])],
    ];
    let mut schedule = vec![0; 21];
    schedule.push(4267976201);
    check(Case { seen: false, killed: 50, schedule, ..case(1749860, News::Entries, steps) });
}
