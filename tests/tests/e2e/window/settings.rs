//! Settings: what is set in the window holds on the disk, and on the other device's.

use std::fs;

use tests::{Browser, Device, Server, World};

use super::{Window, show, wait_for_file};

#[test]
fn a_folder_is_added_by_its_link_and_unlinked() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join(&world, "one", &server.link());
    let mut two = Device::new(&world, "two");
    let other = server.invite(&["--folder", "photos"]);
    two.write("there.txt", "there before");
    two.start_joining(&server.invite(&["--folder", "photos"]));
    two.wait_until_in_sync();
    let browser = Browser::start(&world);
    Window::of(&mut one).open(&browser, "settings");

    // What cannot be done is said in words, and nothing is changed.
    let place = world.at("one photos");
    browser.fill("#add-link", "onefold://nonsense");
    browser.fill("#add-dir", &place.display().to_string());
    browser.click("button[type=submit]");
    browser.wait_for_text("#told", "cannot be joined");
    assert!(!place.exists());

    browser.fill("#add-link", &other);
    browser.fill("#add-device", "one's camera");
    browser.click("button[type=submit]");
    browser.wait_for_text("#told", "photos");
    tests::wait_for("the file to arrive", tests::PATIENCE, || {
        fs::read(place.join("there.txt")).map_err(|error| error.to_string())
    });
    fs::write(place.join("new.txt"), "from the window's folder").expect("ours");
    wait_for_file(&two, "new.txt", b"from the window's folder");
    let line = two.log_line("new.txt");
    assert_eq!(line["device"], "one's camera");

    // Unlinked, it is left as it is.
    let card = ".card[data-folder][aria-label*=photos]";
    browser.wait("its card", &format!("return document.querySelector('{card}')"));
    browser.click(&format!("{card} .settings > section:last-child button"));
    browser.click_in_dialog("Unlink");
    browser.wait("its card to go", &format!("return !document.querySelector('{card}')"));
    assert_eq!(fs::read(place.join("there.txt")).expect("it stays"), b"there before");
    two.write("later.txt", "later");
    two.wait_until_in_sync();
    assert!(!place.join("later.txt").exists());
    show(&browser, "now");
    assert_eq!(browser.count(".card[data-folder]"), 1);
}

#[test]
fn rules_are_tried_out_and_written_as_a_person_would() {
    let world = World::new();
    let server = Server::start(&world);
    let mut one = Device::join(&world, "one", &server.link());
    let two = Device::join(&world, "two", &server.link());
    one.write("build/out.o", "made");
    one.write("notes.txt", "notes");
    wait_for_file(&two, "build/out.o", b"made");
    let browser = Browser::start(&world);
    Window::of(&mut one).open(&browser, "settings");

    browser.click("[data-rules] summary");
    browser.wait_for_text("[data-rules]", "match nothing");
    browser.fill("[data-rules] textarea", "build/\n*.tmp\n[z-a\n");
    browser.wait_for_text("[data-preview=newly]", "build/");
    browser.wait_for_text("[data-rules] .notice", "[z-a");
    assert!(!one.at(".onefoldignore").exists(), "a preview writes nothing");
    browser.fill("[data-rules] textarea", "build/\n*.tmp\n");
    browser.click_on("Save rules");
    browser.wait_for_text("#told", "saved");
    wait_for_file(&two, ".onefoldignore", b"build/\n*.tmp\n");
    one.write("x.tmp", "stays here");
    one.write("build/more.o", "stays here");
    one.write("y.txt", "goes");
    wait_for_file(&two, "y.txt", b"goes");
    assert!(!two.at("x.tmp").exists() && !two.at("build/more.o").exists());

    // What someone else wrote meanwhile is not overwritten.
    two.write(".onefoldignore", "# from two\n");
    wait_for_file(&one, ".onefoldignore", b"# from two\n");
    browser.fill("[data-rules] textarea", "mine\n");
    browser.click_on("Save rules");
    browser.wait_for_text("#told .bad", "was changed since");
    wait_for_file(&two, ".onefoldignore", b"# from two\n");
    wait_for_file(&two, "build/more.o", b"stays here");
}
