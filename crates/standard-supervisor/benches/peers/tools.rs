//! The tools, and how each is told to run the same program.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::options::Row;
use crate::places::{Places, find_in_path};
use crate::table::Ours;

#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    kind: Kind,
    rows: &'static [Row],
    /// Takes a good part of a second or more to start: see [`crate::rounds::alternate`].
    pub(crate) slow: bool,
}

#[derive(Debug)]
enum Kind {
    /// The program alone: the floor of every measurement.
    Nothing,
    /// `PROGRAM | cat`: the least that anything which relays output must do.
    Cat,
    Ours(Ours),
    /// Ours, and more to do with each line.
    OursWith(Extra),
    /// An init that takes `OPTIONS -- PROGRAM`.
    Init {
        command: &'static str,
        options: &'static [&'static str],
    },
    /// Horust hands its own stdout down to the program. Told to rotate it, it reads a pipe and
    /// writes the file named, here /dev/stdout: the only way to have bytes go through it.
    Horust {
        rotating: bool,
    },
    /// Ours by a configuration file.
    OurSupervisord,
    Supervisord,
    /// The tool of the same name in Python. `run_once`: with PROCESS_AUTO_RECOVERY=false.
    PythonTool {
        run_once: bool,
    },
}

/// What is done with each line on request.
#[derive(Clone, Copy, Debug)]
enum Extra {
    Prefix,
    Json,
    Syslog,
}

impl Extra {
    fn setting(self, places: &Places) -> io::Result<(&'static str, OsString)> {
        Ok(match self {
            Self::Prefix => ("PROCESS_OUTPUT_PREFIX", "name".into()),
            Self::Json => ("PROCESS_OUTPUT_FORMAT", "json".into()),
            Self::Syslog => {
                let address = places.syslog.local_addr()?;
                ("PROCESS_SYSLOG_ADDRESS", format!("udp://{address}").into())
            }
        })
    }
}

const fn tool(name: &'static str, kind: Kind, rows: &'static [Row], slow: bool) -> Tool {
    Tool { name, kind, rows, slow }
}

const fn init(name: &'static str, command: &'static str, options: &'static [&'static str]) -> Tool {
    tool(name, Kind::Init { command, options }, &[Row::Start, Row::Idle], false)
}

/// In the order in which they take turns and stand in the tables.
pub(crate) static ALL: &[Tool] = &[
    tool("no tool", Kind::Nothing, &[Row::Start, Row::Logs, Row::Lines, Row::Latency], false),
    tool("cat", Kind::Cat, &[Row::Logs, Row::Lines, Row::Latency], false),
    tool("**ours**", Kind::Ours(Ours::Supervised), &Row::COMMAND, false),
    tool("ours, output_prefix=name", Kind::OursWith(Extra::Prefix), &[Row::Lines], false),
    tool("ours, output_format=json", Kind::OursWith(Extra::Json), &[Row::Lines], false),
    tool("ours, syslog_address=…", Kind::OursWith(Extra::Syslog), &[Row::Lines], false),
    tool("**ours, run once**", Kind::Ours(Ours::RunOnce), &[Row::Start, Row::Idle], false),
    init("tini -s", "tini", &["-s"]),
    init("dumb-init", "dumb-init", &[]),
    init("catatonit", "catatonit", &[]),
    tool("Horust", Kind::Horust { rotating: false }, &[Row::Start, Row::Crash, Row::Idle], true),
    tool("Horust, rotating", Kind::Horust { rotating: true }, &[Row::Logs, Row::Lines], true),
    tool("**ours, supervisord**", Kind::OurSupervisord, &[Row::Farm], false),
    tool("supervisord", Kind::Supervisord, &Row::ALL, true),
    tool("Python's standard-supervisor", Kind::PythonTool { run_once: false }, &Row::SINGLE, true),
    tool("Python's, run once", Kind::PythonTool { run_once: true }, &[Row::Start], true),
];

/// Where a supervisord of a thousand programs answers, in its directory.
pub(crate) const CONTROL_SOCKET: &str = "control.sock";

/// A command line with the variables it needs beyond PATH.
#[derive(Debug, Default)]
pub(crate) struct Invocation {
    pub(crate) argv: Vec<OsString>,
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

impl Tool {
    pub(crate) fn takes_part_in(&self, row: Row) -> bool {
        self.rows.contains(&row)
    }

