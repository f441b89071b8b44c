//! Builds and installs in a synced folder: they make and remove files by the hundred.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::{Device, Recorder, Server, Tree, World, pick};

use super::programs::{program, run, settle, strange};
use super::two;

/// What a build makes is not to be most of the folder: then a person would be asked when it goes.
fn write_notes(device: &Device<'_>, notes: u64) {
    for number in 0..notes {
        device.write(&format!("notes/{number}.txt"), format!("note {number}"));
    }
}

/// What is gone sooner after it appeared has not settled.
const SETTLES: Duration = Duration::from_millis(100);

/// What a program makes is a file like any other from when it has settled: it is sent, and goes again
/// when the program removes it. What is gone before that never leaves its device: how much that was.
fn assert_had_settled(here: &Recorder, elsewhere: &[PathBuf]) -> usize {
    let fleeting = here.fleeting(SETTLES);
    println!("gone before they settled: {}", fleeting.len());
    assert_eq!(elsewhere.iter().find(|path| fleeting.contains(*path)), None);
    fleeting.len()
}

#[test]
fn a_build_that_makes_and_removes_files_by_the_hundred_arrives_whole() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    write_notes(&devices[0], pick(60, 600));
    let packages: Vec<_> = (0..pick(2, 12)).map(|number| format!("package{number}")).collect();
    let folder = devices[0].folder().to_owned();
    for name in &packages {
        let text = format!("pub fn name() -> &'static str {{ {name:?} }}\n");
        devices[0].write(&format!("{name}/src/lib.rs"), text);
        devices[0].write(
            &format!("{name}/Cargo.toml"),
            format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        );
    }
    devices[0]
        .write("Cargo.toml", format!("[workspace]\nresolver = \"2\"\nmembers = {packages:?}\n"));
    settle(&mut devices);
    let [here, recorder] = [0, 1].map(|device| Recorder::start(devices[device].folder()));
    let build = || {
        let mut cargo = program(&folder, "cargo", &["build", "--offline", "-q"]);
        // Nothing of the build that runs these tests.
        cargo.env("HOME", std::env::var_os("HOME").unwrap_or_default());
        cargo.env("CARGO_TARGET_DIR", "target").env_remove("RUSTFLAGS");
        let output = cargo.output().expect("cargo runs this test");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    for round in 0..2 {
        std::thread::scope(|scope| {
            scope.spawn(build);
            devices[1].write("there.txt", format!("round {round}"));
        });
        devices[0].write("package0/src/lib.rs", format!("pub fn round() -> u32 {{ {round} }}\n"));
    }
    let built = settle(&mut devices);
    assert!(built.files() > 20, "{}", built.files());
    let lived_for_long = strange(&recorder, &[&built]);
    println!("{} files; seen for a while: {lived_for_long:?}", built.files());
    let _ = assert_had_settled(&here, &lived_for_long);
    assert_eq!(built.conflict_copies(), Vec::<&Path>::new());

    fs::remove_dir_all(folder.join("target")).expect("ours");
    let tree = settle(&mut devices);
    assert!(!tree.0.contains_key(Path::new("target")));
}

/// What a package does when it is installed, as one that is built then: it makes files, and removes each
/// at once.
const BUILD: &str =
    "for n in $(seq 50); do echo $n > build-$n.tmp; rm build-$n.tmp; done; echo built > built.txt";

/// A package of so many files, packed as registries have it.
fn pack(world: &World, name: &str, version: &str, files: u64) -> String {
    let directory = world.at(&format!("{name}-{version}"));
    fs::create_dir_all(directory.join("package/lib")).expect("ours");
    let scripts = format!("{{\"postinstall\": {BUILD:?}}}");
    let manifest =
        format!("{{\"name\": {name:?}, \"version\": {version:?}, \"scripts\": {scripts}}}");
    fs::write(directory.join("package/package.json"), manifest).expect("ours");
    for number in 0..files {
        let text = format!("module.exports = \"{name} {version} {number}\"");
        fs::write(directory.join(format!("package/lib/{number}.js")), text).expect("ours");
    }
    let packed = format!("../{name}-{version}.tgz");
    run(&directory, "tar", &["-czf", &packed, "package"]);
    format!("file:../{name}-{version}.tgz")
}

/// The one file with a dot that npm leaves.
fn is_npms(path: &Path) -> bool {
    path.ends_with(".package-lock.json")
}

#[test]
fn packages_that_are_installed_replaced_and_removed_arrive_whole() {
    let world = World::new();
    let server = Server::start(&world);
    let mut devices = two(&world, &server);
    let (packages, files) = (pick(4, 60), pick(10, 40));
    // On a busy machine all of it goes within the minute in which both versions did.
    write_notes(&devices[0], pick(100, 9_000));
    settle(&mut devices);
    let [here, recorder] = [0, 1].map(|device| Recorder::start(devices[device].folder()));
    let folder = devices[0].folder().to_owned();
    let mut trees = Vec::new();
    for (round, version) in ["1.0.0", "2.0.0"].into_iter().enumerate() {
        let needs = |number| {
            let name = format!("p{number}");
            format!("{name:?}: {:?}", pack(&world, &name, version, files))
        };
        let needs = (0..packages).map(needs).collect::<Vec<_>>().join(", ");
        let manifest = format!("{{\"name\": \"app\", \"dependencies\": {{{needs}}}}}");
        devices[0].write("package.json", manifest);
        let options = ["install", "--offline", "--no-audit", "--no-fund", "--no-update-notifier"];
        std::thread::scope(|scope| {
            scope.spawn(|| run(&folder, "npm", &options));
            devices[1].write("there.txt", format!("round {round}"));
        });
        trees.push(settle(&mut devices));
        let installed = devices[1].at(&format!("node_modules/p0/lib/{}.js", files - 1));
        let text = fs::read_to_string(installed).expect("it is installed there, too");
        assert!(text.contains(version), "{text}");
        assert!(devices[1].at("node_modules/p0/built.txt").exists(), "it was not built");
    }
    run(
        &folder,
        "npm",
        &["uninstall", "--offline", "--no-audit", "--no-fund", "--no-update-notifier", "p0", "p1"],
    );
    trees.push(settle(&mut devices));
    assert!(!devices[1].at("node_modules/p0").exists());
    fs::remove_dir_all(folder.join("node_modules")).expect("ours");
    trees.push(settle(&mut devices));

    let strange = strange(&recorder, &trees.iter().collect::<Vec<_>>());
    println!("{} files; seen for a while: {strange:?}", trees[1].files());
    assert!(assert_had_settled(&here, &strange) > 0, "nothing was judged");
    // What is to go has a name of its own for as long as the rest takes, which may be seconds; it is
    // gone from both when that ends.
    let half_done = |path: &&PathBuf| {
        path.iter().any(|part| part.to_str().is_some_and(|part| part.starts_with(".p")))
    };
    let left = |tree: &&Tree| tree.0.keys().any(|path| half_done(&path) && !is_npms(path));
    assert!(!trees.iter().any(|tree| left(&tree)), "something of an install is left");
    let last = trees.last().expect("one");
    assert_eq!(last.conflict_copies(), Vec::<&Path>::new());
    assert!(!last.0.contains_key(Path::new("node_modules")));
}
