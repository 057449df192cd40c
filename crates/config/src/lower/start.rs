//! The conditions for a start: other programs, and servers that must accept connections.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use supervisor_core::spec::health::Ready;
use supervisor_core::spec::start::{Dependency, Until, WaitSpec};
use supervisor_core::spec::{Autorestart, GroupSpec, HealthSpec, ProcessSpec, StartSpec};

use super::Lowering;
use super::program::origin;
use crate::error::in_short;
use crate::options::{self as o, SectionKind};
use crate::text::expand::Names;
use crate::text::ini::Section;
use crate::text::nearest::nearest;
use supervisor_wire::supervisord::python::repr;

/// Reads these options. An event listener depends on no program, because it starts before all
/// others.
pub(super) fn read<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<StartSpec> {
    if SectionKind::of(&section.name) == Some(SectionKind::EventListener) {
        return Some(StartSpec::default());
    }
    let depends_on = lowering.get(section, &o::DEPENDS_ON, names);
    let targets = lowering.get(section, &o::WAIT_FOR, names);
    let timeout = lowering.get(section, &o::WAIT_TIMEOUT, names);
    let retries_before_ready = lowering.get(section, &o::RETRIES_BEFORE_READY, names);
    let ready_processes = lowering.get(section, &o::READY_PROCESSES, names);
    let (targets, timeout) = (targets?, timeout?);
    let wait_for = (!targets.is_empty()).then_some(WaitSpec { targets, timeout });
    Some(StartSpec {
        depends_on: depends_on?,
        wait_for,
        retries_before_ready: retries_before_ready?,
        ready_processes: ready_processes?,
    })
}

/// Rejects a number of ready processes above the number of processes.
pub(super) fn check_ready_processes<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    start: &StartSpec,
    numprocs: i64,
) {
    let key = o::READY_PROCESSES.def.key;
    if let Some(number) = start.ready_processes.filter(|number| i64::from(*number) > numprocs) {
        let why = format!("{key}={number} is above numprocs={numprocs}");
        lowering.complain(section, origin(lowering, section, key), &why);
    }
}

/// Rejects a limit of retries before readiness without a readiness check, because such a program is
/// ready after `startsecs`.
pub(super) fn check_retries<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    start: &StartSpec,
    health: &HealthSpec,
) {
    let key = o::RETRIES_BEFORE_READY.def.key;
    if start.retries_before_ready.is_some() && health.ready == Ready::Startsecs {
        let why = format!(
            "{key} requires a readiness check; set health_preset, health_url or another health \
             check, or ready=notify or ready=log:TEXT"
        );
        lowering.complain(section, origin(lowering, section, key), &why);
    }
}

/// Finds errors in the dependencies between programs.
pub(super) fn check_dependencies(lowering: &mut Lowering<'_>, groups: &[GroupSpec]) {
    let mut programs: BTreeMap<&str, Vec<&ProcessSpec>> = BTreeMap::new();
    let processes = groups.iter().filter(|group| group.pool.is_none());
    for process in processes.flat_map(|group| &group.processes).map(Rc::as_ref) {
        programs.entry(&process.program).or_default().push(process);
    }
    for processes in programs.values() {
        let Some(process) = processes.first() else { continue };
        for dependency in &process.start.depends_on {
            if let Some(why) = mistake(process, dependency, &programs) {
                complain(lowering, &process.program, &why);
            }
            warn_of_readiness(lowering, process, dependency, &programs);
        }
    }
    for circle in circles(&programs) {
        let way: Vec<&str> = circle.iter().chain(circle.first()).copied().collect();
        let why = format!("depends_on is circular: {}", way.join(" -> "));
        complain(lowering, circle[0], &why);
    }
}

fn complain(lowering: &mut Lowering<'_>, program: &str, why: &str) {
    let kinds = [SectionKind::Program, SectionKind::FcgiProgram];
    let mut sections = kinds.into_iter().flat_map(|kind| lowering.of_kind(kind));
    if let Some(section) = sections.find(|section| section.label().trim() == program) {
        let origin = origin(lowering, section, o::DEPENDS_ON.def.key);
        lowering.complain(section, origin, why);
    }
}

/// The reason why this dependency prevents every start of `process`.
fn mistake(
    process: &ProcessSpec,
    dependency: &Dependency,
    programs: &BTreeMap<&str, Vec<&ProcessSpec>>,
) -> Option<String> {
    let name = dependency.program.as_str();
    let Some(others) = programs.get(name) else {
        let known = || programs.keys().copied().filter(|known| *known != process.program);
        let hint = match nearest(name, known()) {
            Some((_, near)) => format!("did you mean {near}?"),
            None => format!("programs: {}", known().collect::<Vec<_>>().join(", ")),
        };
        let name = repr(&in_short(name));
        return Some(format!("depends_on names {name}, which is not a program ({hint})"));
    };
    if name == process.program {
        return Some(format!("depends_on={dependency} makes {name} wait for itself"));
    }
    let other = others.first()?;
    if process.autostart && !other.autostart {
        return Some(format!(
            "depends_on={dependency} waits for a program with autostart=false, which nothing \
             starts; set autostart=true for {name}, or autostart=false for {} as well",
            process.program
        ));
    }
    if dependency.until == Until::Completed && other.autorestart == Autorestart::Always {
        return Some(format!(
            "depends_on={dependency} waits for a program with autorestart=true, which never \
             completes; set autorestart=unexpected for {name}"
        ));
    }
    None
}

fn warn_of_readiness(
    lowering: &mut Lowering<'_>,
    process: &ProcessSpec,
    dependency: &Dependency,
    programs: &BTreeMap<&str, Vec<&ProcessSpec>>,
) {
    let others = programs.get(dependency.program.as_str());
    let blind = |other: &&ProcessSpec| other.health.ready == Ready::Startsecs;
    if dependency.until == Until::Ready && others.and_then(|all| all.first()).is_some_and(blind) {
        lowering.report.warn(format!(
            "[program:{}] depends_on={dependency}: {} has no readiness check, so it counts as \
             ready after startsecs; set health_preset, health_url or another health check for it",
            process.program, dependency.program
        ));
    }
}

/// Cycles of programs that depend on each other. Each cycle is returned once and starts with its
/// first name. A program that depends on itself is reported separately.
fn circles<'a>(programs: &BTreeMap<&'a str, Vec<&'a ProcessSpec>>) -> Vec<Vec<&'a str>> {
    let needs = |program: &str| {
        let process = programs.get(program).and_then(|all| all.first());
        process.map_or(&[][..], |process| &process.start.depends_on)
    };
    let (mut circles, mut done) = (Vec::new(), BTreeSet::new());
    for start in programs.keys() {
        // The path from `start`, with the number of dependencies that were followed at each
        // program.
        let mut way: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((program, followed)) = way.last_mut() {
            let next = needs(program).get(*followed).map(|needed| needed.program.as_str());
            *followed += 1;
            let Some(next) = next else {
                done.insert(*program);
                way.pop();
                continue;
            };
            let Some((next, _)) = programs.get_key_value(next) else { continue };
            if let Some(at) = way.iter().position(|(known, _)| known == next) {
                if at + 1 < way.len() {
                    circles.push(way[at..].iter().map(|(program, _)| *program).collect());
                }
            } else if !done.contains(next) {
                way.push((next, 0));
            }
        }
    }
    circles
}
