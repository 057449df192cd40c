//! Parsers for the output of the kernel, of system files and of tools.

pub mod executable;
pub mod hosts;
pub mod nvidia_smi;
pub mod passwd;
pub mod procfs;
