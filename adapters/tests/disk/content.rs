use std::fs::{self, OpenOptions};
use std::io::Write;

use onefold_adapters::port::Disk;
use onefold_core::disk::{DiskError, Old, Start};
use onefold_core::hash::ContentId;

use super::{World, content, path};

#[test]
fn a_file_at_rest_is_hashed_whole_with_its_time() {
    let world = World::new();
    let bytes = vec![7; 3_000_000];
    world.write("file", &bytes);
    let stamp = world.stamp("file");
    let hashed = world.disk.hash(&path("file"), &stamp).unwrap();
    assert_eq!(hashed.id, ContentId::of(&bytes));
    assert_eq!((hashed.size, hashed.mtime), (3_000_000, stamp.mtime));
}

#[test]
fn a_file_that_someone_has_open_for_writing_is_busy() {
    let world = World::new();
    world.write("file", "1");
    let writer = OpenOptions::new().append(true).open(world.root.join("file")).unwrap();
    let stamp = world.stamp("file");
    assert_eq!(world.disk.hash(&path("file"), &stamp), Err(DiskError::Busy));
    drop(writer);
    world.until_closed("file");
    assert!(world.disk.hash(&path("file"), &stamp).is_ok());
}

#[test]
fn a_file_that_changed_since_it_was_seen_is_not_read() {
    let world = World::new();
    world.write("file", "1");
    let stamp = world.stamp("file");
    let source = world.disk.read(&path("file"), &stamp).unwrap();
    assert_eq!(source.unchanged(), Ok(()));
    world.write("file", "2");
    assert_eq!(source.unchanged(), Err(DiskError::Changed));
    assert_eq!(world.disk.hash(&path("file"), &stamp), Err(DiskError::Changed));
    fs::remove_file(world.root.join("file")).unwrap();
    assert_eq!(world.disk.hash(&path("file"), &stamp), Err(DiskError::Gone));
}

#[test]
fn the_start_of_a_file_that_grows_is_as_long_as_is_asked_for() {
    let world = World::new();
    world.write("file", "12345");
    let stamp = world.stamp("file");
    let mut writer = OpenOptions::new().append(true).open(world.root.join("file")).unwrap();
    let of = |bytes: &[u8]| Ok((ContentId::of(bytes), bytes.len() as u64));
    let read = |start| {
        let read = world.disk.hash_start(&path("file"), &stamp, start);
        read.map(|content| (content.id, content.size))
    };
    assert_eq!(read(Start::Outgrown(5)), Err(DiskError::Changed), "it has no more");
    writer.write_all(b"6").unwrap();
    assert_eq!(read(Start::All), of(b"123456"), "whatever its stamp said");
    assert_eq!(read(Start::Bytes(5)), of(b"12345"));
    assert_eq!(read(Start::Outgrown(5)), of(b"12345"));
    assert_eq!(read(Start::Bytes(7)), Err(DiskError::Changed), "it has fewer");
    let source = world.disk.read_start(&path("file"), &stamp, Start::All).unwrap();
    writer.write_all(b"7").unwrap();
    assert_eq!(source.read_at(&mut [0; 9], 0).unwrap(), 6, "as long as it was when it was opened");
    writer.set_len(2).unwrap();
    assert_eq!(source.unchanged(), Err(DiskError::Changed));
    fs::rename(world.root.join("file"), world.root.join("other")).unwrap();
    world.write("file", "12345");
    assert_eq!(read(Start::All), Err(DiskError::Changed), "another file");
}

#[test]
fn a_fifo_in_a_files_place_is_not_waited_for() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let world = World::new();
    world.write("file", "1");
    let stamp = world.stamp("file");
    let at = world.root.join("file");
    fs::remove_file(&at).unwrap();
    mknodat(CWD, &at, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    assert_eq!(world.disk.hash(&path("file"), &stamp), Err(DiskError::Changed));
}

#[test]
fn two_writes_of_one_size_in_one_instant_are_told_apart() {
    let world = World::new();
    for round in 0..50_u8 {
        world.write("file", [round; 8]);
        let stamp = world.stamp("file");
        let hashed = world.disk.hash(&path("file"), &stamp);
        world.write("file", [round + 100; 8]);
        let later = world.stamp("file");
        assert!(hashed.is_err() || !stamp.still(&later), "round {round}");
    }
}

