//! Methods that read and clear logs.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use supervisor_core::event::Channel;
use supervisor_core::ids::ProcId;
use supervisor_sys::io::log_piece;
use supervisor_sys::io::recent::Recent;
use supervisor_wire::supervisord::process_text::namespec;
use supervisor_wire::supervisord::tail;
use supervisor_wire::xmlrpc::Value;
use tokio::task::yield_now;

use super::fault::{Fault, Kind};
use super::params::Params;
use super::table::Outcome;
use super::{info, status, text};
use crate::http::serve::ServerState;
use crate::log_source::LogSource;

pub(super) fn read_main(server: &ServerState, params: &Params) -> Result<Wanted, Fault> {
    let (offset, length) = (params.number(0)?, params.number(1)?);
    let path = server.control.about().log.clone().ok_or(Kind::NoFile)?;
    read(&path, offset, length)
}

pub(super) fn clear_main(server: &ServerState, _: &Params) -> Outcome {
    let path = server.control.about().log.as_ref().filter(|path| path.exists());
    let path = path.ok_or(Kind::NoFile)?;
    match server.control.clear_main_log(path) {
        Ok(()) => Ok(Value::Bool(true)),
        Err(error) => Err(Fault::new(Kind::Failed, error.to_string())),
    }
}

pub(super) fn read_stdout(server: &ServerState, params: &Params) -> Result<Wanted, Fault> {
    read_of(server, params, Channel::Stdout)
}

pub(super) fn read_stderr(server: &ServerState, params: &Params) -> Result<Wanted, Fault> {
    read_of(server, params, Channel::Stderr)
}

pub(super) fn tail_stdout(server: &ServerState, params: &Params) -> Result<Wanted, Fault> {
    tail_of(server, params, Channel::Stdout)
}

pub(super) fn tail_stderr(server: &ServerState, params: &Params) -> Result<Wanted, Fault> {
    tail_of(server, params, Channel::Stderr)
}

pub(super) fn clear(server: &ServerState, params: &Params) -> Outcome {
    let name = params.text(0)?;
    clear_of(server, process(server, name)?, name)?;
    Ok(Value::Bool(true))
}

pub(super) fn clear_all(server: &ServerState, _: &Params) -> Outcome {
    let core = server.control.core();
    let mut all: Vec<_> = core.processes().collect();
    // Groups are in their order already.
    for group in all.chunk_by_mut(|a, b| a.named.group == b.named.group) {
        group.sort_by_key(|info| info.spec.priority);
    }
    let cleared = all.iter().map(|info| {
        let (name, group) = (&info.named.name, &info.named.group);
        status(name, group, clear_of(server, info.named.proc, &namespec(group, name)))
    });
    Ok(Value::Array(cleared.collect()))
}

fn process(server: &ServerState, name: &str) -> Result<ProcId, Fault> {
    let proc = server.control.core().resolve_process(name);
    proc.map_err(|rejection| Fault::of(rejection, name))
}

fn clear_of(server: &ServerState, proc: ProcId, name: &str) -> Result<(), Fault> {
    let cleared = server.control.clear_logs(proc);
    cleared.map_err(|error| Fault::new(Kind::Failed, format!("{name}: {error}")))
}

fn read_of(server: &ServerState, params: &Params, channel: Channel) -> Result<Wanted, Fault> {
    let (offset, length) = (params.number(1)?, params.number(2)?);
    let proc = process(server, params.text(0)?)?;
    let Some(log) = server.control.log(proc, channel) else {
        // A device, perhaps, which is no file that can be read.
        let core = server.control.core();
        let name = core.process(proc).map(|info| info::log_name(server, &info, channel));
        let name = name.filter(|name| !name.is_empty());
        return Err(name.map_or_else(|| Kind::NoFile.into(), |name| Fault::new(Kind::NoFile, name)));
    };
    match log {
        LogSource::File(path) => read(&path, offset, length),
        LogSource::Recent(recent) => {
            let kept = recent.kept();
            // A request can't reach bytes that are no longer kept.
            let offset = if offset < 0 { offset } else { offset.max(kept.start.cast_signed()) };
            let bytes = tail::read(offset, length, kept.end);
            let bytes = bytes.map_err(|tail::BadArguments| Kind::BadArguments)?;
            Ok(Wanted { log: Opened::Recent(recent), bytes, shape: Shape::Text })
        }
    }
}

