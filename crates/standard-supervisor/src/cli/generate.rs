//! `generate-supervisor-config`: writes a configuration file for a command.

use std::ffi::OsString;

use supervisor_config::{Asked, generate, generate_supervisor_config_flags, tool};
use supervisor_sys::console::{SUCCESS, complain, print};
use supervisor_sys::io::files::OwnFile;
use supervisor_sys::io::stderr::to_stderr;

use super::refuse;

/// `generate-supervisor-config`; returns the exit code.
pub(crate) fn generate_supervisor_config(words: &[OsString]) -> u8 {
    let tool = tool("generate-supervisor-config");
    let order = match generate_supervisor_config_flags(words) {
        Ok(Asked::Run(order)) => order,
        Ok(Asked::Help) => return print(&tool.help()),
        Ok(Asked::Version) => return print(&tool.version_text()),
        Err(error) => return complain(&error, &tool.usage_text()),
    };
    let generated = match generate(&order.command, &order.name, order.log_level) {
        Ok(generated) => generated,
        Err(errors) => return refuse(&errors),
    };
    for warning in &generated.warnings {
        to_stderr(&format!("WARN: {warning}\n"));
    }
    match OwnFile::put(&order.output, 0o600, generated.text.as_bytes()) {
        Ok(_) => SUCCESS,
        Err(error) => complain(&format!("cannot write {}: {error}", order.output.display()), ""),
    }
}
