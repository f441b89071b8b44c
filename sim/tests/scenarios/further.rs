//! More of each class than the list names: moves across directories, chains, kinds that change,
//! cases that meet edits; in both orders, with a device that watches.

use sim::scenario::Scenario;
use sim::scenario::orders::{both_orders, every_order};
use sim::world::Setting;
use sim::world::arranged::Hold;

fn three_dirs(s: &mut Scenario) {
    for (dir, text) in [("a", "one"), ("b", "two"), ("c", "three")] {
        s.mkdir(0, dir).write(0, &format!("{dir}/f"), text);
    }
}

fn a_file(s: &mut Scenario) {
    s.write(0, "f", "old");
}

fn a_directory(s: &mut Scenario) {
    s.mkdir(0, "d").write(0, "d/x", "one").mkdir(0, "d/in").write(0, "d/in/y", "two");
}

#[test]
fn three_files_that_change_places_across_directories_meet_an_edit_of_each() {
    every_order(
        three_dirs,
        &[
            &|s, d| {
                s.rename(d, "a/f", "t").rename(d, "c/f", "a/f").rename(d, "b/f", "c/f");
                s.rename(d, "t", "b/f");
            },
            &|s, d| _ = s.save(d, "a/f", "ONE").write(d, "b/f", "TWO").vim(d, "c/f", "THREE"),
        ],
        |s, _| {
            s.everywhere("a/ a/f=THREE b/ b/f=ONE c/ c/f=TWO");
            s.check("one set of moves and three edits", |s| s.new_entries() == 4);
        },
    );
}

#[test]
fn two_swap_the_same_two_files_at_once() {
    every_order(
        |s| _ = s.write(0, "a", "one").write(0, "b", "two"),
        &[&|s, d| _ = s.rename(d, "a", "t").rename(d, "b", "a").rename(d, "t", "b"), &|s, d| {
            _ = s.rename(d, "b", "t").rename(d, "a", "b").rename(d, "t", "a")
        }],
        |s, _| _ = s.everywhere("a=two b=one").check("one swap", |s| s.new_entries() == 1),
    );
}

#[test]
fn a_swap_here_meets_a_rotation_there() {
    every_order(
        |s| _ = s.write(0, "a", "one").write(0, "b", "two").write(0, "c", "three"),
        &[&|s, d| _ = s.rename(d, "a", "t").rename(d, "b", "a").rename(d, "t", "b"), &|s, d| {
            s.rename(d, "c", "t").rename(d, "b", "c").rename(d, "a", "b").rename(d, "t", "a");
        }],
        |s, order| {
            // Of what both moved, the first accepted place counts; what only one moved to a name
            // that is then taken gets a conflict name.
            s.everywhere(["a (1)=three a=two b=one", "a=three b=one c=two"][order[0]]);
        },
    );
}

#[test]
fn a_chain_of_renames_meets_an_edit_and_a_deletion() {
    both_orders(
        |s| _ = s.write(0, "a", "one").write(0, "b", "two").write(0, "c", "three"),
        |s, d| _ = s.rename(d, "c", "d").rename(d, "b", "c").rename(d, "a", "b"),
        |s, d| _ = s.write(d, "a", "ONE").delete(d, "b").gedit(d, "c", "THREE"),
        ["b=ONE c=two d=THREE"; 2],
    );
}

#[test]
fn a_directory_replaced_by_a_file_meets_an_edit_in_it() {
    both_orders(
        a_directory,
        |s, d| _ = s.remove_all(d, "d").write(d, "d", "file"),
        |s, d| _ = s.write(d, "d/x", "new"),
        ["d (1)/ d (1)/x=new d=file", "d (0)=file d/ d/x=new"],
    );
}

#[test]
fn a_file_replaced_by_a_directory_meets_an_edit_of_it() {
    both_orders(
        a_file,
        |s, d| _ = s.delete(d, "f").mkdir(d, "f").write(d, "f/x", "in"),
        |s, d| _ = s.save(d, "f", "new"),
        ["f (1)=new f/ f/x=in", "f (0)/ f (0)/x=in f=new"],
    );
}

#[test]
fn a_file_that_becomes_a_directory_and_a_file_again_is_an_edit() {
    let mut s = Scenario::new(3);
    a_file(&mut s);
    for round in 0..5 {
        let text = format!("v{round}");
        s.wait(round * 300).delete(0, "f").mkdir(0, "f").write(0, "f/x", "in").wait(round * 300);
        s.remove_all(0, "f").write(0, "f", &text).everywhere(&format!("f={text}"));
        s.check("no copy", |s| s.copies() == 0);
    }
}

