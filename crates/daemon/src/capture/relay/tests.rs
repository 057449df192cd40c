use std::os::fd::AsRawFd;
use std::rc::Rc;

use rustix::pipe::PipeFlags;
use supervisor_config::LogFormat;
use supervisor_core::event::Channel;
use supervisor_core::ids::ProcId;
use supervisor_core::spec;

use super::super::filter::Audience;
use super::super::journal::Style;
use super::super::log_file::LogFile;
use super::*;

const KEPT: Memory = Memory { of_runs: true, recent: false };

fn relay(path: String) -> Rc<Relay> {
    let file = LogFile::new(Rc::new(spec::LogFile { path: path.into(), maxbytes: 0, backups: 0 }));
    Relay::new(Rc::new(Sink::log_file(file)), filter("program"), Memory::default())
}

/// A filter that changes nothing.
pub(super) fn filter(name: &str) -> Filter {
    Filter {
        proc: ProcId(0),
        name: name.to_owned(),
        channel: Channel::Stdout,
        strip_ansi: None,
        separator: None,
        ready: None,
        syslog: None,
        server: None,
        syslog_lost: Rc::default(),
        echo: false,
        lines: None,
        audience: Audience::None,
        inbox: Rc::default(),
        journal: Rc::new(Journal::new(Style::Complaints, LogFormat::Text)),
    }
}

#[test]
fn runs_that_exit_before_their_output_is_read_lose_nothing() {
    let (read, write) = rustix::pipe::pipe().unwrap();
    rustix::io::ioctl_fionbio(&read, true).unwrap();
    let relay = relay(format!("/proc/self/fd/{}", write.as_raw_fd()));
    let runs = 3 * i32::try_from(RUNS).unwrap();
    for pid in 0..runs {
        let (ours, theirs) = rustix::pipe::pipe().unwrap();
        rustix::io::ioctl_fionbio(&ours, true).unwrap();
        relay.add(ours, Some(Pid(pid)));
        rustix::io::write(&theirs, &[pid.unsigned_abs().to_le_bytes()[0]]).unwrap();
    }
    relay.pump(Pid(runs - 1));
    let mut came = [0; 100];
    let count = rustix::io::read(&read, &mut came).unwrap();
    assert!(came[..count].iter().copied().eq(0..3 * RUNS.to_le_bytes()[0]), "{came:?}");
    assert_eq!(relay.lost.get(), 0);
}

#[test]
fn an_endless_source_is_not_read_forever() {
    // The output of the pipe goes into its input, so there is always more.
    let (read, write) = rustix::pipe::pipe().unwrap();
    rustix::io::write(&write, b"round and round").unwrap();
    rustix::io::ioctl_fionbio(&read, true).unwrap();
    let relay = relay(format!("/proc/self/fd/{}", write.as_raw_fd()));
    relay.add(read, Some(Pid(1)));
    relay.pump(Pid(1));
    assert!((15..1 << 20).contains(&relay.carried.get()), "{}", relay.carried.get());
}
#[test]
fn the_last_lines_are_the_last_for_any_pipe_size() {
    let relay = Relay::with(Rc::new(Sink::nowhere()), None, KEPT, None);
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::NONBLOCK).unwrap();
    rustix::pipe::fcntl_setpipe_size(&write, 1024 * 1024).unwrap();
    rustix::io::write(&write, "one of many\n".repeat(50_000).as_bytes()).unwrap();
    rustix::io::write(&write, b"the last\n").unwrap();
    // Another process has it, too: it does not end.
    relay.add(read, Some(Pid(1)));
    let tail = relay.last_of(Pid(1)).unwrap();
    assert_eq!(tail.lines(2), ["one of many", "the last"]);
}

#[test]
fn skipped_bytes_at_the_end_are_reported() {
    let relay = Relay::with(Rc::new(Sink::nowhere()), None, KEPT, None);
    let (read, _write) = rustix::pipe::pipe_with(PipeFlags::NONBLOCK).unwrap();
    relay.add(read, Some(Pid(1)));
    relay.front().unwrap().tail.borrow_mut().as_mut().unwrap().miss(9);
    let tail = relay.last_of(Pid(1)).unwrap();
    assert_eq!(tail.lines(9), ["", "[9 bytes skipped]"]);
}

/// Each program has two streams, and a supervisor may have a thousand programs.
#[test]
fn a_stream_takes_about_a_kilobyte() {
    const fn size_of_future<A, B, F>(_: fn(A, B) -> F) -> usize {
        size_of::<F>()
    }
    assert!(size_of::<Relay>() <= 400, "{} bytes", size_of::<Relay>());
    let task = size_of_future(Relay::run);
    assert!(task <= 576, "{task} bytes; box the waits that few relays make");
}
