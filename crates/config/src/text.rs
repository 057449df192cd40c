//! Converts text to sections and values and back: supervisord's dialect of INI, references to other
//! values, and command lines.

pub(crate) mod environment;
pub(crate) mod expand;
pub(crate) mod generated;
pub(crate) mod include;
pub(crate) mod ini;
pub(crate) mod named;
pub(crate) mod nearest;
pub(crate) mod shlex;
