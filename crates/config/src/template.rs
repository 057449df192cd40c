//! What `standard-supervisor COMMAND` assumes before anyone says anything.

use std::collections::BTreeSet;

use crate::env::{EnvSettings, VariableEntry};
use crate::expand::escape;
use crate::ini::{Entry, Origin, Section, Sections};
use crate::lower::Mode;
use crate::options::{self, SectionKind, Setting};
use crate::supervisord::LogFormat;
use crate::values;
use supervisor_core::level::Level;
use supervisor_core::spec::start::Until;

/// The program's name in command mode.
pub(crate) const APP: &str = "app";

/// How the option that bounds a log file ends; before it stands that of the file.
const MAXBYTES: &str = "_maxbytes";

/// `[supervisord]` and the program's section, in the order in which they are
/// written. `command` is the command line as it stands in a configuration file.
///
/// Keys, values and order are those of the Python tool's file, on which others rely.
pub(crate) fn base(program: &str, command: &str, level: Level, startretries: i64) -> Sections {
    let pidfile = escape(&format!("/tmp/supervisord-{program}.pid"));
    let startretries = startretries.to_string();
    let supervisord = [
        ("nodaemon", "true"),
        ("loglevel", level.name()),
        ("logfile", "/dev/null"),
        ("pidfile", &pidfile),
    ];
    let program_options = [
        ("command", command),
        ("autostart", "true"),
        ("autorestart", "true"),
        ("startretries", &startretries),
        ("stdout_logfile", "/dev/stdout"),
        ("stdout_logfile_maxbytes", "0"),
        ("stderr_logfile", "/dev/stderr"),
        ("stderr_logfile_maxbytes", "0"),
        ("redirect_stderr", "true"),
        // No exit of a server is expected; 255 stands for "none" where a list must
        // not be empty.
        ("exitcodes", "255"),
        ("startsecs", "1"),
        ("stopsignal", "TERM"),
        ("stopwaitsecs", "30"),
        ("stopasgroup", "true"),
        ("killasgroup", "true"),
    ];
    let all = [
        section("supervisord".to_owned(), &supervisord),
        section(format!("program:{program}"), &program_options),
    ];
    Sections { all: all.into_iter().collect(), ..Sections::default() }
}

/// What is assumed of an option of `[supervisord]`, or of the program that the command
/// line is, by the sections above.
pub(crate) fn assumed(kind: SectionKind, key: &str) -> Option<String> {
    let sections = base(APP, "", Level::Info, 3);
    let section =
        sections.all.iter().find(|section| SectionKind::of(&section.name) == Some(kind))?;
    let entry = section.entry(key).filter(|entry| entry.key != options::COMMAND.def.key)?;
    Some(entry.value.replace("%%", "%"))
}

/// The stream's option, if this one tells how large its file may become.
pub(crate) fn stream_of(key: &str) -> Option<&str> {
    key.strip_suffix(MAXBYTES).filter(|stream| values_are_streams(stream))
}

/// Fills in, for every program, the defaults of command mode that differ from
/// supervisord's.
pub(crate) fn complete(sections: &mut Sections, settings: &EnvSettings) {
    assume_for_supervisord(sections, settings);
    complete_helpers(sections, Mode::Command(&[]));
    let inherited: Vec<String> = sections.defaults.iter().map(|entry| entry.key.clone()).collect();
    for section in &mut sections.all {
        let kind = SectionKind::of(&section.name);
        let Some(
            kind @ (SectionKind::Supervisord | SectionKind::Program | SectionKind::FcgiProgram),
        ) = kind
        else {
            continue;
        };
        for VariableEntry { owner, entry } in &settings.options {
            let known = inherited.contains(&entry.key) || section.entry(&entry.key).is_some();
            if owner.is(section) && !known {
                section.set(entry.clone());
            }
        }
        let sources = |entry: &Entry| entry.origin != Origin::BuiltIn;
        let group = options::STOPASGROUP.def.key;
        let group_is_set =
            section.entry(group).is_some_and(sources) || inherited.iter().any(|key| key == group);
        let mut assume = |key: &str, value: &str| {
            if section.entry(key).is_none() && !inherited.iter().any(|known| known == key) {
                section.set(built_in(key, value));
                return true;
            }
            false
        };
        // A user who sets stopasgroup has said which processes are meant.
        for def in kind.settings().map(Setting::def) {
            if def.key == options::STOP_TARGET.def.key && group_is_set {
                continue;
            }
            if let Some(value) = def.command_default
                && assume(def.key, value)
                && values_are_streams(def.key)
            {
                // A stream can't be rotated.
                assume(&format!("{}{MAXBYTES}", def.key), "0");
            }
        }
        if kind == SectionKind::Supervisord {
            continue;
        }
        assume(options::STARTRETRIES.def.key, &settings.max_start_retries.to_string());
        assume(options::RETRYRESETSECS.def.key, &settings.retry_reset_secs.to_string());
    }
}

/// Fills in what helpers need that run once: their end is no failure, however soon it
/// comes. A helper is what another program waits for to complete and, beside a command, what
/// somebody said is not to be started again whatever its end was.
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

/// Programs whose completion is waited for, as sections name them.
fn awaited(sections: &Sections) -> BTreeSet<String> {
    let key = options::DEPENDS_ON.def.key;
    let sources = sections.all.iter().filter_map(|section| section.entry(key));
    let words = sources.flat_map(|entry| entry.value.split(','));
    let meant = words.filter_map(|word| {
        let (program, until) = word.split_once(':')?;
        let completed = until.trim().eq_ignore_ascii_case(Until::Completed.name());
        completed.then(|| program.trim().to_owned())
    });
    meant.collect()
}

/// What variables ask of the supervisor itself, unless an option says otherwise.
fn assume_for_supervisord(sections: &mut Sections, settings: &EnvSettings) {
    let format = (settings.log_format != LogFormat::default()).then(|| settings.log_format.name());
    for (key, value) in [
        (options::LOG_FORMAT_KEY.def.key, format),
        (options::STATUS_PORT_KEY.def.key, settings.status_port.as_deref()),
        (options::PRESTOP_DELAY_KEY.def.key, settings.prestop_delay_secs.as_deref()),
    ] {
        let Some(value) = value else { continue };
        let section = sections.section_mut("supervisord", &Origin::BuiltIn);
        if section.entry(key).is_none() {
            section.set(built_in(key, &escape(value)));
        }
    }
}

/// Whether supervisord doesn't know this option.
pub(crate) fn is_ours(key: &str) -> bool {
    options::EXTENSIONS.iter().any(|(_, def)| def.key == key)
}

fn values_are_streams(key: &str) -> bool {
    [options::STDOUT_LOGFILE.def.key, options::STDERR_LOGFILE.def.key].contains(&key)
}

fn section(name: String, options: &[(&str, &str)]) -> Section {
    let entries = options.iter().map(|(key, value)| built_in(key, value)).collect();
    Section { name, origin: Origin::BuiltIn, entries }
}

fn built_in(key: &str, value: &str) -> Entry {
    Entry { key: key.to_owned(), value: value.to_owned(), origin: Origin::BuiltIn }
}
