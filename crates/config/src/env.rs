//! Reads the environment variables that have their own name.

pub(crate) mod overlay;
mod own_log;
mod variables;

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Report, in_short};
use crate::options::health_options;
use crate::sources::{Context, Sources, service_link};
use crate::text::expand::escape;
use crate::text::ini::{Entry, Origin};
use crate::text::nearest::nearest;
use crate::values::ValueType;
use supervisor_core::ids::Pid;
use supervisor_wire::supervisord::python;

use self::variables::Accepts;
pub(crate) use self::variables::{
    AUTO_INSTALL, AUTO_RECOVERY, COMMAND, CONFIG_PATH, LOG_FORMAT, LOG_LEVEL, MODEL_PATH, NESTED,
    OWN_LOG_FORMAT, OWN_LOG_LEVEL, Owner, PIP_ARGS, PIP_TIMEOUT, PREFIX, PRESTOP_DELAY_SECS,
    PRESTOP_MIN_SECS, PRESTOP_UNTIL_IDLE, STATUS_PORT, STOP_BUDGET_SECS,
};
pub use self::variables::{HEALTH, OVERRIDE, VARIABLES, Variable, variable_of};

/// Logs variables that start like the supervisor's own but come from a container engine's service
/// links.
pub(crate) fn tell_service_links(sources: &Sources, report: &mut Report) {
    let names = sources.environment.iter().map(|(name, _)| name.to_string_lossy());
    let ours = names
        .filter(|name| [PREFIX, overlay::PREFIX].iter().any(|prefix| name.starts_with(prefix)));
    let links: Vec<_> = ours.filter(|name| service_link::is(sources, name)).collect();
    if !links.is_empty() {
        report.note(format!(
            "ignoring variables that have the form of a service link: {}",
            links.join(", ")
        ));
    }
}

/// An option and the value that a variable gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VariableEntry {
    pub(crate) owner: Owner,
    pub(crate) entry: Entry,
}

/// The variables that are set but have no effect on a command that runs once. Leaves out variables
/// that servers also read, because they may be meant for the server.
pub(crate) fn set_without_effect(sources: &Sources) -> impl Iterator<Item = String> {
    let own = VARIABLES.iter().filter(|variable| !variable.acts_once() && !variable.is_shared());
    let own = own.map(|variable| variable.name.to_owned());
    own.filter(|name| sources.setting(name).is_some()).chain(overlay::names_without_effect(sources))
}

/// The settings from environment variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnvSettings {
    pub(crate) supervise: bool,
    pub(crate) config_path: PathBuf,
    pub(crate) config_path_chosen: bool,
    pub(crate) command: Option<String>,
    pub(crate) install: Install,
    /// Options from variables with their own name.
    pub(crate) options: Vec<VariableEntry>,
}

/// Whether to install a model's requirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AutoInstall {
    /// The variable is not set: install what the Python tool installs.
    Unset,
    On,
    Off,
}

/// The Python packages to install before the program starts, and their source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Install {
    pub(crate) asked: AutoInstall,
    /// The absolute path of the model's directory.
    pub(crate) model: PathBuf,
    /// The arguments for pip as written; never empty.
    pub(crate) pip_args: Option<String>,
    pub(crate) within: Duration,
}

/// Reads all variables, and reports the errors of all of them.
pub(crate) fn read(context: &Context<'_>, report: &mut Report) -> EnvSettings {
    let sources = context.sources;
    warn_of_slips(sources, report);
    let (config_path, config_path_chosen) = config_path(sources);
    let supervise = supervise(sources, report);
    let mut options = options(context, report);
    options.extend(own_log::Log { context, supervise }.options(report));
    EnvSettings {
        supervise,
        config_path,
        config_path_chosen,
        command: text(sources, report, &COMMAND).filter(|command| !command.is_empty()),
        install: install(sources, report),
        options,
    }
}

/// The options that variables set, except for those of the log. An empty value counts as unset.
fn options(context: &Context<'_>, report: &mut Report) -> Vec<VariableEntry> {
    let is_of_log = |variable: &&Variable| own_log::VARIABLES.contains(&variable.name);
    let others = VARIABLES.iter().filter(|variable| !is_of_log(variable));
    others.filter_map(|variable| option(context, report, variable)).collect()
}

fn option(
    context: &Context<'_>,
    report: &mut Report,
    variable: &Variable,
) -> Option<VariableEntry> {
    let (_, setting) = variable.stands_for?;
    let value = text(context.sources, report, variable).filter(|value| !value.is_empty())?;
    match variable.accepts {
        Accepts::Whole { .. } => drop(number(&value, report, variable)?),
        Accepts::AsOption | Accepts::Text(_) => {
            let checked = setting.check(&value, context);
            checked.map_err(|why| reject(variable, report, &why)).ok()?;
        }
    }
    entry(variable, &value)
}

/// The option and value that a variable sets.
fn entry(variable: &Variable, value: &str) -> Option<VariableEntry> {
    let (owner, setting) = variable.stands_for?;
    let origin = Origin::Variable(variable.name.to_owned());
    let entry = Entry { key: setting.def().key.to_owned(), value: escape(value), origin };
    Some(VariableEntry { owner, entry })
}

