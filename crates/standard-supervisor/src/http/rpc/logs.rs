//! Pieces of logs, and logs that begin anew.

use std::io;
use std::path::Path;

use supervisor_core::command::Which;
use supervisor_core::event::Channel;
use supervisor_core::ids::ProcId;
use supervisor_wire::process_text::namespec;
use supervisor_wire::tail;
use supervisor_wire::xmlrpc::Value;

use super::fault::{Fault, Kind};
use super::params::Params;
use super::table::Outcome;
use super::{info, status, text};
use crate::http::serve::House;
use crate::log_piece;

pub(super) fn read_main(house: &House, params: &Params) -> Outcome {
    let (offset, length) = (params.number(0)?, params.number(1)?);
    let path = house.control.about().log.clone().ok_or(Kind::NoFile)?;
    read(&path, offset, length)
}

pub(super) fn clear_main(house: &House, _: &Params) -> Outcome {
    let path = house.control.about().log.as_ref().filter(|path| path.exists());
    let path = path.ok_or(Kind::NoFile)?;
    match house.control.clear_main_log(path) {
        Ok(()) => Ok(Value::Bool(true)),
        Err(error) => Err(Fault::new(Kind::Failed, error.to_string())),
    }
}

pub(super) fn read_stdout(house: &House, params: &Params) -> Outcome {
    read_of(house, params, Channel::Stdout)
}

pub(super) fn read_stderr(house: &House, params: &Params) -> Outcome {
    read_of(house, params, Channel::Stderr)
}

pub(super) fn tail_stdout(house: &House, params: &Params) -> Outcome {
    tail_of(house, params, Channel::Stdout)
}

pub(super) fn tail_stderr(house: &House, params: &Params) -> Outcome {
    tail_of(house, params, Channel::Stderr)
}

pub(super) fn clear(house: &House, params: &Params) -> Outcome {
    let name = params.text(0)?;
    clear_of(house, process(house, name)?, name)?;
    Ok(Value::Bool(true))
}

pub(super) fn clear_all(house: &House, _: &Params) -> Outcome {
    let core = house.control.core();
    let mut all: Vec<_> = core.processes().collect();
    // Groups are in their order already.
    for group in all.chunk_by_mut(|a, b| a.named.group == b.named.group) {
        group.sort_by_key(|info| info.spec.priority);
    }
    let cleared = all.iter().map(|info| {
        let (name, group) = (&info.named.name, &info.named.group);
        status(name, group, clear_of(house, info.named.proc, &namespec(group, name)))
    });
    Ok(Value::Array(cleared.collect()))
}

fn process(house: &House, name: &str) -> Result<ProcId, Fault> {
    match house.control.core().find(name) {
        Some(Which::Process(proc)) => Ok(proc),
        Some(Which::Group(_) | Which::All) | None => Err(Fault::new(Kind::BadName, name)),
    }
}

fn clear_of(house: &House, proc: ProcId, name: &str) -> Result<(), Fault> {
    let cleared = house.control.clear_logs(proc);
    cleared.map_err(|error| Fault::new(Kind::Failed, format!("{name}: {error}")))
}

fn read_of(house: &House, params: &Params, channel: Channel) -> Outcome {
    let (offset, length) = (params.number(1)?, params.number(2)?);
    let proc = process(house, params.text(0)?)?;
    let path = house.control.log_path(proc, channel);
    let Some(path) = path else {
        // A device, perhaps, which is no file that can be read.
        let core = house.control.core();
        let name = core.process(proc).map(|info| info::log_name(house, &info, channel));
        let name = name.filter(|name| !name.is_empty());
        return Err(name.map_or_else(|| Kind::NoFile.into(), |name| Fault::new(Kind::NoFile, name)));
    };
    read(&path, offset, length)
}

fn read(path: &Path, offset: i64, length: i64) -> Outcome {
    let no_file = || Fault::new(Kind::NoFile, path.display().to_string());
    let failed = |error: io::Error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        if missing { no_file() } else { Fault::new(Kind::Failed, error.to_string()) }
    };
    let (file, size) = log_piece::open(path).map_err(failed)?;
    let wanted = tail::read(offset, length, size);
    let wanted = wanted.map_err(|tail::BadArguments| Kind::BadArguments)?;
    let bytes = log_piece::read(&file, &wanted).map_err(failed)?;
    Ok(text(tail::text(&bytes, wanted.start)))
}

fn tail_of(house: &House, params: &Params, channel: Channel) -> Outcome {
    let (offset, length) = (params.number(1)?, params.number(2)?);
    let proc = process(house, params.text(0)?)?;
    let log = house.control.log_path(proc, channel).and_then(|path| log_piece::open(&path).ok());
    let Some((file, size)) = log else { return Ok(tailed(String::new(), 0, false)) };
    let found = tail::tail(offset, length, size);
    let bytes = log_piece::read(&file, &found.bytes).unwrap_or_default();
    Ok(tailed(tail::text(&bytes, found.bytes.start), found.offset, found.overflow))
}

fn tailed(data: String, offset: u64, overflow: bool) -> Value {
    let offset = Value::Int(offset.try_into().unwrap_or(i64::MAX));
    Value::Array(vec![text(data), offset, Value::Bool(overflow)])
}
