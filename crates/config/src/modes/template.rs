//! The built-in sections of `standard-supervisor COMMAND`, from the table of options.

use std::collections::BTreeSet;

use crate::env::{EnvSettings, VariableEntry};
use crate::options::{self, OptionDef, PerMode, SectionKind, Setting};
use crate::sources::{APP, Mode};
use crate::text::expand::escape;
use crate::text::ini::{Entry, Origin, Section, Sections};
use crate::text::named::NamedList;
use crate::values;
use supervisor_core::spec::start::Until;

/// The suffix of options that limit the size of a log file. The rest of the name is the option for
/// the file.
const MAXBYTES: &str = "_maxbytes";

/// Options of `[supervisord]` that are always written, in the order of the Python tool, because
/// other software relies on it.
const WRITTEN_OF_SUPERVISORD: [&OptionDef; 4] =
    [&options::NODAEMON.def, &options::LOGLEVEL.def, &options::LOGFILE.def, &options::PIDFILE.def];

/// Options of the program that are always written, after its command.
const WRITTEN_OF_PROGRAM: [&OptionDef; 14] = [
    &options::AUTOSTART.def,
    &options::AUTORESTART.def,
    &options::STARTRETRIES.def,
    &options::STDOUT_LOGFILE.def,
    &options::STDOUT_LOGFILE_MAXBYTES.def,
    &options::STDERR_LOGFILE.def,
    &options::STDERR_LOGFILE_MAXBYTES.def,
    &options::REDIRECT_STDERR.def,
    &options::EXITCODES.def,
    &options::STARTSECS.def,
    &options::STOPSIGNAL.def,
    &options::STOPWAITSECS.def,
    &options::STOPASGROUP.def,
    &options::KILLASGROUP.def,
];

/// Whether the command is supervised or runs once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    Supervised,
    Once,
}

impl Run {
    /// The default of an option in this mode, of `[supervisord]` or of the command's program.
    fn of(self, default: &PerMode) -> Option<&'static str> {
        match self {
            Self::Supervised => default.app,
            Self::Once => default.once,
        }
    }
}

/// `[supervisord]` and the program's section. `command` is the command line in the syntax of a
/// configuration file.
pub(crate) fn base(program: &str, command: &str, run: Run) -> Sections {
    let entries = |written: &[&OptionDef]| -> Vec<Entry> {
        let set = written.iter().filter_map(|def| {
            let value = run.of(&def.default)?;
            let own = def.key == options::PIDFILE.def.key;
            Some(built_in(def.key, &if own { value.replace(APP, program) } else { value.into() }))
        });
        set.collect()
    };
    let command = Entry { value: command.to_owned(), ..built_in(options::COMMAND.def.key, "") };
    let program_entries = [command].into_iter().chain(entries(&WRITTEN_OF_PROGRAM)).collect();
    let all = [
        section("supervisord".to_owned(), entries(&WRITTEN_OF_SUPERVISORD).into_iter().collect()),
        section(format!("program:{program}"), program_entries),
    ];
    Sections { all: all.into_iter().collect(), ..Sections::default() }
}

/// The option of a stream whose file size this option limits.
#[must_use]
pub fn stream_of(key: &str) -> Option<&str> {
    key.strip_suffix(MAXBYTES).filter(|stream| is_stream(stream))
}

/// Adds the options that variables set, and for each program the defaults of command mode that
/// differ from supervisord's.
pub(crate) fn complete(sections: &mut Sections, settings: &EnvSettings, run: Run) {
    apply_variables(sections, &settings.options);
    complete_helpers(sections, Mode::Command(&[]));
    let inherited: Vec<String> = sections.defaults.iter().map(|entry| entry.key.clone()).collect();
    for section in &mut sections.all {
        if let Some(
            kind @ (SectionKind::Supervisord | SectionKind::Program | SectionKind::FcgiProgram),
        ) = SectionKind::of(&section.name)
        {
            assume_defaults(section, kind, &inherited, run);
        }
    }
}

/// Adds options from variables, unless the option itself is set.
fn apply_variables(sections: &mut Sections, options: &[VariableEntry]) {
    let inherited: Vec<String> = sections.defaults.iter().map(|entry| entry.key.clone()).collect();
    for section in &mut sections.all {
        for VariableEntry { owner, entry } in options {
            let is_set = match section.entry(&entry.key) {
                Some(known) => known.origin.is_explicit(),
                None => inherited.contains(&entry.key),
            };
            if !is_set && owner.is(section) {
                section.set(entry.clone());
            }
        }
    }
}