#[test]
fn a_symlink_in_place_of_a_file_meets_an_edit_of_it() {
    both_orders(
        a_file,
        |s, d| _ = s.delete(d, "f").symlink(d, "f", "target"),
        |s, d| _ = s.write(d, "f", "new"),
        ["f (1)=new f->target", "f (0)->target f=new"],
    );
}

#[test]
fn two_set_a_symlink_anew_and_both_targets_are_kept() {
    both_orders(
        |s| _ = s.symlink(0, "l", "old"),
        |s, d| _ = s.symlink(d, "l.new", "here").rename(d, "l.new", "l"),
        |s, d| _ = s.symlink(d, "l.new", "there").rename(d, "l.new", "l"),
        ["l (1)->there l->here", "l (0)->here l->there"],
    );
}

#[test]
fn a_symlink_set_anew_meets_a_rename_and_a_deletion() {
    both_orders(
        |s| _ = s.symlink(0, "l", "old").symlink(0, "m", "old m"),
        |s, d| {
            s.symlink(d, "n", "new")
                .rename(d, "n", "l")
                .symlink(d, "n", "new m")
                .rename(d, "n", "m");
        },
        |s, d| _ = s.rename(d, "l", "k").delete(d, "m"),
        ["k->new m->new m"; 2],
    );
}

#[test]
fn a_rename_of_case_meets_an_edit_in_the_directory() {
    for folds_case in [0, 0b001, 0b010, 0b100, 0b111] {
        for order in [[0, 1], [1, 0]] {
            let mut s = Scenario::with(Setting { folds_case, ..Setting::calm(3) });
            a_directory(&mut s);
            s.settle().offline(0).offline(1);
            s.rename(0, "d", "D").rename(0, "D/x", "D/X");
            s.save(1, "d/x", "new").write(1, "d/z", "more");
            for device in order {
                s.settle().online(device);
            }
            s.everywhere("D/ D/X=new D/in/ D/in/y=two D/z=more")
                .check("no copy", |s| s.copies() == 0);
        }
    }
}

#[test]
fn two_names_that_differ_in_case_swap_their_contents() {
    for order in [[0, 1], [1, 0]] {
        let mut s = Scenario::with(Setting { folds_case: 0b100, ..Setting::calm(3) });
        s.write(0, "a", "one").settle().write(0, "A", "two").settle().offline(0).offline(1);
        s.rename(0, "a", "t").rename(0, "A", "a").rename(0, "t", "A").write(1, "a", "ONE");
        for device in order {
            s.settle().online(device);
        }
        s.by_the_rules().here(0, "A=ONE a=two").here(1, "A=ONE a=two");
    }
}

#[test]
fn deep_directories_moved_into_each_other_from_both_ends_make_no_cycle() {
    every_order(
        |s| {
            s.mkdir(0, "p").mkdir(0, "p/q").mkdir(0, "p/q/r").write(0, "p/q/r/f", "one");
            s.mkdir(0, "u").mkdir(0, "u/v").mkdir(0, "u/v/w").write(0, "u/v/w/g", "two");
        },
        &[&|s, d| _ = s.rename(d, "p", "u/v/w/p"), &|s, d| _ = s.rename(d, "u", "p/q/r/u")],
        |s, order| {
            s.everywhere(
                [
                    "u/ u/v/ u/v/w/ u/v/w/g=two u/v/w/p/ u/v/w/p/q/ u/v/w/p/q/r/ u/v/w/p/q/r/f=one",
                    "p/ p/q/ p/q/r/ p/q/r/f=one p/q/r/u/ p/q/r/u/v/ p/q/r/u/v/w/ p/q/r/u/v/w/g=two",
                ][order[0]],
            );
        },
    );
}

#[test]
fn what_was_edited_and_made_inside_a_cycle_is_kept() {
    both_orders(
        |s| _ = s.mkdir(0, "x").write(0, "x/f", "one").mkdir(0, "y").write(0, "y/g", "two"),
        |s, d| _ = s.rename(d, "x", "y/x").write(d, "y/x/f", "ONE").write(d, "y/x/new", "n"),
        |s, d| _ = s.rename(d, "y", "x/y").save(d, "x/y/g", "TWO").write(d, "x/y/more", "m"),
        [
            "y/ y/g=TWO y/more=m y/x/ y/x/f=ONE y/x/new=n",
            "x/ x/f=ONE x/new=n x/y/ x/y/g=TWO x/y/more=m",
        ],
    );
}

