//! Watches the processes of a program's tree, so that a report can name a process that exited
//! shortly before the main process. Most of these processes are reaped by their own parent, so the
//! supervisor gets no SIGCHLD for them.
//!
//! Nothing is polled: the pidfd of a process becomes readable when it exits. The members of the
//! tree are looked up a few times during a run.

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

/// The maximum number of watched processes of one program, those nearest to its main process first.
const OF_EACH: usize = 32;

/// The maximum number of watched processes of all programs. Each needs a descriptor.
const OF_ALL: usize = 128;

/// The intervals between looks at the tree, the first of which is immediate. Workers start while a
/// model loads, and stay.
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(10), Duration::from_secs(110), Duration::from_secs(780)];

/// The watched processes of one run.
#[derive(Default)]
pub(crate) struct Descendants {
    watched: RefCell<BTreeMap<Member, (Relative, Rc<Handle>)>>,
}

/// The number of watched processes of all programs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room(Rc<Cell<usize>>);

/// A pidfd, with its share of [`OF_ALL`].
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
    /// Opens a pidfd. `None`: the process has exited, the system has no pidfds, or the limit is
    /// reached.
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
    /// Looks for new processes and reports exits while `main` runs.
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

    /// Adds new processes and returns them.
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

    /// The processes that exited before the main process and were not reported yet. A reaped child
    /// of the main process exited before it, because only its parent could reap it. A process that
    /// crashed did not exit because of the main process.
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

/// How a process exited. Until its parent reaps it, `/proc` shows this; after that its pidfd does,
/// from Linux 6.15 on.
fn how(member: Member, handle: &Handle) -> Option<Exit> {
    let dead = process_table::dead(member.pid).filter(|dead| dead.start == member.start);
    dead.map(|dead| dead.exit).or_else(|| pidfd::exit_of(&handle.process))
}
