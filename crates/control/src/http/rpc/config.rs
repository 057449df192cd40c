//! Methods about the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use supervisor_core::command::{Command, Difference};
use supervisor_core::event::Channel;
use supervisor_core::spec::{GroupSpec, Output, ProcessSpec, Settings, Sink, Stdio, StopTarget};
use supervisor_core::{Changed, Info, Reply};
use supervisor_wire::xmlrpc::Value;

use super::fault::{Fault, Kind};
use super::params::Params;
use super::table::{Later, Outcome};
use super::{daemon, info, record, text};
use crate::control::CannotReread;
use crate::http::serve::ServerState;

/// The value of a setting without a value.
const NONE: &str = "none";

/// The value of a log with an automatic name that was not chosen yet.
const AUTO: &str = "auto";

/// supervisord's defaults for streams without a log.
const NO_LOG: (i64, i64) = (50 * 1024 * 1024, 10);

pub(super) fn reload<'a>(server: &'a ServerState, _: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let Difference { added, changed, removed } =
            server.control.reread().await.map_err(|why| match why {
                CannotReread::Wrong(why) => Fault::new(Kind::CantReread, why),
                CannotReread::Refused(refusal) => Fault::of(refusal, ""),
            })?;
        let names = |names: Vec<String>| Value::Array(names.into_iter().map(text).collect());
        Ok(Value::Array(vec![Value::Array([added, changed, removed].map(names).to_vec())]))
    })
}

pub(super) fn add<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let name = params.text(0)?;
        daemon::done(server, Command::AddGroup(name.to_owned()), name).await
    })
}

pub(super) fn remove<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let name = params.text(0)?;
        daemon::done(server, Command::RemoveGroup(name.to_owned()), name).await
    })
}

pub(super) fn update<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let name = params.text(0)?;
        match server.control.ask(Command::UpdateGroup(name.to_owned())).await {
            Ok(Reply::Updated(change)) => Ok(text(change.name())),
            Ok(Reply::Done | Reply::Outcomes(_) | Reply::Difference(_)) => Ok(text("")),
            Err(refusal) => Err(Fault::of(refusal, name)),
        }
    })
}

pub(super) fn changes<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        reload(server, params).await?;
        let core = server.control.core();
        Ok(Value::Array(core.changed().map(changed_group).collect()))
    })
}

/// A group that an update would change: the programs with different options and the action that
/// each needs, and the processes that only one of both configurations has.
fn changed_group(changed: Changed<'_>) -> Value {
    let Changed { old, new, change } = changed;
    let name = new.or(old).map(|group| group.name.clone()).unwrap_or_default();
    let programs = old.zip(new).map(|(old, new)| changed_programs(old, new)).unwrap_or_default();
    record([
        ("group", text(name)),
        ("change", text(change.name())),
        ("programs", Value::Array(programs)),
        ("added", only_in(new, old)),
        ("removed", only_in(old, new)),
    ])
}

/// The names of the processes that `one` has and `other` does not have.
fn only_in(one: Option<&GroupSpec>, other: Option<&GroupSpec>) -> Value {
    let known: BTreeSet<&String> =
        other.into_iter().flat_map(|group| &group.processes).map(|it| &it.name).collect();
    let all = one.into_iter().flat_map(|group| &group.processes).map(|process| &process.name);
    Value::Array(all.filter(|name| !known.contains(name)).map(|name| text(name.clone())).collect())
}

fn changed_programs(old: &GroupSpec, new: &GroupSpec) -> Vec<Value> {
    let settings = |group: &GroupSpec| -> BTreeMap<String, Settings> {
        let all = group.processes.iter();
        all.map(|spec| (spec.program.clone(), Rc::clone(&spec.settings))).collect()
    };
    let (old, new) = (settings(old), settings(new));
    let both = new.iter().filter_map(|(program, new)| Some((program, old.get(program)?, new)));
    let changed = both.filter(|(_, old, new)| old != new).map(|(program, old, new)| {
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let differs = |key: &&&String| old.get(**key) != new.get(**key);
        let options = keys.iter().filter(differs).filter_map(|key| {
            let takes = supervisor_config::tables::takes(key)?;
            Some(record([("option", text((*key).clone())), ("takes", text(takes.name()))]))
        });
        let options = Value::Array(options.collect());
        record([("program", text(program.clone())), ("options", options)])
    });
    changed.collect()
}

