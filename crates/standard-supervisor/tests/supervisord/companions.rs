//! `echo_supervisord_conf` and `pidproxy`.

use std::process::Command;

use crate::harness::{Running, clean, is_alive, kill, program, python, skip, wait_gone};
use crate::home::{Home, stop, supervisord};

fn echo() -> &'static str {
    program("echo_supervisord_conf")
}
fn pidproxy() -> &'static str {
    program("pidproxy")
}

/// The sample as it is printed.
fn sample() -> String {
    let output = clean(echo(), [""; 0]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_sample_configuration_is_accepted() {
    let text = sample();
    assert!(text.contains("Sample supervisor config file"));
    let home = Home::new("sample", "");
    home.write("t.conf", &text);
    let output =
        clean(supervisord(), ["-c", "t.conf", "--check"]).current_dir(&home).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("is ignored"), "{output:?}");
}

#[test]
fn the_sample_configuration_is_accepted_by_supervisord() {
    let Some(python) = python() else {
        return skip("SUPERVISOR_PYTHON names no Python with supervisor", "REQUIRE_PYTHON");
    };
    let home = Home::new("sample-original", "");
    home.write("t.conf", &sample());
    let script = "from supervisor.options import ServerOptions\n\
                  options = ServerOptions()\n\
                  options.realize(['-c', 't.conf'])\n\
                  print(options.logfile, options.server_configs[0]['file'])\n";
    let output = clean(&python, ["-c", script]).current_dir(&home).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "/tmp/supervisord.log /tmp/supervisor.sock\n",
        "{output:?}"
    );
}

#[test]
fn echo_supervisord_conf_prints_its_help() {
    let mut help = Running::start(&mut clean(echo(), ["-h"]));
    assert_eq!(help.exit_code(), 0);
    assert_eq!(help.stdout.rest()[2], "usage: echo_supervisord_conf > FILE");
    assert_eq!(Running::start(&mut clean(echo(), ["x"])).exit_code(), 1);
}

#[test]
fn echo_supervisord_conf_reports_a_failed_write() {
    let full = std::fs::File::create("/dev/full").unwrap();
    let output = clean(echo(), [""; 0]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "ERROR: cannot write to stdout: No space left on device\n"
    );
    // Who reads no further has seen enough.
    let (_, nobody_reads) = std::io::pipe().unwrap();
    let output = clean(echo(), [""; 0]).stdout(nobody_reads).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// A command that starts a server in the background, whose pid goes to `pidfile`, and
/// stays itself. The server says which signals it gets.
fn proxied(home: &Home) -> Command {
    let server = "for s in HUP USR1 USR2 TERM INT QUIT; do trap \"echo got $s\" $s; done; \
                  echo $$ > pid.new; mv pid.new pidfile; echo ready $$; while :; do read x < fifo; done";
    home.write("server", server);
    let fifo = home.path("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut command = clean(
        pidproxy(),
        ["pidfile", "/bin/sh", "-c", "echo command $$; sh ./server & exec sleep 1000"],
    );
    command.current_dir(home);
    command
}

#[test]
fn pidproxy_forwards_signals_and_exits_after_terminating_ones() {
    for last in ["TERM", "INT", "QUIT"] {
        let home = Home::new(&format!("pidproxy-{last}"), "");
        let mut proxy = Running::start(&mut proxied(&home));
        let command = proxy.stdout.number_after("command ");
        let server = proxy.stdout.number_after("ready ");
        for signal in ["HUP", "USR1", "USR2"] {
            proxy.signal(signal);
            proxy.stdout.wait_for(&format!("got {signal}"));
        }
        proxy.signal(last);
        if last == "TERM" {
            // A shell's background job is deaf to the other two.
            proxy.stdout.wait_for("got TERM");
        }
        // What it ran outlives it: that is for the server to end.
        wait_gone(proxy.pid());
        kill(server, "KILL");
        kill(command, "KILL");
        assert_eq!(proxy.exit_code(), 0, "{last}");
    }
}

#[test]
fn pidproxy_exits_with_its_command_and_runs_without_a_pidfile() {
    let home = Home::new("pidproxy-ends", "");
    let mut proxy = clean(pidproxy(), ["pidfile", "/bin/sh", "-c", "echo up $$; exec sleep 1000"]);
    let mut proxy = Running::start(proxy.current_dir(&home));
    let command = proxy.stdout.number_after("up ");
    proxy.signal("TERM");
    proxy.stderr.wait_for("Can't read child pidfile pidfile!");
    assert!(is_alive(command));
    kill(command, "KILL");
    assert_eq!(proxy.exit_code(), 0);

    let mut echo = Running::start(&mut clean(pidproxy(), ["x", "/bin/echo", "1", "2"]));
    assert_eq!(echo.exit_code(), 0);
    assert_eq!(echo.stdout.rest(), ["1 2"]);
}

#[test]
fn pidproxy_reports_errors() {
    let mut usage = Running::start(&mut clean(pidproxy(), ["x"]));
    assert_eq!(usage.exit_code(), 1);
    assert!(usage.stdout.rest()[0].starts_with("Usage: pidproxy"));
    for (command, code, why) in [
        ("/no/such/command", 127, "No such file or directory"),
        ("/etc/passwd", 126, "Permission denied"),
    ] {
        let mut refused = Running::start(&mut clean(pidproxy(), ["x", command]));
        assert_eq!(refused.exit_code(), code);
        let said = format!("pidproxy: cannot run {command}: {why}");
        assert_eq!(refused.stderr.rest(), [said]);
    }
}

#[test]
fn pidproxy_prints_its_help() {
    let mut help = Running::start(&mut clean(pidproxy(), ["--help"]));
    assert_eq!(help.exit_code(), 0);
    assert_eq!(help.stdout.rest()[2], "usage: pidproxy PIDFILE COMMAND [ARG...]");
    let mut echo = Running::start(&mut clean(pidproxy(), ["--help", "/bin/echo", "1"]));
    assert_eq!(echo.exit_code(), 0);
    assert_eq!(echo.stdout.rest(), ["1"]);
}

#[test]
fn a_server_in_the_background_is_stopped_through_pidproxy() {
    let pidproxy = pidproxy();
    let home = Home::new("pidproxy-program", "");
    let line = format!(
        "[supervisord]\nchildlogdir=%(here)s\n[program:p]\ncommand={pidproxy} pidfile /bin/sh -c 'sleep 1000 & echo $! > pidfile; wait'\nstartsecs=0\n"
    );
    home.write("t.conf", &line);
    let mut running = home.start();
    running.stdout.wait_for("success: p");
    let server: i32 = home.lines("pidfile").wait_for("").parse().unwrap();
    stop(&mut running);
    wait_gone(server);
}
