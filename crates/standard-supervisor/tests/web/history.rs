//! The history of a program, on its page and in the API.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::browser::{Browser, Look};
use crate::site::Site;

/// The first run exits with an error, the second becomes unhealthy, the third keeps running.
const SCRIPT: &str = "\
n=$(cat n 2>/dev/null || echo 0); n=$((n + 1)); echo $n > n\n\
case $n in\n\
1) echo 'loading weights'; echo 'RuntimeError: <b>no weights</b>'; exit 3;;\n\
2) : > good; echo serving; while [ ! -e bad ]; do sleep 0.05; done; rm good; exec sleep 1000;;\n\
*) : > good; echo serving again; exec sleep 1000;;\n\
esac\n";

const CHECKED: [(&str, &str); 6] = [
    ("PROCESS_HEALTH_COMMAND", "test -e good"),
    ("PROCESS_HEALTH_READY", "check"),
    ("PROCESS_HEALTH_INTERVAL", "0.1"),
    ("PROCESS_HEALTH_FAILURES", "2"),
    ("PROCESS_LEFTOVER_GRACE_SECS", "0"),
    ("PROCESS_HEALTH_EVIDENCE_SECS", "0.05"),
];

/// A program that has failed in two ways, and runs.
fn with_failed_runs(name: &str) -> Site {
    let site = Site::of_command_with(name, &CHECKED, &["sh", "-c", SCRIPT]);
    let mut events = site.events("api/v1/events");
    events.wait_for("events from now on");
    let healthy = |site: &Site| site.program("app")["health"] == "healthy";
    while site.program("app")["restarts"] != 1 || !healthy(&site) {
        events.wait_for("event: health");
    }
    std::fs::write(site.folder().join("bad"), "").unwrap();
    events.data("crash", "\"health\"");
    while !healthy(&site) {
        events.wait_for("event: health");
    }
    site
}

#[test]
fn each_run_shows_why_it_ended_and_has_its_report() {
    let site = with_failed_runs("history");
    let runs = site.get("api/v1/programs/app/runs").json();
    let [third, second, first] = runs["runs"].as_array().unwrap().as_slice() else {
        panic!("{runs}")
    };
    assert_eq!(
        (&third["run"], &third["end"], &third["report"]),
        (&json!(3), &json!(null), &json!(false))
    );
    assert!(third["ready_after_seconds"].is_number(), "{third}");
    assert_eq!((&second["end"], &second["class"]), (&json!("failed"), &json!("health")));
    let exit = second["exit"].as_str().unwrap();
    assert!(exit.starts_with("unhealthy: 2 consecutive checks failed"), "{exit}");
    assert_eq!((&first["class"], &first["exit"]), (&json!("exit"), &json!("exit status 3")));
    assert!(first["ready_after_seconds"].is_null() && first["ended_at"].is_string(), "{first}");
    let report = site.get("api/v1/programs/app/runs/1/report").json();
    assert_eq!((&report["run"], &report["exit_code"]), (&json!(1), &json!(3)));
    let lines = json!(["loading weights", "RuntimeError: <b>no weights</b>"]);
    assert_eq!(report["last_lines"]["stdout"], lines);
    for (path, status) in [("runs/3/report", 404), ("runs/x/report", 400), ("runs/9/report", 404)] {
        assert_eq!(site.get(&format!("api/v1/programs/app/{path}")).status, status, "{path}");
    }
    let app = site.program("app");
    assert_eq!(app["last_check"], "passed");
    assert!(app["last_check_seconds"].is_number() && app["last_check_at"].is_string(), "{app}");
    // An earlier request has just taken a sample.
    let usage = site.get("api/v1/programs/app/usage").json();
    let samples = usage["samples"].as_array().unwrap();
    assert!(samples[0]["memory_bytes"].as_u64().unwrap() > 0, "{usage}");
    assert!(samples[0]["cpu"].is_null(), "{usage}");
}

