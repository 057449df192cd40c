//! `SUPERVISOR_{SECTION}_{KEY}=VALUE`: options from the environment.
//!
//! Sections and keys may both contain underscores. The table of options decides where the section
//! ends: the longest known key wins.
//!
//! `PROCESS_HEALTH_{KEY}=VALUE` is a short form for some of them.

use std::borrow::Cow;

use crate::error::{Report, in_short};
use crate::options::health_options;
use crate::options::without_effect;
use crate::options::{SectionKind, is_secret};
use crate::sources::{APP, Sources};
use crate::text::expand::pin_here;
use crate::text::ini::{Entry, Origin, Sections};
use crate::text::nearest::nearest;
use supervisor_wire::supervisord::python;

/// The prefix of overrides.
pub(crate) const PREFIX: &str = "SUPERVISOR_";

/// The supervisor's own section.
const SUPERVISORD: &str = "supervisord";

/// Variables with this prefix that are not overrides: the supervisor's own, and those that a
/// supervisor [sets for its
/// programs](https://supervisord.org/subprocess.html#subprocess-environment). A supervisor that is
/// such a program finds them in its environment.
const OTHERS: [&str; 5] = [
    "SUPERVISOR_CONFIG_PATH",
    "SUPERVISOR_ENABLED",
    "SUPERVISOR_SERVER_URL",
    "SUPERVISOR_PROCESS_NAME",
    "SUPERVISOR_GROUP_NAME",
];

/// One option that a variable sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    pub(crate) section: String,
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) variable: String,
    /// The problem with the name, if it is not the name of an option.
    doubt: Option<Doubt>,
}

/// A variable that names no known option.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Doubt {
    as_read: String,
    /// The option that the user may have meant.
    nearest: Option<String>,
}

/// The names of all variables that look like overrides. The short ones come first, so that those
/// with a section override them.
pub(crate) fn names(sources: &Sources) -> Vec<String> {
    let short = sources.settings_with(health_options::PREFIX);
    let long = sources.settings_with(PREFIX).filter(|name| !OTHERS.contains(&&**name));
    short.chain(long).map(Cow::into_owned).collect()
}

/// All overrides; each kind in the order of the environment.
pub(crate) fn read(sources: &Sources, report: &mut Report) -> Vec<Override> {
    let mut overrides: Vec<Override> = Vec::new();
    for variable in names(sources) {
        let Some(Address { section, key, doubt }) = address(&variable, report) else { continue };
        let value = match sources.variable(&variable).map(|value| (value.to_str(), value)) {
            Some((Some(text), _)) => python::strip(text).to_owned(),
            Some((None, bytes)) => {
                let got =
                    if is_secret(&key) { "other bytes".to_owned() } else { format!("{bytes:?}") };
                report.error(format!("{variable} must be UTF-8 text, got {}", in_short(&got)));
                continue;
            }
            None => continue,
        };
        if !overrides.iter().any(|known| known.variable == variable) {
            overrides.push(Override { section, key, value, variable, doubt });
        }
    }
    overrides
}

/// Overrides that affect a command that runs once. Errors in others have no effect either.
pub(crate) fn read_once(sources: &Sources) -> Vec<Override> {
    let mut overrides = read(sources, &mut Report::default());
    let own = [SUPERVISORD.to_owned(), format!("program:{APP}")];
    overrides.retain(|o| own.contains(&o.section) && without_effect::acts_once(&o.key));
    overrides
}

/// The names of the overrides that do not affect a command that runs once.
pub(crate) fn names_without_effect(sources: &Sources) -> impl Iterator<Item = String> {
    let acting = read_once(sources);
    names(sources).into_iter().filter(move |name| !acting.iter().any(|o| o.variable == *name))
}

/// Adds the overrides to `sections`.
pub(crate) fn apply(
    sections: &mut Sections,
    overrides: Vec<Override>,
    sources: &Sources,
    report: &mut Report,
) {
    let here = sources.cwd.to_string_lossy();
    // Apply the known options first. Whether a section exists otherwise helps to distinguish a
    // typing error from an option of other software.
    let (doubtful, sure): (Vec<_>, Vec<_>) = overrides.into_iter().partition(|o| o.doubt.is_some());
    for Override { section, key, value, variable, doubt } in sure.into_iter().chain(doubtful) {
        let known = existing(sections, &section);
        if let Some(Doubt { as_read, nearest }) = doubt {
            match nearest {
                Some(nearest) if known.is_none() && SectionKind::of(&section).is_some() => {
                    report.error(format!("{variable}: no option has this name; {nearest}"));
                    continue;
                }
                Some(nearest) => report.warn(format!("{variable} {as_read}; {nearest}")),
                None => report.warn(format!("{variable} {as_read}")),
            }
        }
        let name = known.unwrap_or(section);
        let origin = Origin::Variable(variable);
        let value = pin_here(&value, &here);
        sections.section_mut(&name, &origin).set(Entry { key, value, origin });
    }
}

