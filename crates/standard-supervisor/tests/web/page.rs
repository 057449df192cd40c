//! The page, as people see it.

use serde_json::json;

use crate::browser::{Browser, Look};
use crate::site::Site;

/// One of each state, a group, and a name that would like to be markup.
const MANY: &str = "\
[program:api]\ncommand=sh -c 'echo serving; exec sleep 1000'\n\
[program:broken]\ncommand=sh -c 'exit 3'\nstartretries=0\n\
[program:done]\ncommand=true\nautorestart=false\nstartsecs=0\n\
[program:flaky]\ncommand=sh -c 'exit 1'\nstartretries=100\n\
[program:later]\ncommand=sleep 1000\nautostart=false\n\
[program:busy]\ncommand=sh -c 'while :; do :; done'\n\
[program:idle]\ncommand=sleep 1000\n\
[group:workers]\nprograms=busy,idle\n\
[program:<script>alert(1)<script>]\ncommand=sh -c 'echo \"<script>document.title=1</script>\"; \
exec sleep 1000'\n";

/// One that ignores the request to stop.
const STUBBORN: &str = "\
[program:stubborn]\ncommand=sh -c 'trap \"\" TERM; echo deaf; while :; do sleep 1; done'\n\
stopwaitsecs=600\nstdout_logfile=FOLDER/stubborn\n";

fn row(name: &str) -> String {
    format!("document.querySelector('tr[data-name=\"{name}\"]')")
}

fn is(name: &str, state: &str) -> String {
    format!("{}?.querySelector('.status').textContent === '{state}'", row(name))
}

/// Clicks a button of a program that asks first.
fn click_asking(browser: &mut Browser, name: &str, action: &str) {
    browser.click(&format!("tr[data-name='{name}'] [data-action='{action}'] summary"));
    browser.wait_until("document.querySelector('dialog').open");
}

/// Whatever is shown by scripts is shown by the time this is.
fn open_live(browser: &mut Browser, site: &Site, path: &str) {
    browser.open(&site.url(path));
    browser.wait_until("document.body.dataset.live === 'yes'");
}

#[test]
fn each_state_is_shown_by_text_and_color_in_all_themes_and_widths() {
    let site = Site::with("states", &format!("{MANY}{STUBBORN}"));
    let path = "api/v1/programs/stubborn/logs/stdout/stream?from=0";
    site.events(path).wait_for("deaf");
    site.post("api/v1/programs/stubborn/stop?wait=false");
    for (look, name, bright) in [
        (Look::DESKTOP, "light", true),
        (Look { dark: true, ..Look::DESKTOP }, "dark", false),
        (Look { height: 1500, ..Look::PHONE }, "phone", true),
        (Look { height: 1500, dark: true, ..Look::PHONE }, "phone-dark", false),
    ] {
        let Some(mut browser) = Browser::start(look) else { return };
        open_live(&mut browser, &site, "");
        for (program, state) in [
            ("api", "running"),
            ("broken", "fatal"),
            ("done", "exited"),
            ("later", "stopped"),
            ("stubborn", "stopping"),
            ("workers:busy", "running"),
        ] {
            browser.wait_until(&is(program, state));
        }
        let colour =
            |name: &str| format!("getComputedStyle({}.querySelector('.status')).color", row(name));
        let colours: Vec<_> = ["api", "broken", "later", "stubborn"]
            .map(|program| browser.value(&colour(program)).to_string())
            .into();
        let different: std::collections::BTreeSet<_> = colours.iter().collect();
        assert_eq!(different.len(), colours.len(), "{colours:?}");
        let page = browser.value("getComputedStyle(document.body).backgroundColor");
        let brightness = page.as_str().unwrap().split(|c: char| !c.is_ascii_digit());
        let brightest = brightness.filter_map(|part| part.parse::<u32>().ok()).max();
        assert_eq!(brightest > Some(128), bright, "{page}");
        browser.assert_fits();
        browser.assert_flawless();
        browser.picture(name);
    }
    site.post("api/v1/programs/stubborn/signal?signal=KILL");
}

