//! Output that has to wait, and what holds a pipe beyond the end of its run.

use std::io::Read;
use std::process::{Child, Stdio};

use crate::harness::{clean, kill, status, wait};
use crate::home::{Home, stop};

/// What all of these want: runs of any length count, and nothing ends what they left behind.
const RULES: &str = "startsecs=0\nkilltree=false\n";

/// A supervisord whose output is for the test to read, or not.
fn start(home: &Home) -> Child {
    let mut command = home.command(&["-n"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Reads, slower than anybody writes, until `text` comes.
fn read_slowly_until(mut source: impl Read, text: &[u8]) {
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(text) {
        assert_eq!(source.read(&mut byte).unwrap(), 1, "the end, and no {text:?}");
        seen.push(byte[0]);
    }
}

#[test]
fn runs_with_unread_output_do_not_accumulate() {
    let home = Home::new(
        "pile",
        &format!(
            "logfile=log\nsilent=true\n[program:p]\ncommand=head -c 20000 /dev/zero\n\
             autorestart=true\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n{RULES}"
        ),
    );
    let mut supervisord = start(&home);
    let mut log = home.lines("log");
    log.wait_for("cannot write the stdout of p: its reader consumed no output of the last 8 runs");
    log.wait_for_words("spawned: 'p'", 60);
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", supervisord.id())).unwrap();
    assert!(descriptors.count() < 40);
    kill(supervisord.id().cast_signed(), "TERM");
    assert_eq!(status(wait(&mut supervisord)), 0);
}

#[test]
fn a_leftover_process_that_keeps_writing_does_not_delay_the_next_run() {
    let home = Home::new(
        "chatty",
        &format!(
            "logfile=log\nsilent=true\n[program:p]\ncommand=sh %(here)s/app\n\
             stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n{RULES}"
        ),
    );
    home.write(
        "app",
        "[ -e left ] && { echo second run; exec sleep 1000; }\n\
         setsid yes & echo $! > left; read x < go; exit 1\n",
    );
    assert!(clean("mkfifo", [home.path("go")]).status().unwrap().success());
    let mut supervisord = start(&home);
    let mut stdout = supervisord.stdout.take().unwrap();
    // It writes, and as fast as it can.
    read_slowly_until(&mut stdout, b"y\ny\n");
    home.write("go", "\n");
    read_slowly_until(&mut stdout, b"second run\n");
    let left = home.read("left").trim().parse().unwrap();
    kill(supervisord.id().cast_signed(), "TERM");
    std::thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
    assert_eq!(status(wait(&mut supervisord)), 0);
    // Whose output nobody takes has been ended by that.
    crate::harness::wait_gone(left);
}

#[test]
fn a_partial_mark_is_logged_after_the_exit() {
    let home = Home::new(
        "mark",
        &format!(
            "[program:p]\ncommand=sh -c \"sleep 1000 & echo $! > left; printf 'bye <!--XSUP'\"\n\
             autorestart=false\nstdout_logfile=out\nstdout_capture_maxbytes=1MB\n{RULES}"
        ),
    );
    home.write("out", "");
    let mut running = home.start();
    let mut tail = clean("tail", ["-c", "+1", "-F", "--pid", &running.pid().to_string()]);
    let tail = tail.arg(home.path("out")).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut tail = tail.unwrap();
    read_slowly_until(tail.stdout.take().unwrap(), b"bye <!--XSUP");
    kill(home.read("left").trim().parse().unwrap(), "KILL");
    stop(&mut running);
    wait(&mut tail);
}

#[test]
fn programs_may_share_a_log_file_that_is_rotated() {
    let program = |name: &str| {
        format!(
            "[program:{name}]\ncommand=seq -f {name}%%g 1 20000\nautorestart=false\nstartsecs=0\n\
             stdout_logfile=out\nstdout_logfile_maxbytes=20KB\nstdout_logfile_backups=99\n"
        )
    };
    let home = Home::new("shared", &(program("a") + &program("b")));
    let mut running = home.start();
    running.stdout.wait_for_words("exited:", 2);
    stop(&mut running);
    let files: Vec<_> = home.names().into_iter().filter(|name| name.starts_with("out")).collect();
    assert!(files.len() > 3, "{files:?}");
    // Neither writes whole lines, so theirs are mixed; but nothing is missing.
    let came: usize = files.iter().map(|name| home.read(name).len()).sum();
    let of_one: usize = (1..=20000).map(|number: u32| format!("a{number}\n").len()).sum();
    assert_eq!(came, 2 * of_one);
}

#[test]
fn a_full_stderr_delays_neither_start_nor_exit() {
    let home = Home::new(
        "full-stderr",
        "logfile=log\nsilent=true\n[program:p]\ncommand=sleep 1000\n\
         [unix_http_server]\nfile=%(here)s/sock\n",
    );
    // One that nobody listens at any more is told of on stderr before it is removed.
    drop(std::os::unix::net::UnixListener::bind(home.path("sock")).unwrap());
    let (_unread, full) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK).unwrap();
    while rustix::io::write(&full, &[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&full, false).unwrap();
    let mut command = home.command(&["-n"]);
    let mut supervisord = command.stdout(Stdio::null()).stderr(full).spawn().unwrap();
    let mut log = home.lines("log");
    log.wait_for("success: p");
    // The new beginning fails, which is told on stderr, too.
    home.write("t.conf", "[supervisord]\nloglevel=nonsense\n");
    kill(supervisord.id().cast_signed(), "HUP");
    assert_eq!(status(wait(&mut supervisord)), 2);
}
