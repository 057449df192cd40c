//! Tests relays with a hostile program on real pipes: between any two system calls of the relay,
//! the program writes, fills its pipe or exits, while the reader reads a little now and then.
//!
//! Every line must come out complete, once and in order, without waiting for the next one. This
//! also holds if a filter changes lines, if the program changes the size of its pipe, and if the
//! kernel allows the user no large pipes.

mod way;

use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Uid;
use supervisor_core::ids::Pid;
use supervisor_sys::clock::moment;
use tokio::task::LocalSet;

use super::super::between;
use super::super::sink::Sink;
use super::super::wakeups::Wakeups;
use super::{Memory, Relay};
use way::Way;

const KEPT: Memory = Memory { of_runs: true, recent: false };

const CASES: u64 = 54;

/// The time limit for all output. Output that has not arrived by then waits for something that has
/// already happened.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pseudo-random numbers, the same for the same seed.
struct Dice(Cell<u64>);

impl Dice {
    fn below(&self, limit: u64) -> u64 {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        state % limit
    }
}

/// A program: the end of its pipe, and the number of lines it wrote.
struct Program {
    name: char,
    way: Way,
    pipe: RefCell<Option<OwnedFd>>,
    written: Cell<u64>,
}

impl Program {
    fn line(&self) -> String {
        line(self.name, self.written.get(), way::RED)
    }

    /// Changes the size of its pipe, if the kernel allows that.
    fn resizes(&self, pages: u64) {
        if let Some(pipe) = &*self.pipe.borrow() {
            let size = usize::try_from(pages).unwrap() * rustix::param::page_size();
            let _ = rustix::pipe::fcntl_setpipe_size(pipe, size);
        }
    }