#[test]
fn a_stop_needs_a_confirmation_and_a_start_does_not() {
    let Some(mut browser) = Browser::start(Look::DESKTOP) else { return };
    let site = Site::with("buttons", "[program:api]\ncommand=sleep 1000\n");
    open_live(&mut browser, &site, "");
    browser.wait_until(&is("api", "running"));
    let pid = site.program("api")["pid"].clone();
    click_asking(&mut browser, "api", "stop");
    browser.picture("dialog");
    assert_eq!(browser.value("document.getElementById('question').textContent"), "Stop api?");
    browser.click("dialog button:not(#yes)");
    browser.wait_until("!document.querySelector('dialog').open");
    assert_eq!(site.program("api")["pid"], pid, "nothing was confirmed");
    click_asking(&mut browser, "api", "stop");
    browser.click("#yes");
    browser.wait_until(&is("api", "stopped"));
    browser.wait_until("document.getElementById('status_msg').textContent === 'Stop: api, done'");
    assert_eq!(site.program("api")["state"], "STOPPED");
    browser.click("tr[data-name='api'] form[data-action='start'] button");
    browser.wait_until(&is("api", "running"));
    let second = site.program("api")["pid"].clone();
    click_asking(&mut browser, "api", "restart");
    browser.click("#yes");
    browser.wait_until(&format!("{}.querySelector('.restarts').textContent === '2'", row("api")));
    assert_ne!(site.program("api")["pid"], second);
}

#[test]
fn a_program_that_cannot_start_shows_the_reason() {
    let Some(mut browser) = Browser::start(Look::DESKTOP) else { return };
    let site = Site::with("why", "[program:api]\ncommand=/no/such/file\nautostart=false\n");
    open_live(&mut browser, &site, "");
    browser.click("tr[data-name='api'] form[data-action='start'] button");
    browser.wait_until("document.querySelector('.status_msg.failed') !== null");
    let message = browser.value("document.getElementById('status_msg').textContent");
    assert!(message.as_str().unwrap().contains("can't find command"), "{message}");
}

#[test]
fn a_crash_is_shown_without_a_reload() {
    let Some(mut browser) = Browser::start(Look::DESKTOP) else { return };
    let site = Site::with("crash", "[program:api]\ncommand=sleep 1000\nstartsecs=0\n");
    open_live(&mut browser, &site, "");
    browser.value("window.notLoadedAgain = true");
    site.post("api/v1/programs/api/signal?signal=KILL");
    browser.wait_until(&format!("{}.querySelector('.restarts').textContent === '1'", row("api")));
    browser.wait_until(&is("api", "running"));
    let exit = browser.value(&format!("{}.querySelector('.exit span').textContent", row("api")));
    assert_eq!(exit, "terminated by SIGKILL");
    assert_eq!(browser.value("window.notLoadedAgain"), true);
}

#[test]
fn an_unreachable_supervisor_is_shown_as_such() {
    let Some(mut browser) = Browser::start(Look::DESKTOP) else { return };
    let mut site = Site::with("gone", "[program:api]\ncommand=sleep 1000\n");
    open_live(&mut browser, &site, "");
    site.running.signal("TERM");
    site.running.exit_code();
    browser.wait_until("document.querySelector('.failed')?.textContent.includes('Connection to the supervisor lost')");
}

#[test]
fn added_and_removed_groups_are_shown_without_a_reload() {
    let Some(mut browser) = Browser::start(Look::DESKTOP) else { return };
    let site = Site::with("groups", "[program:a]\ncommand=sleep 1000\n[group:g]\nprograms=a\n");
    open_live(&mut browser, &site, "");
    browser.value("window.notLoadedAgain = true");
    browser.click("section[data-group='g'] [data-action='stop'] summary");
    browser.wait_until("document.querySelector('dialog').open");
    browser.click("#yes");
    browser.wait_until(&is("g:a", "stopped"));
    site.post("api/v1/groups/g/remove");
    browser.wait_until("document.querySelector('.empty') !== null");
    site.post("api/v1/groups/g/add");
    browser.wait_until(&is("g:a", "running"));
    assert_eq!(browser.value("window.notLoadedAgain"), true);
}

