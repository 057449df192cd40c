//! A real browser, without a window: Chromium, told what to do by the
//! [DevTools protocol](https://chromedevtools.github.io/devtools-protocol/) over pipes.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::{PATIENCE, skip};

/// A browser. It ends with this value.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    orders: ChildStdin,
    news: Receiver<Value>,
    /// What has come and nobody waited for yet.
    waiting: Vec<Value>,
    last_id: u64,
    session: String,
    profile: PathBuf,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
    pub scripts: bool,
}

impl Look {
    pub const DESKTOP: Self = Self { width: 1280, height: 900, dark: false, scripts: true };
    pub const PHONE: Self = Self { width: 360, height: 780, dark: false, scripts: true };
}

impl Browser {
    /// A browser that looks at nothing yet; `None`: there is none on this machine.
    pub fn start(look: Look) -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let mut paths = std::env::split_paths(&paths).flat_map(|path| names.map(|n| path.join(n)));
        let Some(chromium) = paths.find(|path| path.is_file()) else {
            skip("there is no chromium", "REQUIRE_CHROMIUM");
            return None;
        };
        let mut browser = Self::launch(&chromium);
        let target = browser.browser_wide("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.browser_wide("Target.attachToTarget", &attach);
        attached["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        browser.call("Page.enable", &json!({}));
        browser.call("Log.enable", &json!({}));
        browser.call("Runtime.enable", &json!({}));
        let Look { width, height, dark, scripts } = look;
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        browser.call("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.call("Emulation.setEmulatedMedia", &media);
        browser.call("Emulation.setScrollbarsHidden", &json!({"hidden": true}));
        browser.call("Emulation.setScriptExecutionDisabled", &json!({"value": !scripts}));
        Some(browser)
    }

    fn launch(chromium: &Path) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("web-test-profile-{}-{number}", std::process::id());
        let profile = std::env::temp_dir().join(name);
        // It reads orders from descriptor 3 and writes to 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"])
            .arg(chromium)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--disable-dev-shm-usage", "--disable-extensions"])
            .args(["--disable-background-networking", "--disable-sync", "--no-pings"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let mut source = BufReader::new(child.stdout.take().unwrap());
        let (sender, news) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while source.read_until(0, &mut message).is_ok_and(|bytes| bytes > 0) {
                let value = serde_json::from_slice(message.strip_suffix(b"\0").unwrap_or(&message));
                if value.is_ok_and(|value: Value| sender.send(value).is_err()) {
                    break;
                }
                message.clear();
            }
        });
        let (waiting, session) = (Vec::new(), String::new());
        Self { child, orders, news, waiting, last_id: 0, session, profile }
    }

    /// Goes to a page and waits until it is there.
    pub fn open(&mut self, url: &str) {
        self.waiting.clear();
        let gone = self.call("Page.navigate", &json!({"url": url}));
        assert!(gone["errorText"].is_null(), "{url}: {gone}");
        self.wait_for_load();
    }

    /// Waits until a page has been loaded.
    pub fn wait_for_load(&mut self) {
        self.wait_for("a page", |news| news["method"] == "Page.loadEventFired");
    }

    /// The value of a JavaScript expression, which may be a promise.
    pub fn value(&mut self, expression: &str) -> Value {
        let asked = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
        });
        let answer = self.call("Runtime.evaluate", &asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until a JavaScript expression is true; the page tells when it changes.
    #[track_caller]
    pub fn wait_until(&mut self, expression: &str) {
        let patience = PATIENCE.as_millis();
        let promise = format!(
            "new Promise((resolve) => {{
               const look = () => {{ if ({expression}) {{ observer.disconnect(); resolve(true); }} }};
               const observer = new MutationObserver(look);
               observer.observe(document, {{
                 subtree: true, childList: true, attributes: true, characterData: true,
               }});
               setTimeout(() => resolve(false), {patience});
               look();
             }})"
        );
        if self.value(&promise) != true {
            let page = self.value("document.body.innerText");
            panic!("never: {expression}; the page says {page}");
        }
    }

    /// Clicks with the mouse where an element is.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let place = self.value(&format!(
            "(() => {{
               const element = document.querySelector({selector:?});
               if (!element) return null;
               element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
               const box = element.getBoundingClientRect();
               return {{ x: box.x + box.width / 2, y: box.y + box.height / 2, width: box.width }};
             }})()"
        ));
        let shown = place["width"].as_f64().unwrap_or_default() > 0.0;
        assert!(shown, "{selector} can't be clicked: {place}");
        for kind in ["mousePressed", "mouseReleased"] {
            let mouse = json!({
                "type": kind, "x": place["x"], "y": place["y"], "button": "left", "clickCount": 1,
            });
            self.call("Input.dispatchMouseEvent", &mouse);
        }
    }

    /// Fails if the page broke a rule of its own or a script went wrong since it was opened.
    #[track_caller]
    pub fn assert_flawless(&mut self) {
        // What went wrong by now has been told before this is answered.
        self.value("1");
        let flaws = ["Log.entryAdded", "Runtime.exceptionThrown"];
        let flaw = |news: &&Value| flaws.iter().any(|flaw| news["method"] == *flaw);
        let flaws: Vec<&Value> = self.waiting.iter().filter(flaw).collect();
        assert!(flaws.is_empty(), "{flaws:#?}");
    }

    /// Waits until the page breaks a rule, and tells which.
    #[track_caller]
    pub fn wait_for_flaw(&mut self) -> String {
        self.wait_for("a flaw", |news| news["method"] == "Log.entryAdded").to_string()
    }

    /// Fails if the page is wider than what is seen of it.
    #[track_caller]
    pub fn assert_fits(&mut self) {
        let [page, seen] = ["document.documentElement.scrollWidth", "innerWidth"]
            .map(|expression| self.value(expression).as_u64().unwrap());
        assert!(page <= seen, "{page} of {seen} pixels");
    }

    /// Presses a key where the focus is.
    pub fn press(&mut self, key: &str, text: &str) {
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let code = if key == "Enter" { 13 } else { 0 };
            let event = json!({
                "type": kind, "key": key, "code": key, "text": text,
                "windowsVirtualKeyCode": code,
            });
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Keeps a picture of what is seen, if `WEB_SCREENSHOTS` names a folder for that.
    pub fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("WEB_SCREENSHOTS") else { return };
        self.picture_at(&Path::new(&folder).join(format!("{name}.png")));
    }

    /// Keeps a picture of what is seen in this file.
    pub fn picture_at(&mut self, path: &Path) {
        use base64::Engine;
        let picture = self.call("Page.captureScreenshot", &json!({"format": "png"}));
        let encoded = picture["data"].as_str().unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn browser_wide(&mut self, method: &str, parameters: &Value) -> Value {
        let id = self.last_id + 1;
        self.send(json!({"id": id, "method": method, "params": parameters}))
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        let (id, session) = (self.last_id + 1, &self.session);
        let order = json!({
            "id": id, "sessionId": session, "method": method, "params": parameters,
        });
        self.send(order)
    }

    fn send(&mut self, order: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let mut bytes = order.to_string().into_bytes();
        bytes.push(0);
        self.orders.write_all(&bytes).unwrap();
        let answer = self.wait_for(&order.to_string(), |news| news["id"] == id);
        assert!(answer["error"].is_null(), "{order}: {answer}");
        answer["result"].clone()
    }

    #[track_caller]
    fn wait_for(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.waiting.iter().position(&is_it) {
            return self.waiting.remove(place);
        }
        let end = Instant::now() + PATIENCE + PATIENCE;
        loop {
            match self.news.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(news) if is_it(&news) => return news,
                Ok(news) => self.waiting.push(news),
                Err(why) => panic!("no answer to {what}: {why}"),
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.orders.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let _ = crate::harness::wait(&mut self.child);
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
