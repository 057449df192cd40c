//! `[program:x]` and the options that event listeners and FastCGI programs share
//! with it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::files::named_sockets;
use supervisor_core::spec::{
    Command, HealthSpec, Launch, Output, ProcessSpec, RetryRule, Sink, Stdio, StopTarget, User,
};

use super::supervisord::sink;
use super::{Lowering, Mode, at_least_zero, failure, health, listener, start, tidy, to_u32};
use crate::command::shown;
use crate::error::in_short;
use crate::expand::{Meaning, Names, expand};
use crate::health_options;
use crate::ini::{Comment, Origin, Section};
use crate::options::{self as o, Key, SectionKind};
use crate::shlex;
use crate::template::APP;
use crate::values::{self, LogTarget};

/// More processes of one program than any machine runs; a typing error must not
/// ask for all the memory there is.
const MOST_PROCESSES: i64 = 100_000;

/// What all programs' environments have beneath their own.
#[derive(Debug)]
pub(super) struct Base<'a> {
    /// What `[supervisord] environment` says.
    pub(super) environment: &'a [(String, String)],
    /// The URL of the supervisor's own server.
    pub(super) url: Option<String>,
    /// Whom the supervisor becomes, and with it who has no user of its own.
    pub(super) user: Option<&'a User>,
}

/// The processes of one program as a member of `group`, in start order.
pub(super) fn read<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    group: &str,
    base: &Base<'_>,
    names: &Names<'_>,
) -> Option<Vec<Rc<ProcessSpec>>> {
    let program = values::name(section.label());
    let program = program.map_err(|why| lowering.complain(section, &section.origin, &why)).ok()?;
    let names = names.clone().with("program_name", program.clone()).with("group_name", group);
    let numbers = numbers(lowering, section, &names);
    let process_name = process_name(lowering, section);
    let model = Model::read(lowering, section, (&program, base), &names);
    let (first, count) = numbers?;
    let process_name = process_name?;
    if count > 1 && !process_name.contains("%(process_num)") {
        let missing = "%(process_num) must be present within process_name when numprocs > 1";
        lowering.complain(section, origin(lowering, section, "numprocs"), missing);
        return None;
    }
    let mut processes = Vec::new();
    let mut complete = true;
    for number in (0..count).map(|offset| first + offset) {
        let mut names = names.clone();
        names.set("process_num", Meaning::Number(number));
        names.set("numprocs", Meaning::Number(count));
        let own = Own::read(lowering, section, &process_name, base, &mut names);
        match (&model, own) {
            (Some(model), Some(own)) => {
                let process = model.process(own);
                start::check_retries(lowering, section, &process.start, &process.health);
                processes.push(Rc::new(process));
            }
            _ => complete = false,
        }
    }
    processes.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    complete.then_some(processes)
}

/// What all processes of a program have in common.
struct Model {
    process: ProcessSpec,
    /// Variables that tell a program whom it runs as, unless its environment says so.
    identity: Vec<(OsString, OsString)>,
}