    fn writes(&self, most: u64) {
        let pipe = self.pipe.borrow();
        for _ in 0..most {
            let Some(pipe) = &*pipe else { return };
            match rustix::io::write(pipe, self.line().as_bytes()) {
                Ok(_) => self.written.set(self.written.get() + 1),
                Err(Errno::AGAIN) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn line(name: char, number: u64, color: &str) -> String {
    let filling = match number % 17 {
        // As JSON it is longer than a page, so a sink may have room for a part of it.
        16 => "\"".repeat(3000),
        _ => "x".repeat(usize::try_from(number * 37 % 150).unwrap()),
    };
    format!("{name}{number:07}{color}{filling}\n")
}

struct Scene {
    dice: Dice,
    programs: [Program; 2],
    reader: Rc<OwnedFd>,
    came: RefCell<Vec<u8>>,
    /// Whether the hostile programs act now.
    acts: Cell<bool>,
}

impl Scene {
    fn act(&self) {
        if !self.acts.get() {
            return;
        }
        let program = &self.programs[usize::from(self.dice.below(3) == 0)];
        match self.dice.below(40) {
            0..6 => program.writes(1),
            6..9 => program.writes(self.dice.below(200)),
            9 => program.writes(u64::MAX),
            10..14 => self.read(usize::try_from(self.dice.below(5000)).unwrap()),
            14 => self.read(1 << 18),
            15 if self.dice.below(60) == 0 => drop(program.pipe.take()),
            16 if self.dice.below(20) == 0 => program.resizes(1 << self.dice.below(7)),
            _ => {}
        }
    }

    fn read(&self, most: usize) {
        let mut some = vec![0; most];
        if let Ok(bytes) = rustix::io::read(&*self.reader, &mut some[..]) {
            self.came.borrow_mut().extend_from_slice(&some[..bytes]);
        }
    }

    fn lines(&self) -> u64 {
        self.came.borrow().iter().filter(|byte| **byte == b'\n').count() as u64
    }

    /// Waits until all output so far has arrived, while the programs write nothing.
    async fn all_comes(&self) {
        self.acts.set(false);
        let written = || self.programs.iter().map(|program| program.written.get()).sum::<u64>();
        let begin = moment();
        while self.lines() < written() {
            assert!(begin.elapsed() < PATIENCE, "{} of {} lines came", self.lines(), written());
            self.read(1 << 18);
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        self.acts.set(true);
    }

    fn is_whole(&self) {
        let came = String::from_utf8(self.came.take()).expect("whole lines");
        let mut next = [0; 2];
        for came in came.lines() {
            let which = usize::from(Way::name_in(came) == 'b');
            let Program { name, way, .. } = &self.programs[which];
            let color = if way.strips() { "" } else { way::RED };
            assert_eq!(way.message(*name, came) + "\n", line(*name, next[which], color));
            next[which] += 1;
        }
        assert_eq!(next, self.programs.each_ref().map(|program| program.written.get()));
    }
}

async fn play(seed: u64, sink: &Rc<Sink>, reader: &Rc<OwnedFd>, wakeups: Wakeups) {
    let wakeups = Rc::new(wakeups);
    tokio::task::spawn_local(Rc::clone(&wakeups).run(Rc::default()));
    let pipes = [(); 2].map(|()| pipe_with(PipeFlags::NONBLOCK).unwrap());
    let ways = Way::of_two(seed);
    let relays = [0, 1].map(|at| {
        let filter = ways[at].filter(["a", "b"][at]).map(RefCell::new).map(Box::new);
        Relay::with(Rc::clone(sink), filter, KEPT, None)
    });
    let mut names = 'a'..='b';
    let mut pids = 1..;
    let programs = pipes.map(|(read, write)| {
        let pid = pids.next().unwrap();
        relays[usize::try_from(pid - 1).unwrap()].add(read, Some(Pid(pid)));
        let pipe = RefCell::new(Some(write));
        let way = ways[usize::try_from(pid - 1).unwrap()];
        Program { name: names.next().unwrap(), way, pipe, written: Cell::new(0) }
    });
    let dice = Dice(Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1));
    let came = RefCell::default();
    let scene =
        Rc::new(Scene { dice, programs, reader: Rc::clone(reader), came, acts: Cell::new(true) });
    let actor = Rc::clone(&scene);
    between::act(Some(Box::new(move || actor.act())));
    let carried = relays
        .each_ref()
        .map(|relay| tokio::task::spawn_local(Rc::clone(relay).run(Rc::clone(&wakeups))));
    for step in 0..40 {
        for _ in 0..scene.dice.below(20) {
            scene.act();
        }
        match scene.dice.below(4) {
            0 => tokio::task::yield_now().await,
            1 => tokio::time::sleep(Duration::from_micros(scene.dice.below(900))).await,
            _ if step % 10 == 9 => scene.all_comes().await,
            _ => {}
        }
    }
    scene.all_comes().await;
    for program in &scene.programs {
        drop(program.pipe.take());
    }
    between::act(None);
    for relay in &relays {
        relay.close();
    }
    for carried in carried {
        tokio::time::timeout(PATIENCE, carried).await.expect("the end comes out").unwrap();
    }
    scene.is_whole();
}

fn plays(seeds: std::ops::Range<u64>) {
    // The sink belongs to the process for good, as a standard stream does.
    let (reader, write) = pipe_with(PipeFlags::NONBLOCK).unwrap();
    let write: &'static OwnedFd = Box::leak(Box::new(write));
    let reader = Rc::new(reader);
    for seed in seeds {
        eprintln!("SEED={seed}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let wakeups = match seed / 6 % 3 {
                0 => Wakeups::without_signals(),
                _ => Wakeups::open(),
            };
            // It belongs to the event loop that it is first waited for in.
            let sink = Rc::new(Sink::inherited(write.as_fd()));
            play(seed, &sink, &reader, wakeups).await;
        });
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test takes its seed from the environment")]
fn lines_come_out_complete_and_in_time_for_any_behavior_of_a_program() {
    plays(std::env::var("SEED").map_or(0..CASES, |seed| {
        let seed = seed.parse().expect("a number");
        seed..seed + 1
    }));
}

/// The kernel gives a user without privileges pipes of two pages once all of the user's pipes have
/// `pipe-user-pages-soft` pages, and makes none of them larger.
#[test]
fn lines_come_out_complete_if_pipes_cannot_be_enlarged() {
    // Of the thread alone, with a count of pages of its own.
    let played = std::thread::spawn(|| {
        let nobody = Uid::from_raw(64_321);
        if rustix::thread::set_thread_res_uid(nobody, nobody, nobody).is_err() {
            return eprintln!("skipped: not root");
        }
        let (usual, _write) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let Some(_hoard) = hoard() else {
            return eprintln!("skipped: this machine has no limit of pipes' pages");
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let size = rustix::pipe::fcntl_getpipe_size(&usual).unwrap();
            assert!(Rc::new(Wakeups::open()).enlarge(&usual).is_none());
            assert_eq!(rustix::pipe::fcntl_getpipe_size(&usual).unwrap(), size);
        });
        plays(0..6);
    });
    played.join().unwrap();
}

/// Pipes that use all pages that the user may have. `None`: there is no such limit.
fn hoard() -> Option<Vec<OwnedFd>> {
    let usual = 16 * rustix::param::page_size();
    let mut pipes = Vec::new();
    for _ in 0..300 {
        let (read, _) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        if rustix::pipe::fcntl_getpipe_size(&read).unwrap() < usual {
            return Some(pipes);
        }
        // Refused near the limit, where pipes of the usual size reach it.
        let _ = rustix::pipe::fcntl_setpipe_size(&read, 1 << 20);
        pipes.push(read);
    }
    None
}
