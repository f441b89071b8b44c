//! Who may not enter the administrator's page gets 403 and changes nothing.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tests::{Browser, Device, Options, Server, World};

use super::Page;
use crate::asking::Try;

#[test]
fn a_request_without_the_key_with_a_wrong_host_or_from_another_origin_changes_nothing() {
    let world = World::new();
    let server = Server::start_with(&world, Options { http: true, ..Options::default() });
    let one = Device::join_once(&world, "one", &server.link());
    let host = server.address().to_owned();
    let address: SocketAddr = host.parse().expect("an address");
    let page = Page::of(&server);
    let with_key = format!("/admin/?key={}", page.key());
    let get = Try {
        address,
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
    let cookie = entered.header("set-cookie").expect("a cookie");
    for words in ["HttpOnly", "SameSite=Strict", "Path=/admin", "Max-Age=43200"] {
        assert!(cookie.contains(words), "{cookie}");
    }
    let cookie = cookie.split(';').next().expect("a value").to_owned();
    assert_eq!(get.send().status, 403, "the key is good once");

    let look = || {
        let reply = Try { target: "/admin/api/view", cookie: Some(&cookie), ..get }.send();
        serde_json::from_str::<Value>(&reply.text()).expect("what is there")
    };
    let device = look()["devices"][0]["id"].as_str().expect("an id").to_owned();
    let revoke = json!({ "device": device }).to_string();
    let origin = format!("http://{host}");
    let good = Try {
        method: "POST",
        target: "/admin/api/revoke",
        cookie: Some(&cookie),
        origin: Some(&origin),
        body: &revoke,
        ..get
    };
    let fresh = Page::of(&server);
    let keyed = format!("/admin/api/revoke?key={}", fresh.key());
    let wrong = format!("/admin/?key={}", "A".repeat(43));
    let stale = format!("{}x", &cookie[..cookie.len() - 1]);
    let own_key = format!("{}={}", cookie.split('=').next().unwrap_or_default(), fresh.key());
    for (what, refused) in [
        ("no cookie", Try { cookie: None, ..good }),
        ("a wrong cookie", Try { cookie: Some(&stale), ..good }),
        ("a key as a cookie", Try { cookie: Some(&own_key), ..good }),
        ("the key alone", Try { cookie: None, target: &keyed, ..good }),
        ("a wrong host", Try { host: "evil.example", ..good }),
        ("no origin", Try { origin: None, ..good }),
        ("another origin", Try { origin: Some("http://evil.example"), ..good }),
        ("a sandbox's origin", Try { origin: Some("null"), ..good }),
        ("a form's body", Try { kind: "text/plain", ..good }),
        ("another method", Try { method: "PUT", ..good }),
        ("no key", Try { target: "/admin/", ..get }),
        ("a wrong key", Try { target: &wrong, ..get }),
        ("no key for what is there", Try { target: "/admin/api/view", ..get }),
        ("no key for a script", Try { target: "/admin/admin.js", ..get }),
        ("a wrong host with a key", Try { host: "evil.example", ..get }),
    ] {
        let reply = refused.send();
        assert_eq!(reply.status, 403, "{what}: {}", reply.text());
        assert!(!reply.text().contains(&device), "{what}");
    }
    assert_eq!(look()["devices"][0]["revoked"], false);
    one.once();

    // The same request from the page itself does what it says.
    assert_eq!(good.send().status, 200);
    assert_eq!(look()["devices"][0]["revoked"], true);
}

#[test]
fn names_are_text_and_the_page_is_there_over_tls() {
    const NAME: &str = "<img src=x onerror='window.hacked = 1'>";
    const FOLDER: &str = "<script>window.hacked = 1<!-- \u{202e}";
    let world = World::new();
    let server = Server::start(&world);
    let link = server.invite(&["--folder", FOLDER, "--uses", "2"]);
    let device = Device::new(&world, "one");
    let dir = device.folder().to_str().expect("a path of ours");
    device.run(["join", &link, dir, "--device", NAME, "--once"]).expect(0);
    let page = Page::of(&server);
    assert!(page.url.starts_with("https://"), "{}", page.url);
    let browser = Browser::start(&world);
    page.open(&browser);
    browser.click_on("Count");
    browser.wait("the count", "return document.querySelector('[data-space]')");
    for part in ["#folders", "#devices", "#invites", "#space"] {
        browser.wait_for_text(part, "<script>window.hacked = 1<!-- U+202E");
    }
    browser.wait_for_text("#devices", NAME);
    browser.click("#devices button");
    browser.wait_for_text("dialog", NAME);
    browser.press(&[tests::key::ESCAPE]);
    let harm = browser.run("return [window.hacked, document.querySelectorAll('main img').length]");
    assert_eq!(harm, json!([null, 0]));
}