impl Model {
    fn read<'a>(
        lowering: &mut Lowering<'a>,
        section: &'a Section,
        (program, base): (&str, &Base<'_>),
        names: &Names<'_>,
    ) -> Option<Self> {
        let stopping = Stopping::read(lowering, section, names);
        let seconds = |lowering: &mut Lowering<'a>, key: &Key<i64>| {
            let value = lowering.get(section, key, names)?;
            Some(at_least_zero(value, section, key.def.key, lowering.report))
        };
        let priority = lowering.get(section, &o::PRIORITY, names);
        let autostart = lowering.get(section, &o::AUTOSTART, names);
        let startsecs = seconds(lowering, &o::STARTSECS);
        let startretries = seconds(lowering, &o::STARTRETRIES);
        let autorestart = lowering.get(section, &o::AUTORESTART, names);
        let exitcodes = lowering.get(section, &o::EXITCODES, names);
        let umask = lowering.try_get(section, &o::PROGRAM_UMASK, names);
        let user = lowering.try_get(section, &o::PROGRAM_USER, names);
        let retry = retry(lowering, section, names);
        let killtree = lowering.get(section, &o::KILLTREE, names);
        let listens = SectionKind::of(&section.name) == Some(SectionKind::EventListener);
        let essential =
            if listens { Some(false) } else { lowering.get(section, &o::ESSENTIAL, names) };
        // What listens for events serves nobody.
        let tidy = if listens {
            Some(None)
        } else {
            tidy::read(lowering, section, names, killtree.unwrap_or(true))
        };
        let start = start::read(lowering, section, names);
        let failure = failure::read(lowering, section, names);
        let user = user.ok()?;
        let socket = match SectionKind::of(&section.name) {
            Some(SectionKind::FcgiProgram) => {
                Some(listener::socket(lowering, section, user.as_ref(), names)?)
            }
            _ => None,
        };
        let stopping = stopping?;
        Some(Self {
            identity: identity(lowering, user.as_ref().or(base.user)),
            process: ProcessSpec {
                name: String::new(),
                program: program.to_owned(),
                priority: priority?,
                autostart: autostart?,
                startsecs: Duration::from_secs(startsecs?),
                startretries: to_u32(startretries?),
                autorestart: autorestart?,
                exitcodes: exitcodes?,
                stopsignal: stopping.signal,
                stopwaitsecs: Duration::from_secs(stopping.wait),
                stop_target: stopping.target,
                kill_target: stopping.kill_target,
                leftover_grace: stopping.leftover_grace,
                health_stop: stopping.for_health,
                retry: retry?,
                // Beside a command line, other programs are there to help it.
                main: lowering.mode == Mode::File || section.name == format!("program:{APP}"),
                essential: essential?,
                killtree: killtree?,
                tidy: tidy?,
                start: start?,
                health: HealthSpec::default(),
                failure: failure?,
                launch: Launch {
                    command: Command::Argv(Vec::new()),
                    environment: Vec::new(),
                    directory: None,
                    umask: umask.ok()?,
                    user,
                    stdio: Stdio::Inherited,
                    shown: String::new(),
                    serverurl: None,
                    socket,
                    die_with_supervisor: true,
                },
            },
        })
    }

    fn process(&self, own: Own) -> ProcessSpec {
        let mut process = self.process.clone();
        process.name = own.name;
        (process.launch.command, process.launch.shown) = own.command;
        process.launch.serverurl = own.serverurl;
        let own_names: BTreeSet<&OsString> = own.environment.iter().map(|(name, _)| name).collect();
        let unsaid = self.identity.iter().filter(|(name, _)| !own_names.contains(name));
        process.launch.environment = unsaid.chain(&own.environment).cloned().collect();
        process.launch.directory = own.directory;
        process.launch.stdio = own.stdio;
        process.health = own.health;
        if let (Some(tidy), Command::Argv(argv)) = (&mut process.tidy, &process.launch.command) {
            tidy.sockets = named_sockets(argv.iter().filter_map(|word| word.to_str()));
        }
        process
    }
}

/// How a program is stopped.
struct Stopping {
    signal: supervisor_core::signal::Signal,
    wait: u64,
    target: StopTarget,
    kill_target: StopTarget,
    leftover_grace: Duration,
    for_health: Duration,
}

impl Stopping {
    fn read<'a>(
        lowering: &mut Lowering<'a>,
        section: &'a Section,
        names: &Names<'_>,
    ) -> Option<Self> {
        let signal = lowering.get(section, &o::STOPSIGNAL, names);
        let wait = lowering.get(section, &o::STOPWAITSECS, names);
        let as_group = lowering.get(section, &o::STOPASGROUP, names);
        let kill_as_group = lowering.try_get(section, &o::KILLASGROUP, names);
        let (as_group, kill_as_group) = (as_group?, kill_as_group.ok()?.or(as_group)?);
        if as_group && !kill_as_group {
            let origin = origin(lowering, section, o::KILLASGROUP.def.key);
            let why =
                "Cannot set stopasgroup=true and killasgroup=false; set stopasgroup=false as well";
            lowering.complain(section, origin, why);
        }
        let target = lowering.try_get(section, &o::STOP_TARGET, names);
        let leftover_grace = lowering.get(section, &o::LEFTOVER_GRACE, names);
        let for_health = lowering.get(section, &health_options::STOP, names);
        let wait = at_least_zero(wait?, section, o::STOPWAITSECS.def.key, lowering.report);
        let reach = |group| if group { StopTarget::Group } else { StopTarget::Main };
        Some(Self {
            signal: signal?,
            wait,
            target: target.ok()?.unwrap_or_else(|| reach(as_group)),
            kill_target: reach(kill_as_group),
            leftover_grace: leftover_grace?,
            for_health: for_health?,
        })
    }
}

