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
[program:stubborn]\ncommand=sh -c 'trap \"\" TERM; echo deaf; while :; do sleep 1; done'\n\
stopwaitsecs=600\nstdout_logfile=FOLDER/stubborn\n\
[program:busy]\ncommand=sh -c 'while :; do :; done'\n\
[program:idle]\ncommand=sleep 1000\n\
[group:workers]\nprograms=busy,idle\n\
[program:<script>alert(1)<script>]\ncommand=sh -c 'echo \"<script>document.title=1</script>\"; \
exec sleep 1000'\n";

fn row(name: &str) -> String {
    format!("document.querySelector('tr[data-name=\"{name}\"]')")
}

fn is(name: &str, state: &str) -> String {
    format!("{}.querySelector('.status').textContent === '{state}'", row(name))
}

#[test]
fn the_page_shows_each_state_in_words_and_colour() {
    let site = Site::with("states", MANY);
    for (look, name) in [
        (Look::DESKTOP, "light"),
        (Look { dark: true, ..Look::DESKTOP }, "dark"),
        (Look { height: 1500, ..Look::PHONE }, "phone"),
        (Look { height: 1500, dark: true, ..Look::PHONE }, "phone-dark"),
    ] {
        let Some(mut browser) = Browser::start(look) else { return };
        browser.open(&site.url(""));
        if name == "light" {
            site.post("api/v1/programs/stubborn/stop?wait=false");
        }
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
        browser.picture(name);
    }
}
