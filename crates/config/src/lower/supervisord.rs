//! `[supervisord]`.

use std::path::{Path, PathBuf};

use crate::sources::Mode;
use supervisor_core::spec::{LogFile, Output, Sink};

use super::{Lowering, at_least_zero, crash, to_u32};
use crate::options::{self as o, Key, SectionKind};
use crate::settings::server::Listen;
use crate::settings::supervisord::Supervisord;
use crate::text::expand::Names;
use crate::text::ini::{Origin, Section};
use crate::values;

/// Reads `[supervisord]` and fills in the defaults.
pub(super) fn read(lowering: &mut Lowering<'_>, names: &Names<'_>) -> Option<Supervisord> {
    let Some(section) = lowering.of_kind(SectionKind::Supervisord).next() else {
        lowering.report.error(".ini file does not include supervisord section");
        return None;
    };
    let logfile = logfile(lowering, section, names);
    let pidfile = pidfile(lowering, section, names);
    let loglevel = lowering.get(section, &o::LOGLEVEL, names);
    let environment = lowering.get(section, &o::SUPERVISORD_ENVIRONMENT, names);
    let umask = lowering.get(section, &o::SUPERVISORD_UMASK, names);
    let nodaemon = lowering.get(section, &o::NODAEMON, names);
    let silent = lowering.get(section, &o::SILENT, names);
    let minfds = lowering.get(section, &o::MINFDS, names);
    let minprocs = lowering.get(section, &o::MINPROCS, names);
    let nocleanup = lowering.get(section, &o::NOCLEANUP, names);
    let childlogdir = lowering.get(section, &o::CHILDLOGDIR, names);
    let user = lowering.get(section, &o::SUPERVISORD_USER, names);
    let directory = lowering.get(section, &o::SUPERVISORD_DIRECTORY, names);
    let strip_ansi = lowering.get(section, &o::STRIP_ANSI, names);
    let identifier = lowering.get(section, &o::IDENTIFIER, names);
    let log_format = lowering.get(section, &o::LOG_FORMAT_KEY, names);
    let status = lowering.get(section, &o::STATUS_PORT_KEY, names);
    let prestop_delay = lowering.get(section, &o::PRESTOP_DELAY_KEY, names);
    let until_idle = lowering.get(section, &o::PRESTOP_UNTIL_IDLE, names);
    let prestop_min = lowering.get(section, &o::PRESTOP_MIN, names);
    let stop_budget = lowering.get(section, &o::STOP_BUDGET, names);
    let crash = crash::read(lowering, section, names);
    let context = lowering.context;
    let absolute = |path: PathBuf| values::absolute(&path, &context);
    Some(Supervisord {
        loglevel: loglevel?,
        logfile: logfile?,
        pidfile: pidfile.map(absolute),
        environment: environment?,
        umask: umask.filter(|_| lowering.is_explicit(section, o::SUPERVISORD_UMASK.def.key)),
        nodaemon: nodaemon?,
        silent: silent?,
        minfds: limit(lowering, section, &o::MINFDS, minfds?),
        minprocs: limit(lowering, section, &o::MINPROCS, minprocs?),
        nocleanup: nocleanup?,
        childlogdir: childlogdir.map_or_else(|| context.sources.temp_dir.clone(), absolute),
        user,
        directory,
        strip_ansi: strip_ansi?,
        identifier: identifier?,
        log_format: log_format?,
        status: status?.map(|address| Listen::at_all(address.host, address.port)),
        prestop_delay: prestop_delay?,
        prestop_idle: prestop_min.zip(until_idle).map(|(least, wanted)| wanted.then_some(least))?,
        stop_budget: stop_budget?,
        crash: crash?,
    })
}

/// The limit, if the user set it or in config-file mode. Otherwise a container's limits are not
/// changed.
fn limit<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    key: &Key<i64>,
    value: i64,
) -> Option<u64> {
    let value = at_least_zero(value, section, key.def.key, lowering.report);
    let asked = lowering.mode == Mode::File || lowering.is_explicit(section, key.def.key);
    asked.then_some(value)
}

/// Reads the path of the pidfile. The default path is not checked: the user did not request the
/// file, so a container without `/tmp` is not an error.
fn pidfile<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<PathBuf> {
    match lowering.entry(section, o::PIDFILE.def.key) {
        Some(entry) if entry.origin == Origin::BuiltIn => {
            Some(PathBuf::from(entry.value.replace("%%", "%")))
        }
        Some(_) | None => lowering.get(section, &o::PIDFILE, names),
    }
}

fn logfile<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<Output> {
    let maxbytes = lowering.get(section, &o::LOGFILE_MAXBYTES, names);
    let backups = lowering.get(section, &o::LOGFILE_BACKUPS, names);
    let path = lowering.get(section, &o::LOGFILE, names);
    let report = &mut *lowering.report;
    let maxbytes = at_least_zero(maxbytes?, section, o::LOGFILE_MAXBYTES.def.key, report);
    let backups = at_least_zero(backups?, section, o::LOGFILE_BACKUPS.def.key, report);
    let path = path?;
    if path == Path::new("syslog") {
        return Some(Output { syslog: true, ..Sink::Discard.into() });
    }
    let path = values::absolute(&path, &lowering.context);
    Some(sink(path, maxbytes, to_u32(backups)).into())
}

/// The sink for a path. Paths of the supervisor's own streams are not opened, because the streams
/// are inherited.
pub(super) fn sink(path: PathBuf, maxbytes: u64, backups: u32) -> Sink {
    match path.to_str() {
        Some(text) if values::STDOUT.contains(&text) => Sink::Stdout,
        Some(text) if values::STDERR.contains(&text) => Sink::Stderr,
        Some(values::NULL) => Sink::Discard,
        Some(_) | None => Sink::File(LogFile { path, maxbytes, backups }),
    }
}
