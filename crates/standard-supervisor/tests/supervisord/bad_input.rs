//! Files that are too large, too many, or none at all: a clear answer, or the right
//! behaviour, within bounds of time (the tests' patience) and memory.

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::harness::{Running, clean};
use crate::home::{Home, stop, supervisord};

/// The size of a file that is large.
const LARGE: usize = 10 * 1024 * 1024;

/// Programs that are many.
const MANY: usize = 10_000;

/// What reading any of this may take of memory, in KiB.
const MOST_MEMORY: u64 = 256 * 1024;

/// What 10,000 programs that don't run may take, in KiB.
const MEMORY_OF_MANY: u64 = 128 * 1024;

/// What a refusal may print.
const LONGEST_REFUSAL: usize = 2 * LARGE;

fn bounded(home: &Home, words: &str) -> Command {
    let supervisord = supervisord();
    let script = format!("ulimit -v {MOST_MEMORY}; exec {supervisord} -c t.conf {words}");
    let mut command = clean("sh", ["-c", &script]);
    command.current_dir(home);
    command
}

/// What it says when it refuses to run; the kernel bounds its memory.
#[track_caller]
fn refusal(home: &Home) -> String {
    let mut running = Running::start(&mut bounded(home, "-n"));
    assert_eq!(running.exit_code(), 2);
    let text = running.stderr.rest().join("\n");
    assert!(text.len() < LONGEST_REFUSAL, "{} bytes", text.len());
    text
}

/// The most memory that a process has had so far, in KiB.
fn peak(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn fifo(home: &Home, name: &str) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, home.path(name), kind, mode, 0).unwrap();
}

#[test]
fn a_large_file_is_read() {
    let home = Home::new("large", "");
    let comments = "; what nobody needs to know\n".repeat(LARGE / 28);
    home.write("t.conf", &format!("[supervisord]\n{comments}[program:a]\ncommand=sleep 1000\n"));
    let mut running = Running::start(&mut bounded(&home, "-n"));
    running.stdout.wait_for("spawned: 'a'");
    assert!(peak(running.pid()) < MOST_MEMORY);
    stop(&mut running);
}

#[test]
fn a_file_with_many_errors_reports_the_first_ones() {
    let home = Home::new("mistakes-large", "");
    home.write("t.conf", &format!("[supervisord]\n{}", "no configuration\n".repeat(LARGE / 17)));
    let text = refusal(&home);
    assert!(text.contains("Error: t.conf:2: Source contains parsing errors:"), "{text}");
    assert!(text.contains("Error: only the first 200 are shown"), "{text}");
    assert!(text.lines().count() < 300, "{text}");
}

#[test]
fn a_large_value_is_read_completely() {
    let home = Home::new("value-large", "");
    let value = "x".repeat(LARGE);
    home.write("t.conf", &format!("[supervisord]\nloglevel={value}\n"));
    let text = refusal(&home);
    assert!(text.contains("Error: t.conf:2: bad logging level name 'xxx"));
    home.write(
        "t.conf",
        &format!("[supervisord]\nidentifier={}\n", "%(here)1000s".repeat(LARGE / 12)),
    );
    let text = refusal(&home);
    assert!(text.contains("badly formatted: the result is longer than 16 MB"));
}

#[test]
fn many_unknown_sections_and_options_are_ignored() {
    let home = Home::new("sections-large", "");
    let mut text = "[supervisord]\n[program:a]\ncommand=sleep 1000\n".to_owned();
    for number in 0..LARGE / 64 {
        write!(text, "option-number-{number}=of no use\n[section-number-{number}]\n").unwrap();
    }
    home.write("t.conf", &text);
    let mut running = Running::start(&mut bounded(&home, "-n"));
    running.stdout.wait_for("spawned: 'a'");
    assert!(peak(running.pid()) < MOST_MEMORY);
    stop(&mut running);
    let told = |line: &&String| {
        line.contains(" is ignored: ") || line.contains(" options of other programs: ")
    };
    assert_eq!(running.stdout.rest().iter().filter(told).count(), 200);
}

#[test]
fn ten_thousand_programs_load_quickly() {
    let home = Home::new("many", "");
    let mut text = "[supervisord]\n".to_owned();
    for number in 0..MANY {
        write!(
            text,
            "[program:p{number}]\ncommand=sleep 1000\nautostart=false\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
        )
        .unwrap();
    }
    text.push_str("[program:last]\ncommand=sleep 1000\n");
    home.write("t.conf", &text);
    many(&home, "spawned: 'last'");
}

#[test]
fn ten_thousand_processes_of_one_program_load_quickly() {
    let home = Home::new(
        "numprocs",
        &format!(
            "[program:p]\ncommand=sleep %(process_num)d\nprocess_name=p%(process_num)d\nnumprocs={MANY}\n\
             autostart=false\nstdout_logfile=NONE\nstderr_logfile=NONE\n[program:last]\ncommand=sleep 1000\n"
        ),
    );
    many(&home, "spawned: 'last'");
}

#[track_caller]
fn many(home: &Home, line: &str) {
    let mut running = home.start();
    running.stdout.wait_for(line);
    let peak = peak(running.pid());
    assert!(peak < MEMORY_OF_MANY, "{peak} KiB");
    stop(&mut running);
}