#[test]
fn a_log_grows_on_the_page_and_is_escaped() {
    let Some(mut browser) = Browser::start(Look::DESKTOP) else { return };
    let programs = "[program:echo]\ncommand=sh -c 'mkfifo FOLDER/in; echo \"<script>document.\
                    title=1</script>\"; while read line <FOLDER/in; do echo \"$line\"; done'\n";
    let site = Site::with("log", programs);
    let stream = "api/v1/programs/echo/logs/stdout/stream?from=0";
    site.events(stream).wait_for("<script>document.title=1");
    let log = "document.getElementById('log').textContent";
    browser.open(&site.url("tail.html?processname=echo"));
    browser.wait_until("document.querySelector('.live') !== null");
    assert_eq!(browser.value(log), "<script>document.title=1</script>\n");
    let say = |line: &str| std::fs::write(site.folder().join("in"), format!("{line}\n")).unwrap();
    say("a new line");
    browser.wait_until(&format!("{log}.endsWith('</script>\\na new line\\n')"));
    say("<img src=x onerror=document.title=2>");
    browser.wait_until(&format!("{log}.includes('<img src=x')"));
    browser.picture("log");
    let [page, window] = ["document.documentElement.scrollHeight", "innerHeight"]
        .map(|expression| browser.value(expression).as_u64().unwrap());
    assert!(page <= window, "the log scrolls, not the page: {page} of {window} pixels");
    browser.click("[data-action='clearlog'] summary");
    browser.wait_until("document.querySelector('dialog').open");
    browser.click("#yes");
    browser.wait_until(&format!("{log}.includes('==> New file <==')"));
    say("after that");
    browser.wait_until(&format!("{log}.endsWith('after that\\n')"));
    assert_eq!(browser.value("document.title"), "Supervisor tail of process echo");
    assert_eq!(browser.value("document.scripts.length"), 1);
    assert_eq!(browser.value("document.images.length"), 0);
    browser.assert_flawless();
}

#[test]
fn a_long_log_line_fits_a_phone() {
    let Some(mut browser) = Browser::start(Look::PHONE) else { return };
    let line = "no-blank-anywhere/".repeat(40);
    let programs = format!(
        "[program:long]\ncommand=sh -c 'echo {line}; echo end; exec sleep 1000'\n\
         redirect_stderr=true\n"
    );
    let site = Site::with("long", &programs);
    site.events("api/v1/programs/long/logs/stdout/stream?from=0").wait_for("end");
    browser.open(&site.url("tail.html?processname=long"));
    browser.wait_until("document.querySelector('.live') !== null");
    browser.assert_fits();
    browser.assert_flawless();
    browser.picture("phone-log");
    browser.open(&site.url("tail.html?processname=long&channel=stderr"));
    let log = browser.value("document.getElementById('log').textContent");
    assert_eq!(log, "No file for long: its stderr is part of its other stream.");
}

#[test]
fn injected_scripts_do_not_run() {
    let Some(mut browser) = Browser::start(Look::DESKTOP) else { return };
    let site = Site::with("policy", "[program:api]\ncommand=sleep 1000\n");
    open_live(&mut browser, &site, "");
    let image = "<img src=images/icon.svg onload=document.title=1>";
    browser.value(&format!("document.body.insertAdjacentHTML('beforeend', '{image}')"));
    let flaw = browser.wait_for_flaw();
    assert!(flaw.contains("Content Security Policy"), "{flaw}");
    browser.wait_until("document.images[0].complete");
    assert_eq!(browser.value("document.title"), "Supervisor Status");
}