#[test]
fn staging_goes_on_where_it_left_off_also_after_a_restart() {
    let mut world = World::new();
    let bytes = b"first half, second half";
    let content = content(bytes);
    let mut staging = world.disk.stage(&content).unwrap();
    assert_eq!(staging.len(), 0);
    staging.append(&bytes[..11]).unwrap();
    drop(staging);
    let World { root, disk, dir } = world;
    drop(disk);
    world = World::reopen(root, dir);
    let mut staging = world.disk.stage(&content).unwrap();
    assert_eq!(staging.len(), 11);
    let mut have = [0; 11];
    assert_eq!(staging.read_at(&mut have, 0).unwrap(), 11);
    assert_eq!(&have, b"first half,");
    staging.append(&bytes[11..]).unwrap();
    staging.finish().unwrap();
    world.place("file", Old::Absent, content).unwrap();
    assert_eq!(world.read("file").as_bytes(), bytes);
}

#[test]
fn what_is_staged_is_checked_again_after_a_restart() {
    let mut world = World::new();
    let content = world.stage(b"whole");
    let staged = world.root.join(".onefold/staging").join(content.id.to_string());
    fs::write(staged, "whale").unwrap();
    let World { root, disk, dir } = world;
    drop(disk);
    world = World::reopen(root, dir);
    assert_eq!(world.place("file", Old::Absent, content), Err(DiskError::NotStaged));
    let staging = world.disk.stage(&content).unwrap();
    assert_eq!(staging.len(), 5);
    assert_eq!(staging.finish(), Err(DiskError::NotStaged));
    world.stage(b"whole");
    world.place("file", Old::Absent, content).unwrap();
}

#[test]
fn bytes_of_another_hash_are_refused_and_dropped() {
    let world = World::new();
    let content = content(b"right");
    let mut staging = world.disk.stage(&content).unwrap();
    staging.append(b"wrong").unwrap();
    assert_eq!(staging.append(b"!"), Err(DiskError::NotStaged));
    assert_eq!(staging.finish(), Err(DiskError::NotStaged));
    assert_eq!(world.disk.stage(&content).unwrap().len(), 0);
}

#[test]
fn two_stagings_of_one_content_at_once_do_not_meet() {
    let world = World::new();
    let content = content(b"both");
    let mut one = world.disk.stage(&content).unwrap();
    let mut two = world.disk.stage(&content).unwrap();
    one.append(b"bo").unwrap();
    two.append(b"both").unwrap();
    two.finish().unwrap();
    world.place("two", Old::Absent, content).unwrap();
    one.append(b"th").unwrap();
    one.finish().unwrap();
    world.place("one", Old::Absent, content).unwrap();
    assert_eq!((world.read("one"), world.read("two")), ("both".into(), "both".into()));
    assert_ne!(world.stamp("one").inode, world.stamp("two").inode);
}

#[test]
fn one_staging_serves_many_places_each_with_a_file_of_its_own() {
    let world = World::new();
    let content = world.stage(b"many");
    for at in ["a", "b", "c"] {
        world.place(at, Old::Absent, content).unwrap();
    }
    let mut file = OpenOptions::new().append(true).open(world.root.join("b")).unwrap();
    file.write_all(b" more").unwrap();
    drop(file);
    assert_eq!(["a", "b", "c"].map(|at| world.read(at)), ["many", "many more", "many"]);
    fs::remove_file(world.root.join("c")).unwrap();
    assert_eq!(world.place("d", Old::Absent, content), Err(DiskError::NotStaged));
}

#[test]
fn one_staging_serves_many_places_at_once_also_where_writers_are_in_the_way() {
    let world = World::new();
    let names = ["a", "b", "c", "d", "e", "f"];
    names.iter().for_each(|at| world.write(at, "old"));
    let open = |at| OpenOptions::new().append(true).open(world.root.join(at)).unwrap();
    let stamps = names.map(|at| world.stamp(at));
    let writers = names.map(open);
    let content = world.stage(b"for all of them");
    let place_all = || {
        std::thread::scope(|scope| {
            let place = |at: usize| world.place(names[at], Old::Is(stamps[at]), content);
            let placing = [0, 1, 2, 3, 4, 5].map(|at| scope.spawn(move || place(at).err()));
            placing.map(|placing| placing.join().unwrap())
        })
    };
    for _ in 0..20 {
        assert_eq!(place_all(), [const { Some(DiskError::Busy) }; 6]);
    }
    drop(writers);
    names.iter().for_each(|at| world.until_closed(at));
    assert_eq!(place_all(), [const { None }; 6]);
    assert_eq!(names.map(|at| world.read(at)), ["for all of them"; 6]);
}

#[test]
fn what_is_staged_whole_stays_for_all_that_are_to_have_it() {
    let world = World::new();
    let content = world.stage(b"for one");
    let mut again = world.disk.stage(&content).unwrap();
    assert!(again.is_whole());
    assert_eq!(again.truncate(0), Err(DiskError::NotStaged));
    drop(again);
    world.place("file", Old::Absent, content).unwrap();
    assert!(!world.disk.stage(&content).unwrap().is_whole());
}
