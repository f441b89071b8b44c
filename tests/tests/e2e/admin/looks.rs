//! How the page looks, and whom it serves.

use tests::{Browser, Device, Server, World};

use super::Page;
use crate::inspection::Inspection;

#[test]
fn the_page_fits_and_serves_everyone() {
    let world = World::new();
    let server = Server::start(&world);
    let long = "a name that is so long that it does not fit anywhere".to_owned();
    let uses = ["--uses", "9"];
    for folder in ["photos", "letters of last year", &long] {
        server.invite(&[&["--folder", folder], &uses[..]].concat());
    }
    let mut one = Device::join(&world, "one", &server.invite(&["--folder", "photos"]));
    one.write("large.bin", tests::noise(3, 2 << 20));
    one.wait_until_in_sync();
    let two = Device::new(&world, "two");
    let link = server.invite(&["--folder", &long, "--read-only"]);
    let dir = two.folder().to_str().expect("a path of ours");
    two.run(["join", &link, dir, "--device", &long, "--once"]).expect(0);
    Device::join_once(&world, "three", &server.invite(&["--folder", "photos"]));
    server.admin(&["revoke", "three"]).expect(0);

    let browser = Browser::start(&world);
    Page::of(&server).open(&browser);
    browser.wait("the devices", "return document.querySelectorAll('[data-device]').length === 3");
    browser.click("#invites button[type=submit]");
    browser.wait_for_text("#made-link", "onefold");
    browser.click_on("Count");
    browser.wait("the count", "return document.querySelector('[data-space]')");
    let mut inspection = Inspection::new();
    inspection.look(&browser, "admin");
    inspection.end();
    drop(browser);
    one.stop();
}