    pub(crate) fn ours(&self) -> Option<Ours> {
        match self.kind {
            Kind::Ours(mode) => Some(mode),
            Kind::OurSupervisord => Some(Ours::Supervised),
            Kind::Nothing
            | Kind::Cat
            | Kind::OursWith(_)
            | Kind::Init { .. }
            | Kind::Horust { .. }
            | Kind::Supervisord
            | Kind::PythonTool { .. } => None,
        }
    }

    /// The client that comes with a supervisord.
    pub(crate) fn client(&self, places: &Places) -> Option<PathBuf> {
        Some(self.executable(places)?.with_file_name("supervisorctl"))
    }

    /// `None`: not installed.
    pub(crate) fn executable(&self, places: &Places) -> Option<PathBuf> {
        let file = match self.kind {
            Kind::Nothing => places.probe.clone(),
            Kind::Cat => find_in_path("sh").filter(|_| find_in_path("cat").is_some())?,
            Kind::Ours(_) | Kind::OursWith(_) => places.ours.clone(),
            Kind::OurSupervisord => places.ours.with_file_name("supervisord"),
            Kind::Init { command, .. } => find_in_path(command)?,
            Kind::Horust { .. } => places.peers.join("horust/bin/horust"),
            Kind::Supervisord => places.peers.join("venv/bin/supervisord"),
            Kind::PythonTool { .. } => places.peers.join("venv/bin/standard-supervisor"),
        };
        file.is_file().then_some(file)
    }

    /// How to have this tool run `program`, and another one `beside` it. Its files go to
    /// `directory`.
    pub(crate) fn invocation(
        &self,
        places: &Places,
        directory: &Path,
        program: &[OsString],
        beside: Option<&[OsString]>,
        copies: u32,
    ) -> io::Result<Invocation> {
        let executable = self.executable(places).ok_or(io::ErrorKind::NotFound)?;
        let mut words = vec![executable.into_os_string()];
        let mut environment = Vec::new();
        match &self.kind {
            Kind::Nothing => {
                let both = |beside| shell(&format!("{} & exec \"$@\"", quoted(beside)));
                words = beside.map(both).unwrap_or_default();
            }
            Kind::Cat => {
                let first = beside.map(|beside| quoted(beside) + " | cat & ").unwrap_or_default();
                words = shell(&format!("{first}\"$@\" | cat"));
            }
            // As users start it: with its default paths, which don't disturb others.
            Kind::Ours(mode) => {
                environment = vec![recovery(*mode == Ours::RunOnce)];
                let flood = |beside| ("SUPERVISOR_PROGRAM__FLOOD_COMMAND", quoted(beside).into());
                environment.extend(beside.map(flood));
            }
            Kind::OursWith(extra) => environment = vec![recovery(false), extra.setting(places)?],
            Kind::Init { options, .. } => {
                words.extend(options.iter().copied().chain(["--"]).map(OsString::from));
            }
            Kind::Horust { rotating } => {
                let service = horust_service(*rotating, program);
                fs::write(directory.join("program.toml"), service)?;
                words
                    .extend(["--services-path", ".", "--uds-folder-path", "."].map(OsString::from));
                return Ok(Invocation { argv: words, environment });
            }
            Kind::OurSupervisord | Kind::Supervisord => {
                let conf = match copies {
                    1 => supervisord_conf(program, beside),
                    _ => farm_conf(program, copies),
                };
                fs::write(directory.join("supervisord.conf"), conf)?;
                words.extend(["-c", "supervisord.conf"].map(OsString::from));
                return Ok(Invocation { argv: words, environment });
            }
            Kind::PythonTool { run_once } => {
                environment = settings(directory, *run_once);
                // It starts `supervisord` by PATH.
                let mut path = places.peers.join("venv/bin").into_os_string();
                path.push(":/usr/local/bin:/usr/bin:/bin");
                environment.push(("PATH", path));
            }
        }
        words.extend_from_slice(program);
        Ok(Invocation { argv: words, environment })
    }

