//! Processes that the commands of checks leave behind in another session. Each check could leave
//! one more.

use std::io;
use std::rc::Rc;

use supervisor_core::ids::{Member, Pid, ProcId};
use supervisor_core::signal::Signal;
use supervisor_sys::process::process_table::{Family, environ, stat};
use supervisor_sys::process::readers::{READ_TIME, ReadOutcome, Readers};
use supervisor_sys::process::signal;
use tokio::time::Instant;

use crate::helpers::{Helpers, kill_below};
use crate::tree::Roster;

/// Finds them: their parents have exited, so they are children of the supervisor, and their
/// environment has the mark of their check.
#[derive(Clone, Debug)]
pub(crate) struct Strays {
    pub(crate) roster: Rc<Roster>,
    pub(crate) readers: Rc<Readers>,
    pub(crate) helpers: Rc<Helpers>,
}

impl Strays {
    /// Stops the processes that the last check of this program left. No other process has their
    /// mark, and no other check of the program runs.
    pub(crate) async fn end(&self, proc: ProcId) {
        // If the orphans cannot be listed now, they are listed after the next check.
        let Ok(orphans) = self.orphans() else { return };
        if orphans.is_empty() {
            return;
        }
        let told = self.readers.read(environ, &orphans, Instant::now() + READ_TIME).await;
        for (member, told) in told {
            if let ReadOutcome::All(environ) = told
                && self.roster.is_of_check(&environ, proc)
            {
                kill(member);
            }
        }
    }

    /// Stops the processes of all checks, because the supervisor exits.
    pub(crate) fn end_all(&self) {
        for member in self.orphans().unwrap_or_default() {
            // Reading the memory of a process that waits in the kernel may block.
            let waits = stat(member.pid).ok().flatten().is_none_or(|stat| stat.state == b'D');
            if !waits
                && environ(member.pid).is_ok_and(|environ| self.roster.is_of_any_check(&environ))
            {
                kill(member);
            }
        }
    }

    /// The living children that are not check commands. They include main processes, which have
    /// another mark.
    fn orphans(&self) -> io::Result<Vec<Member>> {
        let own = Pid(std::process::id().cast_signed());
        let mut orphans = Vec::new();
        for pid in Family::now()?.children(own)? {
            if let Some(stat) = stat(pid)?.filter(|stat| !stat.is_dead() && !self.helpers.has(pid))
            {
                orphans.push(Member { pid, start: stat.start });
            }
        }
        Ok(orphans)
    }
}

fn kill(member: Member) {
    kill_below(member.pid);
    // One that has gone by itself needs no signal.
    let _ = signal::send_to_member(member, Signal::KILL);
}
