//! Limits the number of connections of a server, and chooses the connection that is closed for a
//! new one.
//!
//! A client that sends half a request head, reads no response, or is silent occupies a slot, and
//! unauthenticated clients may open any number of such connections. Therefore a full server never
//! rejects a new connection: it closes the connection without progress for longest. Connections
//! without an accepted request (a complete head with correct credentials) are closed first once
//! they have half of the slots. They cannot close connections of operators, and operators cannot
//! prevent that a new connection is read.
//!
//! Timers do little of this. hyper's `header_read_timeout` counts from the end of the last
//! response. It limits connections to the status port, but would close those of event listeners,
//! which make one call an hour and whose client does not reconnect.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::Notify;

/// One in this number of slots may belong to a connection that is being closed while another
/// connection already has its slot. With half of this number, unauthenticated clients could take
/// slots of connections that were not read yet.
const CLOSING: usize = 4;

/// All slots of a server.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    most: usize,
    queues: RefCell<Queues>,
    counts: Rc<Counts>,
}

/// Connections by their last progress. Some have made more progress since; this is checked when
/// they are chosen for closing.
#[derive(Debug, Default)]
struct Queues {
    /// Connections with an accepted request.
    known: Queue,
    strangers: Queue,
}

type Queue = BTreeMap<u64, Rc<Activity>>;

/// Counters that connections update.
#[derive(Debug, Default)]
struct Counts {
    open: Cell<usize>,
    /// The number of connections that are being closed.
    closing: Cell<usize>,
    /// The number of other connections without an accepted request.
    strangers: Cell<usize>,
    /// The number of steps of progress so far.
    progress: Cell<u64>,
    freed: Notify,
}

/// A connection's slot, while this exists.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) activity: Rc<Activity>,
}

/// The state of a connection.
#[derive(Debug)]
pub(crate) struct Activity {
    phase: Cell<Phase>,
    let_in: Cell<bool>,
    /// The number of its last step of progress.
    progress: Cell<u64>,
    counts: Rc<Counts>,
    evicted: Cell<bool>,
    /// The connection has lost its slot.
    closed: Cell<bool>,
    ending: Cell<bool>,
    changed: Notify,
}

/// The phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A request or a response is being transferred, or the connection is idle.
    Transfer,
    /// A response is being built.
    Answering,
    /// A command is running, which may take minutes.
    Ordering,
    /// A stream is being sent.
    Streaming,
}

impl ConnectionLimit {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, queues: RefCell::default(), counts: Rc::default() }
    }

    /// Whether no slot is free.
    pub(crate) fn is_reached(&self) -> bool {
        self.counts.open.get() - self.counts.closing.get() >= self.most
    }

    /// Takes a slot. If none is free, another connection is closed; if all connections have running
    /// commands, waits for a slot.
    pub(crate) async fn take(&self) -> Slot {
        // Connections that are being closed have their descriptors until their next turn.
        let all = self.most + self.most / CLOSING;
        while (self.is_reached() && !self.evict()) || self.counts.open.get() >= all {
            self.counts.freed.notified().await;
        }
        let slot = Slot::new(&self.counts);
        let mut queues = self.queues.borrow_mut();
        queues.forget_closed(2 * self.most);
        queues.strangers.insert(slot.activity.progress.get(), Rc::clone(&slot.activity));
        slot
    }

    /// Closes a connection, unless all have running commands.
    fn evict(&self) -> bool {
        let mut queues = self.queues.borrow_mut();
        let (stranger, known) = (queues.oldest_stranger(), queues.oldest_known());
        let too_many = self.counts.strangers.get() > self.most / 2;
        let oldest = match (stranger, known) {
            (Some(stranger), Some(known)) if too_many || stranger < known => {
                queues.strangers.remove(&stranger)
            }
            (_, Some(known)) => queues.known.remove(&known),
            (Some(stranger), None) => queues.strangers.remove(&stranger),
            (None, None) => None,
        };
        oldest.inspect(|activity| activity.evict()).is_some()
    }
}