#[test]
fn zero_bytes_are_reported_with_their_position() {
    let home = Home::new("zero", "");
    for (text, message) in [
        (
            "[program:a]\ncommand=cat \0 x\n",
            "t.conf:3: command contains a NUL byte in section 'program:a'",
        ),
        (
            "[program:a]\ncommand=cat\nenvironment=A=\"\0\"\n",
            "t.conf:4: environment contains a NUL byte",
        ),
        ("[program:a\0b]\ncommand=cat\n", "t.conf:2: Invalid name: 'a\\x00b' contains a NUL byte"),
        (
            "[program:a]\ncommand=cat\nprocess_name=\0\n",
            "t.conf:4: Invalid name: '\\x00' contains a NUL byte",
        ),
        ("\0\n", "t.conf:2: Source contains parsing errors: expected \"[section]\""),
    ] {
        home.write("t.conf", &format!("[supervisord]\n{text}"));
        let said = refusal(&home);
        assert!(said.contains(message), "{message}: {said}");
    }
    // Where nobody reads them they do no harm.
    home.write("t.conf", "[supervisord]\n; \0\n[program:a]\ncommand=sleep 1000\nnothing=\0\n");
    let mut running = home.start();
    running.stdout.wait_for("spawned: 'a'");
    stop(&mut running);
}

#[test]
fn a_directory_as_configuration_file_is_rejected() {
    let home = Home::new("directory", "");
    std::fs::remove_file(home.path("t.conf")).unwrap();
    std::fs::create_dir(home.path("t.conf")).unwrap();
    let said = refusal(&home);
    assert!(said.contains("Error: could not read config file t.conf: Is a directory"), "{said}");

    let home = Home::new(
        "directory-included",
        "[include]\nfiles=parts\n[program:a]\ncommand=sleep 1000\n",
    );
    std::fs::create_dir(home.path("parts")).unwrap();
    let mut running = home.start();
    running.stdout.wait_for("WARN cannot read included file ");
    running.stdout.wait_for("spawned: 'a'");
    stop(&mut running);
}

#[test]
fn a_file_that_includes_itself_is_read_only_once_more() {
    let home = Home::new(
        "itself",
        "[include]\nfiles=t.conf other.conf\n[program:a]\ncommand=sleep 1000\n",
    );
    home.write(
        "other.conf",
        "[include]\nfiles=t.conf other.conf\n[program:b]\ncommand=sleep 1000\n",
    );
    let mut running = home.start();
    running.stdout.wait_for("spawned: 'a'");
    running.stdout.wait_for("spawned: 'b'");
    stop(&mut running);
    let included = running.stdout.rest().iter().filter(|line| line.contains("Included extra file"));
    assert_eq!(included.count(), 2);
}

#[test]
fn a_configuration_pipe_without_a_writer_is_not_awaited() {
    let home = Home::new("pipe", "");
    std::fs::remove_file(home.path("t.conf")).unwrap();
    fifo(&home, "t.conf");
    let said = refusal(&home);
    let message = "Error: could not read config file t.conf: no process writes to this pipe";
    assert!(said.contains(message), "{said}");

    let home =
        Home::new("pipe-included", "[include]\nfiles=*.part\n[program:a]\ncommand=sleep 1000\n");
    fifo(&home, "x.part");
    let mut running = home.start();
    let warning = running.stdout.wait_for("WARN cannot read included file ");
    assert!(warning.contains("x.part: no process writes to this pipe; ignoring it"), "{warning}");
    running.stdout.wait_for("spawned: 'a'");
    stop(&mut running);
}

#[test]
fn a_configuration_pipe_is_read_to_its_end() {
    let supervisord = supervisord();
    let home = Home::new("pipe-written", "");
    fifo(&home, "pipe");
    // Both ends are there from the beginning, as in `-c <(command)`.
    let script = format!(
        "exec 3<>pipe 4>pipe 5<pipe 3>&-\n\
         {{ exec 5<&-; echo '[supervisord]'; echo '[program:a]'; echo 'command=sleep 1000'; }} >&4 &\n\
         exec 4>&-\n\
         exec {supervisord} -n -c /dev/fd/5"
    );
    let mut running = Running::start(clean("bash", ["-c", &script]).current_dir(&home));
    running.stdout.wait_for("spawned: 'a'");
    stop(&mut running);
}

#[test]
fn a_configuration_pipe_with_a_silent_writer_times_out() {
    let home = Home::new("pipe-silent", "");
    std::fs::remove_file(home.path("t.conf")).unwrap();
    fifo(&home, "t.conf");
    let both = std::fs::OpenOptions::new().read(true).write(true).open(home.path("t.conf"));
    let said = refusal(&home);
    drop(both.unwrap());
    assert!(
        said.contains("the process that writes to it did not finish within 10 seconds"),
        "{said}"
    );
}

#[test]
fn an_unreadable_configuration_file_is_named() {
    let home = Home::new("forbidden", "[program:a]\ncommand=sleep 1000\n");
    std::fs::set_permissions(home.path("t.conf"), PermissionsExt::from_mode(0o000)).unwrap();
    // Where the build is, others may not get in.
    let program = home.path("supervisord");
    std::fs::copy(supervisord(), &program).unwrap();
    std::fs::set_permissions(&home, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = clean(program.to_str().unwrap(), ["-n", "-c", "t.conf"]);
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut running = Running::start(command.current_dir(&home));
    assert_eq!(running.exit_code(), 2);
    let said = running.stderr.rest().join("\n");
    let message = "Error: could not read config file t.conf: Permission denied";
    assert!(said.contains(message), "{said}");
}

/// A user who owns nothing.
const NOBODY: u32 = 65534;
