//! Signals processes, and maps processes to programs.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::Answer;
use supervisor_core::SignalTarget;
use supervisor_core::ids::{Member, Pid, ProcId, RunId};
use supervisor_core::input::Input;
use supervisor_core::level::Level;
use supervisor_core::signal::Signal;
use supervisor_sys::process::cgroup::Cgroup;
use supervisor_sys::process::process_table::{Family, environ};
use supervisor_sys::process::readers::{READ_TIME, Readers};
use supervisor_sys::process::{pidfd, signal};
use tokio::time::Instant;

use super::World;
use crate::capture::journal::Journal;
use crate::health::Kind;
use crate::tree::{Census, Conclusion, Root, Roots, Roster, describe};

/// The time until a tree is counted again if the supervisor cannot wait for the exit of its
/// processes.
const RECOUNT_PAUSE: Duration = Duration::from_millis(250);

/// The parts needed to complete a census: reading the environment of a process may block.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    roster: Rc<Roster>,
    pub(super) readers: Rc<Readers>,
    pub(super) deadline: Instant,
}

impl World {
    /// The roots of the trees of all programs.
    pub(crate) fn roots(&self, family: &Family) -> io::Result<Roots> {
        let mains = self.slots.iter().filter_map(|(proc, slot)| {
            let (pid, alive) = slot.main?;
            Some((pid, (*proc, alive)))
        });
        let mut roots = self.parts.roster.roots(family, &mains.collect())?;
        roots.unsure.retain(|member| !self.helpers.has(member.pid));
        Ok(roots)
    }

    /// The parts that identify the program of an unknown process.
    pub(crate) fn identifiers(&self) -> (Rc<Roster>, Rc<Readers>) {
        (Rc::clone(&self.parts.roster), Rc::clone(&self.readers))
    }

    pub(super) fn signal(&self, target: &SignalTarget, signal: Signal) {
        let sent = match target {
            SignalTarget::Process(pid) => signal::send(*pid, signal),
            SignalTarget::Group(pid) => signal::send_to_group(*pid, signal),
            SignalTarget::Member(member) => {
                self.reserve.with_room(|| signal::send_to_member(*member, signal))
            }
        };
        if let Err(error) = sent {
            let message = format!("cannot send {signal} to {target:?}: {error}");
            self.parts.journal.say(Level::Error, &message);
        }
    }

    /// Lists the living processes of a tree. Only the last census of a process is answered, because
    /// an earlier census may miss processes that the later one finds.
    pub(super) fn census(&mut self, proc: ProcId, run: RunId) {
        self.questions.withdraw(proc, Kind::Census);
        let slot = self.slots.get(&proc);
        let stopsignal = slot.map_or(Signal::TERM, |slot| slot.spec.stopsignal);
        let describe = move |root, counted: &Conclusion| {
            let (main, members) = describe(root, counted, stopsignal)?;
            Ok(Input::answer(proc, run, Answer::Census { main, members }))
        };
        let begun = self.begin_census(proc);
        if let Ok(Census { root, found, unsure }) = &begun
            && unsure.is_empty()
            && !self.slots.get(&proc).is_some_and(|slot| slot.files.is_looked_at())
            && let counted = Conclusion::of_linked(found)
            && let Ok(answer) = self.reserve.with_room(|| describe(*root, &counted))
        {
            return self.answers.push_back(answer);
        }
        let asking = self.asking();
        let name = self.slots.get(&proc).map(|slot| slot.full_name()).unwrap_or_default();
        let (inbox, journal) = (Rc::clone(&self.inbox), Rc::clone(&self.parts.journal));
        let reserve = Rc::clone(&self.reserve);
        let told = Rc::clone(&self.told_unknown);
        // A process that is signalled after this count may exit before its files are recorded.
        let looked_at = self.slots.get(&proc).map(|slot| slot.files.looked_at());
        self.questions.start(proc, Kind::Census, async move {
            let counted = match begun {
                Ok(census) => {
                    if let Some(looked_at) = looked_at {
                        looked_at.await;
                    }
                    let environs = asking.environs(&census).await;
                    reserve.with_room(|| {
                        let counted = asking.roster.conclude(&census, &environs)?;
                        Ok((describe(census.root, &counted)?, counted.unknown))
                    })
                }
                Err(error) => Err(error),
            };
            match counted {
                Ok((answer, unknown)) => {
                    tell_unknown(&journal, &name, &unknown, &told);
                    inbox.push(answer);
                }
                Err(error) => {
                    let message =
                        format!("cannot list the processes of '{name}': {error}; trying again");
                    journal.say(Level::Error, &message);
                    inbox.push(Input::answer(proc, run, Answer::CensusFailed));
                }
            }
        });
    }

