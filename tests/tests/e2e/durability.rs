//! An accepted change is on stable storage before anybody hears that it was accepted. A kill does
//! not show that, since the system keeps what was written; the order of system calls does.

use tests::{Call, Device, Options, Server, Trace, World, noise};

/// What a server's message begins with, in the messages' encoding: `Entries` and `Outcome`.
const NEWS: [u8; 2] = [2, 3];
/// So many bytes of a content are enough to know it by.
const MARK_BYTES: usize = 64;

#[test]
fn a_commit_is_written_then_synced_and_only_then_answered() {
    let world = World::new();
    let trace = world.at("server.trace");
    let calls = "trace=read,recvfrom,recvmsg,readv,write,pwrite64,pwritev,writev,sendto,sendmsg,\
                 fsync,fdatasync";
    let options = Options {
        http: true,
        sqlite: true,
        trace: Some((trace.clone(), vec!["-e", calls, "-e", "signal=none", "-s", "20000"])),
        ..Options::default()
    };
    let mut server = Server::start_with(&world, options);
    let mut one = Device::join(&world, "one", &server.link());
    let mut two = Device::join(&world, "two", &server.link());
    let content = noise(7, 3_000);

    one.write("f.bin", &content);
    two.wait_for_tree(&one.tree());

    one.stop();
    two.stop();
    server.stop();
    let trace = Trace::read(&trace);
    let mark = &content[..MARK_BYTES];
    let written = first(&trace, "the commit's write", |call| {
        is_write(call) && on_database(call) && holds(call, mark)
    });
    let synced = first(&trace, "the sync of that write", |call| {
        is_sync(call) && on_database(call) && call.result() == 0 && call.began > written.ended
    });
    let told =
        first(&trace, "the news to the other device", |call| is_send(call) && holds(call, mark));
    println!("written: {}\nsynced:  {}\ntold:    {}", brief(written), brief(synced), brief(told));
    assert!(synced.ended < told.began, "the other device heard before it was durable");

    // The commit came in on one connection, the news went out on another.
    let other = socket(told);
    let answered = first(&trace, "the answer", |call| {
        is_news(call) && call.began > written.began && socket(call) != other
    });
    println!("answer:  {}", brief(answered));
    assert!(synced.ended < answered.began, "the device was answered before it was durable");
}

#[track_caller]
fn first<'t>(trace: &'t Trace, what: &str, is: impl Fn(&Call) -> bool) -> &'t Call {
    let found = trace.0.iter().find(|call| is(call));
    found.unwrap_or_else(|| panic!("no call is {what} in:\n{}", shown(trace)))
}

fn shown(trace: &Trace) -> String {
    trace.0.iter().map(|call| format!("{}\n", brief(call))).collect()
}

fn brief(call: &Call) -> String {
    let text: String = call.text.chars().take(100).collect();
    format!("{}–{} {}({text}", call.began, call.ended, call.name)
}

fn is_write(call: &Call) -> bool {
    ["pwrite64", "write", "pwritev", "writev"].contains(&call.name.as_str())
}

fn is_sync(call: &Call) -> bool {
    ["fsync", "fdatasync"].contains(&call.name.as_str())
}

/// Whether the call is on the file that commits are written to first.
fn on_database(call: &Call) -> bool {
    call.text.split('>').next().is_some_and(|file| file.ends_with("-wal") || file.ends_with(".db"))
}

fn is_send(call: &Call) -> bool {
    ["sendto", "sendmsg", "write", "writev"].contains(&call.name.as_str())
        && call.text.contains("<TCP:[")
}

/// Whether it sends a frame of the stream that tells of an accepted commit.
fn is_news(call: &Call) -> bool {
    let bytes = call.bytes();
    let header = match bytes.get(1) {
        Some(126) => 4,
        Some(0..126) => 2,
        Some(_) | None => return false,
    };
    is_send(call)
        && bytes.first() == Some(&0x82)
        && bytes.get(header).is_some_and(|kind| NEWS.contains(kind))
}

fn socket(call: &Call) -> &str {
    call.text.split(',').next().unwrap_or_default()
}

fn holds(call: &Call, mark: &[u8]) -> bool {
    call.bytes().windows(mark.len()).any(|window| window == mark)
}
