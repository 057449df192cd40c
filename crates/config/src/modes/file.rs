//! Config-file mode: `supervisord -c FILE`.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use supervisor_core::spec::{SignalRule, Spec, WhenDone};

use crate::Config;
use crate::error::{Errors, Report, in_short};
use crate::flags::{FlagSetting, Flags};
use crate::lower::{check_overruled, lower};
use crate::modes::template::complete_helpers;
use crate::modes::{prestop, stop_budget};
use crate::options::{FILES, SUPERVISORD_USER, SectionKind};
use crate::sources::{Context, Host, Mode, Sources};
use crate::text::expand::{Names, Shared, escape};
use crate::text::include;
use crate::text::ini::{Entry, Origin, Sections};
use crate::values::absolute;
use supervisor_wire::supervisord::python::repr;

/// The section that every configuration file of supervisord must have.
const SUPERVISORD: &str = "supervisord";

/// The configuration file in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Absolute path of the file.
    pub path: PathBuf,
    /// Whether the file was found by searching, not named by the user.
    pub searched: bool,
}

/// Builds the configuration of `supervisord`.
///
/// `program` is the path of the executable, because the search for the file includes its directory.
/// The command line overrides the file; the environment does not.
///
/// Fails with all errors in the command line and the files.
pub fn file_mode(
    flags: &Flags,
    program: &Path,
    sources: &Sources,
    host: &dyn Host,
) -> Result<Config, Errors> {
    let mut report = Report::default();
    let context = Context { sources, host };
    let config = read(flags, program, context, &mut report);
    let notes = report.take_notes();
    let (mut config, warnings) = report.finish(config)?;
    (config.warnings, config.notes) = (warnings, notes);
    Ok(config)
}

fn read(
    flags: &Flags,
    program: &Path,
    context: Context<'_>,
    report: &mut Report,
) -> Option<Config> {
    for flag in &flags.without_effect {
        report.warn(format!("{flag} has no effect: it controls Python's profiler"));
    }
    let (shown, searched) = find(flags, program, context, report)?;
    let path = absolute(&shown, &context);
    let here = path.parent().unwrap_or(&path);
    let mut sections = sections_of(&shown, here, context, report)?;
    let included = include_files(&mut sections, here, context, report);
    // After an unreadable line, errors about missing options would be misleading.
    if !report.is_clean() {
        return None;
    }
    apply(&flags.settings, &mut sections, here, context, report);
    complete_helpers(&mut sections, Mode::File);
    let meant = lower(&sections, Mode::File, here, context, report)?;
    let spec = Spec {
        groups: meant.groups,
        signals: SignalRule::Supervisord,
        when_done: WhenDone::Stay,
        prestop_delay: meant.supervisord.prestop_delay,
        prestop_idle: meant.supervisord.prestop_idle,
        stop_budget: meant.supervisord.stop_budget,
        hooks: meant.hooks,
    };
    stop_budget::warn_if_exceeded(&spec, Mode::File, report);
    prestop::warn_if_never_early(&spec, Mode::File, report);
    let config =
        Config::new(spec, meant.supervisord, meant.control, None, (Rc::new(sections), false));
    Some(Config { included, source: Some(Source { path, searched }), ..config })
}

/// Finds the configuration file.
fn find(
    flags: &Flags,
    program: &Path,
    context: Context<'_>,
    report: &mut Report,
) -> Option<(PathBuf, bool)> {
    if let Some(path) = &flags.configuration {
        return named(path, context, report).map(|path| (path, false));
    }
    let places = places(program);
    let found = places.iter().find(|place| context.host.exists(&absolute(place, &context)));
    if found.is_none() {
        let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
        report.error(format!(
            "No config file found at default paths ({}); use the -c option to specify a config \
             file at a different path",
            places.join(", ")
        ));
    }
    found.map(|place| (place.clone(), true))
}

/// The file that `-c` names, if it exists.
pub(crate) fn named(path: &Path, context: Context<'_>, report: &mut Report) -> Option<PathBuf> {
    if !context.host.exists(&absolute(path, &context)) {
        report.error(format!("could not find config file {}", path.display()));
        return None;
    }
    Some(path.to_owned())
}

/// The sections of a file in the directory `here`. Messages call the file `shown`.
pub(crate) fn sections_of(
    shown: &Path,
    here: &Path,
    context: Context<'_>,
    report: &mut Report,
) -> Option<Sections> {
    let bytes = context.host.read(&absolute(shown, &context));
    let bytes = bytes.map_err(|why| {
        report.error(format!("could not read config file {}: {why}", shown.display()));
    });
    let mut sections = Sections::default();
    sections.read_in(Some(here), shown, &bytes.ok()?, report);
    Some(sections)
}

/// The paths that [supervisord
/// searches](https://supervisord.org/configuration.html#configuration-file), in its order.
pub(crate) fn places(program: &Path) -> [PathBuf; 6] {
    let near = program.parent().and_then(Path::parent).unwrap_or_else(|| Path::new(""));
    [
        near.join("etc/supervisord.conf"),
        near.join("supervisord.conf"),
        "supervisord.conf".into(),
        "etc/supervisord.conf".into(),
        "/etc/supervisord.conf".into(),
        "/etc/supervisor/supervisord.conf".into(),
    ]
}

/// Adds the files that `[include]` names, and removes that section.
fn include_files(
    sections: &mut Sections,
    here: &Path,
    context: Context<'_>,
    report: &mut Report,
) -> Vec<PathBuf> {
    let included = sections.all.take(|s| SectionKind::of(&s.name) == Some(SectionKind::Include));
    let Some(section) = included else { return Vec::new() };
    let Some(files) = sections.entry(&section, FILES.def.key).cloned() else {
        let place = &section.origin;
        report
            .error(format!("{place}: .ini file has [include] section, but no files setting in it"));
        return Vec::new();
    };
    let shared = Shared::new(context.sources, here);
    let names = Names::new(&shared);
    match include::read(sections, &files.value, here, &names, &context, report) {
        Ok(paths) => paths,
        Err(why) => {
            report.error(format!("{}: {why}; write a literal percent sign as %%", files.origin));
            Vec::new()
        }
    }
}

/// Overrides the file's `[supervisord]` with the command line.
fn apply(
    settings: &[FlagSetting],
    sections: &mut Sections,
    here: &Path,
    context: Context<'_>,
    report: &mut Report,
) {
    for FlagSetting { flag, key, value } in settings {
        let setting = SectionKind::Supervisord.settings().find(|setting| setting.def().key == *key);
        // The user of the file may exist only on other machines. All other options are checked.
        if let Some(setting) = setting.filter(|_| *key != SUPERVISORD_USER.def.key) {
            check_overruled(sections, setting, here, context, report);
        }
        if let Some(Err(why)) = setting.map(|setting| setting.check(value, &context)) {
            report.error(format!("invalid value for {flag} {}: {why}", repr(&in_short(value))));
        } else if sections.section(SUPERVISORD).is_some() {
            let origin = Origin::Flag(flag.clone());
            let entry =
                Entry { key: (*key).to_owned(), value: escape(value), origin: origin.clone() };
            sections.section_mut(SUPERVISORD, &origin).set(entry);
        }
    }
}

#[cfg(test)]
mod tests;
