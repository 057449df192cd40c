//! Limits of a process: which of them the system allows, and setting them in the child between
//! `clone` and `execve`.

use std::fs;

use rustix::process::{Rlimit, getpriority_process, getrlimit, setpriority_process, setrlimit};
use supervisor_core::spec::limits::{Limit, Resource};

/// The adjustment of the calling process. Between `clone` and `execve` this is the child's, not
/// that of the parent whose memory the child shares.
const OOM_SCORE_ADJ: &str = "/proc/self/oom_score_adj";

/// The same path as a C string for system calls.
const OOM_SCORE_ADJ_PATH: &std::ffi::CStr = c"/proc/self/oom_score_adj";

/// Checks whether the system allows this limit for a child. The supervisor sets the limit on itself
/// and restores the old one at once, because capabilities alone are not enough: sandboxes and user
/// namespaces can also forbid it.
///
/// # Errors
///
/// The text names the value that the system allows.
pub fn check(limit: Limit) -> Result<(), String> {
    match limit {
        Limit::Nice(nice) => check_nice(nice),
        Limit::OomScoreAdj(adjustment) => check_oom_score_adj(adjustment),
        Limit::Resource { resource, hard, .. } => check_resource(resource, hard),
    }
}

fn check_nice(nice: i32) -> Result<(), String> {
    let current = getpriority_process(None).unwrap_or(0);
    if nice >= current {
        return Ok(());
    }
    let allowed = setpriority_process(None, nice).is_ok();
    let _ = setpriority_process(None, current);
    if allowed {
        Ok(())
    } else {
        Err(format!("the lowest value that the system allows is {current}"))
    }
}

fn check_oom_score_adj(adjustment: i32) -> Result<(), String> {
    let read = fs::read_to_string(OOM_SCORE_ADJ).ok().and_then(|text| text.trim().parse().ok());
    let Some(current) = read else { return Err(format!("{OOM_SCORE_ADJ} cannot be read")) };
    if adjustment >= current {
        return Ok(());
    }
    let allowed = fs::write(OOM_SCORE_ADJ, adjustment.to_string()).is_ok();
    if allowed {
        let _ = fs::write(OOM_SCORE_ADJ, current.to_string());
    }
    let lowest = || format!("the lowest value that the system allows is {current}");
    if allowed { Ok(()) } else { Err(lowest()) }
}

fn check_resource(resource: Resource, hard: Option<u64>) -> Result<(), String> {
    let kind = kind(resource);
    let Rlimit { current, maximum } = getrlimit(kind);
    let Some(highest) = maximum else { return Ok(()) };
    if hard.is_some_and(|hard| hard <= highest) {
        return Ok(());
    }
    let allowed = setrlimit(kind, Rlimit { current, maximum: hard }).is_ok();
    if allowed {
        let _ = setrlimit(kind, Rlimit { current, maximum });
    }
    let most = || format!("the highest value that the system allows is {highest}");
    if allowed { Ok(()) } else { Err(most()) }
}

const fn kind(resource: Resource) -> rustix::process::Resource {
    match resource {
        Resource::Nofile => rustix::process::Resource::Nofile,
        Resource::Core => rustix::process::Resource::Core,
        Resource::Memlock => rustix::process::Resource::Memlock,
        Resource::Stack => rustix::process::Resource::Stack,
        Resource::Nproc => rustix::process::Resource::Nproc,
    }
}

/// Sets a limit of the child, which shares the memory of its parent: only system calls, and no
/// allocation. Fails with the error in `errno`.
pub(super) fn set_in_child(limit: Limit) -> Result<(), ()> {
    let done = match limit {
        // SAFETY: a plain system call with numbers.
        Limit::Nice(nice) => unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) == 0 },
        Limit::OomScoreAdj(adjustment) => write_oom_score_adj(adjustment),
        Limit::Resource { resource, soft, hard } => {
            let amount = |amount: Option<u64>| amount.unwrap_or(libc::RLIM64_INFINITY);
            let limit = libc::rlimit64 { rlim_cur: amount(soft), rlim_max: amount(hard) };
            let number = match resource {
                Resource::Nofile => libc::RLIMIT_NOFILE,
                Resource::Core => libc::RLIMIT_CORE,
                Resource::Memlock => libc::RLIMIT_MEMLOCK,
                Resource::Stack => libc::RLIMIT_STACK,
                Resource::Nproc => libc::RLIMIT_NPROC,
            };
            let none = std::ptr::null_mut::<libc::rlimit64>();
            // SAFETY: the limit outlives the call, and a null pointer requests no old limit.
            unsafe { libc::syscall(libc::SYS_prlimit64, 0, number, &raw const limit, none) == 0 }
        }
    };
    if done { Ok(()) } else { Err(()) }
}

fn write_oom_score_adj(adjustment: i32) -> bool {
    let mut room = [0_u8; 12];
    let digits = decimal(adjustment, &mut room);
    // SAFETY: plain system calls with a path and bytes that outlive them.
    unsafe {
        let flags = libc::O_WRONLY | libc::O_CLOEXEC;
        let fd = libc::open(OOM_SCORE_ADJ_PATH.as_ptr(), flags);
        // Closing must not overwrite the error of a failed write; the exec closes it in that case.
        fd >= 0 && libc::write(fd, digits.as_ptr().cast(), digits.len()) > 0 && libc::close(fd) == 0
    }
}

/// The number in decimal digits, written at the end of `room`.
fn decimal(number: i32, room: &mut [u8; 12]) -> &[u8] {
    let mut rest = number.unsigned_abs();
    let mut first = room.len();
    for at in (1..room.len()).rev() {
        room[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        first = at;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        first -= 1;
        room[first] = b'-';
    }
    &room[first..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_without_an_allocation() {
        for number in [0, 7, 10, -1, 1000, -1000, i32::MAX, i32::MIN] {
            let mut room = [0; 12];
            assert_eq!(decimal(number, &mut room), number.to_string().as_bytes());
        }
    }

    #[test]
    fn checking_a_limit_changes_nothing() {
        let nofile = getrlimit(rustix::process::Resource::Nofile);
        let limit = |hard| Limit::Resource { resource: Resource::Nofile, soft: Some(1), hard };
        assert_eq!(check(limit(nofile.maximum)), Ok(()));
        assert_eq!(check(limit(Some(1))), Ok(()));
        // A value above the kernel's own maximum.
        let most = nofile.maximum.unwrap();
        let text = format!("the highest value that the system allows is {most}");
        assert_eq!(check(limit(Some(1 << 40))), Err(text));
        assert_eq!(getrlimit(rustix::process::Resource::Nofile), nofile);
        let nice = getpriority_process(None).unwrap();
        assert_eq!(check(Limit::Nice(19)), Ok(()));
        let _ = check(Limit::Nice(-20));
        assert_eq!(getpriority_process(None).unwrap(), nice);
        let adjustment = fs::read_to_string(OOM_SCORE_ADJ).unwrap();
        let _ = check(Limit::OomScoreAdj(-1000));
        assert_eq!(check(Limit::OomScoreAdj(1000)), Ok(()));
        assert_eq!(fs::read_to_string(OOM_SCORE_ADJ).unwrap(), adjustment);
    }
}
