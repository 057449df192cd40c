//! Converts sections to one valid [`Spec`](supervisor_core::spec::Spec). No other module
//! interprets options.
//!
//! Later stages do not depend on the INI format. Lowering does not stop at the first error: it
//! reads every option of a section before it uses any of them.

pub(crate) mod client;
mod collision;
mod crash;
mod failure;
mod group;
mod health;
pub(crate) mod hook;
mod listener;
mod password;
mod program;
mod rule;
mod server;
mod start;
mod supervisord;
mod tidy;
mod unknown;

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use crate::sources::{Context, Mode};
use supervisor_core::spec::{GroupSpec, HookSpec};

use program::Base;
pub(crate) use server::Control;

use crate::error::{Report, in_short};
use crate::options::without_effect;
use crate::options::{Key, OptionDef, PROGRAM_ENVIRONMENT, SectionKind, Setting, is_secret};
use crate::settings::supervisord::Supervisord;
use crate::text::environment;
use crate::text::expand::{Names, Shared, expand, expand_secret};
use crate::text::ini::{Entry, Origin, Section, Sections};
use crate::values::{self, InetAddress};
use supervisor_wire::supervisord::python::repr;

/// The result of lowering.
#[derive(Debug)]
pub(crate) struct Lowered {
    pub(crate) groups: Vec<GroupSpec>,
    pub(crate) supervisord: Supervisord,
    pub(crate) control: Control,
    pub(crate) hooks: Vec<Rc<HookSpec>>,
}

/// Converts `sections`. `here` is the value of `%(here)s`. On errors, adds them to `report` and
/// returns `None`.
pub(crate) fn lower(
    sections: &Sections,
    mode: Mode<'_>,
    here: &Path,
    context: Context<'_>,
    report: &mut Report,
) -> Option<Lowered> {
    let mut shared = Shared::new(context.sources, here);
    let mut lowering = Lowering::new(sections, mode, context, report);
    unknown::warn(&mut lowering);
    let supervisord = supervisord::read(&mut lowering, &Names::new(&shared));
    if let Some(supervisord) = &supervisord {
        // Values may also use the variables that [supervisord] sets for all programs.
        for (name, value) in &supervisord.environment {
            shared.set_variable(name, value);
        }
    }
    let names = Names::new(&shared);
    let control = server::read(&mut lowering, &names);
    let environment = supervisord.as_ref().map_or(&[][..], |supervisord| &supervisord.environment);
    let url = control.as_ref().and_then(Control::url);
    let user = supervisord.as_ref().and_then(|supervisord| supervisord.user.as_ref());
    let base = Base { environment, url, user };
    let groups = group::read(&mut lowering, &base, &names);
    let hooks = hook::read(&mut lowering, &names);
    let (groups, supervisord) = (groups?, supervisord?);
    collision::warn(&mut lowering, supervisord.status.as_ref(), &groups);
    Some(Lowered { groups, supervisord, control: control?, hooks: hooks? })
}

/// Checks an option of `[supervisord]` that another source overrides.
pub(crate) fn check_overruled(
    sections: &Sections,
    setting: &dyn Setting,
    here: &Path,
    context: Context<'_>,
    report: &mut Report,
) {
    let shared = Shared::new(context.sources, here);
    let mut lowering = Lowering::new(sections, Mode::File, context, report);
    for section in lowering.of_kind(SectionKind::Supervisord) {
        let Some(entry) = lowering.entry(section, setting.def().key) else { continue };
        let label = format!("{}.{}", section.name, entry.key);
        let checked = expand(&entry.value, &Names::new(&shared), &label)
            .and_then(|text| setting.check(&text, &context));
        if let Err(why) = checked {
            lowering.refuse(section, setting.def(), &entry.origin, &why);
        }
    }
}

struct Lowering<'a> {
    sections: &'a Sections,
    /// The sections of each kind: each program looks for those of some kinds, and there may be a
    /// thousand programs.
    by_kind: BTreeMap<SectionKind, Rc<Vec<&'a Section>>>,
    mode: Mode<'a>,
    context: Context<'a>,
    report: &'a mut Report,
}

impl<'a> Lowering<'a> {
    fn new(
        sections: &'a Sections,
        mode: Mode<'a>,
        context: Context<'a>,
        report: &'a mut Report,
    ) -> Self {
        let mut by_kind = BTreeMap::<_, Rc<Vec<_>>>::new();
        for section in sections.all.iter() {
            if let Some(kind) = SectionKind::of(&section.name) {
                Rc::make_mut(by_kind.entry(kind).or_default()).push(section);
            }
        }
        Self { sections, by_kind, mode, context, report }
    }

    /// The sections of this kind.
    fn of_kind(&self, kind: SectionKind) -> impl Iterator<Item = &'a Section> + use<'a> {
        let sections = self.by_kind.get(&kind).map(Rc::clone);
        (0..).map_while(move |number| sections.as_ref()?.get(number).copied())
    }

