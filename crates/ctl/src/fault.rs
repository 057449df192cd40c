//! The faults that the client distinguishes, by their codes in supervisord's [XML-RPC
//! API](https://supervisord.org/api.html).

pub(crate) const UNKNOWN_METHOD: i32 = 1;
pub(crate) const SHUTDOWN_STATE: i32 = 6;
pub(crate) const BAD_NAME: i32 = 10;
pub(crate) const BAD_SIGNAL: i32 = 11;
pub(crate) const NO_FILE: i32 = 20;
pub(crate) const NOT_EXECUTABLE: i32 = 21;
pub(crate) const FAILED: i32 = 30;
pub(crate) const ABNORMAL_TERMINATION: i32 = 40;
pub(crate) const SPAWN_ERROR: i32 = 50;
pub(crate) const ALREADY_STARTED: i32 = 60;
pub(crate) const NOT_RUNNING: i32 = 70;
/// No fault: the status of success in a list of outcomes.
pub(crate) const SUCCESS: i32 = 80;
pub(crate) const ALREADY_ADDED: i32 = 90;
pub(crate) const STILL_RUNNING: i32 = 91;
pub(crate) const CANT_REREAD: i32 = 92;
