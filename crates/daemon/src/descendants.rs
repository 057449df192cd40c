//! Watches the processes of a program's tree, so that a report can name the one that ended
//! shortly before the main process did. Most of them have a parent that waits for them, so
//! nobody else tells of their end.
//!
//! Nothing is polled: a handle of a process becomes readable when it ends. Who belongs to the
//! tree is looked up a few times in the life of a run.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::Input;
use supervisor_core::ids::{Member, Pid, ProcId};
use supervisor_core::input::{Death, Exit};
use supervisor_sys::io::watch::Watched;
use supervisor_sys::process::pidfd;
use supervisor_sys::process::process_table::{self, Relative};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::inbox::Inbox;

/// Processes of one program that are watched, those nearest to its main process first.
const OF_EACH: usize = 32;

/// Processes of all programs that are watched: for each there is a descriptor.
const OF_ALL: usize = 128;

/// Time from one look to the next, the first at once. Workers are started while a model is
/// loaded, and stay.
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(10), Duration::from_secs(110), Duration::from_secs(780)];

/// Those of one run that are watched.
#[derive(Default)]
pub(crate) struct Descendants {
    watched: RefCell<BTreeMap<Member, (Relative, Rc<Handle>)>>,
}

/// How many of all programs are watched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room(Rc<Cell<usize>>);

/// A handle of a process, with its place among [`OF_ALL`].
struct Handle {
    process: OwnedFd,
    room: Room,
}

impl fmt::Debug for Descendants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.watched.borrow().keys()).finish()
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.process.as_fd()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.room.0.set(self.room.0.get() - 1);
    }
}

impl Room {
    /// `None`: it has gone, there are no handles here, or no room for another.
    fn handle(&self, pid: Pid) -> Option<Rc<Handle>> {
        if self.0.get() >= OF_ALL {
            return None;
        }
        let process = pidfd::open(pid)?;
        self.0.set(self.0.get() + 1);
        Some(Rc::new(Handle { process, room: self.clone() }))
    }
}

impl Descendants {
    /// Looks who there is, and tells of their end, for as long as `main` runs.
    pub(crate) async fn watch(
        self: Rc<Self>,
        proc: ProcId,
        main: Pid,
        room: Room,
        inbox: Rc<Inbox>,
    ) {
        let mut ends = JoinSet::new();
        let tell = |ended: Result<Option<Death>, _>| {
            if let Ok(Some(death)) = ended {
                inbox.push(Input::DescendantEnded { proc, main, death });
            }
        };
        for pause in LOOKS {
            let told = async {
                loop {
                    match ends.join_next().await {
                        Some(ended) => tell(ended),
                        None => pending::<()>().await,
                    }
                }
            };
            let _ = timeout(pause, told).await;
            for member in self.look(main, &room) {
                ends.spawn_local(Rc::clone(&self).end_of(member));
            }
        }
        while let Some(ended) = ends.join_next().await {
            tell(ended);
        }
    }

    /// Takes in those that are new, and returns them.
    fn look(&self, main: Pid, room: &Room) -> Vec<Member> {
        let mut watched = self.watched.borrow_mut();
        let mut new = Vec::new();
        for relative in process_table::relatives(main, OF_EACH) {
            let member = relative.member;
            if watched.len() >= OF_EACH || watched.contains_key(&member) {
                continue;
            }
            let handle = room.handle(member.pid);
            // The handle could be that of a later process with its pid.
            let same = process_table::start_of(member.pid).ok().flatten() == Some(member.start);
            if let Some(handle) = handle.filter(|_| same) {
                watched.insert(member, (relative, handle));
                new.push(member);
            }
        }
        new
    }

    async fn end_of(self: Rc<Self>, member: Member) -> Option<Death> {
        let handle = Rc::clone(&self.watched.borrow().get(&member)?.1);
        Watched::for_reading(handle).ok()?.readable().await?;
        let (relative, handle) = self.watched.borrow_mut().remove(&member)?;
        Some(death(relative, how(member, &handle)))
    }

    /// The main process has ended: who of the others had ended before, and was not told yet? A
    /// child of it that has been waited for had, since nobody but its parent could do that; and
    /// one that its own fault ended did not end because of it.
    pub(crate) fn ended_before(&self) -> Vec<Death> {
        let watched = std::mem::take(&mut *self.watched.borrow_mut());
        let mut deaths = Vec::new();
        for (member, (relative, handle)) in watched {
            if !pidfd::has_ended(&handle.process) {
                continue;
            }
            let waited_for =
                process_table::start_of(member.pid).ok().flatten() != Some(member.start);
            let exit = how(member, &handle);
            let fault = matches!(exit, Some(Exit::Signal { signal, .. }) if signal.is_fault());
            if fault || (waited_for && relative.is_child) {
                deaths.push(death(relative, exit));
            }
        }
        deaths
    }
}

fn death(of: Relative, exit: Option<Exit>) -> Death {
    Death { name: of.name, pid: of.member.pid, exit }
}

/// How it ended: as long as its parent has not waited for it the process itself tells, then
/// its handle, from Linux 6.15 on.
fn how(member: Member, handle: &Handle) -> Option<Exit> {
    let dead = process_table::dead(member.pid).filter(|dead| dead.start == member.start);
    dead.map(|dead| dead.exit).or_else(|| pidfd::exit_of(&handle.process))
}
