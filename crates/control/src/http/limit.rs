//! How many connections a server has at once, and which of them makes room for another.
//!
//! A client that sends half a head, reads no answer, or is silent costs a slot, and strangers
//! can have as many such clients as they like. Therefore a full server never turns a new
//! connection away: the one that has made no progress for longest is closed for it.
//! Connections that have not been let in yet, with a head that is whole and a password that
//! is right, go first once they have half of the slots: strangers can't close the connections
//! of operators, and these can't keep a new connection from being read.
//!
//! Timers do little of this. hyper's `header_read_timeout` counts from the end of the last
//! answer. It limits connections to the status port, but would close those of event
//! listeners, which make one call an hour and whose transport does not connect again.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::Notify;

/// Of the slots, one in so many may belong to a connection that is being closed, while
/// another has it already.
const CLOSING: usize = 8;

/// All slots of a server.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    most: usize,
    /// Whether a connection keeps its slot while its request is carried out.
    keeps_working: bool,
    taken: RefCell<BTreeMap<u64, Rc<Activity>>>,
    /// How many of them are being closed.
    closing: Cell<usize>,
    latest: Rc<Cell<u64>>,
    freed: Rc<Notify>,
}

/// A connection's slot, as long as this lives.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) activity: Rc<Activity>,
    number: u64,
    limit: Rc<ConnectionLimit>,
}

/// What a connection is doing.
#[derive(Debug)]
pub(crate) struct Activity {
    phase: Cell<Phase>,
    let_in: Cell<bool>,
    /// When it made progress, in the order of all progress.
    progress: Cell<u64>,
    latest: Rc<Cell<u64>>,
    freed: Rc<Notify>,
    evicted: Cell<bool>,
    ending: Cell<bool>,
    changed: Notify,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A request or an answer is under way, or neither.
    Transfer,
    /// A request is carried out.
    Working,
    /// What happens is sent as it happens.
    Streaming,
}

impl ConnectionLimit {
    pub(super) fn new(most: usize, keeps_working: bool) -> Rc<Self> {
        Rc::new(Self {
            most,
            keeps_working,
            taken: RefCell::default(),
            closing: Cell::new(0),
            latest: Rc::default(),
            freed: Rc::default(),
        })
    }

    /// Whether no slot is free.
    pub(super) fn is_reached(&self) -> bool {
        self.staying() >= self.most
    }

    /// Takes a slot. If none is free another connection is closed, or if all are working,
    /// waits for one.
    pub(super) async fn take(self: &Rc<Self>) -> Slot {
        // Connections that are being closed have their descriptors until their next turn.
        let all = self.most + self.most / CLOSING;
        while (self.is_reached() && !self.evict()) || self.taken.borrow().len() >= all {
            self.freed.notified().await;
        }
        let number = self.latest.get() + 1;
        let (latest, freed) = (Rc::clone(&self.latest), Rc::clone(&self.freed));
        let activity = Rc::new(Activity::new(latest, freed));
        self.taken.borrow_mut().insert(number, Rc::clone(&activity));
        Slot { activity, number, limit: Rc::clone(self) }
    }

    fn staying(&self) -> usize {
        self.taken.borrow().len() - self.closing.get()
    }

    /// Closes a connection, unless all are working.
    fn evict(&self) -> bool {
        let taken = self.taken.borrow();
        let staying = || taken.values().filter(|activity| !activity.evicted.get());
        let strangers = || staying().filter(|activity| !activity.let_in.get());
        let idle = |activity: &&Rc<Activity>| {
            !self.keeps_working || activity.phase.get() != Phase::Working
        };
        let oldest = if strangers().count() > self.most / 2 {
            strangers().filter(idle).min_by_key(|activity| activity.progress.get())
        } else {
            staying().filter(idle).min_by_key(|activity| activity.progress.get())
        };
        let Some(oldest) = oldest else { return false };
        oldest.evicted.set(true);
        oldest.changed.notify_one();
        self.closing.set(self.closing.get() + 1);
        true
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.limit.taken.borrow_mut().remove(&self.number);
        let closing = self.limit.closing.get();
        self.limit.closing.set(closing - usize::from(self.activity.evicted.get()));
        self.limit.freed.notify_one();
    }
}