/// What each process of a program has for itself.
struct Own {
    name: String,
    command: (Command, String),
    serverurl: Option<String>,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    stdio: Stdio,
    health: HealthSpec,
}

impl Own {
    /// Reads it; what the program's own environment says, other options may use.
    fn read<'a>(
        lowering: &mut Lowering<'a>,
        section: &'a Section,
        process_name: &str,
        base: &Base<'_>,
        names: &mut Names<'_>,
    ) -> Option<Self> {
        let serverurl = lowering.get(section, &o::SERVERURL, names);
        let environment = lowering.get(section, &o::PROGRAM_ENVIRONMENT, names);
        for (name, value) in environment.iter().flatten() {
            names.set(format!("ENV_{name}"), Meaning::Text(value.clone()));
        }
        let name = expand(process_name, names, "process_name");
        let name = name.map_err(|why| {
            let origin = origin(lowering, section, o::PROCESS_NAME.def.key);
            lowering.complain(section, origin, &why)
        });
        let command = command(lowering, section, names);
        let directory = lowering.try_get(section, &o::DIRECTORY, names);
        let stdio = stdio(lowering, section, names);
        let argv = match &command {
            Some((Command::Argv(argv), _)) => argv.as_slice(),
            Some((Command::Unparsable(_), _)) | None => &[],
        };
        let health = health::read(lowering, section, names, argv);
        let serverurl = serverurl?;
        let serverurl = (!serverurl.eq_ignore_ascii_case("auto")).then_some(serverurl);
        Some(Self {
            name: name.ok()?,
            command: command?,
            environment: merged(serverurl.as_ref(), base, &environment?),
            serverurl,
            directory: directory.ok()?.map(PathBuf::from),
            stdio: stdio?,
            health: health?,
        })
    }
}

/// `numprocs_start`, and how many processes there are from there.
fn numbers<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<(i64, i64)> {
    let first = lowering.get(section, &o::NUMPROCS_START, names);
    let count = lowering.get(section, &o::NUMPROCS, names)?;
    if count > MOST_PROCESSES {
        let why = format!("numprocs={count} is above the upper bound ({MOST_PROCESSES})");
        lowering.complain(section, origin(lowering, section, "numprocs"), &why);
        return None;
    }
    let (first, count) = (first?, count.max(0));
    if count > 0 && first.checked_add(count - 1).is_none() {
        let why = format!("numprocs_start={first} leaves no room for {count} processes");
        let key = o::NUMPROCS_START.def.key;
        lowering.complain(section, origin(lowering, section, key), &why);
        return None;
    }
    Some((first, count))
}

/// The unexpanded name: that is what supervisord looks at for forbidden characters.
fn process_name<'a>(lowering: &mut Lowering<'a>, section: &'a Section) -> Option<String> {
    let entry = lowering.entry(section, o::PROCESS_NAME.def.key);
    let text = entry.map(|entry| entry.value.as_str()).or(o::PROCESS_NAME.def.default.file)?;
    let name = values::name(text);
    name.map_err(|why| {
        let key = o::PROCESS_NAME.def.key;
        let why = format!("{why} in {key}");
        lowering.complain(section, origin(lowering, section, key), &why)
    })
    .ok()
}