#[test]
fn the_page_of_a_program_is_complete_without_javascript() {
    let site = with_failed_runs("history-plain");
    let Some(mut browser) = Browser::start(Look { scripts: false, ..Look::PHONE }) else { return };
    browser.open(&site.url("index.html"));
    browser.click("tr[data-name='app'] .name a");
    browser.wait_for_load();
    let page = site.get("program.html?processname=app").body;
    for piece in [
        "<strong>Run 3</strong>",
        "unhealthy: 2 consecutive checks failed",
        "<code>health</code>",
        "exit status 3 <span class=\"class\">class <code>exit</code>",
        "RuntimeError: &lt;b&gt;no weights",
        "<dt>Last check</dt><dd>passed, ",
        "JavaScript is off",
    ] {
        assert!(page.contains(piece), "{piece} in {page}");
    }
    browser.click("#report-1 summary");
    browser.assert_fits();
    browser.picture("program-plain");
    assert!(site.get("program.html?processname=nope").body.contains("no program 'nope'"));
}

#[test]
fn a_report_opens_with_a_key_and_stays_open() {
    let site = with_failed_runs("history-keys");
    let Some(mut browser) = Browser::start(Look::DESKTOP) else { return };
    browser.open(&site.url("program.html?processname=app"));
    browser.wait_until("document.body.dataset.live === 'yes'");
    // Every control and curve has a name that a screen reader says.
    let nameless = "[...document.querySelectorAll('header *, main *')].filter((one) => \
                    one.matches('button, summary, a, svg[role]') && !(one.getAttribute('aria-label') || one.textContent.trim())).length";
    assert_eq!(browser.value(nameless), 0);
    browser.value("document.querySelector('#report-1 summary').focus()");
    browser.press("Enter", "\r");
    browser.wait_until("document.getElementById('report-1').open");
    // An event updates the page; the report stays open and focused.
    site.post("api/v1/programs/app/restart?wait=false");
    browser.wait_until("document.querySelector('.run strong')?.textContent === 'Run 4'");
    assert_eq!(browser.value("document.getElementById('report-1').open"), true);
    assert_eq!(browser.value("document.activeElement.tagName"), "SUMMARY");
    browser.wait_until("document.querySelector('main').innerText.includes('stopped')");
    browser.assert_flawless();
}

#[test]
fn the_page_of_a_program_shows_each_state_in_all_themes_and_widths() {
    let programs = "\
[program:ready]\ncommand=sleep 1000\nhealth_command=true\n\
[program:waits]\ncommand=sleep 1000\nhealth_command=false\n\
health_interval=0.1\n\
[program:ill]\ncommand=sleep 1000\nstartsecs=0\nready=startsecs\nhealth_command=false\nhealth_interval=0.1\n\
health_action=observe\n\
[program:broken]\ncommand=/no/such/file\nstartretries=0\n\
[program:retried]\ncommand=sh -c 'exit 7'\nstartretries=100\n\
[program:idle]\ncommand=sleep 1000\nautostart=false\n";
    let site = Site::with("program-states", programs);
    let mut events = site.events("api/v1/events");
    events.wait_for("events from now on");
    while site.program("ill")["health"] != "unhealthy" {
        events.wait_for("event: health");
    }
    for (look, name) in [
        (Look::DESKTOP, "wide"),
        (Look { dark: true, ..Look::DESKTOP }, "wide-dark"),
        (Look { height: 1100, ..Look::PHONE }, "narrow"),
        (Look { height: 1100, dark: true, ..Look::PHONE }, "narrow-dark"),
    ] {
        let Some(mut browser) = Browser::start(look) else { return };
        for (program, says) in [
            ("ready", ["running", "healthy"]),
            ("waits", ["starting", "not ready: "]),
            ("ill", ["unhealthy", "checks failed"]),
            ("broken", ["fatal", "find command"]),
            ("retried", ["Run 1", "exit status 7"]),
            ("idle", ["stopped", "Not started yet"]),
        ] {
            browser.open(&site.url(&format!("program.html?processname={program}")));
            browser.wait_until("document.body.dataset.live === 'yes'");
            for text in says {
                let text = serde_json::to_string(text).unwrap();
                browser.wait_until(&format!("document.body.innerText.includes({text})"));
            }
            if ["ready", "waits", "ill"].contains(&program) {
                // The run in progress has the program's status.
                let same = "document.querySelector('.run .mark').textContent === \
                            document.querySelector('.now .status').textContent";
                assert_eq!(browser.value(same), true, "{program}");
            }
            browser.assert_fits();
            browser.assert_flawless();
            browser.picture(&format!("program-{program}-{name}"));
        }
    }
}

