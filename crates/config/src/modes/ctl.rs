//! Reads supervisorctl's command line and its section of a configuration file.
//!
//! The options are those of
//! [supervisorctl](https://supervisord.org/running.html#supervisorctl-command-line-options).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use supervisor_wire::supervisord::python::repr;

use crate::error::{Errors, Report};
use crate::flags::getopt::{self, Flag, Reading, ToolOption, conflicting, no_text};
use crate::lower::client;
use crate::modes::file::{named, places, sections_of};
use crate::options::{CTL_SERVERURL, PROMPT};
use crate::sources::{Context, Host, Sources};
use crate::values::absolute;

/// A request on supervisorctl's command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CtlRequest {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Carry out an action, or open the shell.
    Run(CtlFlags),
}

/// supervisorctl's command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CtlFlags {
    configuration: Option<PathBuf>,
    interactive: bool,
    serverurl: Option<String>,
    username: Option<String>,
    password: Option<String>,
    history_file: Option<PathBuf>,
    /// The action and its arguments.
    words: Vec<String>,
}

/// The settings of `supervisorctl`, from its command line and file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ctl {
    /// URL of the supervisor.
    pub serverurl: String,
    /// User name for authentication.
    pub username: Option<String>,
    /// Password for authentication.
    pub password: Option<String>,
    /// Text of the shell's prompt.
    pub prompt: String,
    /// File with the shell's command history.
    pub history_file: Option<PathBuf>,
    /// Whether the client may ask the user.
    pub interactive: bool,
    /// The command to carry out; `None`: open the shell.
    pub line: Option<String>,
    /// Warnings, one line each.
    pub warnings: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Help,
    Version,
    Configuration,
    Interactive,
    Serverurl,
    Username,
    Password,
    HistoryFile,
    /// The spelling of `--history-file` in supervisor's help.
    HistoryFileToo,
}

impl Reading for Does {
    fn argument(&self) -> Option<&'static str> {
        match self {
            Self::Help | Self::Version | Self::Interactive => None,
            Self::Configuration | Self::HistoryFile | Self::HistoryFileToo => Some("FILENAME"),
            Self::Serverurl => Some("URL"),
            Self::Username => Some("USERNAME"),
            Self::Password => Some("PASSWORD"),
        }
    }

    fn can_be_shortened(&self) -> bool {
        !matches!(self, Self::HistoryFileToo | Self::Version)
    }

    fn default(&self) -> Option<&'static str> {
        match self {
            Self::Serverurl => CTL_SERVERURL.def.default.file,
            Self::Help
            | Self::Version
            | Self::Configuration
            | Self::Interactive
            | Self::Username
            | Self::Password
            | Self::HistoryFile
            | Self::HistoryFileToo => None,
        }
    }
}

static FLAGS: [Flag<Does>; 9] = [
    Flag {
        short: Some('c'),
        long: "configuration",
        does: Does::Configuration,
        doc: "take the daemon's address from this file's [supervisorctl]",
    },
    Flag { short: Some('h'), long: "help", does: Does::Help, doc: "print this help; also -?" },
    Flag {
        short: None,
        long: "version",
        does: Does::Version,
        doc: "print the version of this program; the command version asks the daemon",
    },
    Flag {
        short: Some('i'),
        long: "interactive",
        does: Does::Interactive,
        doc: "start an interactive shell after the command; without a command this is the default",
    },
    Flag {
        short: Some('s'),
        long: "serverurl",
        does: Does::Serverurl,
        doc: "the daemon's address, http://HOST:PORT or unix:///PATH",
    },
    Flag {
        short: Some('u'),
        long: "username",
        does: Does::Username,
        doc: "the user name, if the daemon requires one",
    },
    Flag {
        short: Some('p'),
        long: "password",
        does: Does::Password,
        doc: "the password of that user",
    },
    Flag {
        short: Some('r'),
        long: "history-file",
        does: Does::HistoryFileToo,
        doc: "the file for the history of the shell",
    },
    Flag {
        short: None,
        long: "history_file",
        does: Does::HistoryFile,
        doc: "the same as --history-file",
    },
];

/// All options, for help, manual pages and completions.
pub(crate) fn options() -> Vec<ToolOption> {
    getopt::shown(&FLAGS)
}