fn assume_defaults(section: &mut Section, kind: SectionKind, inherited: &[String], run: Run) {
    let is_set = |section: &Section, key: &str| {
        section.entry(key).is_some() || inherited.iter().any(|known| known == key)
    };
    let group = options::STOPASGROUP.def.key;
    let group_is_set = section.entry(group).is_some_and(|entry| entry.origin.is_explicit())
        || inherited.iter().any(|key| key == group);
    let is_app = section.label() == APP && kind == SectionKind::Program;
    for def in kind.settings().map(Setting::def) {
        let PerMode { file, command, .. } = def.default;
        let value =
            if is_app || kind == SectionKind::Supervisord { run.of(&def.default) } else { command };
        // With `stopasgroup`, the user has chosen which processes get the signal.
        let is_meant = def.key == options::STOP_TARGET.def.key && group_is_set;
        let Some(value) = value.filter(|_| value != file && !is_meant) else { continue };
        if is_set(section, def.key) {
            continue;
        }
        section.set(built_in(def.key, value));
        let maxbytes = format!("{}{MAXBYTES}", def.key);
        if is_stream(def.key) && !is_set(section, &maxbytes) {
            // The supervisor's own streams cannot be rotated.
            section.set(built_in(&maxbytes, "0"));
        }
    }
}

/// Adds the settings of one-time helpers: an early exit is not a failure. A program is a helper if
/// another program waits for its completion. In command mode, an additional program that never
/// restarts is also a helper.
pub(crate) fn complete_helpers(sections: &mut Sections, mode: Mode<'_>) {
    let awaited = awaited(sections);
    let inherited =
        |sections: &Sections, key: &str| sections.defaults.iter().any(|entry| entry.key == key);
    let autorestart = options::AUTORESTART.def.key;
    let startsecs = options::STARTSECS.def.key;
    let (has_autorestart, has_startsecs) =
        (inherited(sections, autorestart), inherited(sections, startsecs));
    for section in &mut sections.all {
        let Some(SectionKind::Program | SectionKind::FcgiProgram) = SectionKind::of(&section.name)
        else {
            continue;
        };
        let is_awaited = awaited.contains(section.label().trim());
        let beside = mode != Mode::File && section.label() != APP;
        let may_end = section.entry(autorestart).is_some_and(|entry| {
            let value = entry.value.trim().to_ascii_lowercase();
            value == "unexpected" || values::boolean(&value) == Some(false)
        });
        let assume = |section: &mut Section, key: &str, value: &str, known: bool| {
            if !known && section.entry(key).is_none_or(|entry| !entry.origin.is_explicit()) {
                section.set(built_in(key, value));
            }
        };
        if is_awaited && section.label() != APP {
            assume(section, autorestart, "unexpected", has_autorestart);
        }
        if is_awaited || (beside && may_end) {
            assume(section, startsecs, "0", has_startsecs);
        }
    }
}

/// Names of the programs whose completion other programs wait for.
fn awaited(sections: &Sections) -> BTreeSet<String> {
    let key = options::DEPENDS_ON.def.key;
    let set = sections.all.iter().filter_map(|section| section.entry(key));
    let words = set.flat_map(|entry| entry.value.split(','));
    let meant = words.filter_map(|word| {
        let (program, until) = word.split_once(':')?;
        let completed = until.trim().eq_ignore_ascii_case(Until::Completed.name());
        completed.then(|| program.trim().to_owned())
    });
    meant.collect()
}

/// Sets the stop target of command mode, because `stopasgroup` alone means the process group.
pub(crate) fn set_stop_target(sections: &mut Sections, program: &str) {
    let def = &options::STOP_TARGET.def;
    let section = sections.section_mut(&format!("program:{program}"), &Origin::BuiltIn);
    if let Some(value) = Run::Supervised.of(&def.default) {
        section.set(built_in(def.key, value));
    }
}

/// Whether the option has no effect beside the built-in `redirect_stderr=true`. supervisord warns
/// about a `stderr_logfile` next to it.
pub(crate) fn is_of_merged_stderr(key: &str) -> bool {
    [options::STDERR_LOGFILE.def.key, options::STDERR_LOGFILE_MAXBYTES.def.key].contains(&key)
}

/// Whether an option belongs into a file for supervisord: supervisord knows it, or this program
/// needs it to read the file correctly.
pub(crate) fn is_for_supervisord(key: &str) -> bool {
    key == options::STOP_TARGET.def.key || options::extensions().all(|(_, def)| def.key != key)
}

fn is_stream(key: &str) -> bool {
    [options::STDOUT_LOGFILE.def.key, options::STDERR_LOGFILE.def.key].contains(&key)
}

fn section(name: String, entries: NamedList<Entry>) -> Section {
    Section { name, origin: Origin::BuiltIn, entries }
}

fn built_in(key: &str, value: &str) -> Entry {
    Entry { key: key.to_owned(), value: escape(value), origin: Origin::BuiltIn }
}