fn read(path: &Path, offset: i64, length: i64) -> Result<Wanted, Fault> {
    let no_file = || Fault::new(Kind::NoFile, path.display().to_string());
    let (file, size) = log_piece::open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound { no_file() } else { failed(&error) }
    })?;
    let bytes = tail::read(offset, length, size);
    let bytes = bytes.map_err(|tail::BadArguments| Kind::BadArguments)?;
    Ok(Wanted { log: Opened::File(file), bytes, shape: Shape::Text })
}

fn tail_of(server: &ServerState, params: &Params, channel: Channel) -> Result<Wanted, Fault> {
    let (offset, length) = (params.number(1)?, params.number(2)?);
    let proc = process(server, params.text(0)?)?;
    let (log, size) = match server.control.log(proc, channel) {
        Some(LogSource::File(path)) => match log_piece::open(&path) {
            Ok((file, size)) => (Opened::File(file), size),
            Err(_) => return Ok(Wanted::nothing()),
        },
        Some(LogSource::Recent(recent)) => {
            let size = recent.kept().end;
            (Opened::Recent(recent), size)
        }
        None => return Ok(Wanted::nothing()),
    };
    let tail::Tail { bytes, offset, overflow } = tail::tail(offset, length, size);
    Ok(Wanted { log, bytes, shape: Shape::Tail { offset, overflow } })
}

fn failed(error: &io::Error) -> Fault {
    Fault::new(Kind::Failed, error.to_string())
}

/// A piece of a log that was found, and not read yet.
#[derive(Debug)]
pub(super) struct Wanted {
    log: Opened,
    bytes: Range<u64>,
    shape: Shape,
}

/// An open log.
#[derive(Debug)]
enum Opened {
    File(File),
    Recent(Rc<Recent>),
    /// No log, which counts as an empty one.
    Nothing,
}

/// The form of the result.
#[derive(Debug)]
enum Shape {
    Text,
    Tail { offset: u64, overflow: bool },
}

/// The number of bytes that are read at once.
const STEP: u64 = 1 << 20;

impl Wanted {
    fn nothing() -> Self {
        let shape = Shape::Tail { offset: 0, overflow: false };
        Self { log: Opened::Nothing, bytes: 0..0, shape }
    }

    /// The length of the piece in bytes.
    pub(super) const fn length(&self) -> u64 {
        self.bytes.end - self.bytes.start
    }

    /// Reads the piece in steps, because a disk may be slow.
    pub(super) async fn read(self) -> Outcome {
        let read = self.text().await;
        match self.shape {
            Shape::Text => Ok(text(read.map_err(|error| failed(&error))?)),
            Shape::Tail { offset, overflow } => {
                let offset = Value::Int(offset.try_into().unwrap_or(i64::MAX));
                let read = text(read.unwrap_or_default());
                Ok(Value::Array(vec![read, offset, Value::Bool(overflow)]))
            }
        }
    }

    async fn text(&self) -> io::Result<String> {
        let file = match &self.log {
            Opened::File(file) => file,
            Opened::Recent(recent) => {
                let piece = recent.piece(&self.bytes);
                return Ok(tail::text(&piece.bytes, piece.start));
            }
            Opened::Nothing => return Ok(String::new()),
        };
        let mut text = String::with_capacity(usize::try_from(self.length()).unwrap_or(0));
        let mut follower = tail::Follower::new(self.bytes.start);
        let mut start = self.bytes.start;
        while start < self.bytes.end {
            if start > self.bytes.start {
                yield_now().await;
            }
            let end = self.bytes.end.min(start + STEP);
            let bytes = log_piece::read(file, &(start..end))?;
            text.push_str(&follower.feed(&bytes));
            // It may have been truncated in the meantime.
            if bytes.is_empty() {
                break;
            }
            start += bytes.len() as u64;
        }
        text.push_str(&follower.finish());
        Ok(text)
    }
}
