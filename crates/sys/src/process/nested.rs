//! Detects a supervisor that runs below another one, for example in an image whose entrypoint
//! already is a supervisor. The inner supervisor must not restart programs or listen on ports that
//! belong to the outer one.

use std::ffi::{OsStr, OsString};

use supervisor_core::ids::Pid;

use crate::process::process_table::{descends, start_of};

/// The variable that identifies the supervisor of a program: `PID:START`, with the start time from
/// `/proc/PID/stat`.
pub const VARIABLE: &str = "STANDARD_SUPERVISOR_KEEPER";

/// The mark in the environment of this supervisor's program.
pub fn mark() -> Option<String> {
    let own = own();
    Some(format!("{own}:{}", start_of(own).ok()??))
}

/// The pid of the supervisor of this process, if it is still running.
pub fn keeper(environment: &[(OsString, OsString)]) -> Option<Pid> {
    let (_, value) = environment.iter().find(|(name, _)| name == OsStr::new(VARIABLE))?;
    let (pid, start) = value.to_str()?.split_once(':')?;
    let (pid, start) = (Pid(pid.parse().ok()?), start.parse().ok()?);
    let lives = start_of(pid).ok()? == Some(start);
    (lives && pid != own() && descends(own(), pid)).then_some(pid)
}

fn own() -> Pid {
    Pid(std::process::id().cast_signed())
}