/// The existing section with this name. Variable names are converted to lower case, so a section
/// that differs only in case also matches.
fn existing(sections: &Sections, name: &str) -> Option<String> {
    let exact = sections.section(name);
    let found = exact.or_else(|| sections.all.iter().find(|s| s.name.to_lowercase() == name))?;
    Some(found.name.clone())
}

/// The meaning of a variable's name.
struct Address {
    section: String,
    key: String,
    doubt: Option<Doubt>,
}

/// The section and key of a variable's name. Warns if the variable is ignored.
fn address(variable: &str, report: &mut Report) -> Option<Address> {
    if variable.starts_with(health_options::PREFIX) {
        let (section, key) = short(variable, report)?;
        return Some(Address { section, key, doubt: None });
    }
    let rest = variable.strip_prefix(PREFIX)?.to_lowercase();
    let cuts = cuts(&rest);
    let Some(last) = cuts.last().filter(|_| is_well_formed(&rest)) else {
        report.warn(format!(
            "{variable} is ignored: a setting is named SUPERVISOR_{{SECTION}}_{{KEY}}, with letters, \
             digits and single underscores, and \"__\" for \":\" in the section"
        ));
        return None;
    };
    let known = cuts.iter().find_map(|cut| {
        let section = section_name(&rest[..*cut]);
        let key = known_key(&section, &rest[cut + 1..])?;
        Some((section, key))
    });
    if let Some((section, key)) = known {
        return Some(Address { section, key, doubt: None });
    }
    let (section, key) = (section_name(&rest[..*last]), rest[last + 1..].to_owned());
    let doubt = Some(doubt(&rest, &cuts, &section, &key));
    Some(Address { section, key, doubt })
}

fn short(variable: &str, report: &mut Report) -> Option<(String, String)> {
    let known: Vec<(String, &str)> = health_options::variables().collect();
    if let Some((_, key)) = known.iter().find(|(name, _)| name == variable) {
        return Some((format!("program:{APP}"), (*key).to_owned()));
    }
    // Compare the names without the prefix, because the prefix makes short names look similar.
    let ends = || known.iter().map(|(name, _)| &name[health_options::PREFIX.len()..]);
    let written = variable.strip_prefix(health_options::PREFIX).unwrap_or(variable);
    let hint = match nearest(written, ends()) {
        Some((_, near)) => format!("did you mean {}{near}?", health_options::PREFIX),
        None => format!(
            "what may follow {} is {}",
            health_options::PREFIX,
            ends().collect::<Vec<_>>().join(", ")
        ),
    };
    report.warn(format!("{variable} is ignored: unknown variable; {hint}"));
    None
}

/// The positions of single underscores, from the left.
fn cuts(rest: &str) -> Vec<usize> {
    let bytes = rest.as_bytes();
    let single = |at: usize| {
        bytes[at] == b'_'
            && at > 0
            && bytes[at - 1] != b'_'
            && bytes.get(at + 1).is_some_and(|b| *b != b'_')
    };
    (0..bytes.len()).filter(|at| single(*at)).collect()
}

fn is_well_formed(rest: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let edges = rest.starts_with('_') || rest.ends_with('_');
    !edges && !rest.contains("___") && rest.chars().all(allowed)
}

/// The section's name: `__` stands for a colon. Shells cannot set a variable with a hyphen, so an
/// underscore also stands for the one in `fcgi-program`.
fn section_name(part: &str) -> String {
    let name = part.replace("__", ":");
    match name.strip_prefix("fcgi_program:") {
        Some(label) => format!("fcgi-program:{label}"),
        None => name,
    }
}

/// The option of this section with this name in a variable, where an underscore replaces a dot.
fn known_key(section: &str, written: &str) -> Option<String> {
    let keys = SectionKind::of(section)?.settings().map(|setting| setting.def().key);
    keys.into_iter().find(|key| key.replace('.', "_") == written).map(str::to_owned)
}

