//! `[program:x]`, and the options that it shares with event listeners and FastCGI programs.

mod command;
mod env_files;
mod memory;
mod output;
mod restarting;
mod stopping;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;

use crate::sources::{APP, Mode};
use supervisor_core::files::named_sockets;
use supervisor_core::spec::{
    Command, EnvFile, HealthSpec, Launch, Limit, ProcessSpec, Settings, Stdio, TidySpec, User,
};

use self::command::command;
use self::output::stdio;
use self::restarting::Restarting;
use self::stopping::Stopping;
use super::{Lowering, failure, health, listener, start, tidy};
use crate::options::{self as o, SectionKind, limit_options};
use crate::text::expand::{Meaning, Names, expand};
use crate::text::ini::{Origin, Section};
use crate::values;

/// Settings of the supervisor that all programs inherit.
#[derive(Debug)]
pub(super) struct Base<'a> {
    /// The `environment` of `[supervisord]`.
    pub(super) environment: &'a [(String, String)],
    /// The URL of the supervisor's own server.
    pub(super) url: Option<String>,
    /// The user that the supervisor switches to. All programs without `user` run as this user, too.
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
    if let Some(model) = &model {
        start::check_ready_processes(lowering, section, &model.process.start, count);
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

/// The settings that all processes of a program share.
struct Model {
    process: ProcessSpec,
    /// HOME, USER and LOGNAME of the program's user, unless its environment sets them.
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
        let restarting = Restarting::read(lowering, section, names);
        let priority = lowering.get(section, &o::PRIORITY, names);
        let umask = lowering.try_get(section, &o::PROGRAM_UMASK, names);
        let limits = limits(lowering, section, names);
        let user = lowering.try_get(section, &o::PROGRAM_USER, names);
        let killtree = lowering.get(section, &o::KILLTREE, names);
        let (essential, tidy) = as_server(lowering, section, names, killtree.unwrap_or(true));
        let memory = memory::read(lowering, section, names);
        let start = start::read(lowering, section, names);
        let failure = failure::read(lowering, section, names, killtree.unwrap_or(true));
        let user = user.ok()?;
        let socket = if SectionKind::of(&section.name) == Some(SectionKind::FcgiProgram) {
            Some(listener::socket(lowering, section, user.as_ref(), names)?)
        } else {
            None
        };
        let (stopping, restarting) = (stopping?, restarting?);
        let launch = Launch {
            umask: umask.ok()?,
            limits: limits?,
            user: user.clone(),
            socket,
            ..Launch::as_supervisor(Vec::new())
        };
        let mut process = ProcessSpec {
            name: String::new(),
            program: program.to_owned(),
            priority: priority?,
            autostart: restarting.autostart,
            startsecs: restarting.startsecs,
            startretries: restarting.startretries,
            autorestart: restarting.autorestart,
            exitcodes: restarting.exitcodes,
            stopsignal: stopping.signal,
            signal_map: stopping.signal_map,
            stopwaitsecs: stopping.wait,
            stop_target: stopping.target,
            kill_target: stopping.kill_target,
            leftover_grace: stopping.leftover_grace,
            health_stop: stopping.for_health,
            retry: restarting.retry,
            backoff: restarting.backoff,
            // In command mode, additional programs only support the command.
            main: lowering.mode == Mode::File || section.name == format!("program:{APP}"),
            essential: essential?,
            killtree: killtree?,
            tidy: tidy?,
            start: start?,
            health: HealthSpec { memory: memory?, ..HealthSpec::default() },
            failure: failure?,
            launch,
            settings: settings(section),
        };
        failure::apply_rank_policy(lowering, section, names, &mut process)?;
        Some(Self { identity: identity(lowering, user.as_ref().or(base.user)), process })
    }

    fn process(&self, own: Own) -> ProcessSpec {
        let mut process = self.process.clone();
        process.name = own.name;
        (process.launch.command, process.launch.shown) = own.command;
        process.launch.serverurl = own.serverurl;
        process.launch.env_files = own.env_files;
        let own_names: BTreeSet<&OsString> = own.environment.iter().map(|(name, _)| name).collect();
        let unsaid = self.identity.iter().filter(|(name, _)| !own_names.contains(name));
        process.launch.environment = unsaid.chain(&own.environment).cloned().collect();
        process.launch.directory = own.directory;
        process.launch.stdio = own.stdio;
        process.health = HealthSpec { memory: process.health.memory, ..own.health };
        if let (Some(tidy), Command::Argv(argv)) = (&mut process.tidy, &process.launch.command) {
            tidy.sockets = named_sockets(argv.iter().filter_map(|word| word.to_str()));
        }
        process
    }
}

