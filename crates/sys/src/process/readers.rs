//! Reads of a process's own memory. While its address space is locked, as when a driver or a
//! network file system hangs, every reader of it hangs as well.
//!
//! Therefore threads read, and are abandoned after a time limit. A process that did not respond is
//! not read again while its thread hangs. That limits the number of threads, and no process delays
//! the supervisor twice.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use supervisor_core::ids::{Member, Pid};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};

use crate::process::process_table;
use crate::process::reserve::{Reserve, is_shortage};

/// Time for all that is read for one answer.
pub const READ_TIME: Duration = Duration::from_secs(1);

/// Time limit for one process. It usually takes microseconds.
const READ_PATIENCE: Duration = Duration::from_millis(500);

/// The maximum number of threads that read or hang.
const READERS: usize = 16;

/// Reads something about a process.
pub type Read = fn(Pid) -> io::Result<Vec<u8>>;

/// A pool of threads that read.
#[derive(Debug)]
pub struct Readers {
    places: Arc<Semaphore>,
    silent: Silent,
    reserve: Rc<Reserve>,
}

/// Processes on which an abandoned thread hangs.
#[derive(Clone, Debug, Default)]
struct Silent(Arc<Mutex<BTreeSet<Member>>>);

/// The result of a read about one process.
#[derive(Debug)]
pub enum ReadOutcome {
    /// The content; empty if the process has exited.
    All(Vec<u8>),
    /// The process does not respond.
    Nothing,
    /// It could not be read; the process may well respond.
    Failed(io::Error),
}

impl Readers {
    /// Creates a pool without threads; they start with the first read.
    pub fn new(reserve: Rc<Reserve>) -> Self {
        Self { places: Arc::new(Semaphore::new(READERS)), silent: Silent::default(), reserve }
    }

    /// Reads about all of `whom` in this order, as far as possible until `deadline`.
    pub async fn read(
        &self,
        read: Read,
        whom: &[Member],
        deadline: Instant,
    ) -> Vec<(Member, ReadOutcome)> {
        let mut all = self.read_once(read, whom, deadline).await;
        let short =
            |told: &ReadOutcome| matches!(told, ReadOutcome::Failed(error) if is_shortage(error));
        let again: Vec<Member> =
            all.iter().filter(|(_, told)| short(told)).map(|(member, _)| *member).collect();
        if !again.is_empty() {
            let _given_up = self.reserve.give_up();
            let better = self.read_once(read, &again, deadline).await;
            let places = all.iter_mut().filter(|(_, told)| short(told));
            for (place, answer) in places.zip(better) {
                *place = answer;
            }
        }
        all
    }

    async fn read_once(
        &self,
        read: Read,
        whom: &[Member],
        deadline: Instant,
    ) -> Vec<(Member, ReadOutcome)> {
        let mut answers = Vec::new();
        while let Some(rest) = whom.get(answers.len()..).filter(|rest| !rest.is_empty()) {
            if Instant::now() >= deadline {
                // The next read skips the process that used up the time.
                let too_late = || ReadOutcome::Failed(io::ErrorKind::TimedOut.into());
                answers.resize_with(whom.len(), too_late);
                break;
            }
            let place = timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await;
            let Ok(Ok(place)) = place else {
                // So many hang that this would be no better next time.
                answers.resize_with(whom.len(), || ReadOutcome::Nothing);
                break;
            };
            let rest = rest.to_vec();
            self.read_until_one_hangs(read, rest, place, deadline, &mut answers).await;
        }
        whom.iter().copied().zip(answers).collect()
    }

    /// Adds results to `answers`, up to and including the first process that does not respond.
    async fn read_until_one_hangs(
        &self,
        read: Read,
        whom: Vec<Member>,
        place: OwnedSemaphorePermit,
        deadline: Instant,
        answers: &mut Vec<ReadOutcome>,
    ) {
        let (tell, mut told) = mpsc::unbounded_channel();
        let (silent, asked) = (self.silent.clone(), whom.clone());
        let thread = thread::Builder::new().name("reader".to_owned()).spawn(move || {
            let _place = place;
            for member in asked {
                if tell.send(silent.ask(member, read)).is_err() {
                    silent.remove(member);
                    return;
                }
            }
        });
        if thread.is_err() {
            return answers.extend(whom.into_iter().map(|member| self.ask_here(member, read)));
        }
        for member in whom {
            let until = deadline.min(Instant::now() + READ_PATIENCE);
            if let Ok(answer) = timeout_at(until, told.recv()).await {
                answers.push(answer.unwrap_or(ReadOutcome::Nothing));
                continue;
            }
            // In this order: the thread takes back what it finds closed.
            self.silent.add(member);
            told.close();
            let late = told.try_recv().ok();
            if late.is_some() {
                self.silent.remove(member);
            }
            return answers.push(late.unwrap_or(ReadOutcome::Nothing));
        }
    }

    /// Reads in this thread, because no thread can be created. That happens if there are too many
    /// processes, when finding their programs is most important. A process that waits in the kernel
    /// may hang, so it is skipped.
    fn ask_here(&self, member: Member, read: Read) -> ReadOutcome {
        match process_table::stat(member.pid) {
            Ok(Some(stat)) if stat.state == b'D' => ReadOutcome::Nothing,
            Ok(_) => self.silent.ask(member, read),
            Err(error) => ReadOutcome::Failed(error),
        }
    }
}

impl Silent {
    fn ask(&self, member: Member, read: Read) -> ReadOutcome {
        if self.locked().contains(&member) {
            return ReadOutcome::Nothing;
        }
        match read(member.pid) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => ReadOutcome::Nothing,
            answer => answer.map_or_else(ReadOutcome::Failed, ReadOutcome::All),
        }
    }

    fn add(&self, member: Member) {
        self.locked().insert(member);
    }

    fn remove(&self, member: Member) {
        self.locked().remove(&member);
    }

    fn locked(&self) -> MutexGuard<'_, BTreeSet<Member>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// The pid of a process that hangs until it is released.
    const HANGS: Pid = Pid(-2);

    static RELEASE: Mutex<Option<Receiver<()>>> = Mutex::new(None);

    fn read(pid: Pid) -> io::Result<Vec<u8>> {
        if pid == HANGS {
            let _ = RELEASE.lock().unwrap().take().map(|release| release.recv());
        }
        Ok(pid.to_string().into_bytes())
    }

    #[test]
    fn a_process_that_hangs_delays_others_once_and_is_read_again_later() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(ask_one_who_hangs());
    }

    async fn ask_one_who_hangs() {
        let (release, hangs): (Sender<()>, _) = channel();
        *RELEASE.lock().unwrap() = Some(hangs);
        let readers = Readers::new(Rc::new(Reserve::filled()));
        let whom = [Pid(-1), HANGS, Pid(-3)].map(|pid| Member { pid, start: 0 });
        let told = async || {
            let answers = readers.read(read, &whom, Instant::now() + READ_TIME).await;
            answers.iter().map(|(_, told)| matches!(told, ReadOutcome::All(_))).collect::<Vec<_>>()
        };
        assert_eq!(told().await, [true, false, true]);
        while readers.places.available_permits() != READERS - 1 {
            thread::yield_now();
        }
        let start = Instant::now();
        assert_eq!(told().await, [true, false, true]);
        assert!(start.elapsed() < READ_PATIENCE);
        release.send(()).unwrap();
        while !readers.silent.locked().is_empty() {
            thread::yield_now();
        }
        assert_eq!(told().await, [true; 3]);
    }
}
