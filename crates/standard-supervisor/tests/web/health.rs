//! The health of a program in every output: clients, page, API and events.

use std::fs;

use serde_json::{Value, json};

use crate::browser::{Browser, Look};
use crate::harness::kill;
use crate::site::Site;

/// A program that is healthy as long as there is a file.
const CHECKED: &str = "\
[program:app]\ncommand=sleep 1000\nstartsecs=0\nhealth_command=test -e FOLDER/good\n\
health_interval=0.1\nhealth_failures=3\n";

const OBSERVED: &str = "health_action=observe\n";

impl Site {
    fn good(&self, good: bool) {
        let file = self.folder().join("good");
        if good { fs::write(file, "").unwrap() } else { fs::remove_file(file).unwrap() }
    }

    /// The description of `app` that XML-RPC returns to clients.
    fn description(&self, method: &str, params: &str) -> String {
        let call = format!(
            "<?xml version=\"1.0\"?><methodCall><methodName>supervisor.{method}</methodName>\
             <params>{params}</params></methodCall>"
        );
        let answer = self.ask("POST /RPC2", &["Content-Type: text/xml"], &call).body;
        let (_, rest) = answer.split_once("<name>description</name>").unwrap();
        let (_, rest) = rest.split_once("<string>").unwrap();
        rest.split_once("</string>").unwrap().0.to_owned()
    }

    fn json_status(&self) -> Value {
        serde_json::from_str::<Value>(&self.ctl(&["status", "--json", "app"])).unwrap()[0].clone()
    }
}

#[test]
fn readiness_and_health_are_shown_alike_everywhere() {
    let site = Site::with("health", &format!("{CHECKED}{OBSERVED}"));
    let mut events = site.events("api/v1/events");
    events.wait_for("events from now on");
    let app = site.program("app");
    assert_eq!((&app["state"], &app["health"]), (&json!("STARTING"), &json!("starting")));
    assert_eq!(app["ready"], false);
    site.good(true);
    let told = events.data("health", "\"healthy\"");
    assert_eq!((&told["name"], &told["ready"]), (&json!("app"), &json!(true)));
    let line = site.ctl(&["status"]);
    assert!(line.contains("RUNNING   pid ") && !line.contains("healthy"), "{line}");

    site.good(false);
    let told = events.data("health", "\"unhealthy\"");
    assert_eq!((&told["ready"], &told["state"]), (&json!(false), &json!("RUNNING")));
    let reason = told["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("status 1"), "{reason}");
    // In a few words behind what a script may split.
    let line = site.ctl(&["status"]);
    let (known, more) = line.split_once(", unhealthy: ").unwrap_or_else(|| panic!("{line}"));
    assert!(known.contains("RUNNING   pid ") && known.contains(", uptime 0:00:"), "{line}");
    assert!(more.ends_with(" checks failed\n"), "{line}");
    let param = "<param><value><string>app</string></value></param>";
    for (method, params) in [("getProcessInfo", param), ("getAllProcessInfo", "")] {
        let description = site.description(method, params);
        assert!(description.contains(", unhealthy: "), "{method}: {description}");
    }
    let status = site.json_status();
    assert_eq!((&status["statename"], &status["ready"]), (&json!("RUNNING"), &json!(false)));
    assert_eq!(status["health"], "unhealthy");
    let app = site.program("app");
    assert_eq!((&app["state"], &app["health"]), (&json!("RUNNING"), &json!("unhealthy")));
    assert!(app["health_reason"].as_str().unwrap().contains("status 1"), "{app}");
    assert!(app["since"].is_string(), "{app}");
    let page = site.get("").body;
    assert!(page.contains(r#"data-health="unhealthy""#), "{page}");
    assert!(page.contains(">unhealthy</span>"), "{page}");

    site.good(true);
    events.data("health", "\"healthy\"");
    assert!(!site.ctl(&["status"]).contains("healthy"));
    assert_eq!(site.json_status()["health"], "healthy");
}

#[test]
fn the_page_shows_an_unhealthy_program_by_text_and_color() {
    let site = Site::with("health-page", &format!("{CHECKED}{OBSERVED}"));
    let mut events = site.events("api/v1/events");
    events.wait_for("events from now on");
    let Some(mut browser) = Browser::start(Look::DESKTOP) else { return };
    browser.open(&site.url(""));
    let status = "document.querySelector('tr[data-name=\"app\"] .status')";
    let color = format!("getComputedStyle({status}).color");
    site.good(true);
    browser.wait_until(&format!("{status}?.textContent === 'running'"));
    let good = browser.value(&color);
    site.good(false);
    browser.wait_until(&format!("{status}?.textContent === 'unhealthy'"));
    assert_ne!(browser.value(&color), good);
    browser.wait_until("document.getElementById('summary').textContent === '1 unhealthy'");
    let text = "document.querySelector('tr[data-name=\"app\"]').innerText";
    let text = browser.value(text).to_string();
    assert!(text.contains("unhealthy: ") && text.contains("checks failed"), "{text}");
    browser.assert_flawless();
    // A signal that suspends it is seen as well.
    let pid = i32::try_from(site.program("app")["pid"].as_i64().unwrap()).unwrap();
    kill(pid, "STOP");
    // The signal is delivered when the process gets a processor.
    while !fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") T ") {
        std::thread::yield_now();
    }
    let remark = site.program("app")["remark"].to_string();
    assert!(remark.contains("suspended by a signal"), "{remark}");
    let line = site.ctl(&["status"]);
    assert!(line.contains("suspended by a signal"), "{line}");
}

#[test]
fn the_last_exit_shows_a_restart_for_health() {
    let site = Site::with("health-restart", CHECKED);
    let mut events = site.events("api/v1/events");
    events.wait_for("events from now on");
    site.good(true);
    events.data("health", "\"healthy\"");
    site.good(false);
    events.data("health", "\"unhealthy\"");
    let crash = events.data("crash", "\"health\"");
    assert_eq!((&crash["run"], &crash["next"]), (&json!(1), &json!("restart")));
    site.good(true);
    events.data("health", "\"healthy\"");
    let app = site.program("app");
    assert_eq!(app["last_failure"], "health");
    let last = app["last_exit"].as_str().unwrap();
    assert!(last.starts_with("unhealthy: ") && last.ends_with("(terminated by SIGTERM)"), "{last}");
    assert!(
        site.get("").body.contains("unhealthy: 3 consecutive checks failed"),
        "the page says so"
    );
}

#[test]
fn giving_up_is_sent_as_an_event() {
    let broken = "[program:broken]\ncommand=sh -c 'exit 3'\nstartretries=0\nautostart=false\n";
    let site = Site::with("gave-up", broken);
    let mut events = site.events("api/v1/events");
    events.wait_for("events from now on");
    site.post("api/v1/programs/broken/start?wait=false");
    let crash = events.data("crash", "broken");
    assert_eq!((&crash["class"], &crash["next"]), (&json!("exit"), &json!("give_up")));
    let gave_up = events.data("gave_up", "broken");
    assert!(gave_up["why"].is_string(), "{gave_up}");
}
