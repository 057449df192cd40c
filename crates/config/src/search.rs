//! Looking for programs as the command itself will be looked for.

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::values::World;

/// Finds programs in the `PATH` that was said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search<'a> {
    pub(crate) world: World<'a>,
}

impl Search<'_> {
    /// The file that would be executed for `word`.
    pub(crate) fn find(self, word: &OsStr) -> Option<PathBuf> {
        self.world.host.find_program(word, self.world.said.variable("PATH"))
    }

    /// Where that is looked for, in words.
    pub(crate) fn path(self) -> String {
        let path = self.world.said.variable("PATH");
        path.map_or_else(
            || "the usual PATH".to_owned(),
            |path| format!("PATH '{}'", path.display()),
        )
    }
}