/// A server with a health check and metrics. A file in its directory counts its runs, and the
/// number of the run sets its behavior.
const SERVER: &str = r#"
import http.server, os, sys, time
n = int(open("n").read()) + 1 if os.path.exists("n") else 1
open("n", "w").write(str(n))
print("INFO loading the model from /models/small", flush=True)
if n == 1:
    sys.exit("RuntimeError: CUDA driver is not ready")
begun, hold = time.time(), bytearray((40 + 25 * n) << 20)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if n == 2 and time.time() - begun > 8:
            time.sleep(60)
        end = time.time() + (0.02 if time.time() % 60 < 30 else 0.09)
        while time.time() < end: hold[0] = 1
        done = int((time.time() - begun) * 731)
        page = f"running 4\nwaiting 2\ngenerated_tokens_total {done}\n"
        self.send_response(200); self.end_headers(); self.wfile.write(page.encode())
    def log_message(self, *args): pass
print("INFO serving", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

fn wait(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}

/// `UPDATE=1` makes the pictures of the documentation: they need minutes, for the curves.
#[test]
fn the_screenshots_of_the_documentation_exist() {
    let images = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/images");
    let names = [
        ("page-light", false),
        ("page-dark", true),
        ("program-light", false),
        ("program-dark", true),
    ];
    if std::env::var_os("UPDATE").is_none() {
        for (name, _) in names {
            assert!(images.join(format!("{name}.png")).is_file(), "UPDATE=1 makes {name}.png");
        }
        return;
    }
    std::fs::create_dir_all(&images).unwrap();
    let port = crate::harness::free_port();
    let health = format!("http://127.0.0.1:{port}/health");
    let progress = format!("http://127.0.0.1:{port}/metrics");
    let env = [
        ("PROCESS_HEALTH_URL", health.as_str()),
        ("PROCESS_HEALTH_READY", "check"),
        ("PROCESS_HEALTH_INTERVAL", "1"),
        ("PROCESS_HEALTH_TIMEOUT", "1"),
        ("PROCESS_HEALTH_PROGRESS_URL", progress.as_str()),
        ("PROCESS_HEALTH_PROGRESS_RUNNING", "running"),
        ("PROCESS_HEALTH_PROGRESS_WAITING", "waiting"),
        ("PROCESS_HEALTH_PROGRESS_DONE", "generated_tokens_total"),
        ("PROCESS_HEALTH_PROGRESS_INTERVAL", "5"),
        ("PROCESS_HEALTH_EVIDENCE_SECS", "1"),
        ("SUPERVISOR_PROGRAM__NGINX_COMMAND", "sleep 100000"),
        ("SUPERVISOR_PROGRAM__NGINX_ESSENTIAL", "false"),
        ("SUPERVISOR_PROGRAM__TOKENIZER_COMMAND", "sleep 100000"),
        ("SUPERVISOR_PROGRAM__TOKENIZER_ESSENTIAL", "false"),
        ("SUPERVISOR_PROGRAM__TOKENIZER_HEALTH_COMMAND", "test ! -e n"),
        ("SUPERVISOR_PROGRAM__TOKENIZER_HEALTH_INTERVAL", "2"),
        ("SUPERVISOR_PROGRAM__TOKENIZER_HEALTH_ACTION", "observe"),
    ];
    let port = port.to_string();
    let site = Site::of_command_with("pictures", &env, &["python3", "-c", SERVER, &port]);
    wait(280);
    for (name, dark) in names {
        let path = if name.starts_with("page") { "" } else { "program.html?processname=app" };
        let height = if path.is_empty() { 350 } else { 960 };
        let look = Look { width: 1120, height, dark, scripts: true };
        let Some(mut browser) = Browser::start(look) else { return };
        browser.open(&site.url(path));
        browser.wait_until("document.body.dataset.live === 'yes'");
        wait(4);
        browser.picture_at(&images.join(format!("{name}.png")));
    }
}