/// The problem with a name without a known key, and the option that the user may have meant.
fn doubt(rest: &str, cuts: &[usize], section: &str, key: &str) -> Doubt {
    let nearest = cuts.iter().filter_map(|cut| {
        let section = section_name(&rest[..*cut]);
        let (distance, key) = nearest_key(&section, &rest[cut + 1..])?;
        Some((distance, section, key))
    });
    let nearest = nearest.min_by_key(|(distance, _, _)| *distance);
    let why = match (&nearest, SectionKind::of(section)) {
        (None, None) => {
            ", but that section does not exist; \"__\" stands for \":\", as in \
             SUPERVISOR_PROGRAM__APP_STARTSECS"
        }
        (Some(_), _) | (_, Some(_)) => ", which is not a known option",
    };
    Doubt {
        as_read: format!("sets [{section}] {key}{why}"),
        nearest: nearest.map(|(_, section, key)| format!("did you mean {key} of [{section}]?")),
    }
}

/// The most similar known key, if it is similar enough.
fn nearest_key(section: &str, written: &str) -> Option<(usize, &'static str)> {
    nearest(written, SectionKind::of(section)?.settings().map(|setting| setting.def().key))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use proptest::prelude::*;

    use super::*;
    use crate::modes::template::{self, Run};
    use crate::testing::sources;

    /// `[section] key`, and the warnings.
    fn parsed(variable: &str) -> (String, Vec<String>) {
        let mut report = Report::default();
        let sources = sources(&[(variable, "v")]);
        let found = read(&sources, &mut report);
        let text = found.iter().map(|o| format!("[{}] {}", o.section, o.key)).collect();
        let mut sections = template::base(APP, "x", Run::Supervised);
        apply(&mut sections, found, &sources, &mut report);
        let told = report.finish(Some(())).map(|(_, warnings)| warnings);
        (text, told.unwrap_or_else(|errors| vec![errors.to_string()]))
    }

    #[test]
    fn a_key_with_underscores_reaches_its_section() {
        for (variable, meaning) in [
            ("SUPERVISOR_PROGRAM__APP_STARTSECS", "[program:app] startsecs"),
            (
                "SUPERVISOR_PROGRAM__APP_STDOUT_LOGFILE_MAXBYTES",
                "[program:app] stdout_logfile_maxbytes",
            ),
            ("SUPERVISOR_PROGRAM__APP_STDOUT_LOGFILE", "[program:app] stdout_logfile"),
            ("SUPERVISOR_PROGRAM__MY_APP_NUMPROCS_START", "[program:my_app] numprocs_start"),
            ("SUPERVISOR_SUPERVISORD_LOGFILE_MAXBYTES", "[supervisord] logfile_maxbytes"),
            ("SUPERVISOR_UNIX_HTTP_SERVER_FILE", "[unix_http_server] file"),
            ("SUPERVISOR_INET_HTTP_SERVER__B_PORT", "[inet_http_server:b] port"),
            ("SUPERVISOR_INCLUDE_FILES", "[include] files"),
            ("SUPERVISOR_FCGI_PROGRAM__X_SOCKET_MODE", "[fcgi-program:x] socket_mode"),
            ("SUPERVISOR_EVENTLISTENER__L_BUFFER_SIZE", "[eventlistener:l] buffer_size"),
        ] {
            assert_eq!(parsed(variable), (meaning.to_owned(), vec![]), "{variable}");
        }
    }

    #[test]
    fn a_key_with_a_dot_can_be_written() {
        let (meaning, warnings) =
            parsed("SUPERVISOR_RPCINTERFACE__SUPERVISOR_SUPERVISOR_RPCINTERFACE_FACTORY");
        assert_eq!(meaning, "[rpcinterface:supervisor] supervisor.rpcinterface_factory");
        assert!(warnings.is_empty());
    }

    #[test]
    fn malformed_names_are_ignored_with_a_warning() {
        for variable in [
            "SUPERVISOR_",
            "SUPERVISOR_X",
            "SUPERVISOR__PROGRAM_X",
            "SUPERVISOR_PROGRAM__APP_STARTSECS_",
            "SUPERVISOR_PROGRAM___APP_STARTSECS",
            "SUPERVISOR_PROGRAM__APP__STARTSECS",
            "SUPERVISOR_PROGRAM__A B_STARTSECS",
        ] {
            let (meaning, warnings) = parsed(variable);
            assert_eq!(meaning, "", "{variable}");
            assert!(warnings[0].starts_with(&format!("{variable} is ignored")), "{warnings:?}");
        }
    }

    #[test]
    fn an_unknown_key_warns_and_names_the_nearest() {
        let (_, warnings) = parsed("SUPERVISOR_PROGRAM__APP_STARTSEC");
        assert_eq!(
            warnings,
            ["SUPERVISOR_PROGRAM__APP_STARTSEC sets [program:app] startsec, which is not a \
             known option; did you mean startsecs of [program:app]?"]
        );
        let (_, warnings) = parsed("SUPERVISOR_SUPERVISORD_LOG_LEVEL");
        assert!(warnings[0].ends_with("did you mean loglevel of [supervisord]?"), "{warnings:?}");
        let (meaning, warnings) = parsed("SUPERVISOR_PROGRAM_STARTSECS");
        assert_eq!(meaning, "[program] startsecs");
        assert!(warnings[0].contains("SUPERVISOR_PROGRAM__APP_STARTSECS"), "{warnings:?}");
    }

    #[test]
    fn a_misspelled_option_is_one_error_that_names_the_nearest() {
        for (variable, near) in [
            ("SUPERVISOR_PROGRAM__APP_STOPWAIT_SECS", "stopwaitsecs of [program:app]"),
            ("SUPERVISOR_PROGRAM__APP_STDOUT_LOGFLE", "stdout_logfile of [program:app]"),
            ("SUPERVISOR_INET_HTTP_SERVER_POR", "port of [inet_http_server]"),
            ("SUPERVISOR_EVENTLISTENER__L_EVENT", "events of [eventlistener:l]"),
        ] {
            let (_, told) = parsed(variable);
            let message =
                format!("ERROR: {variable}: no option has this name; did you mean {near}?");
            assert_eq!(told, [message]);
        }
    }

    #[test]
    fn a_short_variable_sets_an_option_of_program_app() {
        for (variable, meaning) in [
            ("PROCESS_HEALTH_PRESET", "[program:app] health_preset"),
            ("PROCESS_HEALTH_READY", "[program:app] ready"),
            ("PROCESS_HEALTH_PROGRESS_STALLED_SECS", "[program:app] progress_stalled_secs"),
        ] {
            assert_eq!(parsed(variable), (meaning.to_owned(), vec![]), "{variable}");
        }
        let (meaning, warnings) = parsed("PROCESS_HEALTH_PRESSET");
        assert_eq!(meaning, "");
        assert!(warnings[0].ends_with("did you mean PROCESS_HEALTH_PRESET?"), "{warnings:?}");
        // It is not similar to any of them, although it shares the long prefix with all.
        let (_, warnings) = parsed("PROCESS_HEALTH_HTTP");
        assert!(warnings[0].contains("; what may follow PROCESS_HEALTH_ is "), "{warnings:?}");
        assert!(warnings[0].contains(", URL, "), "{warnings:?}");
    }

    #[test]
    fn a_variable_with_a_section_overrides_a_short_variable() {
        let long = "SUPERVISOR_PROGRAM__APP_HEALTH_TCP";
        let found =
            read(&sources(&[(long, "1"), ("PROCESS_HEALTH_TCP", "2")]), &mut Report::default());
        assert_eq!(found.last().map(|found| found.value.as_str()), Some("1"));
    }

    #[test]
    fn variables_of_other_programs_cause_no_warning() {
        for variable in OTHERS {
            assert_eq!(parsed(variable), (String::new(), vec![]), "{variable}");
        }
    }

    #[test]
    fn a_value_that_is_not_utf_8_is_an_error_that_names_the_variable() {
        let mut what = sources(&[]);
        let value = OsString::from_vec(vec![0xff]);
        what.environment.push(("SUPERVISOR_PROGRAM__APP_USER".into(), value));
        let mut report = Report::default();
        assert!(read(&what, &mut report).is_empty());
        let text = report.finish(Some(())).unwrap_err().to_string();
        assert!(text.contains("SUPERVISOR_PROGRAM__APP_USER must be UTF-8"), "{text}");
        let mut what = sources(&[]);
        let value = OsString::from_vec(b"s3cret\xff".to_vec());
        what.environment.push(("SUPERVISOR_UNIX_HTTP_SERVER_PASSWORD".into(), value));
        let mut report = Report::default();
        assert!(read(&what, &mut report).is_empty());
        let text = report.finish(Some(())).unwrap_err().to_string();
        assert!(text.contains("PASSWORD must be UTF-8") && !text.contains("s3cret"), "{text}");
    }

    proptest! {
        #[test]
        fn no_variable_name_causes_a_panic(rest in "([A-Z_.-]|\\PC)*") {
            let _ = parsed(&format!("SUPERVISOR_{}", rest.replace('\0', "")));
        }
    }
}
