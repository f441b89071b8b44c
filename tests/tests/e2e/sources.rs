//! Real input: a source tree, copied to a second device, then one directory of it renamed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tests::{Call, Device, Proxy, Server, Trace, World, pick, source_tree};

/// A rename costs so much on the wire, at most, whatever is inside.
const RENAME_BYTES: u64 = 64 * 1024;
/// A tree of any of these sizes is there by then.
const PATIENCE: Duration = Duration::from_secs(600);
/// Changes of names, and files that are opened.
const CALLS: &str = "trace=open,openat,openat2,rename,renameat,renameat2";

#[test]
fn a_source_tree_arrives_whole_and_its_rename_is_one_rename() {
    let wanted = pick(2_000, 10_000);
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::new(&world, "one").patient(PATIENCE);
    let files = source_tree(&one.at("packages"), wanted);
    println!("{files} files");
    assert!(files >= wanted);
    one.start_joining(&server.link());
    one.wait_until_in_sync();
    let proxy = Proxy::to(server.address());
    let mut two = Device::new(&world, "two").patient(PATIENCE);
    two.start_joining(&proxy.link(&server.link()));
    two.wait_until_in_sync();
    assert_eq!(one.tree().same(&two.tree()), Ok(()), "compared byte by byte");
    assert_eq!(one.cursor(), two.cursor());

    let traces = ["one", "two"].map(|name| world.at(&format!("{name}.trace")));
    for (device, trace) in [&mut one, &mut two].into_iter().zip(&traces) {
        device.stop();
        device.sync_traced(trace, &["-e", CALLS, "-e", "signal=none"]);
        device.wait_until_in_sync();
    }
    let expected = renamed(&one);
    let (passed, cursor, told) = (proxy.total(), two.cursor(), two.log().len());

    fs::rename(one.at("packages"), one.at("renamed")).expect("a free name");
    two.wait_for_tree(&expected);
    one.wait_until_in_sync();
    two.wait_until_in_sync();

    let passed = proxy.total() - passed;
    println!("{passed} bytes passed");
    assert!(passed < RENAME_BYTES, "{passed} bytes passed");
    assert_eq!(two.cursor(), cursor + 1, "one operation in the journal");
    two.log_line("renamed");
    let log = two.log();
    let [line] = &log[told..] else { panic!("one line: {:?}", &log[told..]) };
    let said = ["action", "from", "path"].map(|field| line[field].as_str().unwrap_or_default());
    assert_eq!(said, ["moved", "packages", "renamed"]);

    one.stop();
    two.stop();
    for (device, trace) in [&one, &two].into_iter().zip(&traces) {
        let trace = Trace::read(trace);
        let opened: Vec<_> = trace.0.iter().filter(|call| opens_content(call)).collect();
        assert!(opened.is_empty(), "{} opened {:?}", device.name(), opened.first());
    }
    let renames = Trace::read(&traces[1]);
    let renames: Vec<_> = renames
        .named(&["rename", "renameat", "renameat2"])
        .filter(|call| call.text.contains("renamed") && call.result() == 0)
        .collect();
    assert_eq!(renames.len(), 1, "{renames:?}");
}

/// What is to be there, read before anything is traced: reading opens files too.
fn renamed(device: &Device<'_>) -> tests::Tree {
    let mut tree = device.tree();
    let rename = |path: &Path| match path.strip_prefix("packages") {
        Ok(inside) if inside.as_os_str().is_empty() => "renamed".into(),
        Ok(inside) => Path::new("renamed").join(inside),
        Err(_) => path.to_owned(),
    };
    tree.0 = tree.0.into_iter().map(|(path, node)| (rename(&path), node)).collect();
    tree
}

/// Whether it opens what is in the tree, and is no directory, in a way that lets its bytes be read.
fn opens_content(call: &Call) -> bool {
    let opens = ["open", "openat", "openat2"].contains(&call.name.as_str());
    let inside = call.text.contains("/renamed") || call.text.contains("/packages");
    let only_looks = call.text.contains("O_PATH") || call.text.contains("O_DIRECTORY");
    opens && inside && !only_looks && call.result() >= 0
}