    /// An option as written in its section.
    fn entry(&self, section: &'a Section, key: &str) -> Option<&'a Entry> {
        self.sections.entry(section, key)
    }

    /// Whether the user set this option.
    fn is_explicit(&self, section: &'a Section, key: &str) -> bool {
        self.entry(section, key).is_some_and(|entry| entry.origin.is_explicit())
    }

    /// An option's value or default. `None`: the option is unset without a default, or its value
    /// is invalid and the error was reported.
    fn get<T: PartialEq>(
        &mut self,
        section: &'a Section,
        key: &Key<T>,
        names: &Names<'_>,
    ) -> Option<T> {
        self.try_get(section, key, names).ok().flatten()
    }

    /// Like [`Self::get`], but returns an error if the value is invalid, and `None` if it is
    /// unset.
    fn try_get<T: PartialEq>(
        &mut self,
        section: &'a Section,
        key: &Key<T>,
        names: &Names<'_>,
    ) -> Result<Option<T>, Reported> {
        let entry = self.entry(section, key.def.key);
        let (text, origin) = match (entry, key.def.default.file) {
            (Some(entry), _) => (entry.value.as_str(), &entry.origin),
            (None, Some(default)) => (default, &Origin::BuiltIn),
            (None, None) => return Ok(None),
        };
        let expanded = if text.contains('%') {
            let label = format!("{}.{}", section.name, key.def.key);
            let read = if is_secret(key.def.key) { expand_secret } else { expand };
            read(text, names, &label).map_err(|why| {
                let why = format!("{why}; write a literal percent sign as %%");
                self.complain(section, origin, &why)
            })?
        } else {
            text.to_owned()
        };
        // System calls cannot accept text with a zero byte.
        if expanded.contains('\0') {
            let why = format!("{} contains a NUL byte", key.def.key);
            return Err(self.complain(section, origin, &why));
        }
        let value = (key.value_type.parse)(&expanded, &self.context)
            .map_err(|why| self.refuse(section, &key.def, origin, &why))?;
        if origin.is_explicit() {
            self.warn_if_without_effect(section, key, &expanded, &value);
        }
        if key.def.key == PROGRAM_ENVIRONMENT.def.key
            && let Some(odd) = environment::odd_separator(&expanded)
        {
            let (place, name) = (place(origin), &section.name);
            self.report.warn(format!(
                "{place}environment of [{name}] has '{odd}' between two pairs; it is read as a comma"
            ));
        }
        Ok(Some(value))
    }

    /// A required option; if it is unset, `missing` is reported.
    fn require<T: PartialEq>(
        &mut self,
        section: &'a Section,
        key: &Key<T>,
        names: &Names<'_>,
        missing: &str,
    ) -> Option<T> {
        match self.try_get(section, key, names) {
            Ok(Some(value)) => Some(value),
            Ok(None) => {
                self.complain(section, &section.origin, missing);
                None
            }
            Err(Reported) => None,
        }
    }

    /// Checks that this host has the address to listen on. In config-file mode any address is
    /// accepted, as in supervisord, because the address may exist later.
    fn reachable(
        &mut self,
        section: &'a Section,
        def: &OptionDef,
        address: InetAddress,
    ) -> Option<InetAddress> {
        if self.mode == Mode::File {
            return Some(address);
        }
        let Err(why) = values::reachable_here(&address, &self.context) else {
            return Some(address);
        };
        let origin = self.entry(section, def.key).map_or(&section.origin, |entry| &entry.origin);
        self.refuse(section, def, origin, &why);
        None
    }

    /// Reports an invalid value.
    fn refuse(
        &mut self,
        section: &Section,
        def: &OptionDef,
        origin: &Origin,
        why: &str,
    ) -> Reported {
        let why = in_short(why);
        let message = match origin {
            // Its name says the section and the key.
            Origin::Variable(_) => format!("{}; expected {}", why.trim_end(), def.what),
            Origin::BuiltIn | Origin::Flag(_) | Origin::File { .. } => {
                let section = repr(&section.name);
                format!("{why} in section {section}; {}: expected {}", def.key, def.what)
            }
        };
        self.report_at(origin, &message)
    }

    /// Reports an error in a section. For a file, the message has supervisord's form.
    fn complain(&mut self, section: &Section, origin: &Origin, why: &str) -> Reported {
        match origin {
            Origin::Variable(_) => self.report_at(origin, why),
            Origin::BuiltIn | Origin::Flag(_) | Origin::File { .. } => {
                self.report_at(origin, &format!("{why} in section {}", repr(&section.name)))
            }
        }
    }

    fn report_at(&mut self, origin: &Origin, message: &str) -> Reported {
        match origin.file() {
            Some((path, line)) => self.report.error_at(path, line, message),
            None => self.report.error(format!("{}{message}", place(origin))),
        }
        Reported
    }

    fn warn_if_without_effect<T: PartialEq>(
        &mut self,
        section: &Section,
        key: &Key<T>,
        text: &str,
        value: &T,
    ) {
        let Some(kind) = SectionKind::of(&section.name) else { return };
        let Some(without) = without_effect::option(self.mode, kind, key.def.key) else { return };
        let same =
            without.harmless.and_then(|text| (key.value_type.parse)(text, &self.context).ok());
        if same.as_ref() != Some(value) {
            self.report.warn(format!(
                "[{}] {}={} has no effect with a command line",
                section.name,
                key.def.key,
                in_short(text)
            ));
        }
    }
}

/// An error that was already reported.
struct Reported;

/// Prefix of a message: the variable, or `file:line`.
fn place(origin: &Origin) -> String {
    if origin.is_explicit() { format!("{origin}: ") } else { String::new() }
}

/// Checks that a number of seconds or bytes is not negative.
fn at_least_zero(value: i64, section: &Section, key: &'static str, report: &mut Report) -> u64 {
    u64::try_from(value).unwrap_or_else(|_| {
        report.warn(format!("[{}] {key}={value} is negative; using 0", section.name));
        0
    })
}

fn to_u32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