/// Parses supervisorctl's command line without the program's name.
///
/// # Errors
///
/// A description of the error, in supervisor's words.
pub fn supervisorctl_flags(words: &[OsString]) -> Result<CtlRequest, String> {
    let given = getopt::read(words, &FLAGS)?;
    let words = given.others.into_iter().map(|word| word.into_string().map_err(no_text));
    let mut flags = CtlFlags { words: words.collect::<Result<_, _>>()?, ..CtlFlags::default() };
    for given in given.flags {
        let written = given.written.clone();
        let value = given.text()?;
        let taken = match given.flag.does {
            Does::Help => return Ok(CtlRequest::Help),
            Does::Version => return Ok(CtlRequest::Version),
            Does::Interactive => std::mem::replace(&mut flags.interactive, true),
            Does::Configuration => flags.configuration.replace(value.into()).is_some(),
            Does::Serverurl if !is_url(&value) => {
                let value = repr(&value);
                return Err(format!(
                    "invalid value for {written} {value}: value {value} is not a URL"
                ));
            }
            Does::Serverurl => flags.serverurl.replace(value).is_some(),
            Does::Username => flags.username.replace(value).is_some(),
            Does::Password => flags.password.replace(value).is_some(),
            Does::HistoryFile | Does::HistoryFileToo => {
                flags.history_file.replace(value.into()).is_some()
            }
        };
        if taken {
            return Err(conflicting(&written));
        }
    }
    Ok(CtlRequest::Run(flags))
}

/// Whether Python's `urlparse` finds a scheme and text after it.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && !rest.is_empty()
        && !rest.starts_with(['?', '#', ';'])
}

/// Builds the settings of `supervisorctl`. `program` is the path of the executable, because the
/// search for the configuration file includes its directory.
///
/// # Errors
///
/// All errors in the file.
pub fn supervisorctl(
    flags: CtlFlags,
    program: &Path,
    sources: &Sources,
    host: &dyn Host,
) -> Result<Ctl, Errors> {
    let mut report = Report::default();
    let context = Context { sources, host };
    let file = read(&flags, program, context, &mut report);
    let (file, warnings) = report.finish(file)?;
    let or_default = |default: Option<&str>| default.unwrap_or_default().to_owned();
    let serverurl = flags.serverurl.or(file.serverurl);
    Ok(Ctl {
        serverurl: serverurl.unwrap_or_else(|| or_default(CTL_SERVERURL.def.default.file)),
        username: flags.username.or(file.username),
        password: flags.password.or(file.password),
        prompt: file.prompt.unwrap_or_else(|| or_default(PROMPT.def.default.file)),
        history_file: flags.history_file.or(file.history_file),
        interactive: flags.interactive || flags.words.is_empty(),
        line: (!flags.words.is_empty()).then(|| flags.words.join(" ")),
        warnings,
    })
}

