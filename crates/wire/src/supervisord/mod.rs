//! Texts and values as Python's supervisord writes and reads them.

pub mod communication;
pub mod event;
pub mod process_text;
pub mod python;
pub mod tail;