impl Queues {
    /// Removes closed connections from the queue if there are many.
    fn forget_closed(&mut self, most: usize) {
        for queue in [&mut self.known, &mut self.strangers] {
            if queue.len() >= most {
                queue.retain(|_, activity| !activity.closed.get());
            }
        }
    }

    /// The last progress of the connection without an accepted request that made none for longest.
    fn oldest_stranger(&mut self) -> Option<u64> {
        while let Some((progress, stranger)) = self.strangers.pop_first() {
            if stranger.let_in.get() {
                self.known.insert(stranger.progress.get(), stranger);
            } else if put_back(&mut self.strangers, progress, stranger) {
                return Some(progress);
            }
        }
        None
    }

    /// The same for connections with an accepted request and without a running command.
    fn oldest_known(&mut self) -> Option<u64> {
        let mut ordering = Queue::new();
        let mut oldest = None;
        while let Some((progress, known)) = self.known.pop_first() {
            if known.phase.get() == Phase::Ordering {
                ordering.insert(known.progress.get(), known);
            } else if put_back(&mut self.known, progress, known) {
                oldest = Some(progress);
                break;
            }
        }
        self.known.append(&mut ordering);
        oldest
    }
}

/// Puts an open connection into the queue according to its progress. Returns whether it was at that
/// position.
fn put_back(queue: &mut Queue, progress: u64, activity: Rc<Activity>) -> bool {
    if activity.closed.get() || activity.evicted.get() {
        return false;
    }
    let now = activity.progress.get();
    queue.insert(now, activity);
    now == progress
}

impl Slot {
    fn new(counts: &Rc<Counts>) -> Self {
        let activity = Rc::new(Activity {
            phase: Cell::new(Phase::Transfer),
            let_in: Cell::new(false),
            progress: Cell::new(0),
            counts: Rc::clone(counts),
            evicted: Cell::new(false),
            closed: Cell::new(false),
            ending: Cell::new(false),
            changed: Notify::new(),
        });
        activity.progresses();
        add(&counts.open, 1);
        add(&counts.strangers, 1);
        Self { activity }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Activity { counts, let_in, evicted, closed, .. } = &*self.activity;
        closed.set(true);
        add(&counts.open, -1);
        if evicted.get() {
            add(&counts.closing, -1);
        } else if !let_in.get() {
            add(&counts.strangers, -1);
        }
        counts.freed.notify_one();
    }
}

fn add(count: &Cell<usize>, change: isize) {
    count.set(count.get().saturating_add_signed(change));
}

impl Activity {
    /// Records that bytes were transferred.
    pub(crate) fn progresses(&self) {
        let all = &self.counts.progress;
        all.set(all.get() + 1);
        self.progress.set(all.get());
    }

    /// Records an accepted request.
    pub(crate) fn let_in(&self) {
        if !self.let_in.replace(true) && !self.evicted.get() {
            add(&self.counts.strangers, -1);
        }
    }

