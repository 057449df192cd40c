//! Compares the core with a model in twenty thousand random cases on a hostile kernel.
//!
//! ```text
//!   steps.rs ── inputs ───────┬──> core ──> effects ──> kernel.rs, listeners.rs
//!                              └──> model.rs: the expected effects ──> compared
//! ```
//!
//! The kernel reuses pids at once, lets processes die at any time, delivers answers late, in any
//! order and twice, delays SIGKILL, and orphans children. Operators send random commands between
//! any two steps, listeners write nonsense, and clocks jump. `invariants.rs` lists the conditions
//! that must hold nevertheless.
//!
//! In one case of four, most requests are updates and rolling restarts, at any time. These updates
//! change every rule that a running program can take. Such a case has a seed from [`OF_UPDATES`] on.
//!
//! `SEED=n` repeats one case and prints its steps. `CASES=n` sets the number of cases. `SECONDS=n`
//! runs for that time, with seeds from `FROM=n` on. With `TALLY=1`, the test does not stop at the
//! first violation but counts the violations of each invariant. `UPDATE=1` updates the diagram in
//! `docs/design/process-states.md`.

#![expect(clippy::unwrap_used, reason = "a simulation that fails is a failed test")]
#![expect(clippy::wildcard_enum_match_arm, reason = "the model looks at what it knows")]

mod checks;
mod diagram;
mod invariants;
mod kernel;
mod listeners;
mod model;
mod places;
mod play;
mod random;
mod specs;
mod steps;
mod updates;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diagram::Diagram;
use invariants::{Invariant, Violation};
use play::Case;

/// The default number of cases.
const CASES: u64 = 20_000;

/// The first seed for runs with a time limit.
const LONG_RUN_FROM: u64 = 1_000_000;

/// The seeds of cases with many updates begin here. Those of other cases are far below.
const OF_UPDATES: u64 = 1_000_000_000_000;

/// Cases that a thread takes at a time.
const BATCH: u64 = 100;

#[test]
fn whatever_happens_the_promises_hold() {
    if let Some(seed) = number("SEED") {
        return println!("{}", tell(seed));
    }
    let tally = number("TALLY").is_some();
    let known = if tally { Vec::new() } else { seeds_that_failed_once() };
    for seed in known {
        if play(seed).is_err() {
            tell(seed);
        }
    }
    let played = played();
    let counts: Vec<_> = played.broken.iter().collect();
    for (invariant, (times, seed)) in &counts {
        println!("{invariant:?} {times} SEED={seed} {}", invariant.sentence());
    }
    println!("{} cases", played.cases);
    if let Some((_, (_, seed))) = counts.first() {
        assert!(!tally, "promises were broken");
        tell(*seed);
    }
}

#[test]
fn the_documented_state_diagram_matches_the_simulation() {
    let chosen = ["SEED", "SECONDS", "CASES", "TALLY"];
    if chosen.into_iter().all(|name| number(name).is_none()) {
        played().diagram.check(number("UPDATE").is_some());
    }
}

/// The results of many cases.
#[derive(Default)]
struct Played {
    cases: u64,
    diagram: Diagram,
    /// The number of violations of each invariant, and the first seed.
    broken: BTreeMap<Invariant, (u64, u64)>,
}

/// Plays all cases. Several tests share the results.
fn played() -> &'static Played {
    static PLAYED: OnceLock<Played> = OnceLock::new();
    PLAYED.get_or_init(|| {
        let until = number("SECONDS").map(|secs| now() + Duration::from_secs(secs));
        let from = until.map_or(0, |_| number("FROM").unwrap_or(LONG_RUN_FROM));
        let end = until.map_or_else(|| number("CASES").unwrap_or(CASES), |_| u64::MAX);
        let next = AtomicU64::new(from);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut played = Played::default();
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..threads).map(|_| scope.spawn(|| play_many(&next, end, until))).collect();
            for thread in threads {
                played.merge(thread.join().unwrap());
            }
        });
        played
    })
}

fn play_many(next: &AtomicU64, end: u64, until: Option<Duration>) -> Played {
    let mut played = Played::default();
    loop {
        let from = next.fetch_add(BATCH, Ordering::Relaxed);
        let over = until.is_some_and(|until| now() >= until);
        let stop = !played.broken.is_empty() && number("TALLY").is_none();
        if from >= end || over || stop {
            return played;
        }
        played.play(from..(from + BATCH).min(end));
    }
}

impl Played {
    fn play(&mut self, seeds: Range<u64>) {
        for number in seeds {
            let seed = if number % 4 == 3 { OF_UPDATES + number } else { number };
            self.cases += 1;
            match play(seed) {
                Ok(diagram) => self.diagram.merge(diagram),
                Err(violation) => {
                    let count = self.broken.entry(violation.invariant).or_insert((0, seed));
                    count.0 += 1;
                }
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.cases += other.cases;
        self.diagram.merge(other.diagram);
        for (invariant, (times, seed)) in other.broken {
            let count = self.broken.entry(invariant).or_insert((0, seed));
            *count = (count.0 + times, count.1.min(seed));
        }
    }
}

fn play(seed: u64) -> Result<Diagram, Violation> {
    let mut case = Case::new(seed, false);
    caught(&mut case).map(|()| std::mem::take(&mut case.model.diagram))
}

/// Plays a case again and returns its steps.
fn tell(seed: u64) -> String {
    let mut case = Case::new(seed, true);
    let played = caught(&mut case);
    let log = case.log();
    if let Err(Violation { invariant, what }) = played {
        panic!("{log}\nSEED={seed}: {invariant:?}: {}\n{what}", invariant.sentence());
    }
    format!("{log}\nSEED={seed}: all promises hold")
}

fn caught(case: &mut Case) -> Result<(), Violation> {
    silence_panics();
    PLAYING.set(true);
    let played = std::panic::catch_unwind(AssertUnwindSafe(|| case.play()));
    PLAYING.set(false);
    played.map_err(|panic| match panic.downcast::<Violation>() {
        Ok(violation) => *violation,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Violation { invariant: Invariant::NeverPanics, what: text.unwrap_or_default() }
        }
    })
}

thread_local! {
    /// Set while this thread plays a case, whose panics are caught and reported elsewhere.
    static PLAYING: Cell<bool> = const { Cell::new(false) };
}

fn silence_panics() {
    static SILENCED: OnceLock<()> = OnceLock::new();
    SILENCED.get_or_init(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !PLAYING.get() {
                usual(info);
            }
        }));
    });
}

fn seeds_that_failed_once() -> Vec<u64> {
    let lines = include_str!("regressions.txt").lines();
    let seeds = lines.filter_map(|line| line.split('#').next().map(str::trim));
    seeds.filter(|seed| !seed.is_empty()).map(|seed| seed.parse().unwrap()).collect()
}

fn number(name: &str) -> Option<u64> {
    let found = std::env::vars().find(|(other, _)| other == name);
    found.map(|(_, value)| value.parse().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "a run for a time must know the time")]
fn now() -> Duration {
    static BEGUN: OnceLock<std::time::Instant> = OnceLock::new();
    BEGUN.get_or_init(std::time::Instant::now).elapsed()
}
