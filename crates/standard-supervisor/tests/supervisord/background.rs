//! Leaving the foreground, and becoming somebody else.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::harness::{Lines, kill, status, wait, wait_gone};
use crate::home::{Home, stop};

/// Starts a daemon whose log is a pipe that the test reads, and returns its lines once
/// the process that was started has ended.
fn daemon(home: &Home, words: &[&str]) -> (Lines, i32) {
    let log = home.path("log");
    let mode = rustix::fs::Mode::from_raw_mode(0o666);
    rustix::fs::mknodat(rustix::fs::CWD, &log, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    std::fs::set_permissions(&log, PermissionsExt::from_mode(0o666)).unwrap();
    let reader = std::fs::OpenOptions::new().read(true).write(true).open(&log).unwrap();
    let mut lines = Lines::of(reader);
    let mut started = home.command(words).spawn().unwrap();
    assert_eq!(status(wait(&mut started)), 0);
    lines.wait_for("daemonizing the supervisord process");
    let pid = lines.number_after("supervisord started with pid ");
    assert_ne!(pid, started.id().cast_signed());
    (lines, pid)
}

#[test]
fn a_daemon_has_its_own_session_directory_and_umask() {
    let home = Home::new(
        "daemon",
        "logfile=log\npidfile=pid\ndirectory=/\numask=027\n[program:a]\n\
         command=sh -c 'pwd; umask; read -r a b c d e session more < /proc/$PPID/stat; echo $session; readlink /proc/$PPID/fd/1; touch %(here)s/made; echo done; exec sleep 1000'\n\
         stdout_logfile=%(here)s/out\n",
    );
    let (mut lines, pid) = daemon(&home, &[]);
    lines.rewind().wait_for("set current directory: '/'");
    assert_eq!(home.read("pid"), format!("{pid}\n"));
    lines.wait_for("success: a");
    home.lines("out").wait_for("done");
    let out = home.read("out");
    assert!(out.starts_with("/\n0027\n"), "{out}");
    let session: i32 = out.lines().nth(2).unwrap().trim().parse().unwrap();
    assert_eq!((session, out.lines().nth(3)), (pid, Some("/dev/null")));
    assert_eq!(std::fs::metadata(home.path("made")).unwrap().mode() & 0o777, 0o640);
    kill(pid, "TERM");
    wait_gone(pid);
    assert!(!home.path("pid").exists());
}

#[test]
fn a_restart_finds_its_file_after_a_change_of_directory() {
    let home = Home::new(
        "relative",
        "logfile=%(here)s/log\npidfile=%(here)s/pid\ndirectory=/\n[program:a]\ncommand=sleep 1000\n",
    );
    let (mut lines, pid) = daemon(&home, &[]);
    lines.wait_for("spawned: 'a'");
    kill(pid, "HUP");
    lines.wait_for("received SIGHUP indicating restart request");
    // The same process, and not once more in the background.
    assert_eq!(lines.number_after("supervisord started with pid "), pid);
    lines.wait_for("spawned: 'a'");
    kill(pid, "TERM");
    wait_gone(pid);
}

#[test]
fn the_user_and_all_groups_change_before_any_file_is_created() {
    if !rustix::process::getuid().is_root() {
        return println!("skipped: only root can become somebody else");
    }
    let home = Home::new(
        "user",
        "logfile=%(here)s/log\nuser=nobody\n[program:a]\ncommand=sh -c 'id -un; id -G; echo done; exec sleep 1000'\nstdout_logfile=%(here)s/out\n",
    );
    std::fs::set_permissions(&home, PermissionsExt::from_mode(0o777)).unwrap();
    let mut running = home.start();
    running.stdout.wait_for("Set uid to user ");
    running.stdout.wait_for("success: a");
    home.lines("out").wait_for("done");
    stop(&mut running);
    assert!(!running.stdout.said("running as root"));
    let out = home.read("out");
    let mut lines = out.lines();
    assert_eq!(lines.next(), Some("nobody"));
    assert!(!lines.next().unwrap().split(' ').any(|group| group == "0"), "{out}");
    let nobody = std::fs::metadata(home.path("log")).unwrap().uid();
    assert_ne!(nobody, 0);
}

#[test]
fn a_program_of_another_user_can_open_its_own_stdout() {
    if !rustix::process::getuid().is_root() {
        return println!("skipped: only root can become somebody else");
    }
    let home = Home::new(
        "own-stdout",
        "[program:a]\nuser=nobody\nstdout_logfile=%(here)s/out\nredirect_stderr=true\n\
         command=sh -c 'echo one >/dev/stdout; echo two >/dev/stderr; exec sleep 1000'\n",
    );
    let mut running = home.start();
    home.lines("out").wait_for("two");
    stop(&mut running);
    assert_eq!(home.read("out"), "one\ntwo\n");
}

/// As `docker run --group-add` gives them: they stand in no file.
#[test]
fn a_program_of_the_supervisors_own_user_keeps_its_groups() {
    if !rustix::process::getuid().is_root() {
        return println!("skipped: only root can be given groups");
    }
    let home = Home::new(
        "own-groups",
        "[program:a]\nuser=root\nstdout_logfile=%(here)s/out\ncommand=sh -c 'id -G; exec sleep 1000'\n",
    );
    let words = ["--groups", "4242", crate::home::supervisord(), "-n", "-c", "t.conf"];
    let mut command = crate::harness::clean("setpriv", words);
    let mut running = crate::harness::Running::start(command.current_dir(&home));
    home.lines("out").wait_for("4242");
    stop(&mut running);
}

#[test]
fn minfds_and_minprocs_raise_limits_or_are_rejected() {
    let shell = |limits: &str| {
        let mut command = crate::harness::clean(
            "sh",
            ["-c", &format!("{limits}; exec \"$0\" -n -c t.conf"), crate::home::supervisord()],
        );
        let home = Home::new("limits", "minfds=300\n[program:a]\ncommand=sleep 1000\n");
        command.current_dir(&home);
        (crate::harness::Running::start(&mut command), home)
    };
    let (mut running, _home) = shell("ulimit -S -n 200");
    running.stdout.wait_for("INFO Increased RLIMIT_NOFILE limit to 300");
    running.stdout.wait_for("spawned: 'a'");
    stop(&mut running);
    // Root may raise what others may not; without that right it is an error.
    if !rustix::process::getuid().is_root() {
        let (mut running, _home) = shell("ulimit -n 200");
        assert_eq!(running.exit_code(), 2);
        let complaint = running.stderr.rest().join("\n");
        assert!(complaint.contains("The minimum number of file descriptors required to run this process is 300 as per the \"minfds\""), "{complaint}");
    }
}

#[test]
fn leftover_processes_of_a_daemons_program_are_stopped() {
    let home = Home::new(
        "orphans",
        "logfile=log\npidfile=pid\n[program:a]\nstartsecs=0\nautorestart=false\n\
         killtree=true\ncommand=sh -c 'setsid sleep 1000 & echo $! > left; exit 3'\n",
    );
    let (mut lines, pid) = daemon(&home, &[]);
    lines.wait_for("killing 1 leftover process of 'a'");
    wait_gone(home.read("left").trim().parse().unwrap());
    kill(pid, "TERM");
    wait_gone(pid);
}

#[test]
fn pidfile_and_socket_exist_when_the_start_command_has_exited() {
    let home =
        Home::new("forking", "logfile=log\npidfile=pid\n[unix_http_server]\nfile=%(here)s/s\n");
    for _ in 0..25 {
        let mut started = home.command(&[]).spawn().unwrap();
        assert_eq!(status(wait(&mut started)), 0);
        let pid = std::fs::read_to_string(home.path("pid")).unwrap();
        let pid: i32 = pid.trim().parse().unwrap();
        assert_ne!(pid, started.id().cast_signed());
        std::os::unix::net::UnixStream::connect(home.path("s")).unwrap();
        kill(pid, "TERM");
        wait_gone(pid);
    }
}
