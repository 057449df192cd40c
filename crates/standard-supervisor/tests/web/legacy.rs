//! The URLs of supervisord's page, as scripts use them.

use crate::site::Site;

const PROGRAMS: &str = "[program:api]\ncommand=sh -c 'echo hi; exec sleep 1000'\n\
                        [program:broken]\ncommand=sh -c 'exit 1'\nautostart=false\nstartretries=0\n\
                        [program:missing]\ncommand=/no/such/file\nautostart=false\n";

/// Where an action leads, decoded.
fn led_to(site: &Site, query: &str) -> String {
    let answer = site.get(query);
    assert_eq!(answer.status, 301, "{query}: {answer:?}");
    let place = answer.header("Location").unwrap();
    // Not supervisord's absolute one, which leads out of a proxy's path.
    let message = place.strip_prefix("index.html?message=").unwrap_or_else(|| panic!("{place}"));
    supervisor_wire::http::form::path(message)
}

#[test]
fn actions_by_url_have_supervisords_messages() {
    let site = Site::with("actions", PROGRAMS);
    for (query, message) in [
        ("index.html?processname=api&action=start", "ERROR: Process api: already started"),
        ("index.html?processname=api&action=stop", "Process api stopped"),
        ("index.html?processname=api&action=stop", "unexpected rpc fault [70] NOT_RUNNING: api"),
        ("?processname=api&action=start", "Process api started"),
        ("index.html?processname=api&action=restart", "Process api restarted"),
        ("index.html?processname=api&action=clearlog", "Log for api cleared"),
        ("index.html?processname=broken&action=start", "ERROR: Process broken: spawn error"),
        ("index.html?processname=missing&action=start", "ERROR: Process missing: no such file"),
        ("index.html?processname=nobody&action=start", "No such process named nobody"),
        ("index.html?processname=a%3Cb%26c&action=stop", "No such process named a<b&c"),
    ] {
        assert_eq!(led_to(&site, query), message, "{query}");
    }
    let refreshed = led_to(&site, "index.html?action=refresh");
    // `Page refreshed at Sun Nov 22 21:29:28 2026`
    assert_eq!(refreshed.split_whitespace().count(), 8, "{refreshed}");
    assert!(led_to(&site, "index.html?action=stopall").starts_with("All stopped at "));
    assert_eq!(site.program("api")["state"], "STOPPED");
    assert_eq!(site.get("index.html?processname=api&action=dance").status, 500);
}

#[test]
fn pages_have_supervisords_headers_and_texts() {
    let site = Site::with("pages", PROGRAMS);
    site.events("api/v1/programs/api/logs/stdout/stream?from=0").wait_for("hi");
    let page = site.get("index.html?message=%3Cb%3E");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("Content-Type"), Some("text/html;charset=utf-8"));
    assert_eq!(page.header("Pragma"), Some("no-cache"));
    assert_eq!(page.header("Expires"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
    let policy = page.header("Content-Security-Policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(page.body.contains("&lt;b&gt;"));
    assert!(page.body.contains("<title>Supervisor Status</title>"));
    for absolute in ["href=\"/", "src=\"/", "action=\"/", "data-api=\"/", "http://", "https://"] {
        assert!(!page.body.contains(absolute), "{absolute} would be wrong behind a proxy");
    }
    assert_eq!(site.get("ok.html").body, "OK");
    for (path, text) in [
        ("tail.html?processname=api", "hi\n</pre>"),
        ("tail.html?processname=api&limit=4096", "limit=4096\">Refresh"),
        ("tail.html", "No process name found"),
        ("tail.html?processname=nobody", "ERROR: unexpected rpc fault [10] BAD_NAME: nobody"),
        ("tail.html?processname=api", "<title>Supervisor tail of process api</title>"),
    ] {
        let page = site.get(path);
        assert_eq!(page.status, 200);
        assert!(page.body.contains(text), "{path}: {}", page.body);
    }
    assert_eq!(site.ask("HEAD /", &[], "").status, 404);
    assert_eq!(site.ask("DELETE /index.html", &[], "").status, 400);
    for path in ["nothing.html", "stylesheets/", "../etc/passwd", "images/..%2f..%2fetc/passwd"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
}

#[test]
fn assets_of_the_pages_exist_and_are_cached() {
    let site = Site::with("assets", PROGRAMS);
    for (path, kind) in [
        ("stylesheets/supervisor.css", "text/css; charset=utf-8"),
        ("scripts/supervisor.js", "text/javascript; charset=utf-8"),
        ("images/icon.svg", "image/svg+xml"),
    ] {
        let asset = site.get(path);
        assert_eq!((asset.status, asset.header("Content-Type")), (200, Some(kind)), "{path}");
        let tag = format!("If-None-Match: {}", asset.header("ETag").unwrap());
        let again = site.ask(&format!("GET /{path}"), &[&tag], "");
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        assert_eq!(site.post(path).status, 400, "{path}");
    }
}

#[test]
fn a_form_redirects_to_its_own_page() {
    let site = Site::with("form", PROGRAMS);
    let form = ["Content-Type: application/x-www-form-urlencoded"];
    let stop = site.ask("POST /index.html", &form, "processname=api&action=stop");
    assert_eq!(stop.status, 303);
    assert_eq!(stop.header("Location"), Some("index.html?message=Process%20api%20stopped"));
    // What the form says counts more than the query, and its last word most.
    let body = "action=stop&action=start&processname=api";
    let start = site.ask("POST /index.html?action=stop", &form, body);
    assert_eq!(start.header("Location"), Some("index.html?message=Process%20api%20started"));
}
