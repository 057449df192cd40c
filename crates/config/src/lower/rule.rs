//! `[rule:NAME]`: users' own rules for runs that exit by themselves.

use std::rc::Rc;

use supervisor_core::spec::failure::RuleSpec;

use super::Lowering;
use crate::options::SectionKind;
use crate::options::rule_options as o;
use crate::text::expand::Names;
use crate::text::ini::Section;
use crate::text::nearest::nearest;

/// The rules for the program of this section, in the order of their sections.
pub(super) fn read<'a>(
    lowering: &mut Lowering<'a>,
    program: &'a Section,
    names: &Names<'_>,
) -> Option<Vec<Rc<RuleSpec>>> {
    let mut rules = Vec::new();
    let mut complete = true;
    for section in lowering.of_kind(SectionKind::Rule) {
        match rule(lowering, section, names) {
            Some((rule, programs)) => {
                let meant = programs.iter().any(|name| name == program.label());
                rules.extend((programs.is_empty() || meant).then(|| Rc::new(rule)));
            }
            None => complete = false,
        }
    }
    complete.then_some(rules)
}

fn rule<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<(RuleSpec, Vec<String>)> {
    let output = lowering.try_get(section, &o::RULE_OUTPUT, names);
    let exitcodes = lowering.get(section, &o::RULE_EXITCODES, names);
    let signals = lowering.get(section, &o::RULE_SIGNALS, names);
    let programs = lowering.get(section, &o::RULE_PROGRAMS, names);
    let action = lowering.require(section, &o::RULE_ACTION, names, "action is not set");
    let (output, exitcodes, signals) = (output.ok()?, exitcodes?, signals?);
    let programs = known(lowering, section, programs?)?;
    let output = output.filter(|text| !text.is_empty());
    if output.is_none() && exitcodes.is_empty() && signals.is_empty() {
        let why = "expected at least one of output, exitcodes and signals, got none";
        lowering.complain(section, &section.origin, why);
        return None;
    }
    let name = section.label().to_owned();
    Some((RuleSpec { name, output, exitcodes, signals, action: action? }, programs))
}

/// The names, if there is a program with each of them.
fn known<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    programs: Vec<String>,
) -> Option<Vec<String>> {
    let kinds = [SectionKind::Program, SectionKind::FcgiProgram];
    let sections = kinds.into_iter().flat_map(|kind| lowering.of_kind(kind));
    let all: Vec<&str> = sections.map(Section::label).collect();
    let Some(wrong) = programs.iter().find(|name| !all.contains(&name.as_str())) else {
        return Some(programs);
    };
    let near = nearest(wrong, all.iter().copied());
    let near = near.map_or_else(String::new, |(_, near)| format!("; the nearest is {near}"));
    let origin = lowering.entry(section, o::RULE_PROGRAMS.def.key).map(|entry| &entry.origin);
    let why = format!("programs: there is no program {wrong}{near},");
    lowering.complain(section, origin.unwrap_or(&section.origin), &why);
    None
}
