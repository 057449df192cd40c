//! A list of variables, as `environment=` takes it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supervisor_config::bad_input;

fuzz_target!(|text: &str| bad_input::variables(text));
