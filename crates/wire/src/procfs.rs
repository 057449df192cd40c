//! The files under `/proc` that tell who belongs to whom.
//!
//! Formats: [proc(5)](https://man7.org/linux/man-pages/man5/proc.5.html).

/// What `/proc/PID/stat` says, as far as it is used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// One letter; `Z` for a process that has ended and was not waited for.
    pub state: u8,
    /// The parent's pid.
    pub ppid: i32,
    /// The process group.
    pub pgrp: i32,
    /// Number of threads, the ended ones left out.
    pub threads: u32,
    /// Start time in clock ticks since boot.
    pub start: u64,
}

impl Stat {
    /// Whether nothing of the process runs any more. A main thread that has ended
    /// while others go on also shows as `Z`.
    #[must_use]
    pub const fn is_dead(self) -> bool {
        matches!(self.state, b'Z' | b'X') && self.threads <= 1
    }
}

/// Reads a line of `/proc/PID/stat`. `None` if it is none.
#[must_use]
pub fn stat(line: &[u8]) -> Option<Stat> {
    let fields = fields(line)?;
    let field = |number: usize| fields.get(number - FIRST_FIELD).copied();
    Some(Stat {
        state: *field(3)?.as_bytes().first()?,
        ppid: field(4)?.parse().ok()?,
        pgrp: field(5)?.parse().ok()?,
        threads: field(20)?.parse().ok()?,
        start: field(22)?.parse().ok()?,
    })
}

/// What `/proc/PID/stat` says of what a process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time in clock ticks, its own and that of the children it waited for: so
    /// a tree's sum doesn't fall when one of it ends.
    pub ticks: u64,
    /// Memory that is in use, in pages.
    pub pages: u64,
}

/// Reads from a line of `/proc/PID/stat` what the process uses. `None` if it is none.
#[must_use]
pub fn usage(line: &[u8]) -> Option<Usage> {
    let fields = fields(line)?;
    let number = |number: usize| fields.get(number - FIRST_FIELD)?.parse::<u64>().ok();
    // A child's times are signed; in practice none is negative.
    let ticks = [14, 15, 16, 17].map(number).into_iter().sum::<Option<u64>>()?;
    Some(Usage { ticks, pages: number(24)? })
}

/// Fields in proc(5) are numbered from 1, the pid; this is the one behind the name.
const FIRST_FIELD: usize = 3;

/// The fields behind the command's name, which is in parentheses and may itself hold
/// blanks and parentheses: so they are counted from the last `)`.
fn fields(line: &[u8]) -> Option<Vec<&str>> {
    let name_end = line.iter().rposition(|byte| *byte == b')')?;
    Some(std::str::from_utf8(line.get(name_end + 1..)?).ok()?.split_ascii_whitespace().collect())
}

/// Reads a list of pids such as `/proc/PID/task/TID/children` or `cgroup.procs`.
pub fn pids(list: &[u8]) -> impl Iterator<Item = i32> {
    list.split(u8::is_ascii_whitespace)
        .filter_map(|word| std::str::from_utf8(word).ok()?.parse().ok())
}

/// The path of the version 2 cgroup in `/proc/PID/cgroup`.
#[must_use]
pub fn cgroup2(list: &[u8]) -> Option<&str> {
    let line = list.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"0::"))?;
    std::str::from_utf8(line).ok()
}

/// The value of one variable in `/proc/PID/environ`.
#[must_use]
pub fn variable<'a>(environ: &'a [u8], name: &str) -> Option<&'a [u8]> {
    environ
        .split(|byte| *byte == 0)
        .find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] =
        b"4242 (a) b (c) S 17 4242 1 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 3 0 98765 \
                          1000 200 18446744073709551615\n";

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let expected = Stat { state: b'S', ppid: 17, pgrp: 4242, threads: 3, start: 98765 };
        assert_eq!(stat(LINE), Some(expected));
    }

    #[test]
    fn a_torn_line_is_no_process() {
        for end in 0..60 {
            assert_eq!(stat(&LINE[..end]), None, "{end}");
        }
        assert_eq!(stat(b"1 (\xff\xfe) S 1"), None);
    }

    #[test]
    fn what_is_used_includes_the_children_that_were_waited_for() {
        const USES: &[u8] = b"7 (a b) R 1 7 7 0 -1 0 0 0 0 0 10 20 300 400 20 0 1 0 5 8192 77 1\n";
        assert_eq!(usage(USES), Some(Usage { ticks: 730, pages: 77 }));
        assert_eq!(usage(&USES[..60]), None);
    }

    #[test]
    fn a_main_thread_that_ended_before_the_others_is_not_dead() {
        let stat = stat(LINE).unwrap();
        assert!(!Stat { state: b'Z', ..stat }.is_dead());
        assert!(Stat { state: b'Z', threads: 1, ..stat }.is_dead());
    }

    #[test]
    fn pids_are_read_whatever_separates_them() {
        assert_eq!(pids(b"1 22 \n333\n").collect::<Vec<_>>(), [1, 22, 333]);
        assert_eq!(pids(b"").count(), 0);
    }

    #[test]
    fn the_unified_cgroup_is_the_one_numbered_0() {
        assert_eq!(cgroup2(b"4:memory:/x\n0::/user/a b\n"), Some("/user/a b"));
        assert_eq!(cgroup2(b"4:memory:/x\n"), None);
    }

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let environ = b"XA=0\0A=1=2\0B=\0";
        assert_eq!(variable(environ, "A"), Some(&b"1=2"[..]));
        assert_eq!(variable(environ, "B"), Some(&b""[..]));
        assert_eq!(variable(environ, "C"), None);
    }
}
