//! A supervisor in front of a command that puts a supervisor in front of another: an image
//! whose entrypoint already does. The inner one must not restart what the outer one restarts,
//! nor listen where that does.

use std::ffi::{OsStr, OsString};

use supervisor_core::ids::Pid;

use crate::process::process_table::{descends, start_of};

/// Tells a program which supervisor keeps it: `PID:START`, the start time as
/// `/proc/PID/stat` has it.
pub const VARIABLE: &str = "STANDARD_SUPERVISOR_KEEPER";

/// What the program of this supervisor is told.
pub fn mark() -> Option<String> {
    let own = own();
    Some(format!("{own}:{}", start_of(own).ok()??))
}

/// The supervisor that keeps the program to which this process belongs, if it lives.
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