#[test]
fn program_names_are_escaped() {
    let Some(mut browser) = Browser::start(Look::DESKTOP) else { return };
    let site = Site::with("markup", MANY);
    let name = "%3Cscript%3Ealert(1)%3Cscript%3E";
    let stream = format!("api/v1/programs/{name}/logs/stdout/stream?from=0");
    site.events(&stream).wait_for("</script>");
    open_live(&mut browser, &site, "index.html?message=%3Cscript%3Ealert(2)%3C/script%3E");
    browser.wait_until("document.querySelectorAll('tr[data-state]').length === 8");
    assert_eq!(browser.value("document.scripts.length"), 1);
    let name = "[...document.querySelectorAll('.name a')].map((link) => link.textContent)";
    let names = browser.value(&format!("{name}.includes('<script>alert(1)<script>')"));
    assert_eq!(names, true);
    let message = browser.value("document.getElementById('status_msg').textContent");
    assert_eq!(message, "<script>alert(2)</script>");
    browser.click("tr[data-name^='<script>'] .name a");
    browser.wait_for_load();
    let title = browser.value("document.title");
    assert_eq!(title, "<script>alert(1)<script> - Supervisor");
    browser.click("a.button[href^='tail.html']");
    browser.wait_for_load();
    let log = browser.value("document.getElementById('log').textContent");
    assert_eq!(log, "<script>document.title=1</script>\n");
    let title = browser.value("document.title");
    assert_eq!(title, "Supervisor tail of process <script>alert(1)<script>");
}

#[test]
fn the_page_works_without_scripts_except_live_updates() {
    let look = Look { scripts: false, ..Look::DESKTOP };
    let Some(mut browser) = Browser::start(look) else { return };
    let site = Site::with("plain", "[program:api]\ncommand=sh -c 'echo hi; exec sleep 1000'\n");
    browser.open(&site.url(""));
    browser.click("tr[data-name='api'] details[data-action='stop'] summary");
    browser.picture("plain");
    browser.click("tr[data-name='api'] details[data-action='stop'] button");
    browser.wait_for_load();
    assert_eq!(browser.value(&is("api", "stopped")), true);
    let message = "document.getElementById('status_msg').textContent";
    assert_eq!(browser.value(message), "Process api stopped");
    browser.click("tr[data-name='api'] form[data-action='start'] button");
    browser.wait_for_load();
    assert_eq!(browser.value(message), "Process api started");
    assert_eq!(site.program("api")["state"], "RUNNING");
    browser.click("tr[data-name='api'] .name a");
    browser.wait_for_load();
    browser.click("a.button[href^='tail.html']");
    browser.wait_for_load();
    let log = browser.value("document.getElementById('log').textContent");
    assert!(log.as_str().unwrap().starts_with("hi\n"), "{log}");
    browser.click("[data-action='clearlog'] summary");
    browser.click("[data-action='clearlog'] button");
    browser.wait_for_load();
    assert_eq!(browser.value(message), "Log for api cleared");
}

#[test]
fn a_foreign_page_cannot_submit_actions() {
    let Some(mut browser) = Browser::start(Look::DESKTOP) else { return };
    let site = Site::with("stranger", "[program:api]\ncommand=sleep 1000\nstartsecs=0\n");
    // The same server by another name is another site.
    browser.open(&format!("http://localhost:{}/ok.html", site.port));
    let form = format!(
        "document.body.innerHTML = `<form method=post action={}>\
         <input name=action value=stopall><button id=evil>Win!</button></form>`",
        json!(site.url("index.html"))
    );
    browser.value(&form);
    browser.click("#evil");
    browser.wait_for_load();
    let answer = browser.value("document.body.innerText").to_string();
    assert!(answer.contains("Cross-site request rejected"), "{answer}");
    assert_eq!(site.program("api")["state"], "RUNNING");
}
