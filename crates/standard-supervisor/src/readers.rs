//! What can only be read in a process's own memory: while its address space is locked,
//! as when a driver or a network file system hangs, whoever reads it hangs as well.
//!
//! So threads read, and are given up after their time. Who did not answer is not asked
//! again while the thread that asked still hangs: that bounds their number, and they hold
//! up nothing twice.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

use supervisor_core::ids::Member;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};

use crate::sys::process_table::InMemory;
use crate::sys::reserve::{Reserve, is_shortage};

/// Time for all that is read for one answer.
pub(crate) const READ_TIME: Duration = Duration::from_secs(1);

/// Time for one process. What isn't held up takes microseconds.
const READ_PATIENCE: Duration = Duration::from_millis(250);

/// Threads that read or hang at once.
const READERS: usize = 16;

/// Those who read.
#[derive(Debug)]
pub(crate) struct Readers {
    places: Arc<Semaphore>,
    /// Those whom a thread that was given up hangs on.
    silent: Arc<Mutex<BTreeSet<Member>>>,
    reserve: Rc<Reserve>,
}

/// What came of reading about one process.
#[derive(Debug)]
pub(crate) enum Told {
    /// This was there; nothing if it has gone.
    All(Vec<u8>),
    /// It didn't answer in time.
    Nothing,
    /// It could not be asked.
    Failed(io::Error),
}

impl Readers {
    pub(crate) fn new(reserve: Rc<Reserve>) -> Self {
        Self { places: Arc::new(Semaphore::new(READERS)), silent: Arc::default(), reserve }
    }

    /// Reads about all of `whom` as far as it can until `deadline`. In the same order.
    pub(crate) async fn read(
        &self,
        what: InMemory,
        whom: &[Member],
        deadline: Instant,
    ) -> Vec<(Member, Told)> {
        let mut all = self.read_once(what, whom, deadline).await;
        let short = |told: &Told| matches!(told, Told::Failed(error) if is_shortage(error));
        let again: Vec<Member> =
            all.iter().filter(|(_, told)| short(told)).map(|(member, _)| *member).collect();
        if !again.is_empty() {
            let _given_up = self.reserve.give_up();
            let mut better = self.read_once(what, &again, deadline).await.into_iter();
            for (_, told) in all.iter_mut().filter(|(_, told)| short(told)) {
                if let Some((_, new)) = better.next() {
                    *told = new;
                }
            }
        }
        all
    }

    async fn read_once(
        &self,
        what: InMemory,
        whom: &[Member],
        deadline: Instant,
    ) -> Vec<(Member, Told)> {
        let mut all = Vec::new();
        while all.len() < whom.len() {
            let rest: Vec<Member> = whom[all.len()..].to_vec();
            let left = rest.len();
            self.read_until_one_hangs(what, rest.clone(), deadline, &mut all).await;
            if all.len() + left == whom.len() {
                // There is no time any more, or no thread.
                all.extend(rest.into_iter().map(|member| (member, Told::Nothing)));
            }
        }
        all
    }

    /// Adds what was told to `all`, up to and with the first who doesn't answer.
    async fn read_until_one_hangs(
        &self,
        what: InMemory,
        whom: Vec<Member>,
        deadline: Instant,
        all: &mut Vec<(Member, Told)>,
    ) {
        let place = timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else { return };
        let (tell, mut told) = mpsc::unbounded_channel();
        let silent = Arc::clone(&self.silent);
        let asked = whom.clone();
        let thread = thread::Builder::new().name("reader".to_owned()).spawn(move || {
            let _place = place;
            for member in asked {
                let answer = if lock(&silent).contains(&member) {
                    Told::Nothing
                } else {
                    what.read(member.pid).map_or_else(Told::Failed, Told::All)
                };
                if tell.send(answer).is_err() {
                    lock(&silent).remove(&member);
                    return;
                }
            }
        });
        if thread.is_err() {
            return;
        }
        for member in whom {
            let until = deadline.min(Instant::now() + READ_PATIENCE);
            if let Ok(answer) = timeout_at(until, told.recv()).await {
                all.push((member, answer.unwrap_or(Told::Nothing)));
                continue;
            }
            // In this order: the thread takes back what it finds closed.
            lock(&self.silent).insert(member);
            told.close();
            let late = told.try_recv().ok();
            if late.is_some() {
                lock(&self.silent).remove(&member);
            }
            return all.push((member, late.unwrap_or(Told::Nothing)));
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
