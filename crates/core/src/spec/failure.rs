//! What is made of a program's failures. None of this is supervisord's.

use std::collections::BTreeMap;

use crate::failure::{Class, Preset};

/// What is looked for, and what follows. The default looks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureSpec {
    /// The signs that its output is searched for.
    pub preset: Option<Preset>,
    /// Before a restart its devices are looked at, and their memory is awaited. Needs `killtree`.
    pub await_devices: bool,
    /// Exit codes of the supervisor when it gives up after a failure of this class; 1 for
    /// those that are not in it.
    pub exit_codes: BTreeMap<Class, u8>,
}

impl FailureSpec {
    /// The supervisor's exit code when it gives up after a failure of this class.
    #[must_use]
    pub fn exit_code(&self, class: Class) -> u8 {
        self.exit_codes.get(&class).copied().unwrap_or(1)
    }
}
