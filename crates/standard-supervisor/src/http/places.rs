//! The places at a door: how many may be connected at once, and who gives his up when
//! another comes and there is none left. Clients that vanish say nothing; without this they
//! would shut out all others.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use super::pace::Pace;

/// All places at a door.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    idle_time: Option<Duration>,
    taken: RefCell<BTreeMap<u64, Rc<Pace>>>,
    turns: Rc<Turns>,
}

/// A place that is taken, as long as this lives.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) pace: Rc<Pace>,
    number: u64,
    places: Rc<Places>,
}

/// Numbers in the order of what happens at a door, and word of it.
#[derive(Debug, Default)]
pub(super) struct Turns {
    latest: Cell<u64>,
    happened: Notify,
}

impl Places {
    /// So many, for connections that may be idle so long.
    pub(super) fn new(most: usize, idle_time: Option<Duration>) -> Rc<Self> {
        let (taken, turns) = (RefCell::default(), Rc::default());
        Rc::new(Self { most, idle_time, taken, turns })
    }

    /// Whether none is left.
    pub(super) fn are_taken(&self) -> bool {
        self.taken.borrow().len() >= self.most
    }

    /// Waits for a place. If none is left, whoever has been idle longest gives up his.
    pub(super) async fn take(self: &Rc<Self>) -> Place {
        while self.are_taken() {
            self.unseat();
            self.turns.happened.notified().await;
        }
        let number = self.turns.next();
        let pace = Pace::new(self.idle_time, Rc::clone(&self.turns));
        self.taken.borrow_mut().insert(number, Rc::clone(&pace));
        Place { pace, number, places: Rc::clone(self) }
    }

    /// One at a time: one place is needed.
    fn unseat(&self) {
        let taken = self.taken.borrow();
        if taken.values().any(|pace| pace.is_unseated()) {
            return;
        }
        let idle = taken.values().filter_map(|pace| Some((pace.idle_since()?, pace)));
        if let Some((_, longest)) = idle.min_by_key(|(since, _)| *since) {
            longest.unseat();
        }
    }
}

impl Turns {
    /// The next number.
    pub(super) fn next(&self) -> u64 {
        self.latest.set(self.latest.get() + 1);
        self.tell();
        self.latest.get()
    }

    /// Somebody who needs a place should look again.
    pub(super) fn tell(&self) {
        self.happened.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.borrow_mut().remove(&self.number);
        self.places.turns.tell();
    }
}
