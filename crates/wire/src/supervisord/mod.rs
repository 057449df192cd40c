//! Formats of Python's supervisord.

pub mod communication;
pub mod event;
pub mod process_text;
pub mod python;
pub mod tail;
