//! Where output goes, and what becomes of it when that is not to be had.

use std::io::Write;
use std::os::unix::net::UnixDatagram;

use crate::harness::{Running, clean, is_alive, kill, skip};
use crate::home::{Home, stop, supervisord};

#[test]
fn rotating_the_log_of_a_flood_loses_no_line() {
    let home = Home::new(
        "flood",
        "[program:a]\ncommand=seq 1 300000\nstartsecs=0\nautorestart=false\nstdout_logfile=out\n\
         stdout_logfile_maxbytes=100KB\nstdout_logfile_backups=50\n",
    );
    let mut running = home.start();
    running.stdout.wait_for("exited: a");
    stop(&mut running);
    let backups = (1..=50).rev().map(|number| format!("out.{number}"));
    let files = backups.filter(|name| home.path(name).exists()).chain(["out".to_owned()]);
    let names: Vec<String> = files.collect();
    assert!(names.len() > 10, "{names:?}");
    let all: String = names.iter().map(|name| home.read(name)).collect();
    let expected: String = (1..=300_000).map(|number| format!("{number}\n")).collect();
    assert!(all == expected, "{} bytes of {}", all.len(), expected.len());
    // A file exceeds its size by one piece at most.
    assert!(names.iter().all(|name| home.read(name).len() < 100 * 1024 + 64 * 1024));
}

#[test]
fn a_full_disk_loses_log_lines_with_a_warning() {
    let home = Home::new(
        "full",
        "[program:a]\ncommand=sh -c 'seq 1 100000; echo over >&2; exec sleep 1000'\nstdout_logfile=/dev/full\nstderr_logfile=err\n",
    );
    let mut running = home.start();
    let pid = running.stdout.number_after("spawned: 'a' with pid ");
    running.stdout.wait_for("WARN cannot write the stdout of a: No space left on device");
    running.stdout.wait_for("success: a");
    home.lines("err").wait_for("over");
    assert!(is_alive(pid));
    stop(&mut running);
    assert_eq!(home.read("err"), "over\n");
}

/// Whether a test can have mounts of its own: root in most containers can't.
fn may_mount() -> bool {
    let mut mount = clean("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
    mount.output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_disk_that_is_full_for_a_time_loses_only_the_lines_of_that_time() {
    let supervisord = supervisord();
    if !may_mount() {
        return skip("needs a mount namespace of its own", "REQUIRE_MOUNT");
    }
    // The program fills the disk itself and empties it when all of its flood was taken
    // from it. What is on the disk is gone with the mount, so it is copied in the end.
    let home = Home::new(
        "disk",
        "logfile=disk/main\npidfile=pid\n[program:a]\ncommand=sh flood\nstdout_logfile=disk/out\n\
         stdout_logfile_maxbytes=100KB\nstdout_logfile_backups=2\nstderr_logfile=err\n",
    );
    home.write(
        "flood",
        "head -c 900000 /dev/zero > disk/filler; seq 1 100000; rm disk/filler\n\
         seq 200001 210000; echo end >&2; exec sleep 1000\n",
    );
    std::fs::create_dir(home.path("disk")).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=1m tmpfs disk && {{ {supervisord} -n -c t.conf; \
         cat disk/out.2 disk/out.1 disk/out > all; cat disk/main > main; }}"
    );
    let mut command = clean("unshare", ["--mount", "sh", "-c", &script]);
    let mut running = Running::start(command.current_dir(&home));
    let supervisor = running.stdout.number_after("supervisord started with pid ");
    let pid = running.stdout.number_after("spawned: 'a' with pid ");
    running.stdout.wait_for("WARN cannot write the stdout of a: No space left on device");
    home.lines("err").wait_for("end");
    assert!(is_alive(pid));
    kill(supervisor, "TERM");
    assert_eq!(running.exit_code(), 0);
    let all = home.read("all");
    let expected: String = (200_001..=210_000).map(|number| format!("{number}\n")).collect();
    assert!(all.ends_with(&expected), "{all}");
    assert!(home.read("main").contains("received SIGTERM indicating exit request"));
    for (text, times) in [("cannot write", 1), ("spawned:", 1), ("stopped: a", 1)] {
        let lines = running.stdout.rest().iter().filter(|line| line.contains(text));
        assert_eq!(lines.count(), times, "{text}");
    }
}

/// Writes a line into a program's stdin, a pipe that the supervisor holds.
fn go_on(pid: i32) {
    let stdin = std::fs::OpenOptions::new().write(true).open(format!("/proc/{pid}/fd/0"));
    stdin.unwrap().write_all(b"go\n").unwrap();
}

#[test]
fn a_log_that_cannot_be_opened_loses_lines_until_it_can() {
    let home = Home::new(
        "unopened",
        "[program:a]\ncommand=sh -c 'echo one; read x; echo two; exec sleep 1000'\nstdout_logfile=later/out\nstderr_logfile=pipe\n[program:b]\ncommand=sleep 1000\nstdout_logfile=/\n",
    );
    // A pipe that nobody reads, where a file is expected.
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, home.path("pipe"), kind, mode, 0).unwrap();
    std::fs::create_dir(home.path("later")).unwrap();
    std::fs::create_dir(home.path("later/out")).unwrap();
    let mut running = Running::start(&mut home.command(&["-n", "-e", "debug"]));
    for stream in ["the stdout of a", "the stderr of a", "the stdout of b"] {
        running.stdout.rewind().wait_for(&format!("WARN cannot write {stream}: "));
    }
    let pid = running.stdout.rewind().number_after("spawned: 'a' with pid ");
    running.stdout.rewind().wait_for("'a' stdout output:");
    running.stdout.wait_for("one");
    std::fs::remove_dir(home.path("later/out")).unwrap();
    go_on(pid);
    home.lines("later/out").wait_for("two");
    stop(&mut running);
    assert_eq!(home.read("later/out"), "two\n");
}

