//! What a program is born with, and that nobody is left unburied.

use std::os::fd::AsRawFd;

use crate::harness::{Running, kill, supervise, wait_gone};

#[test]
fn only_the_standard_streams_are_inherited() {
    // One of ours that leaked, or one that somebody leaked to us, would show.
    let leaked = std::fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    // A loop in the shell opens nothing itself, as `ls` would.
    let script = "n=0; while [ $n -lt 300 ]; do [ -e /proc/$$/fd/$n ] && echo open $n; n=$((n+1)); \
                  done; echo all seen";
    let mut running =
        Running::start(supervise(["sh", "-c", script]).env("PROCESS_MAX_START_RETRIES", "0"));
    assert_eq!(running.stdout.wait_for(""), "open 0", "leaked: {}", leaked.as_raw_fd());
    running.stdout.wait_for("open 2");
    assert_eq!(running.stdout.wait_for(""), "all seen", "leaked: {}", leaked.as_raw_fd());
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn stdin_is_a_pipe_that_stays_open() {
    let script = "readlink /proc/$$/fd/0; read line; echo end of input; exec sleep 1000";
    let mut running = Running::start(&mut supervise(["sh", "-c", script]));
    running.stdout.wait_for("pipe:");
    running.stderr.wait_for("success: app");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!running.stdout.said("end of input"));
}

#[test]
fn the_program_gets_supervisords_variables() {
    let script =
        "echo $SUPERVISOR_ENABLED $SUPERVISOR_PROCESS_NAME $SUPERVISOR_GROUP_NAME $EXTRA $X";
    let mut running = Running::start(
        supervise(["sh", "-c", script])
            .env("PROCESS_MAX_START_RETRIES", "0")
            .env("EXTRA", "100% ; #kept")
            .env("SUPERVISOR_PROGRAM__APP_ENVIRONMENT", "X=\"y %(program_name)s\""),
    );
    running.stdout.wait_for("1 app app 100% ; #kept y app");
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn the_program_leads_its_own_process_group() {
    let script = "set -- $(cat /proc/$$/stat); echo group $5 self $$";
    let mut running =
        Running::start(supervise(["sh", "-c", script]).env("PROCESS_MAX_START_RETRIES", "0"));
    let line = running.stdout.wait_for("group");
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[1], words[3], "{line}");
}

#[test]
fn directory_umask_and_user_are_applied() {
    let mut running = Running::start(
        supervise(["sh", "-c", "echo $(pwd) $(umask) $(id -u) $(id -G)"])
            .env("PROCESS_MAX_START_RETRIES", "0")
            .env("SUPERVISOR_PROGRAM__APP_DIRECTORY", "/tmp")
            .env("SUPERVISOR_PROGRAM__APP_UMASK", "027")
            .envs(
                rustix::process::getuid()
                    .is_root()
                    .then_some(("SUPERVISOR_PROGRAM__APP_USER", "nobody")),
            ),
    );
    let line = running.stdout.wait_for("/tmp 0027");
    if rustix::process::getuid().is_root() {
        assert_eq!(line, "/tmp 0027 65534 65534");
    }
}

#[test]
fn adopted_orphans_are_reaped() {
    // Twenty processes whose parent ends before they do; each becomes our child.
    let script = "i=0; while [ $i -lt 20 ]; do (sh -c 'echo orphan $$; exec sleep 0.2' &); \
                  i=$((i+1)); done; echo all; exec sleep 1000";
    let mut running = Running::start(supervise(["sh", "-c", script]).env("LOG_LEVEL", "debug"));
    for _ in 0..20 {
        running.stdout.wait_for("orphan");
    }
    for _ in 0..20 {
        // The line comes after the burial.
        let line = running.stderr.wait_for("reaped unknown pid");
        let pid: i32 = line.split(' ').nth(6).unwrap().parse().unwrap();
        assert!(!std::path::Path::new(&format!("/proc/{pid}/stat")).exists(), "{line}");
    }
}

#[test]
fn the_supervisor_as_pid_1_is_an_init() {
    if !rustix::process::getuid().is_root() {
        return println!("skipped: needs root to make a PID namespace");
    }
    let script = "echo child of $PPID; (sh -c 'exec sleep 0.1' &); exec sleep 1000";
    let words = ["--pid", "--fork", "--mount-proc", crate::harness::BINARY, "sh", "-c", script];
    let mut running = Running::start(&mut crate::harness::clean("unshare", words));
    running.stdout.wait_for("child of 1");
    running.stderr.wait_for("supervisord started with pid 1");
    running.stderr.wait_for("reaped unknown pid");
    // unshare passes no signal on, so the one for PID 1 is sent to its child.
    let init = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", running.pid()));
    kill(init.unwrap().trim().parse().unwrap(), "TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn an_empty_path_affects_only_the_search_for_the_command() {
    let mut running = Running::start(
        supervise(["/bin/sh", "-c", "echo run"])
            .env("PATH", "")
            .env("PROCESS_MAX_START_RETRIES", "0"),
    );
    running.stdout.wait_for("run");
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn an_idle_supervisor_does_not_wake_up() {
    let mut running = Running::start(&mut supervise(["sleep", "1000"]));
    running.stderr.wait_for("success:");
    let switches = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
        let line =
            |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        [line("voluntary_ctxt_switches"), line("nonvoluntary_ctxt_switches")]
    };
    // The line is said before the supervisor goes to sleep again, so the first of
    // three looks may still see it awake.
    let looks: Vec<_> = (0..3)
        .map(|_| {
            std::process::Command::new("sleep").arg("1").status().unwrap();
            switches()
        })
        .collect();
    assert_eq!(looks[1], looks[2], "{looks:?}");
}

#[test]
fn a_child_that_exits_wakes_the_supervisor_at_once() {
    // Started with SIGCHLD ignored, a careless supervisor would never hear of it.
    let script = format!("trap '' CHLD; exec {} false", crate::harness::BINARY);
    let mut command = crate::harness::clean("sh", ["-c", &script]);
    let mut running = Running::start(command.env("PROCESS_MAX_START_RETRIES", "0"));
    running.stderr.wait_for("exited: app (exit status 1; not expected)");
    assert_eq!(running.exit_code(), 1);
    wait_gone(running.pid());
}