/// What to execute, and how it was written. One that can never be executed is a mistake in
/// front of a command, where nothing shall be started that can't be right. In a file it is
/// none, as in supervisord: starting the program fails, and the others run.
fn command<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<(Command, String)> {
    let origin = lowering.entry(section, o::COMMAND.def.key).map(|entry| &entry.origin);
    if let (Some(argv), Some(Origin::BuiltIn)) = (lowering.mode.command(), origin) {
        return Some((Command::Argv(argv.to_vec()), shown(argv)));
    }
    let missing = format!("program section {} does not specify a command", section.name);
    let text = lowering.require(section, &o::COMMAND, names, &missing)?;
    let command = match shlex::split(&text) {
        Ok(words) if words.is_empty() => Command::Unparsable("command is empty".to_owned()),
        Ok(words) => Command::Argv(words.into_iter().map(OsString::from).collect()),
        Err(why) => Command::Unparsable(unparsable(&text, why, origin)),
    };
    match (&command, lowering.mode) {
        (Command::Unparsable(why), Mode::Command(_) | Mode::Once(_)) => {
            lowering.refuse(section, &o::COMMAND.def, origin.unwrap_or(&section.origin), why);
            None
        }
        (Command::Unparsable(_), Mode::File) | (Command::Argv(_), _) => Some((command, text)),
    }
}

/// What is wrong with a command line. Of the text only the first word is told: a key of a
/// service may stand in it.
fn unparsable(text: &str, why: &str, origin: Option<&Origin>) -> String {
    let word = in_short(text.split_whitespace().next().unwrap_or_default());
    let opened = shlex::unclosed(text)
        .map_or_else(String::new, |(sign, at)| format!(" for {sign} at character {at}"));
    let cut = origin.and_then(Origin::comment).map_or_else(String::new, |comment| {
        let Comment { line, sign } = comment;
        format!("; the value ends before ' {sign}' in line {line}, where a comment begins")
    });
    format!("can't parse command '{word} …': {why}{opened}{cut}")
}

fn retry<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<RetryRule> {
    if let Mode::Once(_) = lowering.mode {
        return Some(RetryRule::Once);
    }
    let seconds = lowering.get(section, &o::RETRYRESETSECS, names)?;
    Some(match seconds {
        None => RetryRule::FailedStarts,
        Some(seconds) => {
            let key = o::RETRYRESETSECS.def.key;
            let seconds = at_least_zero(seconds, section, key, lowering.report);
            RetryRule::Consecutive { reset_after: Duration::from_secs(seconds) }
        }
    })
}

fn stdio<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<Stdio> {
    if let Mode::Once(_) = lowering.mode {
        return Some(Stdio::Inherited);
    }
    let redirect = lowering.get(section, &o::REDIRECT_STDERR, names);
    let stdout = output(lowering, section, names, &STDOUT);
    let stderr = output(lowering, section, names, &STDERR);
    let (redirect, stdout, stderr) = (redirect?, stdout?, stderr?);
    warn_of_growth(lowering, section, &STDOUT, &stdout);
    if !redirect {
        warn_of_growth(lowering, section, &STDERR, &stderr);
        return Some(Stdio::Captured { stdout, stderr: Some(stderr) });
    }
    let file = matches!(stderr.sink, Sink::File(_) | Sink::Stdout | Sink::Stderr);
    if file && lowering.is_explicit(section, STDERR.logfile.def.key) {
        lowering.report.warn(format!(
            "For [{}], redirect_stderr=true but stderr_logfile has also been set to a filename, \
             the filename has been ignored",
            section.name
        ));
    }
    Some(Stdio::Captured { stdout, stderr: None })
}

/// The options of one stream.
struct StreamKeys {
    logfile: &'static Key<LogTarget>,
    maxbytes: &'static Key<i64>,
    backups: &'static Key<i64>,
    capture: &'static Key<i64>,
    syslog: &'static Key<bool>,
    events: &'static Key<bool>,
}

static STDOUT: StreamKeys = StreamKeys {
    logfile: &o::STDOUT_LOGFILE,
    maxbytes: &o::STDOUT_LOGFILE_MAXBYTES,
    backups: &o::STDOUT_LOGFILE_BACKUPS,
    capture: &o::STDOUT_CAPTURE_MAXBYTES,
    syslog: &o::STDOUT_SYSLOG,
    events: &o::STDOUT_EVENTS_ENABLED,
};