/// The settings in the file; the defaults if no file was given and none was found.
fn read(
    flags: &CtlFlags,
    program: &Path,
    context: Context<'_>,
    report: &mut Report,
) -> Option<client::Client> {
    let exists = |path: &PathBuf| context.host.exists(&absolute(path, &context));
    let shown = match &flags.configuration {
        Some(path) => named(path, context, report)?,
        None => match places(program).into_iter().find(exists) {
            Some(path) => path,
            None => return Some(client::Client::default()),
        },
    };
    let path = absolute(&shown, &context);
    let here = path.parent().unwrap_or(&path);
    let sections = sections_of(&shown, here, context, report)?;
    let client = client::client(&sections, here, context, report);
    if client.is_none() && report.is_clean() {
        report.error(".ini file does not include supervisorctl section");
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeHost, sources};

    fn flags(line: &str) -> Result<CtlRequest, String> {
        let words = line.split(' ').filter(|word| !word.is_empty());
        supervisorctl_flags(&words.map(OsString::from).collect::<Vec<_>>())
    }

    fn ctl(files: &[(&str, &str)], line: &str) -> Result<Ctl, String> {
        let CtlRequest::Run(flags) = flags(line)? else { panic!("{line} asks for help") };
        let sources = sources(&[("HOME", "/home/me"), ("WHO", "ann")]);
        supervisorctl(flags, Path::new("/opt/bin/supervisorctl"), &sources, &FakeHost::with(files))
            .map_err(|errors| errors.to_string())
    }

    #[test]
    fn supervisorctl_has_defaults_without_a_file() {
        let ctl = ctl(&[], "tail -f x").unwrap();
        assert_eq!(ctl.serverurl, "http://localhost:9001");
        assert_eq!((ctl.username, ctl.password, ctl.history_file), (None, None, None));
        assert_eq!(ctl.prompt, "supervisor");
        assert_eq!((ctl.line.as_deref(), ctl.interactive), (Some("tail -f x"), false));
    }

    #[test]
    fn supervisorctl_without_an_action_starts_a_shell() {
        let ctl = ctl(&[], "-u ann").unwrap();
        assert_eq!((ctl.line, ctl.interactive), (None, true));
    }

    #[test]
    fn the_file_is_found_near_the_program_and_expanded() {
        let text = "[supervisorctl]\nserverurl=unix://~/%(ENV_WHO)s.sock\nusername=%(ENV_WHO)s\n\
                    password=100%%\nprompt=box\nhistory_file=%(here)s/history\n";
        let ctl = ctl(&[("/opt/etc/supervisord.conf", text)], "").unwrap();
        assert_eq!(ctl.serverurl, "unix:///home/me/ann.sock");
        assert_eq!(ctl.username.as_deref(), Some("ann"));
        assert_eq!(ctl.password.as_deref(), Some("100%"));
        assert_eq!(ctl.prompt, "box");
        assert_eq!(ctl.history_file, Some("/opt/etc/history".into()));
    }

    #[test]
    fn the_command_line_of_supervisorctl_overrides_the_file() {
        let text = "[supervisorctl]\nserverurl=http://a\nusername=a\npassword=a\nhistory_file=\n";
        let files = [("/srv/t.conf", text)];
        let ctl = ctl(&files, "-c t.conf -s http://b -ub --password=b --history_f h x").unwrap();
        assert_eq!(ctl.serverurl, "http://b");
        assert_eq!((ctl.username.as_deref(), ctl.password.as_deref()), (Some("b"), Some("b")));
        assert_eq!(ctl.history_file, Some("h".into()));
    }

    #[test]
    fn an_empty_history_file_setting_disables_the_history() {
        let text = "[supervisorctl]\nhistory_file=\n";
        assert_eq!(ctl(&[("/srv/t.conf", text)], "-c t.conf").unwrap().history_file, None);
    }

    #[test]
    fn errors_of_supervisorctl_name_file_and_line() {
        let file = |text| ctl(&[("/srv/t.conf", text)], "-c t.conf status").unwrap_err();
        assert!(file("[supervisord]\n").contains("does not include supervisorctl section"));
        assert!(file("[supervisorctl]\nnonsense\n").contains("t.conf:2: Source contains parsing"));
        assert!(file("nonsense\n").contains("File contains no section headers"));
        assert!(file("[supervisorctl]\nserverurl=%(x)s\n").contains("'supervisorctl.serverurl'"));
        assert_eq!(
            ctl(&[], "-c nope.conf").unwrap_err(),
            "ERROR: could not find config file nope.conf"
        );
    }

    #[test]
    fn a_python_plug_in_is_ignored_with_a_warning() {
        let text = "[supervisorctl]\n[ctlplugin:x]\nsupervisor.ctl_factory=a:b\n";
        let warnings = ctl(&[("/srv/t.conf", text)], "-c t.conf").unwrap().warnings;
        assert_eq!(warnings, ["[ctlplugin:x] is ignored, because it needs Python"]);
    }

    #[test]
    fn invalid_options_of_supervisorctl_have_supervisors_messages() {
        for (line, words) in [
            ("-x", "option -x not recognized"),
            ("--h", "option --h not a unique prefix"),
            ("-s foo status", "invalid value for -s 'foo': value 'foo' is not a URL"),
            ("-s http://", "invalid value for -s 'http://': value 'http://' is not a URL"),
            ("-i -i", "conflicting command line option '-i'"),
            ("-r a --history_file b", "conflicting command line option '--history_file'"),
        ] {
            assert_eq!(flags(line), Err(words.to_owned()), "{line}");
        }
        assert_eq!(flags("-? -x"), Err("option -x not recognized".to_owned()));
        assert_eq!(flags("-u ann -? foo"), Ok(CtlRequest::Help));
        for url in ["unix:///x", "http://h", "foo:bar", "unix:/x"] {
            assert!(flags(&format!("-s {url}")).is_ok(), "{url}");
        }
    }
}