/// Warns about misspelled variables, which have no effect. Names that are not similar to a known
/// one belong to the program; `overlay` handles those that start with `PROCESS_HEALTH_`.
fn warn_of_slips(sources: &Sources, report: &mut Report) {
    let health: Vec<String> = health_options::variables().map(|(name, _)| name).collect();
    let all = VARIABLES.iter().map(|v| v.name).filter(|name| *name != HEALTH.name);
    let all = all.chain(health.iter().map(String::as_str));
    // Compare the names without the prefix, because the prefix makes all names look similar.
    let ends: Vec<&str> = all.filter_map(|name| name.strip_prefix(PREFIX)).collect();
    for name in sources.settings_with(PREFIX) {
        let end = &name[PREFIX.len()..];
        if ends.contains(&end) || name.starts_with(health_options::PREFIX) {
            continue;
        }
        if let Some((_, near)) = nearest(end, ends.iter().copied()) {
            report
                .warn(format!("{name} is ignored: unknown variable; did you mean {PREFIX}{near}?"));
        }
    }
}

fn install(sources: &Sources, report: &mut Report) -> Install {
    let within = whole(sources, report, &PIP_TIMEOUT).unwrap_or_default();
    Install {
        asked: auto_install(sources, report),
        model: sources
            .cwd
            .join(path(sources, &MODEL_PATH).unwrap_or_else(|| MODEL_PATH.default().into())),
        pip_args: text(sources, report, &PIP_ARGS).filter(|args| !args.is_empty()),
        within: Duration::from_secs(within.unsigned_abs()),
    }
}

fn auto_install(sources: &Sources, report: &mut Report) -> AutoInstall {
    let Some(value) = text(sources, report, &AUTO_INSTALL) else { return AutoInstall::Unset };
    match value.to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => return AutoInstall::On,
        "false" | "0" | "no" | "off" => {}
        _ => report.warn(format!(
            "{}={} is neither true nor false; not installing anything",
            AUTO_INSTALL.name,
            python::repr(&in_short(&value))
        )),
    }
    AutoInstall::Off
}

/// The outer supervisor that keeps the program running, unless this one is to supervise as well.
pub(crate) fn keeper(sources: &Sources, report: &mut Report) -> Option<Pid> {
    let value = text(sources, report, &NESTED).unwrap_or_default();
    match value.to_lowercase().as_str() {
        "supervise" => return None,
        "" | "once" => {}
        _ => report.error(format!(
            "{}: invalid value '{}'; expected once or supervise",
            NESTED.name,
            in_short(&value)
        )),
    }
    sources.keeper
}

fn supervise(sources: &Sources, report: &mut Report) -> bool {
    let name = AUTO_RECOVERY.name;
    let Some(value) = text(sources, report, &AUTO_RECOVERY) else { return true };
    let understood = "only true and 1 enable supervision, so the command runs once";
    match value.to_lowercase().as_str() {
        "true" | "1" => return true,
        "false" | "0" | "no" | "off" => {}
        "yes" | "on" => report.warn(format!(
            "{name}={value} disables supervision, as in the Python tool: {understood}; set \
             {name}=true to enable it"
        )),
        _ => report.warn(format!(
            "{name}={} is neither true nor false: {understood}",
            python::repr(&in_short(&value))
        )),
    }
    false
}

/// The variable's number or its default. An empty value counts as unset, as in the Python tool.
fn whole(sources: &Sources, report: &mut Report, variable: &Variable) -> Option<i64> {
    let value = text(sources, report, variable).filter(|value| !value.is_empty());
    let set = value.and_then(|value| number(&value, report, variable));
    set.or_else(|| python::int(variable.default()).ok())
}

/// The number in a variable's value, if the variable accepts it.
fn number(value: &str, report: &mut Report, variable: &Variable) -> Option<i64> {
    let Accepts::Whole { min, max, .. } = variable.accepts else { return None };
    // Quote the value as written, because a number that is too large is parsed as another one.
    let (name, got) = (variable.name, in_short(value));
    let why = match (python::int(value), max) {
        (Err(_), _) => format!("{name} must be an integer, got '{got}'"),
        (Ok(number), Some(max)) if !(min..=max).contains(&number) => {
            format!("{name} must be between {min} and {max}, got {got}")
        }
        (Ok(number), None) if number < min => {
            format!("{name} must be {min} or more seconds, got {got}")
        }
        (Ok(number), _) => return Some(number),
    };
    variable.reject(report, &why);
    None
}

/// A variable's value, if its type accepts it. An empty value counts as unset.
fn valid<T>(
    context: &Context<'_>,
    report: &mut Report,
    variable: &Variable,
    value_type: &ValueType<T>,
) -> Option<T> {
    let text = text(context.sources, report, variable).filter(|value| !value.is_empty())?;
    (value_type.parse)(&text, context).map_err(|why| reject(variable, report, &why)).ok()
}

fn reject(variable: &Variable, report: &mut Report, why: &str) {
    let (name, why) = (variable.name, in_short(why));
    variable.reject(report, &format!("{name}: {why}; expected {}", variable.accepts()));
}

/// A path, which need not be UTF-8. An empty value counts as unset.
fn path(sources: &Sources, variable: &Variable) -> Option<PathBuf> {
    let value = sources.setting(variable.name)?;
    let path = value.to_str().map_or_else(|| value.into(), |text| python::strip(text).into());
    Some(path).filter(|path: &PathBuf| !path.as_os_str().is_empty())
}

fn config_path(sources: &Sources) -> (PathBuf, bool) {
    match path(sources, &CONFIG_PATH) {
        Some(path) => (sources.cwd.join(path), true),
        None => (PathBuf::from(CONFIG_PATH.default()), false),
    }
}

/// A variable's value without surrounding white space, such as a line break at its end.
fn text(sources: &Sources, report: &mut Report, variable: &Variable) -> Option<String> {
    let name = variable.name;
    let value = sources.setting(name)?;
    match value.to_str() {
        Some(text) => Some(python::strip(text).to_owned()),
        None => {
            let got = format!("{value:?}");
            variable.reject(report, &format!("{name} must be UTF-8 text, got {}", in_short(&got)));
            None
        }
    }
}

#[cfg(test)]
mod tests;
