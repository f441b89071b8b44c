//! A real browser without a head: Chromium, driven by its own driver (the WebDriver protocol).
//!
//! It does what a person does, by clicks and keys at what is seen, and reads what the page shows. Each
//! browser has a profile of its own below its world.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::http::request;
use crate::keeper::free_port;
use crate::process::Process;
use crate::wait::{PATIENCE, wait_for};
use crate::world::World;

/// What a key is called by the protocol.
pub mod key {
    /// Tab.
    pub const TAB: &str = "\u{e004}";
    /// Enter.
    pub const ENTER: &str = "\u{e007}";
    /// Escape.
    pub const ESCAPE: &str = "\u{e00c}";
}

/// How the driver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How much of a picture is kept where not all of it is, of a hundred.
const QUALITY: u32 = 80;
/// What every browser is started with: nothing that it would do on its own.
const OPTIONS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--force-device-scale-factor=1",
    // Servers of tests have certificates of their own.
    "--ignore-certificate-errors",
];

/// An open browser. Dropped, it is closed.
#[derive(Debug)]
pub struct Browser {
    driver: Process,
    address: SocketAddr,
    session: String,
}

impl Browser {
    /// Starts one.
    pub fn start(world: &World) -> Self {
        let profile = tempfile::tempdir_in(world.path()).expect("the world is ours").keep();
        let mut command = Command::new("chromedriver");
        command
            .arg(format!("--port={}", free_port()))
            .env("HOME", &profile)
            .env("TZ", "UTC")
            .env("LANG", "C.UTF-8");
        let mut driver = world.start(command, "chromedriver");
        let line = driver.line("ChromeDriver was started successfully on port ");
        let port = line.trim_end_matches('.').rsplit(' ').next().and_then(|port| port.parse().ok());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.expect("a port")));
        let user_data = format!("--user-data-dir={}", profile.display());
        let arguments: Vec<_> = OPTIONS.iter().copied().chain([&*user_data]).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
        } } });
        let mut browser = Self { driver, address, session: String::new() };
        let session = browser.post("/session", &wanted);
        browser.session = session["sessionId"].as_str().expect("a session has an id").to_owned();
        browser.size(1280, 800);
        browser
    }

    /// Goes to an address.
    #[track_caller]
    pub fn go(&self, url: &str) {
        self.ask("url", &json!({ "url": url }));
    }

    /// Where it is.
    #[track_caller]
    pub fn url(&self) -> String {
        self.run("return location.href").as_str().expect("a text").to_owned()
    }

    /// Runs the body of a function in the page; what it returns, promises fulfilled.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.run_with(script, json!([]))
    }

    /// The same, with arguments.
    #[track_caller]
    pub fn run_with(&self, script: &str, arguments: Value) -> Value {
        self.ask("execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Waits until a script returns something that is true; what it returned.
    #[track_caller]
    pub fn wait(&self, what: &str, script: &str) -> Value {
        self.wait_with(what, script, &json!([]))
    }

    /// The same, with arguments.
    #[track_caller]
    pub fn wait_with(&self, what: &str, script: &str, arguments: &Value) -> Value {
        wait_for(what, PATIENCE, || match self.run_with(script, arguments.clone()) {
            Value::Null | Value::Bool(false) => Err(self.text("body")),
            value => Ok(value),
        })
    }

    /// Waits until the text of an element has this in it.
    #[track_caller]
    pub fn wait_for_text(&self, selector: &str, text: &str) {
        wait_for(&format!("{selector} to say {text:?}"), PATIENCE, || {
            let seen = self.text(selector);
            if seen.contains(text) {
                Ok(())
            } else {
                Err(format!("{seen:?}\n{}", self.text("body")))
            }
        });
    }

    /// The text that the first element of this kind shows; empty if there is none.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.innerText ?? ''";
        self.run_with(script, json!([selector])).as_str().unwrap_or_default().to_owned()
    }

    /// How many elements of this kind there are.
    #[track_caller]
    pub fn count(&self, selector: &str) -> u64 {
        let script = "return document.querySelectorAll(arguments[0]).length";
        self.run_with(script, json!([selector])).as_u64().expect("a number")
    }

    /// Clicks an element, once it is there and can be clicked.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.click_by("css selector", selector);
    }

    /// Clicks the button, link or label that says this.
    #[track_caller]
    pub fn click_on(&self, words: &str) {
        let is = format!("normalize-space(.)={}", quoted(words));
        let path = format!(
            "//*[(self::button or self::a or self::label or self::summary) and {is}]\
             [not(ancestor::*[@hidden])]"
        );
        self.click_by("xpath", &path);
    }

    /// Clicks the button of a dialog.
    #[track_caller]
    pub fn click_in_dialog(&self, words: &str) {
        let path = format!("//dialog//button[normalize-space(.)={}]", quoted(words));
        self.click_by("xpath", &path);
    }

    #[track_caller]
    fn click_by(&self, using: &str, value: &str) {
        wait_for(&format!("{value} to be clicked"), PATIENCE, || {
            let element = self.find(using, value)?;
            self.try_ask(&format!("element/{element}/click"), &json!({})).map(drop)
        });
    }

    /// Puts a text into a field, in place of what it holds.
    #[track_caller]
    pub fn fill(&self, selector: &str, text: &str) {
        wait_for(&format!("{selector} to be filled"), PATIENCE, || {
            let element = self.find("css selector", selector)?;
            self.try_ask(&format!("element/{element}/clear"), &json!({}))?;
            self.try_ask(&format!("element/{element}/value"), &json!({ "text": text })).map(drop)
        });
    }

    /// Presses keys, one after another, where the focus is.
    #[track_caller]
    pub fn press(&self, keys: &[&str]) {
        let presses: Vec<_> = keys
            .iter()
            .flat_map(|key| {
                [
                    json!({ "type": "keyDown", "value": key }),
                    json!({ "type": "keyUp", "value": key }),
                ]
            })
            .collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": presses });
        self.ask("actions", &json!({ "actions": [keyboard] }));
    }

    /// Makes the page so large, in pixels.
    #[track_caller]
    pub fn size(&self, width: u32, height: u32) {
        self.tools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        );
    }

    /// Prefers dark colours, or light ones.
    #[track_caller]
    pub fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": value });
        self.tools("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
    }

    /// Asks the browser's developer tools.
    #[track_caller]
    pub fn tools(&self, command: &str, parameters: &Value) -> Value {
        self.ask("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Takes a picture of what is seen: `.png`, or `.webp`, which is small.
    #[track_caller]
    pub fn picture(&self, path: &Path) {
        fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("a directory");
        let kind = path.extension().and_then(|kind| kind.to_str()).expect("a kind of picture");
        let quality = if kind == "png" { 100 } else { QUALITY };
        let parameters = json!({ "format": kind, "quality": quality });
        let shown = self.tools("Page.captureScreenshot", &parameters);
        let text = shown["data"].as_str().expect("a picture as text");
        fs::write(path, BASE64.decode(text.as_bytes()).expect("base64"))
            .expect("a picture can be written");
    }

    fn find(&self, using: &str, value: &str) -> Result<String, String> {
        let found = self.try_ask("element", &json!({ "using": using, "value": value }))?;
        Ok(found[ELEMENT].as_str().expect("an element has an id").to_owned())
    }

    #[track_caller]
    fn ask(&self, command: &str, parameters: &Value) -> Value {
        self.try_ask(command, parameters).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    fn try_ask(&self, command: &str, parameters: &Value) -> Result<Value, String> {
        self.send("POST", &format!("/session/{}/{command}", self.session), parameters)
    }

    #[track_caller]
    fn post(&self, path: &str, parameters: &Value) -> Value {
        let answer = self.send("POST", path, parameters);
        answer.unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.driver.stderr()))
    }

    fn send(&self, method: &str, path: &str, parameters: &Value) -> Result<Value, String> {
        let body = if method == "POST" { parameters.to_string().into_bytes() } else { Vec::new() };
        let host = self.address.to_string();
        let headers = [("Host", &*host), ("Content-Type", "application/json")];
        let reply = request(self.address, method, path, &headers, &body)?;
        let mut answer: Value =
            serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
        match reply.status {
            200 => Ok(answer["value"].take()),
            _ => Err(answer["value"]["message"].to_string()),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver is killed with its process; the browser has to be told.
        let _ = self.send("DELETE", &format!("/session/{}", self.session), &Value::Null);
    }
}

/// A text in an XPath expression.
fn quoted(text: &str) -> String {
    assert!(!text.contains('"'), "{text:?} cannot be looked for");
    format!("\"{text}\"")
}