#[test]
fn usr2_reopens_moved_logs() {
    let home = Home::new(
        "reopen",
        "logfile=main\n[program:a]\ncommand=sh -c 'echo one; read x; echo two; exec sleep 1000'\nstdout_logfile=out\n",
    );
    let mut running = home.start();
    let pid = running.stdout.number_after("spawned: 'a' with pid ");
    running.stdout.wait_for("success: a");
    home.lines("out").wait_for("one");
    std::fs::rename(home.path("main"), home.path("main.old")).unwrap();
    std::fs::rename(home.path("out"), home.path("out.old")).unwrap();
    running.signal("USR2");
    running.stdout.wait_for("received SIGUSR2 indicating log reopen request");
    running.stdout.wait_for("supervisord logreopen");
    let mut lines = home.lines("out");
    go_on(pid);
    lines.wait_for("two");
    stop(&mut running);
    assert_eq!((home.read("out.old"), home.read("out")), ("one\n".to_owned(), "two\n".to_owned()));
    assert!(home.read("main.old").trim_end().ends_with("supervisord logreopen"));
    assert!(home.read("main").contains("received SIGTERM indicating exit request"));
}

#[test]
fn communication_messages_are_removed_and_partial_marks_kept() {
    let home = Home::new(
        "capture",
        "loglevel=debug\n[program:a]\ncommand=printf 'a<!--XSUPERVISOR:BEGIN-->secret<!--XSUPERVISOR:END-->b<!--XSUP'\n\
         startsecs=0\nautorestart=false\nstdout_logfile=out\nstdout_capture_maxbytes=1KB\n",
    );
    let mut running = home.start();
    running.stdout.wait_for("'a' stdout emitted a comm event");
    running.stdout.wait_for("exited: a");
    stop(&mut running);
    assert_eq!(home.read("out"), "ab<!--XSUP");
}

#[test]
fn automatic_logs_of_earlier_runs_are_removed_unless_nocleanup() {
    let home = Home::new(
        "cleanup",
        "identifier=me\n[program:a]\ncommand=sleep 1000\nredirect_stderr=true\n",
    );
    for name in ["x-stdout---me-abcd.log", "x-stdout---me-abcd.log.1", "y---you-abcd.log"] {
        home.write(name, "old");
    }
    let mut running = home.start();
    running.stdout.wait_for("spawned: 'a'");
    assert_eq!(home.names(), ["a-stdout", "supervisord.log", "supervisord.pid", "t.conf", "y"]);
    stop(&mut running);
    let mut running = Running::start(&mut home.command(&["-n", "-k"]));
    running.stdout.wait_for("spawned: 'a'");
    let autos = home.names().into_iter().filter(|name| name == "a-stdout").count();
    assert_eq!(autos, 2);
    stop(&mut running);
}

#[test]
fn lines_reach_syslog() {
    let supervisord = supervisord();
    if !may_mount() {
        return skip("needs a mount namespace of its own", "REQUIRE_MOUNT");
    }
    // A /dev of our own, in which we are the daemon that listens.
    let home = Home::new(
        "syslog",
        "logfile=syslog\n[program:a]\ncommand=printf 'one\\n\\ntwo\\n'\nstartsecs=0\nautorestart=false\nstdout_syslog=true\nstdout_logfile=out\n",
    );
    let socket = UnixDatagram::bind(home.path("socket")).unwrap();
    socket.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
    let script = format!(
        "mkdir dev && mount --rbind /dev dev 2>/dev/null; mount -t tmpfs tmpfs /dev && ln -s {0}/socket /dev/log && \
         ln -s /proc/self/fd /dev/fd && ln -s {0}/dev/null /dev/null && exec {supervisord} -n -c t.conf",
        home.as_ref().display()
    );
    let mut command = clean("unshare", ["--mount", "sh", "-c", &script]);
    let mut running = Running::start(command.current_dir(&home));
    running.stdout.wait_for("exited: a");
    stop(&mut running);
    socket.set_nonblocking(true).unwrap();
    let mut datagrams = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length) = socket.recv(&mut buffer) {
        datagrams.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    for end in [" supervisord: a one", " supervisord: a ", " supervisord: a two"] {
        let found = datagrams.iter().any(|line| line.starts_with("<14>") && line.ends_with(end));
        assert!(found, "{end}: {datagrams:#?}");
    }
    assert!(datagrams.iter().any(|line| line.contains("INFO spawned: 'a' with pid")));
    assert_eq!(home.read("out"), "one\n\ntwo\n");
}

#[test]
fn program_output_is_repeated_at_debug_level() {
    let home = Home::new(
        "echo",
        "[program:a]\ncommand=sh -c 'seq 1 20000; printf \"\\210\" >&2'\nstartsecs=0\nautorestart=false\nstdout_logfile=NONE\n",
    );
    let mut running = Running::start(&mut home.command(&["-n", "-e", "debug"]));
    running.stdout.wait_for("exited: a");
    stop(&mut running);
    let lines = running.stdout.rest();
    // A line may have been read in two pieces, which are then two records.
    let digits = |line: &&String| line.bytes().all(|byte| byte.is_ascii_digit());
    let numbers: String = lines.iter().filter(digits).map(String::as_str).collect();
    let expected: String = (1..=20000).map(|number| number.to_string()).collect();
    assert!(numbers == expected, "{} of {}", numbers.len(), expected.len());
    assert!(lines.iter().any(|line| line == "Undecodable: b'\\x88'"));
    assert!(lines.iter().any(|line| line.ends_with("DEBG 'a' stderr output:")));
}