    pub(crate) fn is_let_in(&self) -> bool {
        self.let_in.get()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn enter(&self, phase: Phase) {
        if self.phase.replace(phase) != phase {
            self.changed.notify_one();
            self.counts.freed.notify_one();
        }
    }

    /// Waits until phase or slot changes; may also return without a change.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Gives its slot to another connection.
    fn evict(&self) {
        self.evicted.set(true);
        add(&self.counts.closing, 1);
        if !self.let_in.get() {
            add(&self.counts.strangers, -1);
        }
        self.changed.notify_one();
    }

    /// Whether another connection has its slot.
    pub(crate) fn is_evicted(&self) -> bool {
        self.evicted.get()
    }

    /// Ends streams from now on.
    pub(crate) fn end(&self) {
        self.ending.set(true);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.get()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const MOST: usize = 8;

    /// Takes a slot, or returns `None` if none is available now.
    async fn take(limit: &ConnectionLimit) -> Option<Slot> {
        timeout(Duration::from_secs(60), limit.take()).await.ok()
    }

    fn run(test: impl Future<Output = ()>) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap().block_on(test);
    }

    /// Closes the connections that have lost their slots and returns their numbers.
    fn evicted(slots: &mut Vec<(usize, Slot)>) -> Vec<usize> {
        slots.extract_if(.., |(_, slot)| slot.activity.is_evicted()).map(|(at, _)| at).collect()
    }

    /// A server full of connections with or without accepted requests.
    async fn full(limit: &ConnectionLimit, let_in: bool) -> Vec<(usize, Slot)> {
        let mut slots = Vec::new();
        for at in 0..MOST {
            let slot = take(limit).await.unwrap();
            if let_in {
                slot.activity.let_in();
            }
            slots.push((at, slot));
        }
        assert!(limit.is_reached());
        slots
    }

    #[test]
    fn a_new_connection_closes_the_one_without_progress_for_longest() {
        run(async {
            let limit = ConnectionLimit::new(MOST);
            let mut slots = full(&limit, true).await;
            slots[0].1.activity.progresses();
            slots.push((MOST, take(&limit).await.unwrap()));
            assert_eq!(evicted(&mut slots), [1]);
        });
    }

    #[test]
    fn unauthenticated_connections_close_only_each_other() {
        run(async {
            let limit = ConnectionLimit::new(MOST);
            let mut slots = full(&limit, true).await;
            let mut closed = Vec::new();
            for at in MOST..4 * MOST {
                slots.push((at, take(&limit).await.unwrap()));
                closed.extend(evicted(&mut slots));
            }
            // Half of the slots, and one that is on its way.
            assert_eq!(closed[..MOST / 2 + 1], [0, 1, 2, 3, 4]);
            assert!(closed[MOST / 2 + 1..].iter().all(|at| *at >= MOST), "{closed:?}");
        });
    }

    #[test]
    fn a_new_connection_is_not_closed_before_it_could_be_read() {
        run(async {
            let limit = ConnectionLimit::new(MOST);
            let mut slots = full(&limit, true).await;
            for at in MOST..MOST + MOST / 2 {
                slots.push((at, take(&limit).await.unwrap()));
                assert!(evicted(&mut slots).iter().all(|at| *at < MOST));
            }
        });
    }

    #[test]
    fn a_connection_with_a_running_command_keeps_its_slot() {
        run(async {
            let limit = ConnectionLimit::new(MOST);
            let mut slots = full(&limit, true).await;
            slots.iter().for_each(|(_, slot)| slot.activity.enter(Phase::Ordering));
            assert!(take(&limit).await.is_none());
            slots[3].1.activity.enter(Phase::Transfer);
            slots.push((MOST, take(&limit).await.unwrap()));
            assert_eq!(evicted(&mut slots), [3]);
        });
    }

    #[test]
    fn few_connections_above_the_limit_are_open() {
        run(async {
            let limit = ConnectionLimit::new(MOST);
            let mut slots = full(&limit, false).await;
            slots.push((MOST, take(&limit).await.unwrap()));
            slots.push((MOST, take(&limit).await.unwrap()));
            assert!(take(&limit).await.is_none(), "none of them has been closed yet");
            assert_eq!(evicted(&mut slots), [0, 1, 2]);
            assert!(take(&limit).await.is_some());
        });
    }

    #[test]
    fn closed_connections_leave_no_entries() {
        run(async {
            let limit = ConnectionLimit::new(MOST);
            for at in 0..10 * MOST {
                let slot = take(&limit).await.unwrap();
                if at % 2 == 0 {
                    slot.activity.let_in();
                }
            }
            assert!(limit.queues.borrow().strangers.len() <= 2 * MOST);
            assert_eq!((limit.counts.open.get(), limit.counts.strangers.get()), (0, 0));
        });
    }
}
