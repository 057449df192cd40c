//! The tables of options, variables, presets and programs, from which documents are made.

pub use crate::env::{HEALTH, OVERRIDE, VARIABLES, Variable, variable_of};
pub use crate::flags::getopt::ToolOption;
pub use crate::modes::template::stream_of;
pub use crate::options::health_options::{
    has as is_health_option, options as health_options, variable as health_variable,
};
pub use crate::options::without_effect::keys_once;
pub use crate::options::{
    KINDS, OptionDef, PerMode, Reach, SectionKind, Takes, extensions, takes_of as takes,
};
pub use crate::presets::{Listens, Metrics, Named, OwnPlace, PRESETS, Preset};
pub use crate::tools::ctl_commands::CtlCommand;
pub use crate::tools::exits::ExitCode;
pub use crate::tools::signals::SignalEffect;
pub use crate::tools::{Operand, Tool, tools};