    /// What the tool says of itself, for the head of the report. `None`: nothing worth a line.
    pub(crate) fn version(&self, places: &Places) -> Option<String> {
        let executable = self.executable(places)?;
        match &self.kind {
            Kind::Nothing
            | Kind::OurSupervisord
            | Kind::Ours(Ours::RunOnce)
            | Kind::OursWith(_)
            | Kind::Horust { rotating: true }
            | Kind::PythonTool { run_once: true } => None,
            Kind::Ours(Ours::Supervised) => Some(env!("CARGO_PKG_VERSION").to_owned()),
            Kind::Cat => said_by(Command::new("cat").arg("--version")),
            Kind::Init { .. } | Kind::Supervisord => {
                said_by(Command::new(executable).arg("--version"))
            }
            // It has no option that tells; cargo keeps a list of what it installed.
            Kind::Horust { rotating: false } => {
                let installed =
                    fs::read_to_string(places.peers.join("horust/.crates.toml")).ok()?;
                let (_, rest) = installed.split_once("\"horust ")?;
                rest.split(' ').next().map(str::to_owned)
            }
            Kind::PythonTool { run_once: false } => {
                let ask = "from importlib.metadata import version; \
                           print(version('model-hosting-container-standards'))";
                said_by(Command::new(places.peers.join("venv/bin/python")).args(["-c", ask]))
            }
        }
    }
}

/// A shell that runs `script` with the words behind it as arguments.
fn shell(script: &str) -> Vec<OsString> {
    ["/bin/sh", "-c", script, "sh"].map(OsString::from).to_vec()
}

/// The first line of what it prints.
fn said_by(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).lines().next().map(str::to_owned)
}

/// For the two tools that understand it.
fn recovery(run_once: bool) -> (&'static str, OsString) {
    ("PROCESS_AUTO_RECOVERY", if run_once { "false" } else { "true" }.into())
}

/// For the Python tool: files of its own, so that nothing else on the machine is disturbed.
fn settings(directory: &Path, run_once: bool) -> Vec<(&'static str, OsString)> {
    vec![
        recovery(run_once),
        ("SUPERVISOR_CONFIG_PATH", directory.join("generated.conf").into()),
        ("SUPERVISOR_SUPERVISORD_PIDFILE", directory.join("pid").into()),
    ]
}

/// `backoff` and `attempts` are its defaults, written out: it restarts at once and without end.
fn horust_service(rotating: bool, program: &[OsString]) -> String {
    let command = quoted(program);
    let stdout = if rotating {
        "stdout = \"/dev/stdout\"\nstdout-rotate-size = \"1000GB\""
    } else {
        "stdout = \"STDOUT\""
    };
    format!(
        "command = \"{command}\"\n{stdout}\nstderr = \"STDERR\"\n\n\
         [restart]\nstrategy = \"always\"\nbackoff = \"0s\"\nattempts = 0\n"
    )
}

/// What the Python tool generates, less the second copy of stderr.
fn supervisord_conf(program: &[OsString], beside: Option<&[OsString]>) -> String {
    let section = |(name, program): (&str, &[OsString])| {
        let command = quoted(program);
        format!(
            "[program:{name}]\ncommand={command}\nautorestart=true\nstartsecs=1\n\
             stopasgroup=true\nkillasgroup=true\n\
             stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nredirect_stderr=true\n"
        )
    };
    let programs = [("app", program)].into_iter().chain(beside.map(|beside| ("flood", beside)));
    let programs: String = programs.map(section).collect();
    format!(
        "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=pid\n\n\
         {programs}"
    )
}

/// All options at their defaults, but for what a thousand programs can't do without: each has
/// pipes and log files. Nothing is said on stdout: nobody reads it before the end, and
/// supervisord stands still once that pipe is full.
fn farm_conf(program: &[OsString], copies: u32) -> String {
    let command = quoted(program);
    format!(
        "[supervisord]\nnodaemon=true\nsilent=true\npidfile=pid\n\
         logfile=/dev/null\nlogfile_maxbytes=0\n\
         childlogdir=.\nminfds=10000\n\n\
         [unix_http_server]\nfile=%(here)s/{CONTROL_SOCKET}\n\n\
         [rpcinterface:supervisor]\n\
         supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\n\
         [program:farm]\ncommand={command}\nnumprocs={copies}\n\
         process_name=%(program_name)s_%(process_num)04d\n"
    )
}

/// Single quotes serve both tools' splitting; the bench's own paths hold none.
fn quoted(program: &[OsString]) -> String {
    let words: Vec<String> = program.iter().map(|word| format!("'{}'", word.display())).collect();
    words.join(" ")
}
