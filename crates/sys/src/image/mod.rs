//! The program's own image in memory: its first steps, and the pages of its code.

pub mod code;
mod origin;
pub mod start;