/// Whether everything ends when the program gives up, and what is removed after its runs. An event
/// listener is not a server, so neither is read for it.
fn as_server<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
    killtree: bool,
) -> (Option<bool>, Option<Option<TidySpec>>) {
    if SectionKind::of(&section.name) == Some(SectionKind::EventListener) {
        return (Some(false), Some(None));
    }
    let essential = lowering.get(section, &o::ESSENTIAL, names);
    (essential, tidy::read(lowering, section, names, killtree))
}

/// The resource limits that the section sets.
fn limits<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<Vec<Limit>> {
    let read = limit_options::ALL.map(|key| lowering.try_get(section, key, names));
    let all: Option<Vec<Option<Limit>>> = read.into_iter().map(Result::ok).collect();
    Some(all?.into_iter().flatten().collect())
}

/// The settings of one of a program's processes.
struct Own {
    name: String,
    command: (Command, String),
    serverurl: Option<String>,
    env_files: Vec<EnvFile>,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    stdio: Stdio,
    health: HealthSpec,
}

impl Own {
    /// Reads the settings. Options may use the variables of the program's own environment.
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
        let env_files = env_files::read(lowering, section, names);
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
            env_files: env_files?,
            environment: merged(serverurl.as_ref(), base, &environment?),
            serverurl,
            directory: directory.ok()?.map(PathBuf::from),
            stdio: stdio?,
            health: health?,
        })
    }
}

/// `numprocs_start` and the number of processes.
fn numbers<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<(i64, i64)> {
    let first = lowering.get(section, &o::NUMPROCS_START, names);
    let count = lowering.get(section, &o::NUMPROCS, names)?;
    let (first, count) = (first?, count.max(0));
    if count > 0 && first.checked_add(count - 1).is_none() {
        let why = format!("numprocs_start={first} leaves no room for {count} processes");
        let key = o::NUMPROCS_START.def.key;
        lowering.complain(section, origin(lowering, section, key), &why);
        return None;
    }
    Some((first, count))
}

/// The name before expansion, in which supervisord looks for forbidden characters.
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

/// The options of the section as written.
fn settings(section: &Section) -> Settings {
    let entries = section.entries.iter();
    Rc::new(entries.map(|entry| (entry.key.clone(), entry.value.clone())).collect())
}

/// HOME, USER and LOGNAME of `user`, because a server keeps caches and settings under `HOME`. In
/// config-file mode they are not changed, as in supervisord.
fn identity(lowering: &Lowering<'_>, user: Option<&User>) -> Vec<(OsString, OsString)> {
    let user = user.filter(|user| user.uid != lowering.context.sources.uid);
    let (Some(user), Some(_)) = (user, lowering.mode.command()) else { return Vec::new() };
    let name = OsString::from(&user.name);
    [("HOME", user.home.clone().into()), ("USER", name.clone()), ("LOGNAME", name)]
        .map(|(variable, value)| (variable.into(), value))
        .into()
}

/// The environment: `own` overrides the variables of all programs, which override the supervisor's
/// address.
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

/// The origin of an option; if it is not set, the origin of its section.
pub(super) fn origin<'a>(lowering: &Lowering<'a>, section: &'a Section, key: &str) -> &'a Origin {
    lowering.entry(section, key).map_or(&section.origin, |entry| &entry.origin)
}