impl Activity {
    fn new(latest: Rc<Cell<u64>>, freed: Rc<Notify>) -> Self {
        let activity = Self {
            phase: Cell::new(Phase::Transfer),
            let_in: Cell::new(false),
            progress: Cell::new(0),
            latest,
            freed,
            evicted: Cell::new(false),
            ending: Cell::new(false),
            changed: Notify::new(),
        };
        activity.progresses();
        activity
    }

    /// Notes that bytes came or went.
    pub(super) fn progresses(&self) {
        self.latest.set(self.latest.get() + 1);
        self.progress.set(self.latest.get());
    }

    /// Notes that a request came whose client may make it.
    pub(super) fn let_in(&self) {
        self.let_in.set(true);
    }

    pub(super) fn is_let_in(&self) -> bool {
        self.let_in.get()
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(super) fn enter(&self, phase: Phase) {
        if self.phase.replace(phase) != phase {
            self.changed.notify_one();
            self.freed.notify_one();
        }
    }

    /// Waits until phase or slot changes; may return without.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether another connection has its slot.
    pub(super) fn is_evicted(&self) -> bool {
        self.evicted.get()
    }

    /// Ends streams from now on.
    pub(super) fn end(&self) {
        self.ending.set(true);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.get()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const MOST: usize = 8;

    /// Takes a slot, or reports that none can be had for now.
    async fn take(limit: &Rc<ConnectionLimit>) -> Option<Slot> {
        timeout(Duration::from_secs(60), limit.take()).await.ok()
    }

    fn run(test: impl Future<Output = ()>) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap().block_on(test);
    }

    /// The numbers of those that are to be closed; they are.
    fn evicted(slots: &mut Vec<(usize, Slot)>) -> Vec<usize> {
        slots.extract_if(.., |(_, slot)| slot.activity.is_evicted()).map(|(at, _)| at).collect()
    }

    /// A server that is full of connections that were let in, or were not.
    async fn full(limit: &Rc<ConnectionLimit>, let_in: bool) -> Vec<(usize, Slot)> {
        let mut slots = Vec::new();
        for at in 0..MOST {
            let slot = take(limit).await.unwrap();
            slot.activity.let_in.set(let_in);
            slots.push((at, slot));
        }
        assert!(limit.is_reached());
        slots
    }

    #[test]
    fn the_connection_without_progress_for_longest_is_closed_for_a_new_one() {
        run(async {
            let limit = ConnectionLimit::new(MOST, true);
            let mut slots = full(&limit, true).await;
            slots[0].1.activity.progresses();
            slots.push((MOST, take(&limit).await.unwrap()));
            assert_eq!(evicted(&mut slots), [1]);
        });
    }

    #[test]
    fn strangers_close_each_other_and_no_connection_that_was_let_in() {
        run(async {
            let limit = ConnectionLimit::new(MOST, true);
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
            let limit = ConnectionLimit::new(MOST, true);
            let mut slots = full(&limit, true).await;
            for at in MOST..MOST + MOST / 2 {
                slots.push((at, take(&limit).await.unwrap()));
                assert!(evicted(&mut slots).iter().all(|at| *at < MOST));
            }
        });
    }

    #[test]
    fn an_order_that_is_carried_out_keeps_its_slot() {
        run(async {
            let limit = ConnectionLimit::new(MOST, true);
            let mut slots = full(&limit, true).await;
            slots.iter().for_each(|(_, slot)| slot.activity.enter(Phase::Working));
            assert!(take(&limit).await.is_none());
            slots[3].1.activity.enter(Phase::Transfer);
            slots.push((MOST, take(&limit).await.unwrap()));
            assert_eq!(evicted(&mut slots), [3]);
        });
    }

    #[test]
    fn where_nothing_is_ordered_no_request_keeps_its_slot() {
        run(async {
            let limit = ConnectionLimit::new(MOST, false);
            let mut slots = full(&limit, true).await;
            slots.iter().for_each(|(_, slot)| slot.activity.enter(Phase::Working));
            slots.push((MOST, take(&limit).await.unwrap()));
            assert_eq!(evicted(&mut slots), [0]);
        });
    }

    #[test]
    fn few_are_open_more_than_may_be() {
        run(async {
            let limit = ConnectionLimit::new(MOST, true);
            let mut slots = full(&limit, false).await;
            slots.push((MOST, take(&limit).await.unwrap()));
            assert!(take(&limit).await.is_none(), "none of them has been closed yet");
            assert_eq!(evicted(&mut slots), [0, 1]);
            assert!(take(&limit).await.is_some());
        });
    }
}
