//! How many of the processes that a server is made of are there.

use supervisor_core::ids::Member;

use crate::sys::process_table::command_line;

/// Of `members`, who live, those whose command line holds `pattern`.
pub(crate) fn count(members: &[Member], pattern: &str) -> u32 {
    let meant = members.iter().filter(|member| {
        let line = command_line(member.pid);
        let line = line.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
        line.is_some_and(|line| line.contains(pattern))
    });
    u32::try_from(meant.count()).unwrap_or(u32::MAX)
}
