//! What the kernel, the system's files and its tools print.

pub mod executable;
pub mod hosts;
pub mod nvidia_smi;
pub mod passwd;
pub mod procfs;
