//! Local time, for display only.

use std::mem::MaybeUninit;

use supervisor_core::time::Wall;
use supervisor_wire::date::CalendarTime;

/// The present local time, by the local clock and time zone (`TZ`, otherwise `/etc/localtime`).
pub fn local_time() -> CalendarTime {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    at(now.tv_sec, u16::try_from(now.tv_nsec / 1_000_000).unwrap_or(0))
}

/// Another time in the local time zone.
pub fn local(moment: Wall) -> CalendarTime {
    let millisecond = u16::try_from(moment.since_epoch().subsec_millis()).unwrap_or(0);
    at(moment.secs().cast_signed(), millisecond)
}

fn at(seconds: libc::time_t, millisecond: u16) -> CalendarTime {
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid; localtime_r fills the structure or, for a
    // year that doesn't fit, leaves the zeroes, which are valid too.
    let parts = unsafe {
        libc::localtime_r(&raw const seconds, parts.as_mut_ptr());
        parts.assume_init()
    };
    let small = |number: i32| u8::try_from(number).unwrap_or(0);
    CalendarTime {
        year: parts.tm_year + 1900,
        month: small(parts.tm_mon + 1),
        day: small(parts.tm_mday),
        hour: small(parts.tm_hour),
        minute: small(parts.tm_min),
        second: small(parts.tm_sec),
        millisecond,
    }
}
