//! A configuration file of any bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supervisor_config::bad_input;

fuzz_target!(|bytes: &[u8]| bad_input::ini(bytes));
