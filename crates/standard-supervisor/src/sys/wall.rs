//! The wall clock in local time, for log lines only.

use std::mem::MaybeUninit;

use supervisor_wire::record::LocalTime;

/// Now, by the local clock and time zone (`TZ`, else `/etc/localtime`).
pub(crate) fn local_time() -> LocalTime {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    let seconds: libc::time_t = now.tv_sec;
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid; localtime_r fills the structure or, for a
    // year that doesn't fit, leaves the zeroes, which are valid too.
    let parts = unsafe {
        libc::localtime_r(&raw const seconds, parts.as_mut_ptr());
        parts.assume_init()
    };
    let small = |number: i32| u8::try_from(number).unwrap_or(0);
    LocalTime {
        year: parts.tm_year + 1900,
        month: small(parts.tm_mon + 1),
        day: small(parts.tm_mday),
        hour: small(parts.tm_hour),
        minute: small(parts.tm_min),
        second: small(parts.tm_sec),
        millisecond: u16::try_from(now.tv_nsec / 1_000_000).unwrap_or(0),
    }
}
