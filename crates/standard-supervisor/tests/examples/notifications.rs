//! Notifications in the documents: hooks send what the page shows.

use std::time::Duration;

use serde_json::Value;

use crate::excerpts::shape;
use crate::harness::{Running, supervise};
use crate::pages::blocks;
use crate::receiver::{OK, receiver};

const PAGE: &str = "docs/how-to/hooks.md";

/// The longest time to wait for a notification.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn hooks_send_the_notifications_that_the_page_shows() {
    let sent = notifications();
    let mut shown = 0;
    for block in blocks().iter().filter(|block| block.page == PAGE && block.language == "json") {
        let wanted: Value = serde_json::from_str(&block.text).unwrap();
        let is_sent = sent.iter().any(|real| contains(real, &wanted));
        assert!(is_sent, "{}: no hook sends {wanted}\nbut {sent:#?}", block.place());
        shown += 1;
    }
    assert!(shown > 2, "only {shown} notifications");
}

/// The notifications of a program that crashes, is restarted, and crashes again, in each format.
fn notifications() -> Vec<Value> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let mut sent = Vec::new();
    for format in ["json", "slack", "alertmanager"] {
        let (port, requests) = receiver(Some(OK));
        let mut command = supervise(["sh", "-c", "exit 3"]);
        command
            .env("PROCESS_MAX_START_RETRIES", "1")
            .env("SUPERVISOR_HOOK__PAGER_URL", format!("http://127.0.0.1:{port}/"))
            .env("SUPERVISOR_HOOK__PAGER_FORMAT", format);
        let mut running = Running::start(&mut command);
        for _ in ["crash", "gave_up"] {
            let (_, body) = requests.recv_timeout(PATIENCE).unwrap();
            sent.push(on_pod_7(&body, host.trim()));
        }
        assert_eq!(running.exit_code(), 1);
    }
    sent
}

/// A notification as the host of the page would send it.
fn on_pod_7(body: &Value, host: &str) -> Value {
    let text = body.to_string();
    let quoted = [("\"{}\"", "\"pod-7\""), ("*{}*", "*pod-7*")];
    let text = quoted
        .iter()
        .fold(text, |text, (here, there)| text.replace(&here.replace("{}", host), there));
    serde_json::from_str(&text).unwrap()
}

/// Whether a notification has all fields of another; numbers in texts may differ.
fn contains(real: &Value, wanted: &Value) -> bool {
    match (real, wanted) {
        (Value::Object(real), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, wanted)| real.get(key).is_some_and(|real| contains(real, wanted))),
        (Value::Array(real), Value::Array(wanted)) => {
            real.len() == wanted.len() && real.iter().zip(wanted).all(|(r, w)| contains(r, w))
        }
        (Value::String(real), Value::String(wanted)) => shape(real) == shape(wanted),
        (Value::Number(_), Value::Number(_)) => true,
        _ => real == wanted,
    }
}
