//! The core and the world, shared by the event loop and by the servers that operators use.
//!
//! Everything runs in one thread. A query sees the core between two inputs. A command is an input
//! itself, and its reply comes when the core gives it.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::io;
use std::rc::Rc;

use supervisor_core::command::{Command, CommandResult, Rejection};
use supervisor_core::ids::{Pid, ProcId, RequestId};
use supervisor_core::input::Input;
use supervisor_core::time::Mono;
use supervisor_core::{Effect, Supervisor};
use supervisor_sys::clock::Clock;
use supervisor_sys::process::process_table::Family;

use crate::world::World;

/// Observes all inputs and effects between core and world, to count them.
pub trait Observer: Debug {
    /// Observes an input of the core.
    fn input(&self, now: Mono, input: &Input);

    /// Observes an effect that the core orders.
    fn effect(&self, now: Mono, effect: &Effect);
}

/// The core and the world. Neither may be borrowed across an `await`.
#[derive(Debug)]
pub struct Engine {
    /// Makes the decisions.
    pub core: RefCell<Supervisor>,
    /// Carries out the decisions.
    pub world: RefCell<World>,
    /// The clock that both use.
    pub clock: Clock,
    observer: Option<Box<dyn Observer>>,
    next_request: Cell<u64>,
}

impl Engine {
    /// Creates an engine that has not started. `observer`, if given, sees all inputs and effects.
    pub fn new(
        core: Supervisor,
        world: World,
        clock: Clock,
        observer: Option<Box<dyn Observer>>,
    ) -> Rc<Self> {
        let (core, world) = (RefCell::new(core), RefCell::new(world));
        Rc::new(Self { core, world, clock, observer, next_request: Cell::new(0) })
    }

    /// Shows an input to the observer.
    pub(crate) fn note_input(&self, now: Mono, input: &Input) {
        if let Some(observer) = &self.observer {
            observer.input(now, input);
        }
    }

    /// Shows an effect to the observer.
    pub(crate) fn note_effect(&self, now: Mono, effect: &Effect) {
        if let Some(observer) = &self.observer {
            observer.effect(now, effect);
        }
    }

    /// Sends a command and waits for the reply. If you drop the future, a command that only waits
    /// is withdrawn.
    pub async fn ask(&self, command: Command) -> CommandResult {
        let id = self.new_request();
        let answer = self.world.borrow_mut().expect(id);
        self.world.borrow().inbox().push(Input::Request { id, command });
        let mut withdrawal = Withdrawal { engine: self, id, answered: false };
        let answer = answer.await;
        withdrawal.answered = true;
        // No reply means that the core has ended and cannot reply.
        answer.unwrap_or(Err(Rejection::ShuttingDown))
    }

    fn new_request(&self) -> RequestId {
        let id = self.next_request.get();
        self.next_request.set(id + 1);
        RequestId(id)
    }

    /// The roots of the trees of all programs, each with its program. A process whose environment
    /// cannot be read in time is left out.
    pub async fn roots(&self, family: &Family) -> io::Result<Vec<(Pid, ProcId)>> {
        let roots = self.world.borrow().roots(family)?;
        let (roster, readers) = self.world.borrow().identifiers();
        Ok(roots.identify(&roster, &readers).await)
    }
}

/// Withdraws a request whose reply is no longer waited for.
struct Withdrawal<'a> {
    engine: &'a Engine,
    id: RequestId,
    answered: bool,
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let mut world = self.engine.world.borrow_mut();
            world.forget(self.id);
            world.inbox().push(Input::RequestGone { id: self.id });
        }
    }
}
