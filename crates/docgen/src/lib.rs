//! Documents for users, made from the tables of `supervisor-config`: manual pages, completions for
//! shells, and pages of the reference. No shipped program is linked with this crate; `UPDATE=1
//! cargo test -p supervisor-docgen` writes the files.

#![forbid(unsafe_code)]

mod completion;
mod manual;
mod pages;
mod presets;
mod reference;
mod troubleshooting;

pub use crate::completion::completions;
pub use crate::manual::manual_pages;
pub use crate::pages::{
    commands_reference, environment_reference, exits_reference, failures_reference,
};
pub use crate::presets::presets_reference;
pub use crate::reference::reference;
pub use crate::troubleshooting::troubleshooting_page;

/// The lines in a generated file that say how it is made.
const MADE_BY: &str = "<!-- Made from the tables in `crates/config/src` by\n\
                       `UPDATE=1 cargo test -p supervisor-docgen`. -->\n\n\
                       The [compatibility promise](compatibility-promise.md) lists what is stable \
                       in all of 1.x.\n\n";
