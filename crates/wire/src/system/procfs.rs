//! Files under `/proc` that describe processes, their relations and their sockets.
//!
//! Formats: [proc(5)](https://man7.org/linux/man-pages/man5/proc.5.html).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The fields of `/proc/PID/stat` that this crate uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// State letter; `Z` for a zombie, an exited process that its parent has not waited for.
    pub state: u8,
    /// The parent's pid.
    pub ppid: i32,
    /// The process group.
    pub pgrp: i32,
    /// The session.
    pub session: i32,
    /// Number of threads without those that have exited.
    pub threads: u32,
    /// Start time in clock ticks since boot.
    pub start: u64,
}

impl Stat {
    /// Whether no thread of the process runs. A main thread that has exited while other threads
    /// run also shows as `Z`.
    #[must_use]
    pub const fn is_dead(self) -> bool {
        matches!(self.state, b'Z' | b'X') && self.threads <= 1
    }

    /// Whether a signal, such as SIGSTOP, has suspended the process.
    #[must_use]
    pub const fn is_suspended(self) -> bool {
        self.state == b'T'
    }
}

/// Parses a line of `/proc/PID/stat`. `None`: the line is invalid.
#[must_use]
pub fn stat(line: &[u8]) -> Option<Stat> {
    let fields = fields(line)?;
    let field = |number: usize| fields.get(number - FIRST_FIELD).copied();
    Some(Stat {
        state: *field(3)?.as_bytes().first()?,
        ppid: field(4)?.parse().ok()?,
        pgrp: field(5)?.parse().ok()?,
        session: field(6)?.parse().ok()?,
        threads: field(20)?.parse().ok()?,
        start: field(22)?.parse().ok()?,
    })
}

/// The name in a line of `/proc/PID/stat`: the program's name, unless the process has changed it.
#[must_use]
pub fn name(line: &[u8]) -> Option<&[u8]> {
    let start = line.iter().position(|byte| *byte == b'(')? + 1;
    let end = line.iter().rposition(|byte| *byte == b')')?;
    line.get(start..end)
}

/// Exit status of a zombie as [wait(2)] encodes it, from a line of `/proc/PID/stat`. The kernel
/// returns 0 to a reader without permission.
///
/// [wait(2)]: https://man7.org/linux/man-pages/man2/wait.2.html
#[must_use]
pub fn exit_status(line: &[u8]) -> Option<i32> {
    fields(line)?.get(52 - FIRST_FIELD)?.parse().ok()
}

/// Size of the environment in bytes, from a line of `/proc/PID/stat`. `None`: the process is just
/// being executed and has no environment yet, or the reader has no permission.
#[must_use]
pub fn environment_length(line: &[u8]) -> Option<u64> {
    let fields = fields(line)?;
    let number = |number: usize| fields.get(number - FIRST_FIELD)?.parse::<u64>().ok();
    let (start, end) = (number(50)?, number(51)?);
    (end > 0).then_some(end.saturating_sub(start))
}

/// Resource usage in `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in clock ticks of the process and of the children that it waited for. Therefore
    /// the sum over a process tree does not drop when one of its processes exits.
    pub ticks: u64,
    /// Resident memory in pages.
    pub pages: u64,
}

/// Parses the resource usage in a line of `/proc/PID/stat`. `None`: the line is invalid.
#[must_use]
pub fn usage(line: &[u8]) -> Option<Usage> {
    let fields = fields(line)?;
    let number = |number: usize| fields.get(number - FIRST_FIELD)?.parse::<u64>().ok();
    // The times of children are signed; in practice none is negative.
    let ticks = [14, 15, 16, 17].map(number).into_iter().sum::<Option<u64>>()?;
    Some(Usage { ticks, pages: number(24)? })
}

/// proc(5) numbers fields from 1, which is the pid. This is the first field after the name.
const FIRST_FIELD: usize = 3;

/// The fields after the command's name. The name is in parentheses and may contain spaces and
/// parentheses, so the fields start after the last `)`.
fn fields(line: &[u8]) -> Option<Vec<&str>> {
    let name_end = line.iter().rposition(|byte| *byte == b')')?;
    Some(std::str::from_utf8(line.get(name_end + 1..)?).ok()?.split_ascii_whitespace().collect())
}

/// Whether a process ignores the signal with this number, by its `/proc/PID/status`.
#[must_use]
pub fn ignores(status: &[u8], signal: u8) -> bool {
    let mut lines = status.split(|byte| *byte == b'\n');
    let mask = lines.find_map(|line| line.strip_prefix(b"SigIgn:"));
    let mask = mask.and_then(|mask| std::str::from_utf8(mask).ok());
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    signal.checked_sub(1).is_some_and(|bit| mask.checked_shr(bit.into()).unwrap_or(0) & 1 == 1)
}