pub(super) fn all(server: &ServerState, _: &Params) -> Outcome {
    let core = server.control.core();
    let live: BTreeMap<*const ProcessSpec, Info<'_>> =
        core.processes().map(|info| (Rc::as_ptr(info.spec), info)).collect();
    let mut all: Vec<(&GroupSpec, bool, &Rc<ProcessSpec>)> = Vec::new();
    for group in core.available() {
        all.extend(group.spec.processes.iter().map(|spec| (&**group.spec, group.active, spec)));
    }
    all.sort_by(|(_, _, a), (_, _, b)| a.name.cmp(&b.name));
    let settings = all.into_iter().map(|(group, active, spec)| {
        // A process that was created from this very configuration knows the names of its logs.
        let made = live.get(&Rc::as_ptr(spec));
        settings(group, active, spec, |channel| {
            made.map(|info| info::log_name(server, info, channel))
        })
    });
    Ok(Value::Array(settings.collect()))
}

/// The settings in the form that clients expect. `log`: the name of a stream's log.
fn settings(
    group: &GroupSpec,
    active: bool,
    spec: &ProcessSpec,
    log: impl Fn(Channel) -> Option<String>,
) -> Value {
    let launch = &spec.launch;
    let redirected = match &launch.stdio {
        Stdio::Inherited => false,
        Stdio::Captured { stderr, .. } => stderr.is_none(),
    };
    let directory = launch.directory.as_ref().map(|path| path.display().to_string());
    let number = |number: u64| Value::Int(number.try_into().unwrap_or(i64::MAX));
    let stream = |channel| Stream::of(launch.stdio.output(channel), log(channel));
    let (stdout, stderr) = (stream(Channel::Stdout), stream(Channel::Stderr));
    let codes = spec.exitcodes.iter().map(|code| Value::Int((*code).into()));
    record([
        ("autostart", Value::Bool(spec.autostart)),
        ("directory", or_none(directory)),
        ("uid", launch.user.as_ref().map_or_else(|| text(NONE), |user| number(user.uid.into()))),
        ("command", text(launch.shown.clone())),
        ("exitcodes", Value::Array(codes.collect())),
        ("group", text(group.name.clone())),
        ("group_prio", Value::Int(group.priority)),
        ("inuse", Value::Bool(active)),
        ("killasgroup", Value::Bool(spec.kill_target == StopTarget::Group)),
        ("name", text(spec.name.clone())),
        ("process_prio", Value::Int(spec.priority)),
        ("redirect_stderr", Value::Bool(redirected)),
        ("startretries", number(spec.startretries.into())),
        ("startsecs", number(spec.startsecs.as_secs())),
        ("stdout_capture_maxbytes", stdout.capture),
        ("stdout_events_enabled", stdout.events),
        ("stdout_logfile", stdout.logfile),
        ("stdout_logfile_backups", stdout.backups),
        ("stdout_logfile_maxbytes", stdout.maxbytes),
        ("stdout_syslog", stdout.syslog),
        ("stopsignal", number(spec.stopsignal.number().into())),
        ("stopwaitsecs", number(spec.stopwaitsecs.as_secs())),
        ("stderr_capture_maxbytes", stderr.capture),
        ("stderr_events_enabled", stderr.events),
        ("stderr_logfile", stderr.logfile),
        ("stderr_logfile_backups", stderr.backups),
        ("stderr_logfile_maxbytes", stderr.maxbytes),
        ("stderr_syslog", stderr.syslog),
        ("serverurl", or_none(launch.serverurl.clone())),
    ])
}

fn or_none(value: Option<String>) -> Value {
    text(value.unwrap_or_else(|| NONE.to_owned()))
}

/// The settings of one stream.
struct Stream {
    capture: Value,
    events: Value,
    logfile: Value,
    backups: Value,
    maxbytes: Value,
    syslog: Value,
}

impl Stream {
    fn of(output: Option<&Output>, chosen: Option<String>) -> Self {
        let sink = output.map(|output| &output.sink);
        let (logfile, (maxbytes, backups)) = match sink {
            Some(Sink::File(file)) => {
                let limits = (file.maxbytes.try_into().unwrap_or(i64::MAX), file.backups.into());
                (file.path.display().to_string(), limits)
            }
            Some(Sink::Auto { maxbytes, backups }) => {
                let limits = ((*maxbytes).try_into().unwrap_or(i64::MAX), (*backups).into());
                (chosen.unwrap_or_else(|| AUTO.to_owned()), limits)
            }
            Some(Sink::Stdout) => ("/dev/stdout".to_owned(), (0, NO_LOG.1)),
            Some(Sink::Stderr) => ("/dev/stderr".to_owned(), (0, NO_LOG.1)),
            Some(Sink::Discard) | None => (NONE.to_owned(), NO_LOG),
        };
        let capture = output.map_or(0, |output| output.capture_maxbytes);
        Self {
            capture: Value::Int(capture.try_into().unwrap_or(i64::MAX)),
            events: Value::Bool(output.is_some_and(|output| output.events_enabled)),
            logfile: text(logfile),
            backups: Value::Int(backups),
            maxbytes: Value::Int(maxbytes),
            syslog: Value::Bool(output.is_some_and(|output| output.syslog)),
        }
    }
}
