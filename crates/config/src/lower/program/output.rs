//! The destination and format of a program's output.

use crate::sources::Mode;
use supervisor_core::spec::{LineFormat, Output, Sink, Stdio};

use super::super::supervisord::sink;
use super::super::{Lowering, at_least_zero, to_u32};
use crate::options::{self as o, Key, SectionKind, output_options};
use crate::settings::supervisord::LogFormat;
use crate::text::expand::Names;
use crate::text::ini::Section;
use crate::values::LogTarget;

/// The standard streams of a program.
pub(super) fn stdio<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<Stdio> {
    if let Mode::Once(_) = lowering.mode {
        return Some(Stdio::Inherited);
    }
    let redirect = lowering.get(section, &o::REDIRECT_STDERR, names);
    let lines = lines(lowering, section, names);
    let syslog_server = if SectionKind::of(&section.name) == Some(SectionKind::EventListener) {
        Some(None)
    } else {
        lowering.get(section, &output_options::SYSLOG_ADDRESS, names)
    };
    let stdout = output(lowering, section, names, &STDOUT);
    let stderr = output(lowering, section, names, &STDERR);
    let (redirect, stdout, stderr, lines) = (redirect?, stdout?, stderr?, lines?);
    let syslog_server = syslog_server?;
    let (stdout, stderr) = (
        Output { lines, syslog_server: syslog_server.clone(), ..stdout },
        Output { lines, syslog_server, ..stderr },
    );
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

/// The format of lines. The lines of an event listener are answers, so they stay unchanged.
fn lines<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<LineFormat> {
    if SectionKind::of(&section.name) == Some(SectionKind::EventListener) {
        return Some(LineFormat::Unchanged);
    }
    let named = lowering.get(section, &output_options::PREFIX, names);
    let format = lowering.get(section, &output_options::FORMAT, names);
    let (named, format) = (named?, format?);
    if named && format == LogFormat::Json {
        let (prefix, format) = (output_options::PREFIX.def.key, output_options::FORMAT.def.key);
        lowering.report.warn(format!(
            "[{}] {prefix}=name has no effect with {format}=json: each object names its program",
            section.name
        ));
    }
    Some(match (format, named) {
        (LogFormat::Json, _) => LineFormat::Json,
        (LogFormat::Text, true) => LineFormat::Named,
        (LogFormat::Text, false) => LineFormat::Unchanged,
    })
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

/// The destination and format of a stream.
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
        // The path is relative to the working directory at the time of opening.
        LogTarget::Path(path) => sink(path, maxbytes, backups),
    };
    Some(Output {
        syslog: syslog || deprecated,
        capture_maxbytes,
        events_enabled: events?,
        ..sink.into()
    })
}

/// Warns of AUTO files without rotation: the user did not name them and does not watch them.
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