/// Whether these are the arguments of a shell's command line, each followed by a zero byte.
/// `multicall`: the executable contains several programs and chooses one by the first or second
/// argument.
#[must_use]
pub fn is_shell(executable: &[u8], words: &[u8]) -> bool {
    let name = |path: &[u8]| -> Vec<u8> {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        // The first argument of a login shell starts with a hyphen.
        name.strip_prefix(b"-").unwrap_or(name).to_vec()
    };
    let known = |path: &[u8]| SHELLS.contains(&name(path).as_slice());
    let multicall = |path: &[u8]| name(path).starts_with(b"busybox");
    if !multicall(executable) {
        return known(executable);
    }
    let mut words = words.split(|byte| *byte == 0);
    let first = words.next().unwrap_or_default();
    known(if multicall(first) { words.next().unwrap_or_default() } else { first })
}

/// Shells with which users start servers.
const SHELLS: [&[u8]; 10] =
    [b"sh", b"bash", b"dash", b"ash", b"ksh", b"ksh93", b"mksh", b"yash", b"zsh", b"fish"];

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

/// The path of the version 1 cgroup of this controller in `/proc/PID/cgroup`.
#[must_use]
pub fn cgroup1<'a>(list: &'a [u8], controller: &str) -> Option<&'a str> {
    std::str::from_utf8(list).ok()?.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|known| known == controller).then_some(path)
    })
}

/// The number after a name, in a file with a name and a number on each line such as
/// `memory.events`.
#[must_use]
pub fn counter(list: &[u8], name: &str) -> Option<u64> {
    std::str::from_utf8(list).ok()?.lines().find_map(|line| {
        let (known, number) = line.split_once(' ')?;
        (known == name).then(|| number.trim().parse().ok())?
    })
}

/// Anonymous and shared memory of a process, in bytes, from
/// [`/proc/PID/status`](https://docs.kernel.org/filesystems/proc.html). Pages of files are not
/// part of it. `None`: the kernel, or a sandbox in its place, reports only the sum.
#[must_use]
pub fn own_memory(status: &[u8]) -> Option<u64> {
    let status = String::from_utf8_lossy(status);
    let kibibytes = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        value.trim().strip_suffix(" kB")?.trim_end().parse::<u64>().ok()
    };
    match (kibibytes("VmRSS"), kibibytes("RssAnon"), kibibytes("RssShmem")) {
        (_, Some(anonymous), Some(shared)) => Some(anonymous.saturating_add(shared) << 10),
        // The process has exited and has no memory left.
        (None, ..) => Some(0),
        (Some(_), ..) => None,
    }
}

/// A device's numbers and the number of a file on it.
pub type MappedFile = ((u32, u32), u64);

/// The files that are mapped, from `/proc/PID/maps`.
pub fn mapped(maps: &[u8]) -> impl Iterator<Item = MappedFile> {
    maps.split(|byte| *byte == b'\n').filter_map(|line| {
        // Range, permissions, offset, device, inode number, and an optional path, which may
        // contain anything.
        let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
        let device = std::str::from_utf8(fields.nth(3)?).ok()?;
        let inode: u64 = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let (major, minor) = device.split_once(':')?;
        let number = |text| u32::from_str_radix(text, 16).ok();
        Some(((number(major)?, number(minor)?), inode)).filter(|_| inode != 0)
    })
}

/// The inode numbers of sockets that are bound in the file system, and their paths as bound, from
/// `/proc/net/unix`.
pub fn bound_sockets(list: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    /// Number of fields before the path; the last of them is the inode number.
    const FIELDS: usize = 7;
    list.split(|byte| *byte == b'\n').skip(1).filter_map(|line| {
        let mut rest = line;
        let mut number = None;
        for _ in 0..FIELDS {
            let start = rest.iter().position(|byte| *byte != b' ')?;
            let length = rest[start..].iter().position(|byte| *byte == b' ')?;
            number = std::str::from_utf8(&rest[start..start + length]).ok()?.parse().ok();
            rest = &rest[start + length..];
        }
        let path = rest.strip_prefix(b" ")?;
        (!path.starts_with(b"@")).then_some((number?, path))
    })
}

/// The TCP state LISTEN, as the kernel prints it.
const LISTEN: &str = "0A";

/// The inode number of the socket that listens on a port, from `/proc/net/tcp` or
/// `/proc/net/tcp6`.
#[must_use]
pub fn listener(list: &[u8], port: u16) -> Option<u64> {
    std::str::from_utf8(list).ok()?.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (_, local) = fields.nth(1)?.rsplit_once(':')?;
        let listens = fields.nth(1)? == LISTEN && u16::from_str_radix(local, 16) == Ok(port);
        listens.then(|| fields.nth(5)?.parse().ok())?
    })
}

