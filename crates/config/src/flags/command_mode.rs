//! Parses the command line of `standard-supervisor`.

use std::ffi::OsString;

use super::getopt::{self, Flag, Reading, ToolOption};

/// A request on the command line of `standard-supervisor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandRequest {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Query the status port of a running supervisor.
    Probe {
        /// The name of the query as written.
        question: String,
        /// The status port, if given.
        port: Option<String>,
    },
    /// Print the configuration with which this command would run.
    Check(Vec<OsString>),
    /// Run this command.
    Run(Vec<OsString>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Help,
    Version,
    Check,
    Probe,
    Port,
    As,
}

impl Reading for Does {
    fn argument(&self) -> Option<&'static str> {
        match self {
            Self::Help | Self::Version | Self::Check => None,
            Self::Probe => Some("QUESTION"),
            Self::Port => Some("[HOST:]PORT"),
            Self::As => Some("PROGRAM"),
        }
    }

    /// An abbreviation could become ambiguous in a later version, and containers stay in use for
    /// years.
    fn can_be_shortened(&self) -> bool {
        false
    }

    fn default(&self) -> Option<&'static str> {
        (*self == Self::Port).then_some("PROCESS_STATUS_PORT")
    }
}

static FLAGS: [Flag<Does>; 6] = [
    Flag {
        short: None,
        long: "check",
        does: Does::Check,
        doc: "print the effective configuration with the origin of each value, and all errors; do not start anything",
    },
    Flag {
        short: None,
        long: "probe",
        does: Does::Probe,
        doc: "query the status port: print the answer, and exit with 0 if the supervisor is live, or its programs are ready or started, otherwise with 1; for HEALTHCHECK and exec probes in images without curl",
    },
    Flag { short: None, long: "port", does: Does::Port, doc: "the status port that --probe asks" },
    Flag {
        short: None,
        long: "as",
        does: Does::As,
        doc: "run as supervisord, supervisorctl, pidproxy, echo_supervisord_conf or generate-supervisor-config, as a link of that name does; must be the first argument",
    },
    Flag { short: Some('h'), long: "help", does: Does::Help, doc: "print this help; also -?" },
    Flag { short: None, long: "version", does: Does::Version, doc: "print the version" },
];

/// All options, for help, manual pages and completions.
pub(crate) fn options() -> Vec<ToolOption> {
    getopt::shown(&FLAGS)
}

/// Parses the command line of `standard-supervisor` without the program's name. The command starts
/// with the first word that is not an option.
///
/// # Errors
///
/// The error, with the given and the expected value.
pub fn standard_supervisor_flags(words: &[OsString]) -> Result<CommandRequest, String> {
    let given = getopt::read(words, &FLAGS)?;
    let (mut check, mut question, mut port) = (false, None, None);
    for given in given.flags {
        match given.flag.does {
            Does::Help => return Ok(CommandRequest::Help),
            Does::Version => return Ok(CommandRequest::Version),
            Does::Check => check = true,
            Does::Probe => question = Some(given.text()?),
            Does::Port => port = Some(given.text()?),
            Does::As => return Err("option --as must be the first argument".to_owned()),
        }
    }
    let command = given.others;
    match (question, port) {
        (Some(_), _) if !command.is_empty() => Err("--probe takes no command".to_owned()),
        (Some(question), port) => Ok(CommandRequest::Probe { question, port }),
        (None, Some(_)) => Err("--port requires --probe".to_owned()),
        (None, None) if check => Ok(CommandRequest::Check(command)),
        (None, None) => Ok(CommandRequest::Run(command)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn read(line: &str) -> Result<CommandRequest, String> {
        let words = line.split(' ').map(OsString::from);
        standard_supervisor_flags(&words.collect::<Vec<_>>())
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let command = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(read("a --help"), Ok(CommandRequest::Run(command(&["a", "--help"]))));
        assert_eq!(read("--check -- -a"), Ok(CommandRequest::Check(command(&["-a"]))));
        let strange = OsString::from_vec(b"\xff".to_vec());
        let words = [strange.clone(), "--check".into()];
        assert_eq!(standard_supervisor_flags(&words), Ok(CommandRequest::Run(words.to_vec())));
        let probe = |port: Option<&str>| {
            Ok(CommandRequest::Probe { question: "live".into(), port: port.map(str::to_owned) })
        };
        assert_eq!(read("--probe live"), probe(None));
        assert_eq!(read("--port=[::1]:9 --probe=live"), probe(Some("[::1]:9")));
    }

    #[test]
    fn invalid_options_in_command_mode_have_the_same_messages() {
        for (line, words) in [
            ("--chekc a", "option --chekc not recognized; did you mean --check?"),
            ("--vers", "option --vers not recognized"),
            ("-x", "option -x not recognized"),
            ("--probe", "option --probe requires argument"),
            ("--probe live a", "--probe takes no command"),
            ("--port 1 a", "--port requires --probe"),
            ("--check --as pidproxy", "option --as must be the first argument"),
        ] {
            assert_eq!(read(line), Err(words.to_owned()), "{line}");
        }
    }
}
