//! The output of `--check`: each option with its origin, the maximum duration of a stop, and the
//! health checks. Values that may be passwords are masked.

use supervisor_core::spec::health::{CheckSpec, Ready};
use supervisor_core::spec::start::StartSpec;
use supervisor_core::spec::{ProcessSpec, Spec};

use crate::error::{MASK, without_credentials};
use crate::modes::stop_budget;
use crate::options::{COMMAND, OptionDef, PASSWORD, PROGRAM_ENVIRONMENT, SectionKind, Setting};
use crate::options::{health_options, hook_options};
use crate::text::environment;
use crate::text::generated::{Note, render};
use crate::text::ini::{Comment, Entry, Origin, Section, Sections};
use crate::text::named::NamedList;

/// The column of the notes.
const NOTES_AT: usize = 40;

/// Maximum number of programs whose checks are listed, so that the list stays readable.
const MOST_TOLD: usize = 50;

/// Parts of the names of variables that may contain API keys or passwords.
const SECRET_NAMES: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "AUTH"];

/// All sections with each option's value or default, in the order of the table. Reading the text
/// gives the same values, except for masked ones. Leaves out options without value and default.
/// Unknown keys come last.
pub(crate) fn text(sections: &Sections, heading: &str, lossy_command: bool) -> String {
    let all = sections.all.iter().map(|section| filled(sections, section)).collect();
    let defaults = sections.defaults.iter().map(masked).collect();
    let filled = Sections { all, defaults };
    let note = |_: &Section, entry: &Entry| {
        let origin = &entry.origin;
        let text = match (origin, origin.comment()) {
            (Origin::BuiltIn, _) if entry.key == COMMAND.def.key => "command line".to_owned(),
            (Origin::BuiltIn, _) => "default".to_owned(),
            (_, Some(Comment { sign, .. })) => {
                format!("{origin}, up to the comment after '{sign}'")
            }
            (_, None) => origin.to_string(),
        };
        Some(Note { text, at: NOTES_AT })
    };
    render(heading, &filled, |_| true, note, lossy_command).text
}

/// A summary of the effects of all options, as comments.
pub(crate) fn summary(spec: &Spec) -> String {
    let mut out = format!("\n; {}\n", stop_budget::summary(spec));
    let processes = spec.groups.iter().flat_map(|group| &group.processes);
    let waits = processes.clone().filter_map(|process| waits(process));
    let asked = processes.flat_map(|process| questions(process));
    for line in waits.take(MOST_TOLD).chain(asked.take(MOST_TOLD)) {
        out.push_str(&format!("; {line}\n"));
    }
    out
}

/// The conditions for the start of a process.
fn waits(process: &ProcessSpec) -> Option<String> {
    let StartSpec { depends_on, wait_for, .. } = &process.start;
    let programs = depends_on.iter().map(ToString::to_string);
    let servers = wait_for.iter().flat_map(|wait| wait.targets.iter().map(ToString::to_string));
    let all: Vec<String> = programs.chain(servers).collect();
    (!all.is_empty()).then(|| format!("{}: starts after {}", process.name, all.join(", ")))
}

/// The conditions for RUNNING and for an action, and the targets of the checks.
fn questions(process: &ProcessSpec) -> Vec<String> {
    let (name, health) = (&process.name, &process.health);
    let check = health.check.as_ref().map(|check| {
        let (every, within) = (check.interval.as_secs_f64(), check.timeout.as_secs_f64());
        let CheckSpec { probe, set_by, .. } = &**check;
        format!(
            "{name}: health check every {every} s, timeout {within} s: {probe} (set by {set_by})"
        )
    });
    let progress = health.progress.as_ref().map(|progress| {
        let every = progress.interval.as_secs_f64();
        format!("{name}: metrics every {every} s: {}", progress.page.url)
    });
    let unchecked = process.main
        && check.is_none()
        && progress.is_none()
        && health.tree.is_none()
        && health.watchdog.is_none();
    let none = unchecked.then(|| {
        format!("{name}: no health check; set health_preset or health_url to detect a hang")
    });
    [Some(ready(process)), check, progress, none].into_iter().flatten().collect()
}

/// The condition for RUNNING.
fn ready(process: &ProcessSpec) -> String {
    let (name, health) = (&process.name, &process.health);
    let condition = match &health.ready {
        Ready::Startsecs => {
            return format!("{name}: RUNNING after {} s", process.startsecs.as_secs());
        }
        Ready::Checked => "its health check succeeds".to_owned(),
        Ready::Notified => "it sends READY=1".to_owned(),
        Ready::Logged(text) => format!("its output contains {text:?}"),
    };
    match health.start_timeout {
        Some(within) => format!(
            "{name}: RUNNING when {condition}, at most {} s after its start",
            within.as_secs_f64()
        ),
        None => format!("{name}: RUNNING when {condition}, without a time limit"),
    }
}

fn filled(sections: &Sections, section: &Section) -> Section {
    let mut filled = Section { entries: NamedList::default(), ..section.clone() };
    for def in
        SectionKind::of(&section.name).into_iter().flat_map(SectionKind::settings).map(Setting::def)
    {
        let given = sections.entry(section, def.key).cloned();
        given.or_else(|| default(def)).iter().for_each(|entry| filled.set(masked(entry)));
    }
    for entry in &section.entries {
        filled.set(masked(entry));
    }
    filled
}

fn default(def: &OptionDef) -> Option<Entry> {
    let value = def.default.file?.to_owned();
    Some(Entry { key: def.key.to_owned(), value, origin: Origin::BuiltIn })
}

/// Masks the value if it may be a password. Keeps a reference to a variable.
fn masked(entry: &Entry) -> Entry {
    let value = &entry.value;
    let stands_for = value.starts_with("%(") && value.ends_with(")s") && !value[2..].contains("%(");
    let value = match entry.key.as_str() {
        _ if stands_for || value.is_empty() => value.clone(),
        key if [PASSWORD.def.key, hook_options::HOOK_URL.def.key].contains(&key) => MASK.to_owned(),
        key if key == health_options::HEADERS.def.key => {
            let header = |line: &str| match line.split_once(':') {
                Some((name, _)) => format!("{name}: {MASK}"),
                None => MASK.to_owned(),
            };
            value.lines().map(header).collect::<Vec<_>>().join("\n")
        }
        // The query of a URL may contain an API key.
        key if [health_options::URL.def.key, health_options::PROGRESS_URL.def.key]
            .contains(&key) =>
        {
            match value.split_once('?') {
                Some((url, _)) => format!("{url}?{MASK}"),
                None => value.clone(),
            }
        }
        key if key == PROGRAM_ENVIRONMENT.def.key => environment_of(value),
        _ => without_credentials(value).into_owned(),
    };
    Entry { value, ..entry.clone() }
}

/// Masks the values of variables whose names suggest an API key or a password.
fn environment_of(value: &str) -> String {
    let is_secret = |name: &str| {
        let name = name.to_uppercase();
        SECRET_NAMES.iter().any(|part| name.contains(part))
    };
    match environment::parse(value) {
        Ok(pairs) if pairs.iter().any(|(name, _)| is_secret(name)) => {
            let shown = pairs.into_iter().map(|(name, value)| {
                let value = if is_secret(&name) { MASK.to_owned() } else { value };
                (name, without_credentials(&value).into_owned())
            });
            environment::render(&shown.collect::<Vec<_>>())
        }
        Ok(_) => without_credentials(value).into_owned(),
        Err(_) => MASK.to_owned(),
    }
}