#[test]
fn a_parent_turned_inside_out_meets_an_edit() {
    both_orders(
        |s| _ = s.mkdir(0, "p").mkdir(0, "p/q").write(0, "p/q/f", "one").write(0, "p/g", "two"),
        |s, d| _ = s.rename(d, "p/q", "t").rename(d, "p", "t/p").rename(d, "t", "q"),
        |s, d| _ = s.write(d, "p/q/f", "ONE").write(d, "p/g", "TWO").write(d, "p/q/n", "new"),
        ["q/ q/f=ONE q/n=new q/p/ q/p/g=TWO"; 2],
    );
}

#[test]
fn two_rename_into_each_others_new_directories() {
    both_orders(
        |s| _ = s.write(0, "a", "one").write(0, "b", "two"),
        |s, d| _ = s.mkdir(d, "n").rename(d, "a", "n/f"),
        |s, d| _ = s.mkdir(d, "n").rename(d, "b", "n/f"),
        ["n/ n/f (1)=two n/f=one", "n/ n/f (0)=one n/f=two"],
    );
}

#[test]
fn two_make_the_same_tree_and_what_differs_in_it_is_beside() {
    both_orders(
        |_| {},
        |s, d| {
            s.mkdir(d, "p").mkdir(d, "p/q").write(d, "p/q/f", "here").write(d, "p/same", "same");
            s.write(d, "p/n", "file");
        },
        |s, d| {
            s.mkdir(d, "p").mkdir(d, "p/q").write(d, "p/q/f", "there").write(d, "p/same", "same");
            s.mkdir(d, "p/n").write(d, "p/n/x", "in");
        },
        [
            "p/ p/n (1)/ p/n (1)/x=in p/n=file p/q/ p/q/f (1)=there p/q/f=here p/same=same",
            "p/ p/n (0)=file p/n/ p/n/x=in p/q/ p/q/f (0)=here p/q/f=there p/same=same",
        ],
    );
}

#[test]
fn two_directories_moved_to_one_name_keep_their_children_each() {
    both_orders(
        three_dirs,
        |s, d| _ = s.rename(d, "a", "n").write(d, "n/g", "here"),
        |s, d| _ = s.rename(d, "b", "n").write(d, "n/g", "there"),
        [
            "c/ c/f=three n (1)/ n (1)/f=two n (1)/g=there n/ n/f=one n/g=here",
            "c/ c/f=three n (0)/ n (0)/f=one n (0)/g=here n/ n/f=two n/g=there",
        ],
    );
}

#[test]
fn an_editor_saves_while_the_parent_is_renamed_elsewhere() {
    for save in
        [Scenario::vim, Scenario::office, Scenario::keepass, Scenario::mac_os, Scenario::gedit]
    {
        both_orders(
            a_directory,
            |s, d| _ = save(s, d, "d/in/y", "new"),
            |s, d| _ = s.rename(d, "d", "e").rename(d, "e/in", "e/out"),
            ["e/ e/out/ e/out/y=new e/x=one"; 2],
        );
    }
}

#[test]
fn an_editor_saves_while_the_parent_is_renamed_under_it() {
    let saves =
        [Scenario::vim, Scenario::office, Scenario::keepass, Scenario::gedit, Scenario::jet_brains];
    for save in saves {
        for pause_ms in [0, 5, 30, 120] {
            let mut s = Scenario::new(3);
            a_directory(&mut s);
            s.settle().rename(1, "d", "e").wait(pause_ms);
            let at = if s.disk(0).contains("d/x") { "d/x" } else { "e/x" };
            save(&mut s, 0, at, "new").everywhere("e/ e/in/ e/in/y=two e/x=new");
            s.check("no copy", |s| s.copies() == 0);
        }
    }
}

#[test]
fn a_file_moved_out_of_a_directory_that_the_other_deletes_survives() {
    both_orders(
        a_directory,
        |s, d| _ = s.rename(d, "d/in/y", "y"),
        |s, d| _ = s.remove_all(d, "d"),
        ["y=two"; 2],
    );
}

#[test]
fn a_directory_moved_into_one_that_the_other_deletes_survives_with_it() {
    both_orders(
        |s| {
            a_directory(s);
            s.mkdir(0, "t").write(0, "t/z", "three");
        },
        |s, d| _ = s.rename(d, "d", "t/d"),
        |s, d| _ = s.remove_all(d, "t").write(d, "d/x", "new"),
        ["t/ t/d/ t/d/in/ t/d/in/y=two t/d/x=new"; 2],
    );
}

