//! Finds programs in the same way as the start of a command does.

use crate::sources::Context;
use std::ffi::OsStr;
use std::path::PathBuf;

/// Finds programs in the `PATH` of the supervisor's environment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search<'a> {
    pub(crate) context: Context<'a>,
}

impl Search<'_> {
    /// The file that would be executed for `word`.
    pub(crate) fn find(self, word: &OsStr) -> Option<PathBuf> {
        self.context.host.find_program(word, self.context.sources.variable("PATH"))
    }

    /// A description of the search path.
    pub(crate) fn path(self) -> String {
        let path = self.context.sources.variable("PATH");
        path.map_or_else(
            || "the usual PATH".to_owned(),
            |path| format!("PATH '{}'", path.display()),
        )
    }
}
