//! The same configuration on supervisord 4.3.0 and on ours, and what both did.
//!
//! Each file in `configs` says what happens while it runs (`scenario.rs`); all that the
//! two log, print and leave has to be the same (`difference.rs`), but for what the
//! table in `allowed.rs` gives a reason for. `configs/bad` has configurations that
//! both must refuse in the same words.
//!
//! `shapes` has configurations as people have them, with stand-ins for their programs.
//!
//! `SUPERVISOR_PYTHON` names a Python with supervisord; `COMPARE_ONLY`, if set, is a
//! part of the names of the scenarios to run. With `COMPARE_THEIRS_TWICE` theirs is
//! compared with itself: that shows whether a new scenario is the same every time.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]
#![allow(clippy::disallowed_methods, reason = "no supervisor: it may read its environment")]

#[path = "../harness/mod.rs"]
mod harness;

mod allowed;
mod bad;
mod difference;
mod folder;
mod run;
mod scenario;
mod self_check;
mod transcript;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use crate::run::{Supervisors, run};
use crate::scenario::{Scenario, Side};
use crate::transcript::Transcript;

/// How many scenarios run at a time. They mostly wait: for a second to pass, or for a
/// supervisor that looks around once a second.
const AT_A_TIME: usize = 8;

/// How many scenarios may differ by accident.
const MOST_ACCIDENTS: usize = 4;

/// The binary under test; `None`: theirs once more.
fn ours() -> Option<String> {
    let twice = std::env::var_os("COMPARE_THEIRS_TWICE").is_some();
    (!twice).then(|| harness::program("supervisord").to_owned())
}

#[test]
fn the_same_configuration_behaves_as_in_supervisord() {
    let Some(supervisors) = supervisors() else { return };
    let mut scenarios = scenario::read_all(&folder("configs"));
    scenarios.extend(scenario::read_all(&folder("shapes")));
    let used = Mutex::new(BTreeSet::new());
    let check = |scenario: &Scenario| {
        let ids = compare(&supervisors, scenario)?;
        used.lock().unwrap().extend(ids);
        Ok(())
    };
    let scenarios = chosen(scenarios);
    let failures = once_more_alone(each(&scenarios, check), &scenarios, check);
    let used = used.into_inner().unwrap();
    for allowed in allowed::ALLOWED.iter().filter(|allowed| !used.contains(allowed.id)) {
        println!("not needed: {}: {}", allowed.id, allowed.reason);
    }
    assert!(failures.is_empty(), "{}", summary(&failures));
}

#[test]
fn invalid_configurations_have_supervisords_messages() {
    let Some(supervisors) = supervisors() else { return };
    let scenarios = chosen(bad::read_all(&folder("configs/bad")));
    let failures = each(&scenarios, |scenario| bad::compare(&supervisors, scenario));
    assert!(failures.is_empty(), "{}", summary(&failures));
}

/// What failed and fails again when nothing else runs. Theirs sees what has happened once
/// a second, all at once and in an order of its own; on a busy machine that is sometimes
/// more than it was meant to see. Many of these are no accident.
fn once_more_alone(
    failures: Vec<Failure>,
    scenarios: &[Scenario],
    check: impl Fn(&Scenario) -> Result<(), String>,
) -> Vec<Failure> {
    if failures.len() > MOST_ACCIDENTS {
        return failures;
    }
    let again = |failure: &Failure| {
        println!("only once, maybe: {}", summary(std::slice::from_ref(failure)));
        let scenario = scenarios.iter().find(|scenario| scenario.name == failure.name)?;
        let why = attempt(|| check(scenario)).err()?;
        Some(Failure { name: failure.name.clone(), why })
    };
    failures.iter().filter_map(again).collect()
}

/// A scenario that did not go as it should.
struct Failure {
    name: String,
    why: String,
}

fn summary(failures: &[Failure]) -> String {
    let told = failures.iter().map(|Failure { name, why }| format!("== {name}\n{why}"));
    told.collect::<Vec<_>>().join("\n")
}

/// Runs both, at the same time, and says what they used of the table, or where they
/// differ.
fn compare(supervisors: &Supervisors, scenario: &Scenario) -> Result<Vec<&'static str>, String> {
    let (mut theirs, mut ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| run(supervisors, Side::Theirs, scenario));
        let ours = run(supervisors, Side::Ours, scenario);
        let theirs = theirs.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (Transcript::of(theirs), Transcript::of(ours))
    });
    if supervisors.ours.is_none() {
        allowed::take_out(scenario, &mut ours, &mut theirs.clone())?;
    }
    let used = allowed::take_out(scenario, &mut theirs, &mut ours)?;
    let found = difference::differences(&theirs, &ours, &scenario.together);
    if found.is_empty() { Ok(used) } else { Err(found.join("\n")) }
}

fn supervisors() -> Option<Supervisors> {
    let Some(python) = harness::python() else {
        harness::skip("SUPERVISOR_PYTHON names no Python with supervisord", "REQUIRE_PYTHON");
        return None;
    };
    Some(Supervisors { python, ours: ours() })
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/compare")).join(name)
}

fn chosen(mut scenarios: Vec<Scenario>) -> Vec<Scenario> {
    let only = std::env::var("COMPARE_ONLY").unwrap_or_default();
    let twice = ours().is_none();
    scenarios.retain(|scenario| scenario.name.contains(&only) && !(twice && scenario.has_sides()));
    if !rustix::process::geteuid().is_root() {
        for scenario in scenarios.extract_if(.., |scenario| scenario.needs_root) {
            harness::skip(&format!("{} needs root", scenario.name), "REQUIRE_ROOT");
        }
    }
    assert!(!scenarios.is_empty(), "there is nothing to compare");
    scenarios
}

/// Does something with each scenario, some at a time, and collects what went wrong.
fn each(
    scenarios: &[Scenario],
    check: impl Fn(&Scenario) -> Result<(), String> + Sync,
) -> Vec<Failure> {
    let queue = Mutex::new(scenarios.iter());
    let failures = Mutex::new(Vec::new());
    let next = || queue.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(scenario) = next() {
                    let start = Instant::now();
                    let outcome = attempt(|| check(scenario));
                    println!("{}: {:.1} s", scenario.name, start.elapsed().as_secs_f32());
                    if let Err(why) = outcome {
                        let name = scenario.name.clone();
                        failures.lock().unwrap().push(Failure { name, why });
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap()
}

/// A panic, as of a line that never came, is a failure of this scenario only.
fn attempt(check: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(text.or_else(|| panic.downcast_ref().copied()).unwrap_or("a panic").to_owned())
    })
}