#[test]
fn an_edit_deep_in_a_tree_that_the_other_deletes_keeps_its_way_and_nothing_else() {
    both_orders(
        |s| {
            s.mkdir(0, "p").mkdir(0, "p/q").mkdir(0, "p/q/r").write(0, "p/q/r/f", "one");
            s.write(0, "p/g", "two").mkdir(0, "p/s").write(0, "p/q/h", "three");
        },
        |s, d| _ = s.write(d, "p/q/r/f", "ONE"),
        |s, d| _ = s.remove_all(d, "p"),
        ["p/ p/q/ p/q/r/ p/q/r/f=ONE"; 2],
    );
}

#[test]
fn a_file_replaced_by_another_meets_an_edit_and_a_rename_of_it() {
    both_orders(
        |s| _ = s.write(0, "f", "one").write(0, "g", "two"),
        |s, d| _ = s.rename(d, "f", "g"),
        |s, d| _ = s.write(d, "g", "TWO"),
        ["g (1)=TWO g=one", "g (0)=one g=TWO"],
    );
    both_orders(
        |s| _ = s.write(0, "f", "one").write(0, "g", "two"),
        |s, d| _ = s.rename(d, "f", "g"),
        |s, d| _ = s.rename(d, "g", "h"),
        ["g=one h=two"; 2],
    );
}

#[test]
fn an_edit_and_a_rename_on_both_sides_leave_one_name_and_one_copy() {
    both_orders(
        a_file,
        |s, d| _ = s.rename(d, "f", "g").write(d, "g", "here"),
        |s, d| _ = s.rename(d, "f", "h").write(d, "h", "there"),
        ["g (1)=there g=here", "h (0)=here h=there"],
    );
}

#[test]
fn an_executable_bit_meets_an_edit_and_a_rename() {
    both_orders(
        a_file,
        |s, d| _ = s.chmod(d, "f", true),
        |s, d| _ = s.write(d, "f", "new").rename(d, "f", "g"),
        ["g=new*"; 2],
    );
}

#[test]
fn three_who_rename_edit_and_delete_one_file_leave_the_edit_under_the_new_name() {
    every_order(
        a_file,
        &[&|s, d| _ = s.rename(d, "f", "g"), &|s, d| _ = s.write(d, "f", "new"), &|s, d| {
            _ = s.delete(d, "f")
        }],
        |s, _| _ = s.everywhere("g=new").check("no copy", |s| s.copies() == 0),
    );
}

#[test]
fn three_who_rename_fill_and_delete_one_directory_leave_it_whole_under_the_new_name() {
    every_order(
        a_directory,
        &[
            &|s, d| _ = s.rename(d, "d", "e"),
            &|s, d| _ = s.write(d, "d/new", "n").write(d, "d/in/y", "TWO"),
            &|s, d| _ = s.remove_all(d, "d"),
        ],
        |s, _| {
            s.everywhere("e/ e/in/ e/in/y=TWO e/new=n e/x=one")
                .check("no copy", |s| s.copies() == 0);
        },
    );
}

#[test]
fn a_conflict_copy_renamed_and_edited_by_its_owner_is_a_file_of_its_own() {
    let mut s = Scenario::new(3);
    a_file(&mut s);
    s.settle().offline(0).offline(1).write(0, "f", "here").write(1, "f", "there");
    s.settle().online(0).settle().online(1).everywhere("f (1)=there f=here");
    let copy = s.files(1).into_iter().find(|file| file.contains("conflict")).expect("a copy");
    s.rename(1, &copy, "mine").write(0, &copy, "merged").delete(2, "f");
    s.everywhere("mine=merged").check("no copy", |s| s.copies() == 0);
}

#[test]
fn a_change_kept_from_the_disk_and_one_made_there_meanwhile_both_count() {
    for save in [Scenario::write, Scenario::vim, Scenario::office] {
        let mut s = Scenario::new(3);
        a_directory(&mut s);
        s.settle().mark().hold(1, Hold::Changes);
        s.rename(0, "d", "e").write(0, "e/x", "new").until("it is asked for", |s| s.changes(1) > 0);
        save(&mut s, 1, "d/in/y", "mine").rename(1, "d/in", "in").wait(1_000);
        s.release(1, Hold::Changes).everywhere("e/ e/x=new in/ in/y=mine");
        s.check("no copy", |s| s.copies() == 0);
    }
}
