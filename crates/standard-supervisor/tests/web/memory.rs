//! With a command and no log file, its latest output is shown from memory.

use crate::browser::{Browser, Look};
use crate::site::Site;

/// Says something, then what its stdin, a file, gets.
const TALKS: &str = "echo first; echo second >&2; exec tail -n +1 -f said";

#[test]
fn the_latest_output_is_shown_without_a_log_file() {
    let site = Site::of_command("memory", &["sh", "-c", &format!(": > said; {TALKS}")]);
    let mut stream = site.events("api/v1/programs/app/logs/stdout/stream?from=0");
    stream.data("text", "second");
    // With the newline that supervisorctl ends with.
    assert_eq!(site.ctl(&["tail", "app"]), "first\nsecond\n\n");
    assert_eq!(site.ctl(&["tail", "-7", "app"]), "second\n\n");
    let piece = site.get("api/v1/programs/app/logs/stdout?length=7").json();
    assert_eq!((&piece["text"], &piece["end"]), (&"second\n".into(), &13.into()));
    assert_eq!(site.program("app")["logs"], serde_json::json!(["stdout"]));
    let page = site.get("tail.html?processname=app").body;
    assert!(page.contains(">first\nsecond\n</pre>"), "{page}");
    assert!(page.contains("kept in memory"), "{page}");
    std::fs::write(site.folder().join("said"), "third\n").unwrap();
    stream.data("text", "third");
    let mut followed = site.events("logtail/app");
    followed.wait_for("third");
    site.ctl(&["clear", "app"]);
    assert_eq!(site.ctl(&["tail", "app"]), "\n");
    // The page explains why it has no separate stderr, and how to get one.
    let page = site.get("tail.html?processname=app&channel=stderr").body;
    assert!(page.contains("its stderr is part of its other stream"), "{page}");
}

#[test]
fn the_kept_output_of_a_completed_run_is_limited() {
    let script = "echo begin; i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i+1)); done; \
                  echo end of run; exec sleep 1000";
    let site = Site::of_command("memory-much", &["sh", "-c", script]);
    site.events("api/v1/programs/app/logs/stdout/stream").data("text", "end of run");
    site.post("api/v1/programs/app/stop");
    let shown = site.ctl(&["tail", "-1000000", "app"]);
    assert!(shown.ends_with("end of run\n\n"), "{shown}");
    assert!(shown.len() <= 32 * 1024 + 1 && shown.len() > 16 * 1024, "{}", shown.len());
    // Of output that arrives at once, the middle may be skipped.
    assert!(!shown.contains("begin\n") || shown.contains(" bytes skipped]\n"), "{shown}");
}

#[test]
fn the_page_follows_output_without_a_log_file() {
    let Some(mut browser) = Browser::start(Look::DESKTOP) else { return };
    let site = Site::of_command("memory-page", &["sh", "-c", &format!(": > said; {TALKS}")]);
    site.events("api/v1/programs/app/logs/stdout/stream?from=0").data("text", "second");
    browser.open(&site.url("tail.html?processname=app"));
    browser.wait_until("document.getElementById('live').classList.contains('live')");
    std::fs::write(site.folder().join("said"), "third\n").unwrap();
    browser.wait_until("document.getElementById('log').textContent.endsWith('second\\nthird\\n')");
    browser.assert_flawless();
    browser.picture("memory");
}