/// The inode numbers of the sockets that accept connections to this address, from `/proc/net/tcp`
/// and `/proc/net/tcp6`: those bound to it, or otherwise those that accept connections to every
/// address.
#[must_use]
pub fn listeners(lists: [&[u8]; 2], address: SocketAddr) -> Vec<u64> {
    let at = |bound: IpAddr| {
        let all = lists.iter().flat_map(|list| listening(list));
        let those = all.filter(move |(at, _)| *at == SocketAddr::new(bound, address.port()));
        those.map(|(_, inode)| inode).collect::<Vec<_>>()
    };
    let everywhere = match address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    // A socket for both families is bound to an IPv6 address.
    let bound = [address.ip(), everywhere, IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    bound.into_iter().map(at).find(|found| !found.is_empty()).unwrap_or_default()
}

/// Addresses and inode numbers of all listening sockets of a list.
fn listening(list: &[u8]) -> impl Iterator<Item = (SocketAddr, u64)> {
    std::str::from_utf8(list).unwrap_or_default().lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (ip, port) = fields.nth(1)?.split_once(':')?;
        if fields.nth(1)? != LISTEN {
            return None;
        }
        let address = SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?);
        Some((address, fields.nth(5)?.parse().ok()?))
    })
}

/// Parses an address as the kernel prints it: 32-bit words in the machine's byte order.
fn address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => word(0).map(IpAddr::from),
        32 => {
            let mut bytes = [0; 16];
            for (at, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(at * 8)?);
            }
            // An IPv4-mapped IPv6 address is that IPv4 address.
            Some(IpAddr::from(bytes).to_canonical())
        }
        _ => None,
    }
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
    fn a_processs_own_memory_excludes_files() {
        let status = "Name:\tx\nVmRSS:\t  900 kB\nRssAnon:\t  600 kB\nRssFile:\t  200 kB\n\
                      RssShmem:\t  100 kB\n";
        assert_eq!(own_memory(status.as_bytes()), Some(700 << 10));
        assert_eq!(own_memory(b"Name:\tzombie\nState:\tZ (zombie)\n"), Some(0));
        assert_eq!(own_memory(b"Name:\tx\nVmRSS:\t900 kB\n"), None);
    }

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let expected =
            Stat { state: b'S', ppid: 17, pgrp: 4242, session: 1, threads: 3, start: 98765 };
        assert_eq!(stat(LINE), Some(expected));
        assert_eq!(name(LINE), Some(&b"a) b (c"[..]));
    }

    #[test]
    fn a_zombie_has_an_exit_status() {
        let fields = ["0"; 48].join(" ");
        assert_eq!(exit_status(format!("7 (a b) Z {fields} 9").as_bytes()), Some(9));
        assert_eq!(exit_status(LINE), None);
    }

    #[test]
    fn an_incomplete_line_is_not_a_process() {
        for end in 0..60 {
            assert_eq!(stat(&LINE[..end]), None, "{end}");
        }
        assert_eq!(stat(b"1 (\xff\xfe) S 1"), None);
    }

    #[test]
    fn cpu_time_includes_reaped_children() {
        const USES: &[u8] = b"7 (a b) R 1 7 7 0 -1 0 0 0 0 0 10 20 300 400 20 0 1 0 5 8192 77 1\n";
        assert_eq!(usage(USES), Some(Usage { ticks: 730, pages: 77 }));
        assert_eq!(usage(&USES[..60]), None);
    }

    #[test]
    fn a_process_during_its_exec_has_no_environment() {
        let line = |start_and_end: &str| {
            let fields = ["0"; 46].join(" ");
            format!("7 (a b) R {fields} {start_and_end} 0").into_bytes()
        };
        let long = line("140729879599657 140729879601131");
        assert_eq!(environment_length(&long), Some(1474));
        let none = line("140729879599657 140729879599657");
        assert_eq!(environment_length(&none), Some(0));
        assert_eq!(environment_length(&line("0 0")), None);
        assert_eq!(environment_length(LINE), None);
    }

    #[test]
    fn a_process_without_its_main_thread_is_not_dead() {
        let stat = stat(LINE).unwrap();
        assert!(!Stat { state: b'Z', ..stat }.is_dead());
        assert!(Stat { state: b'Z', threads: 1, ..stat }.is_dead());
    }

    #[test]
    fn pids_are_read_with_any_separator() {
        assert_eq!(pids(b"1 22 \n333\n").collect::<Vec<_>>(), [1, 22, 333]);
        assert_eq!(pids(b"").count(), 0);
    }

    #[test]
    fn the_unified_cgroup_is_the_one_numbered_0() {
        assert_eq!(cgroup2(b"4:memory:/x\n0::/user/a b\n"), Some("/user/a b"));
        assert_eq!(cgroup2(b"4:memory:/x\n"), None);
    }

    #[test]
    fn a_controller_of_version_1_may_share_its_hierarchy() {
        let list = b"5:cpu,cpuacct:/a\n4:memory:/b:c\n0::/d\n";
        assert_eq!(cgroup1(list, "memory"), Some("/b:c"));
        assert_eq!(cgroup1(list, "cpuacct"), Some("/a"));
        assert_eq!(cgroup1(list, "mem"), None);
    }

    #[test]
    fn a_counter_is_found_by_its_whole_name() {
        let list = b"oom 3\noom_kill 2\noom_group_kill 1\n";
        assert_eq!((counter(list, "oom_kill"), counter(list, "kill")), (Some(2), None));
    }

    #[test]
    fn mapped_files_are_listed_by_device_and_inode() {
        let maps = b"7f00-7f01 rw-s 00000000 00:1a 4242   /dev/shm/a b (deleted)\n\
                     7f01-7f02 rw-p 00000000 00:00 0 \n\
                     7f02-7f03 r--p 00000000 103:02 17 /lib/x\n";
        let found: Vec<_> = mapped(maps).collect();
        assert_eq!(found, [((0, 0x1a), 4242), ((0x103, 2), 17)]);
    }

    #[test]
    fn bound_sockets_are_listed_by_path_without_abstract_ones() {
        let list = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
                     0000: 00000002 00000000 00010000 0001 01 111 /tmp/a b\n\
                     0000: 00000002 00000000 00010000 0001 01   112 @abstract\n\
                     0000: 00000002 00000000 00010000 0001 01 11234567 s.sock\n\
                     0000: 00000003 00000000 00000000 0001 03 113\n";
        let paths: [(u64, &[u8]); 2] = [(111, b"/tmp/a b"), (11234567, b"s.sock")];
        assert_eq!(bound_sockets(list).collect::<Vec<_>>(), paths);
    }

    #[test]
    fn a_listener_is_found_by_its_port() {
        let list = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1F40 0100007F:8A2C 01 00000000:00000000 00:00000000 00000000     0        0 11 1 0 20 4 30 10 -1\n\
             1: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0\n";
        assert_eq!((listener(list, 8000), listener(list, 8001)), (Some(4242), None));
    }

    #[test]
    fn the_listener_for_an_address_is_bound_to_it_or_to_all_addresses() {
        let row = |local: &str, inode: u64| {
            format!("0: {local} 00000000:0000 0A 0:0 0:0 0 0 0 {inode} 1 0 100 0 0 10 0\n")
        };
        let loopback = if cfg!(target_endian = "little") { "0100007F" } else { "7F000001" };
        let six = if cfg!(target_endian = "little") { "01000000" } else { "00000001" };
        let lists = |rows: &[(&str, u64)]| {
            let of = |length: usize| {
                let rows = rows.iter().filter(|(local, _)| local.len() == length + 5);
                rows.map(|(local, inode)| row(local, *inode)).collect::<String>().into_bytes()
            };
            [of(8), of(32)]
        };
        let found = |rows: &[(&str, u64)], address: &str| {
            let lists = lists(rows);
            listeners([&lists[0], &lists[1]], address.parse().unwrap())
        };
        let one = format!("{loopback}:1F40");
        let v6_one = format!("000000000000000000000000{six}:1F40");
        let (all, v6_all) = ("00000000:1F40", "00000000000000000000000000000000:1F40");
        assert_eq!(found(&[(&one, 1), (all, 2)], "127.0.0.1:8000"), [1]);
        assert_eq!(found(&[(&one, 1), (all, 2)], "127.0.0.2:8000"), [2]);
        assert_eq!(found(&[(v6_all, 3)], "127.0.0.1:8000"), [3]);
        assert_eq!(found(&[(&v6_one, 4), (v6_all, 3)], "[::1]:8000"), [4]);
        assert_eq!(found(&[(&one, 1), (all, 2)], "[::1]:8000"), [0; 0]);
        assert_eq!(found(&[(&one, 1), (&one, 5)], "127.0.0.1:8000"), [1, 5]);
        assert_eq!(found(&[(&one, 1)], "127.0.0.1:8001"), [0; 0]);
    }

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let environ = b"XA=0\0A=1=2\0B=\0";
        assert_eq!(variable(environ, "A"), Some(&b"1=2"[..]));
        assert_eq!(variable(environ, "B"), Some(&b""[..]));
        assert_eq!(variable(environ, "C"), None);
    }
}