    /// Waits until all of these processes have exited, one after the other. This includes processes
    /// whose parent is not the supervisor, for which no SIGCHLD arrives. One descriptor is enough.
    pub(super) fn await_end(&mut self, proc: ProcId, run: RunId, members: Vec<Member>) {
        let (inbox, reserve) = (Rc::clone(&self.inbox), Rc::clone(&self.reserve));
        self.questions.ask(proc, Kind::Ends, inbox, async move {
            for member in members {
                let open = |pid| reserve.with_room(|| pidfd::try_open(pid));
                if !pidfd::member_ended(member, open).await {
                    // Linux before 5.3, some sandboxes.
                    tokio::time::sleep(RECOUNT_PAUSE).await;
                    break;
                }
            }
            Input::answer(proc, run, Answer::TreeEnded)
        });
    }

    /// The living processes of a tree except its main process, as far as they are known without
    /// reading `/proc/PID/environ`, which may block.
    pub(super) fn begin_census(&self, proc: ProcId) -> io::Result<Census> {
        let slot = self.slots.get(&proc);
        let Some((slot, (pid, alive))) = slot.and_then(|slot| Some((slot, slot.main?))) else {
            return Ok(Census::of_nobody(proc));
        };
        let living = self.slots.values().filter_map(|slot| slot.main);
        let living = living.filter(|(_, alive)| *alive).map(|(pid, _)| pid);
        let others =
            living.filter(|other| *other != pid).chain(self.helpers.pids()).collect::<Vec<Pid>>();
        self.reserve.with_room(|| {
            let grouped = slot.cgroup.as_ref().map(Cgroup::members).transpose()?;
            let root = Root { proc, pid, alive };
            self.parts.roster.census(root, &others, &grouped.unwrap_or_default())
        })
    }

    /// The parts needed to complete a census that starts now.
    pub(super) fn asking(&self) -> Asking {
        let (roster, readers) = self.identifiers();
        Asking { roster, readers, deadline: Instant::now() + READ_TIME }
    }
}

impl Asking {
    async fn environs(
        &self,
        census: &Census,
    ) -> Vec<(Member, supervisor_sys::process::readers::ReadOutcome)> {
        self.readers.read(environ, &census.unsure, self.deadline).await
    }

    /// Lists the living processes of the tree, after reading the environments that are needed.
    pub(super) async fn conclude(&self, census: &Census) -> io::Result<Vec<Member>> {
        if census.unsure.is_empty() {
            return Ok(census.found.clone());
        }
        let environs = self.environs(census).await;
        self.roster.conclude(census, &environs).map(|counted| counted.found)
    }
}

fn tell_unknown(
    journal: &Journal,
    name: &str,
    unknown: &[Member],
    told: &RefCell<BTreeSet<Member>>,
) {
    let unknown: BTreeSet<Member> = unknown.iter().copied().collect();
    if !unknown.is_subset(&told.replace(unknown.clone())) {
        let pids: Vec<String> = unknown.iter().map(|member| member.pid.to_string()).collect();
        let pids = pids.join(", ");
        let message = format!(
            "cannot tell whether pids {pids} belong to '{name}': /proc does not show their \
             environment; leaving them alone"
        );
        journal.say(Level::Warn, &message);
    }
}