static STDERR: StreamKeys = StreamKeys {
    logfile: &o::STDERR_LOGFILE,
    maxbytes: &o::STDERR_LOGFILE_MAXBYTES,
    backups: &o::STDERR_LOGFILE_BACKUPS,
    capture: &o::STDERR_CAPTURE_MAXBYTES,
    syslog: &o::STDERR_SYSLOG,
    events: &o::STDERR_EVENTS_ENABLED,
};

/// What becomes of a stream.
fn output<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
    keys: &StreamKeys,
) -> Option<Output> {
    let mut size = |key: &Key<i64>| {
        let value = lowering.get(section, key, names)?;
        Some(at_least_zero(value, section, key.def.key, lowering.report))
    };
    let (maxbytes, backups, capture) =
        (size(keys.maxbytes), size(keys.backups), size(keys.capture));
    let syslog = lowering.get(section, keys.syslog, names);
    let events = lowering.get(section, keys.events, names);
    let target = lowering.get(section, keys.logfile, names);
    let (maxbytes, backups, capture_maxbytes) = (maxbytes?, to_u32(backups?), capture?);
    let (target, syslog) = (target?, syslog?);
    let deprecated = target == LogTarget::Syslog;
    if deprecated {
        lowering.report.warn(format!(
            "For [{}], {}=syslog but this is deprecated and will be removed.  Use {}=true to \
             enable syslog instead.",
            section.name, keys.logfile.def.key, keys.syslog.def.key
        ));
    }
    let sink = match target {
        LogTarget::None | LogTarget::Syslog => Sink::Discard,
        LogTarget::Auto => Sink::Auto { maxbytes, backups },
        // Relative to where the supervisor works when it is opened.
        LogTarget::Path(path) => sink(path, maxbytes, backups),
    };
    Some(Output { sink, syslog: syslog || deprecated, capture_maxbytes, events_enabled: events? })
}

/// A file that nobody named is a file that nobody watches.
fn warn_of_growth(
    lowering: &mut Lowering<'_>,
    section: &Section,
    keys: &StreamKeys,
    output: &Output,
) {
    if let Sink::Auto { maxbytes: 0, .. } = output.sink {
        lowering.report.warn(format!(
            "For [{}], AUTO logging used for {} without rollover, set maxbytes > 0 to avoid \
             filling up filesystem unintentionally",
            section.name, keys.logfile.def.key
        ));
    }
}

/// A server keeps caches and settings under `HOME`. supervisord leaves that of its own user
/// in place, and so does a file; who is nobody else needs none of this.
fn identity(lowering: &Lowering<'_>, user: Option<&User>) -> Vec<(OsString, OsString)> {
    let user = user.filter(|user| user.uid != lowering.context.sources.uid);
    let (Some(user), Some(_)) = (user, lowering.mode.command()) else { return Vec::new() };
    let name = OsString::from(&user.name);
    [("HOME", user.home.clone().into()), ("USER", name.clone()), ("LOGNAME", name)]
        .map(|(variable, value)| (variable.into(), value))
        .into()
}

/// `own` on top of what all programs have, on top of where the supervisor answers.
fn merged(
    serverurl: Option<&String>,
    base: &Base<'_>,
    own: &[(String, String)],
) -> Vec<(OsString, OsString)> {
    let url = serverurl.or(base.url.as_ref());
    let url = url.map(|url| ("SUPERVISOR_SERVER_URL".to_owned(), url.clone()));
    let beneath = url.iter().chain(base.environment);
    let names: BTreeSet<&String> = own.iter().map(|(name, _)| name).collect();
    let kept = beneath.filter(|(name, _)| !names.contains(name));
    kept.chain(own).map(|(name, value)| (name.into(), value.into())).collect()
}

/// Where an option was said; if it wasn't, where its section was.
pub(super) fn origin<'a>(lowering: &Lowering<'a>, section: &'a Section, key: &str) -> &'a Origin {
    lowering.entry(section, key).map_or(&section.origin, |entry| &entry.origin)
}
