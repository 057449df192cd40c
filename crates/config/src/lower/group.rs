//! Reads groups: the ones in `[group:x]` sections, and one for each other program.

use std::collections::BTreeSet;

use supervisor_core::spec::GroupSpec;

use super::program::Base;
use super::{Lowering, listener, program, start};
use crate::error::in_short;
use crate::options::{self as o, SectionKind};
use crate::text::expand::Names;
use crate::text::ini::Section;
use crate::values;
use supervisor_wire::supervisord::python::repr;

/// Default priority of an event listener's pool. It starts first because it receives the events of
/// all other programs.
const POOL_PRIORITY: i64 = -1;

/// Maximum number of programs that a message suggests.
const MOST_NAMED: usize = 20;

/// All groups, in start order.
pub(super) fn read(
    lowering: &mut Lowering<'_>,
    base: &Base<'_>,
    names: &Names<'_>,
) -> Option<Vec<GroupSpec>> {
    let mut groups = Vec::new();
    let mut taken = BTreeSet::new();
    let mut complete = true;
    for section in lowering.of_kind(SectionKind::Group) {
        let group = heterogeneous(lowering, section, base, names, &mut taken);
        complete &= group.is_some();
        groups.extend(group);
    }
    for kind in [SectionKind::Program, SectionKind::FcgiProgram, SectionKind::EventListener] {
        for section in lowering.of_kind(kind) {
            if taken.contains(&section.name) {
                continue;
            }
            let group = homogeneous(lowering, section, kind, base, names);
            complete &= group.is_some();
            groups.extend(group);
        }
    }
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    drop_namesakes(&mut groups, lowering);
    groups.iter().for_each(|group| check_names(group, lowering));
    if complete {
        start::check_dependencies(lowering, &groups);
    }
    complete.then_some(groups)
}

/// Reads a `[group:x]` section. Adds the sections of its programs to `taken`.
fn heterogeneous<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    base: &Base<'_>,
    names: &Names<'_>,
    taken: &mut BTreeSet<String>,
) -> Option<GroupSpec> {
    let name = group_name(lowering, section);
    let priority = lowering.get(section, &o::GROUP_PRIORITY, names);
    let programs = lowering.get(section, &o::PROGRAMS, names)?;
    let name = name?;
    let mut processes = Vec::new();
    let mut complete = true;
    for program in programs {
        let Some(member) = member(lowering, section, &program) else {
            complete = false;
            continue;
        };
        taken.insert(member.name.clone());
        let read = program::read(lowering, member, &name, base, names);
        complete &= read.is_some();
        processes.extend(read.into_iter().flatten());
    }
    complete.then_some(GroupSpec { name, priority: priority?, processes, pool: None })
}

/// The section of a group's program.
fn member<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    program: &str,
) -> Option<&'a Section> {
    let plain = lowering.sections.section(&format!("program:{program}"));
    let fcgi = lowering.sections.section(&format!("fcgi-program:{program}"));
    let entry = lowering.entry(section, o::PROGRAMS.def.key);
    let origin = entry.map_or(&section.origin, |entry| &entry.origin);
    match (plain, fcgi) {
        (Some(found), None) | (None, Some(found)) => Some(found),
        (None, None) if program.is_empty() => {
            let why =
                format!("[{}] has an empty name in programs; remove the extra comma", section.name);
            lowering.complain(section, origin, &why);
            None
        }
        (None, None) => {
            let known = lowering.of_kind(SectionKind::Program).map(Section::label).take(MOST_NAMED);
            let known: Vec<&str> = known.collect();
            let why = format!(
                "[{}] names unknown program or fcgi-program {}; programs: expected names such \
                 as {}",
                section.name,
                in_short(program),
                known.join(", ")
            );
            lowering.complain(section, origin, &why);
            None
        }
        (Some(_), Some(_)) => {
            let why = format!(
                "[{}] name {program} is ambiguous (exists as program and fcgi-program)",
                section.name
            );
            lowering.complain(section, origin, &why);
            None
        }
    }
}

/// The group of a program that is not in a `[group:x]`.
fn homogeneous<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    kind: SectionKind,
    base: &Base<'_>,
    names: &Names<'_>,
) -> Option<GroupSpec> {
    let name = group_name(lowering, section);
    let listens = kind == SectionKind::EventListener;
    let priority = if listens && lowering.entry(section, o::PRIORITY.def.key).is_none() {
        Some(POOL_PRIORITY)
    } else {
        lowering.get(section, &o::PRIORITY, names)
    };
    let pool = listens.then(|| listener::pool(lowering, section, names));
    let name = name?;
    let processes = program::read(lowering, section, &name, base, names)?;
    let pool = match pool {
        Some(pool) => Some(pool?),
        None => None,
    };
    Some(GroupSpec { name, priority: priority?, processes, pool })
}

fn group_name(lowering: &mut Lowering<'_>, section: &Section) -> Option<String> {
    let name = values::name(section.label());
    name.map_err(|why| lowering.complain(section, &section.origin, &why)).ok()
}

/// Removes groups with a name that another group has. As in supervisord, the first one counts. A
/// warning names the others.
fn drop_namesakes(groups: &mut Vec<GroupSpec>, lowering: &mut Lowering<'_>) {
    let mut names = BTreeSet::new();
    groups.retain(|group| {
        let first = names.insert(group.name.clone());
        if !first {
            lowering.report.warn(format!(
                "two groups are named {}: only the one that starts first is kept",
                repr(&group.name)
            ));
        }
        first
    });
}

fn check_names(group: &GroupSpec, lowering: &mut Lowering<'_>) {
    let mut names = BTreeSet::new();
    let all = group.processes.iter().map(|process| &process.name);
    let twice: BTreeSet<&String> = all.filter(|name| !names.insert(*name)).collect();
    if twice.is_empty() {
        return;
    }
    let section = section_of(group, lowering);
    for name in twice {
        let why = format!(
            "two processes of group {} are named {}: each needs a name of its own, \
             such as process_name=%(program_name)s_%(process_num)02d",
            repr(&group.name),
            repr(name)
        );
        match section {
            Some(section) => drop(lowering.complain(section, &section.origin, &why)),
            None => lowering.report.error(why),
        }
    }
}

/// The section that defines a group.
fn section_of<'a>(group: &GroupSpec, lowering: &Lowering<'a>) -> Option<&'a Section> {
    let kinds = [
        SectionKind::Group,
        SectionKind::Program,
        SectionKind::FcgiProgram,
        SectionKind::EventListener,
    ];
    let mut sections = kinds.into_iter().flat_map(|kind| lowering.of_kind(kind));
    sections.find(|section| values::name(section.label()).as_ref() == Ok(&group.name))
}
