//! Programs that depend on each other: by our own option, and by the event listener from PyPI
//! that people have used for it.

use crate::harness::{clean, program, python, skip};
use crate::home::{Home, stop};

/// A server at a socket.
const SOCKET: &str = "logfile=log\npidfile=pid\n[unix_http_server]\nfile=%(here)s/s\n\
                      [rpcinterface:supervisor]\n\
                      supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n";

/// What `supervisorctl` prints.
fn ctl(home: &Home, words: &[&str]) -> String {
    let url = format!("unix://{}", home.path("s").display());
    let mut ctl = clean(program("supervisorctl"), ["-s", &url]);
    String::from_utf8(ctl.args(words).output().unwrap().stdout).unwrap()
}

#[test]
fn a_program_that_waits_is_shown_as_stopped_with_its_dependency() {
    let home = Home::new(
        "depends",
        &format!(
            "{SOCKET}[program:side]\ncommand=sleep 1000\npriority=1\nstartsecs=0\n\
             depends_on=app:ready\n\
             [program:app]\ncommand=sh -c 'read -r go < fifo; echo ready; exec sleep 1000'\n\
             directory=%(here)s\nready=log:ready\n"
        ),
    );
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let fifo = home.path("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut running = home.start();
    running.stdout.wait_for("spawned: 'app'");
    running.stdout.wait_for("waiting: side starts after app:ready");
    let status = ctl(&home, &["status", "side"]);
    let words: Vec<&str> = status.split_whitespace().collect();
    assert_eq!(words, ["side", "STOPPED", "waiting", "for", "app:ready"]);
    assert_eq!(ctl(&home, &["start", "side"]), "side: started\n");
    running.stdout.wait_for("starting side without waiting for app:ready, because an operator");
    assert_eq!(ctl(&home, &["stop", "side"]), "side: stopped\n");
    // Of several, each waits for what it depends on.
    let start = std::thread::spawn({
        let home = home.path("s");
        move || {
            let url = format!("unix://{}", home.display());
            let mut ctl = clean(program("supervisorctl"), ["-s", &url, "start", "all"]);
            String::from_utf8(ctl.output().unwrap().stdout).unwrap()
        }
    });
    running.stdout.wait_for("waiting: side starts after app:ready");
    std::fs::write(fifo, "go\n").unwrap();
    running.stdout.wait_for("success: app entered RUNNING state");
    running.stdout.wait_for("success: side entered RUNNING state");
    assert_eq!(start.join().unwrap(), "side: started\n");
    stop(&mut running);
}

#[test]
fn supervisord_dependent_startup_works() {
    let found = python().filter(|python| {
        let mut asked = clean(python, ["-c", "import supervisord_dependent_startup"]);
        asked.stderr(std::process::Stdio::null()).status().is_ok_and(|status| status.success())
    });
    let Some(python) = found else {
        let what = "SUPERVISOR_PYTHON names no Python with supervisord-dependent-startup";
        return skip(what, "REQUIRE_PYTHON");
    };
    // Beside programs that depend on each other by our own option.
    let home = Home::new(
        "dependent-startup",
        &format!(
            "{SOCKET}[eventlistener:dependentstartup]\n\
             command={python} -m supervisord_dependent_startup --config %(here)s/t.conf\n\
             autorestart=unexpected\nstartretries=0\nexitcodes=0,3\nevents=PROCESS_STATE\n\
             stderr_logfile=%(here)s/ear\n\
             [program:second]\ncommand=sleep 1000\nautostart=false\ndependent_startup=true\n\
             dependent_startup_wait_for=first:running helper:exited\n\
             [program:first]\ncommand=sleep 1000\nautostart=false\ndependent_startup=true\n\
             [program:helper]\ncommand=sleep 1\nautostart=false\nautorestart=false\n\
             startsecs=0\ndependent_startup=true\n\
             [program:ours]\ncommand=sleep 1000\ndepends_on=base\n\
             [program:base]\ncommand=sleep 1000\n"
        ),
    );
    let mut running = home.start();
    running.stdout.wait_for("success: base entered RUNNING state");
    running.stdout.wait_for("success: ours entered RUNNING state");
    running.stdout.rewind().wait_for("exited: helper (exit status 0; expected)");
    running.stdout.wait_for("spawned: 'second'");
    running.stdout.wait_for("success: second entered RUNNING state");
    let before = |one: &str, other: &str| {
        let log = home.read("log");
        assert!(log.find(one).unwrap() < log.find(other).unwrap(), "{log}");
    };
    before("success: first entered RUNNING", "spawned: 'second'");
    before("success: base entered RUNNING", "spawned: 'ours'");
    stop(&mut running);
}
