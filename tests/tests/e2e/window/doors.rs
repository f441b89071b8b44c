//! Who may not enter gets 403 and changes nothing; who has the key does; `onefold open` brings it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use tests::{Device, PATIENCE, Server, World, request, wait_for};

use super::Window;
use crate::asking::Try;

#[test]
fn a_request_without_the_key_with_a_wrong_host_or_from_another_origin_changes_nothing() {
    let world = World::new();
    let server = Server::start(&world);
    let mut device = Device::join(&world, "one", &server.link());
    device.write("precious.txt", "precious");
    let window = Window::of(&mut device);
    let (host, key) = (window.host().to_owned(), window.key().to_owned());

    let with_key = format!("/?key={key}");
    let get = Try {
        address: window.address(),
        method: "GET",
        target: &with_key,
        host: &host,
        cookie: None,
        origin: None,
        kind: "application/json",
        body: "",
    };
    let entered = get.send();
    assert_eq!(entered.status, 200);
    let policy = entered.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let cookie = entered.header("set-cookie").expect("a cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().expect("a value").to_owned();

    // What is to be refused: each changes one thing of a request that would pass.
    let listed = device.status();
    let id = folder_id(&device);
    let unlink = json!({ "folder": id }).to_string();
    let origin = format!("http://{host}");
    let good = Try {
        method: "POST",
        target: "/api/unlink",
        cookie: Some(&cookie),
        origin: Some(&origin),
        body: &unlink,
        ..get
    };
    let keyed = format!("/api/unlink?key={key}");
    let elsewhere = format!("evil.example:{}", window.address().port());
    let other_port = format!("http://127.0.0.1:{}", window.address().port().wrapping_add(1));
    let stale = format!("{}x", &cookie[..cookie.len() - 1]);
    let plain = Try { kind: "text/plain", ..good };
    for (what, refused) in [
        ("no cookie", Try { cookie: None, ..good }),
        ("a wrong cookie", Try { cookie: Some(&stale), ..good }),
        ("the key alone", Try { cookie: None, target: &keyed, ..good }),
        ("a wrong host", Try { host: &elsewhere, ..good }),
        (
            "a wrong host and its origin",
            Try { host: &elsewhere, origin: Some("http://evil.example"), ..good },
        ),
        ("no port", Try { host: "127.0.0.1", ..good }),
        ("no origin", Try { origin: None, ..good }),
        ("another origin", Try { origin: Some("http://evil.example"), ..good }),
        ("another port's origin", Try { origin: Some(&other_port), ..good }),
        ("a sandbox's origin", Try { origin: Some("null"), ..good }),
        ("a form's body", plain),
        ("another method", Try { method: "PUT", ..good }),
    ] {
        let reply = refused.send();
        assert_eq!(reply.status, 403, "{what}: {}", reply.text());
    }
    let wrong = format!("/?key={}", "A".repeat(43));
    for (what, refused) in [
        ("no key", Try { target: "/", ..get }),
        ("a wrong key", Try { target: &wrong, ..get }),
        ("a wrong host", Try { host: &elsewhere, ..get }),
        ("another origin", Try { origin: Some("http://evil.example"), ..get }),
        ("no key for what is told", Try { target: "/api/events", ..get }),
        ("no key for a script", Try { target: "/window.js", ..get }),
    ] {
        let reply = refused.send();
        assert_eq!(reply.status, 403, "{what}: {}", reply.text());
        assert!(!reply.text().contains("precious"));
    }
    assert_eq!(device.status()["folder"], listed["folder"]);

    // A path of a page never leads out of the folder.
    for path in ["../one.home/window.json", "/etc/passwd", ".onefold/folder"] {
        let target =
            format!("/api/file?folder={id}&id={}", BASE64URL_NOPAD.encode(path.as_bytes()));
        let reply = Try { target: &target, cookie: Some(&cookie), ..get }.send();
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
    }

    // The same request from the page itself does what it says.
    assert_eq!(good.send().status, 200);
    let output = device.run(["status", "--json"]).expect(0);
    assert_eq!(output.stdout.trim(), r#"{"folders":[]}"#);
    assert!(device.at("precious.txt").exists());
}

#[test]
fn open_hands_the_browser_an_address_that_is_good_once() {
    let world = World::new();
    let server = Server::start(&world);
    let mut device = Device::join(&world, "one", &server.link());
    let window = Window::of(&mut device);
    // A default browser that notes what it is to open.
    let programs = world.at("programs");
    fs::create_dir(&programs).expect("the world is ours");
    let opener = programs.join("xdg-open");
    fs::write(&opener, "#!/bin/sh\necho \"$1\" > \"$OPENED\"\n").expect("a program");
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).expect("a program");
    let noted = world.at("opened");
    let mut command = device.command(["open".as_ref(), device.folder().as_os_str()]);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", programs.display())).env("OPENED", &noted);
    world.run(command, "open").expect(0);
    let address = fs::read_to_string(&noted).expect("it was opened");
    let target = address.trim().strip_prefix(&format!("http://{}", window.host())).expect("ours");
    let target = target.split('#').next().expect("a target").to_owned();
    assert!(!address.contains(window.key()), "{address}");

    let get = |target: &str, more: &[(&str, &str)]| {
        let headers = [&[("Host", window.host())], more].concat();
        request(window.address(), "GET", target, &headers, b"").expect("an answer")
    };
    let entered = get(&target, &[]);
    assert_eq!(entered.status, 200);
    assert_eq!(get(&target, &[]).status, 403);

    // The cookie and the port stay over a restart, the key does not.
    let cookie = entered.header("set-cookie").expect("a cookie").split(';').next().unwrap_or("");
    device.stop();
    device.sync();
    let again = Window::of(&mut device);
    assert_eq!(again.host(), window.host());
    assert_ne!(again.key(), window.key());
    assert_eq!(get("/", &[("Cookie", cookie)]).status, 200);
    assert_eq!(get(&format!("/?key={}", window.key()), &[]).status, 403);
    device.stop();
    device.run(["open"]).complains(1, &["no client is running", "onefold sync"]);
}

#[test]
fn each_home_has_a_window_of_its_own() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join(&world, "one", &server.link());
    let mut two = Device::join(&world, "two", &server.link());
    let windows = [Window::of(&mut one), Window::of(&mut two)];
    assert_ne!(windows[0].address(), windows[1].address());
    // The key of one opens nothing of the other.
    let target = format!("/?key={}", windows[0].key());
    let headers = [("Host", windows[1].host())];
    let reply = request(windows[1].address(), "GET", &target, &headers, b"").expect("an answer");
    assert_eq!(reply.status, 403);
    // `--once` shows none.
    one.stop();
    let output = one.run(["sync", "--once"]).expect(0);
    assert!(!output.stdout.contains("window at"), "{}", output.stdout);
    // A port that another took is left to it.
    let taken = std::net::TcpListener::bind(windows[0].address()).expect("it is free now");
    one.sync();
    assert_ne!(Window::of(&mut one).address(), windows[0].address());
    drop(taken);
}

/// What pages call the one folder of a device.
fn folder_id(device: &Device<'_>) -> String {
    wait_for("the link to be kept", PATIENCE, || {
        let folders =
            fs::read_dir(device.home().join("folders")).map_err(|error| error.to_string())?;
        let name = folders.flatten().next().ok_or("there is none")?.file_name();
        name.into_string().map_err(|_| "it is no text".to_owned())
    })
}
