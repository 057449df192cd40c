//! Keeps a server running in a container. See the README.

#![no_main]
#![allow(unsafe_code, reason = "the name of this function is how the C library finds it")]

use std::ffi::{c_char, c_int};

/// The C library's `main`: see [`standard_supervisor::run`].
#[unsafe(no_mangle)]
pub extern "C" fn main(_argc: c_int, _argv: *const *const c_char) -> c_int {
    standard_supervisor::run()
}
