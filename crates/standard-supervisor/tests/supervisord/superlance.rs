//! Event listeners that people use, those of superlance, as they come from PyPI: they are
//! told of events, and act by XML-RPC on programs that crash, grow and hang.

use std::net::TcpListener;
use std::path::PathBuf;

use crate::harness::{Running, python, skip};
use crate::home::{Home, stop};

/// Where superlance's programs are.
fn superlance() -> Option<PathBuf> {
    let found = python().map(|python| PathBuf::from(python).with_file_name("memmon"));
    let found = found.filter(|memmon| memmon.exists());
    if found.is_none() {
        skip("SUPERVISOR_PYTHON names no Python with superlance", "REQUIRE_PYTHON");
    }
    Some(found?.parent()?.to_owned())
}

/// A supervisord that answers at a socket, with a listener: `listener` is its program in
/// superlance's folder, and its other options.
fn with(name: &str, listener: &str, programs: &str) -> Option<(Home, Running)> {
    let folder = superlance()?;
    let python = python()?;
    let home = Home::new(
        name,
        &format!(
            "logfile=log\npidfile=pid\nloglevel=debug\n\
             [unix_http_server]\nfile=%(here)s/s\n\
             [rpcinterface:supervisor]\n\
             supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
             [eventlistener:ear]\nstderr_logfile=%(here)s/ear\ncommand={}/{listener}\n{}",
            folder.display(),
            programs.replace("PYTHON", &python)
        ),
    );
    let running = home.start();
    Some((home, running))
}

#[test]
fn crashmail_reports_a_crashed_program() {
    let listener = "crashmail -p crash -m ops@example.org -s \"cat >> mail\"\n\
                    events=PROCESS_STATE_EXITED\n";
    let programs = "[program:crash]\ncommand=sh -c 'sleep 2; exit 3'\nautorestart=false\n";
    let Some((home, mut running)) = with("crashmail", listener, programs) else { return };
    running.stdout.wait_for("exited: crash (exit status 3; not expected)");
    running.stdout.wait_for("ear: event was processed");
    stop(&mut running);
    let mail = home.read("mail");
    assert!(mail.contains("Process crash in group crash exited unexpectedly"), "{mail}");
}

#[test]
fn memmon_restarts_a_program_that_has_grown() {
    let listener = "memmon -p grow=30MB\nevents=TICK_5\n";
    let programs = "[program:grow]\n\
                    command=PYTHON -c 'import signal; big = bytearray(64 << 20); signal.pause()'\n";
    let Some((home, mut running)) = with("memmon", listener, programs) else { return };
    running.stdout.wait_for("success: grow entered RUNNING state");
    running.stdout.wait_for("stopped: grow (terminated by SIGTERM)");
    running.stdout.wait_for("spawned: 'grow'");
    stop(&mut running);
    let said = home.read("ear");
    assert!(said.contains("Restarting grow:grow"), "{said}");
}

#[test]
fn httpok_restarts_a_hung_program() {
    // Connections are taken by the kernel; nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let listener = format!("httpok -p hang -t 1 http://127.0.0.1:{port}/\nevents=TICK_5\n");
    let programs = "[program:hang]\ncommand=sleep 1000\n";
    let Some((home, mut running)) = with("httpok", &listener, programs) else { return };
    running.stdout.wait_for("success: hang entered RUNNING state");
    running.stdout.wait_for("stopped: hang (terminated by SIGTERM)");
    running.stdout.wait_for("spawned: 'hang'");
    stop(&mut running);
    let said = home.read("ear");
    assert!(said.contains("hang is in RUNNING state, restarting"), "{said}");
}
