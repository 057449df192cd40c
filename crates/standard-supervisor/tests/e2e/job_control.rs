//! Run once on a terminal: as if nothing stood between the program and its shell.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::harness::{BINARY, status, wait};
use crate::run_once::on_a_terminal;

/// Says what it gets; ends with 9 when it is interrupted.
const PROGRAM: &str = "#!/bin/sh\n\
     trap 'echo interrupted; exit 9' INT; trap 'echo term; exit 7' TERM; \
     trap 'echo continued' CONT; echo ready $$; while :; do read line && echo got $line; done";

/// A shell that somebody types into.
const SHELL: [&str; 5] = ["bash", "--norc", "--noprofile", "--noediting", "-i"];

/// A program in a file: what is typed is shown as well, and must not look like its output.
struct Script(PathBuf);

impl Script {
    fn new(text: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("job-{}-{number}", std::process::id()));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_program_suspended_from_the_terminal_returns_to_the_shell() {
    let (mut shell, mut keyboard, mut screen) = on_a_terminal(&SHELL);
    let mut types = |text: &str| keyboard.write_all(text.as_bytes()).unwrap();
    let program = Script::new(PROGRAM);
    types(&format!("{BINARY} {}\n", program.path()));
    screen.wait_for("ready ");
    types("one\n");
    screen.wait_for("got one");
    for round in 0..2 {
        types("\u{1a}");
        screen.wait_for("Stopped");
        types(&format!("echo the shell reads $((40 + {round}))\n"));
        screen.wait_for(&format!("the shell reads {}", 40 + round));
        types("fg\n");
        screen.wait_for("continued");
        types("two\n");
        screen.wait_for("got two");
    }
    types("\u{3}");
    screen.wait_for("interrupted");
    types("echo ended $?\n");
    screen.wait_for("ended 9");
    types("exit 0\n");
    assert_eq!(status(wait(&mut shell)), 0);
}

#[test]
fn a_suspended_program_gets_its_signal_when_it_continues() {
    let (mut shell, mut keyboard, mut screen) = on_a_terminal(&SHELL);
    let mut types = |text: &str| keyboard.write_all(text.as_bytes()).unwrap();
    // Without children: a shell that is stopped while it starts one may wait for ever, with
    // and without a supervisor.
    let waits = "#!/usr/bin/perl\n$| = 1; $SIG{TERM} = sub { print \"term\\n\"; exit 7 };\n\
                 print \"ready\\n\"; sleep 1 while 1;\n";
    let program = Script::new(waits);
    types(&format!("{BINARY} {}\n", program.path()));
    screen.wait_for("ready");
    types("\u{1a}");
    screen.wait_for("Stopped");
    // A shell continues what it ends.
    types("kill %1\n");
    screen.wait_for("term");
    types("until jobs %1 2>&1 | grep -v Running; do sleep 0.1; done\n");
    screen.wait_for("Exit 7");
    types("exit 0\n");
    assert_eq!(status(wait(&mut shell)), 0);
}

#[test]
fn a_background_program_reads_after_it_comes_to_the_foreground() {
    let (mut shell, mut keyboard, mut screen) = on_a_terminal(&SHELL);
    let mut types = |text: &str| keyboard.write_all(text.as_bytes()).unwrap();
    let program = Script::new("#!/bin/sh\necho ready; read line; echo got $line; exit 5\n");
    types(&format!("{BINARY} {} &\n", program.path()));
    screen.wait_for("ready");
    // Who reads in the background is stopped.
    types("until jobs | grep Stopped; do sleep 0.1; done\n");
    screen.wait_for("+  Stopped");
    types("fg\n");
    types("one\n");
    screen.wait_for("got one");
    types("echo ended $?\n");
    screen.wait_for("ended 5");
    types("exit 0\n");
    assert_eq!(status(wait(&mut shell)), 0);
}

#[test]
fn a_suspended_program_that_no_shell_can_continue_is_continued() {
    // It leads its session, as with `docker run -t`.
    let program = Script::new(PROGRAM);
    let (mut child, mut keyboard, mut screen) = on_a_terminal(&[BINARY, program.path()]);
    screen.wait_for("ready ");
    keyboard.write_all(b"\x1a").unwrap();
    screen.wait_for("continued");
    keyboard.write_all(b"one\n").unwrap();
    screen.wait_for("got one");
    keyboard.write_all(b"\x03").unwrap();
    screen.wait_for("interrupted");
    assert_eq!(status(wait(&mut child)), 9);
}

#[test]
fn a_program_that_suspends_itself_is_continued_and_takes_a_signal() {
    let words = [BINARY, "sh", "-c", "echo ready $$; kill -STOP $$; echo on; exec sleep 1000"];
    let (mut child, _keyboard, mut screen) = on_a_terminal(&words);
    let pid = screen.number_after("ready ");
    screen.wait_for("on");
    crate::harness::kill(pid, "STOP");
    crate::harness::kill(pid, "TERM");
    assert_eq!(status(wait(&mut child)), 143);
}
