//! The same session with supervisord 4.3.0 and with ours, through Python's clients: what
//! comes of each call must be the same, but for what `DIFFERENCES` lists.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::client::Client;
use crate::harness::{Running, clean, python, skip, wait};
use crate::home::{Home, stop, supervisord};

const SCRIPT: &str = include_str!("session.py");
const CONFIGURATION: &str = include_str!("session.conf");

/// Calls whose results differ on purpose: how they begin, and why.
const DIFFERENCES: [(&str, &str); 2] = [
    ("supervisor.reloadConfig() = \"fault 92 CANT_REREAD: ", "ours says where and what would do"),
    (
        "supervisor.startProcess('unparsable') = ",
        "ours does not repeat a command: it may be secret",
    ),
];

#[test]
fn a_session_matches_supervisord() {
    let Some(python) = python() else {
        return skip("SUPERVISOR_PYTHON names no Python", "REQUIRE_PYTHON");
    };
    let original = Path::new(&python).with_file_name("supervisord");
    let theirs = session("theirs", original.to_str().unwrap(), &python);
    let ours = session("ours", supervisord(), &python);
    assert!(theirs.len() > 250, "the session is over too early: {:#?}", theirs.last());
    let mut different = Vec::new();
    for (theirs, ours) in theirs.iter().zip(&ours).filter(|(theirs, ours)| theirs != ours) {
        let allowed = |(beginning, _): &&(&str, &str)| {
            theirs.starts_with(beginning) && ours.starts_with(beginning)
        };
        if DIFFERENCES.iter().find(allowed).is_none() {
            different.push(format!("- {theirs}\n+ {ours}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert_eq!(theirs.len(), ours.len(), "{:#?}", ours.last());
}

#[test]
fn each_method_has_a_row_in_compatibility() {
    let home = Home::new("methods", "");
    home.write("t.conf", CONFIGURATION);
    let mut running = home.start();
    running.stdout.wait_for("supervisord started with pid");
    let answer = Client::unix(&home.path("s.sock")).call("system.listMethods").body;
    stop(&mut running);
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../COMPATIBILITY.md");
    let document = std::fs::read_to_string(document).unwrap();
    let names = answer.split("<string>").skip(1).filter_map(|rest| rest.split('<').next());
    let names: Vec<&str> = names.collect();
    assert_eq!(names.len(), 41, "{answer}");
    for name in names {
        assert!(document.contains(&format!("\n| `{name}` | ")), "no row: {name}");
    }
}

/// What is printed in a session with this supervisord.
fn session(name: &str, supervisord: &str, python: &str) -> Vec<String> {
    let home = Home::new(&format!("session-{name}"), "");
    home.write("t.conf", CONFIGURATION);
    home.write("session.py", SCRIPT);
    let words = ["-n", "-c", "t.conf"];
    let mut running = Running::start(clean(supervisord, words).current_dir(&home));
    running.stdout.wait_for("supervisord started with pid");
    let mut client = Command::new(python)
        .args(["-W", "ignore"])
        .arg(home.path("session.py"))
        .arg(home.path("s.sock"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut complaints = client.stderr.take().unwrap();
    let complaints = std::thread::spawn(move || {
        let mut text = String::new();
        complaints.read_to_string(&mut text).map(|_| text)
    });
    let mut printed = String::new();
    client.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    let complaints = complaints.join().unwrap().unwrap();
    assert!(wait(&mut client).success(), "{name}: {complaints}\n{printed}");
    // The last section leaves it with a program that does not mind SIGTERM.
    running.signal("KILL");
    running.exit_code();
    printed.lines().map(str::to_owned).collect()
}
