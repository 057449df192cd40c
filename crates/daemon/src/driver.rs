//! The event loop: waits for an input, passes it to the core and carries out the effects.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::level::Level;
use supervisor_core::signal::Signal;
use supervisor_core::{Effect, Input};
use supervisor_sys::either::either;
use supervisor_sys::image::code;
use supervisor_sys::io::watch::Watched;
use supervisor_sys::process::signal::Signals;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::{Instant, timeout, timeout_at};

use crate::capture::journal::Journal;
use crate::capture::relay::Relay;
use crate::capture::wakeups::Wakeups;
use crate::engine::Engine;
use crate::inbox::Inbox;
use crate::world::End;

/// The limit for readers to take the last output after all programs have stopped.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The time without activity after which the code that ran is removed from memory. When that code
/// runs again, each 64 KiB of it costs a page fault.
const QUIET: Duration = Duration::from_millis(500);

/// How many exits are handled at once. Programs that end as fast as they are restarted must not keep
/// the supervisor from its clients.
const EXITS_AT_ONCE: usize = 8;

/// The core, the world and the sources of their inputs.
#[derive(Debug)]
pub struct Driver {
    engine: Rc<Engine>,
    inbox: Rc<Inbox>,
    journal: Rc<Journal>,
    signals: Rc<Signals>,
    /// Whether the supervisor has logged its first lines. Until then it logs nothing about
    /// programs.
    announced: bool,
}

impl Driver {
    /// Creates a driver that has not started.
    pub fn new(engine: Rc<Engine>, journal: Rc<Journal>, signals: Rc<Signals>) -> Self {
        let inbox = engine.world.borrow().inbox();
        Self { engine, inbox, journal, signals, announced: false }
    }

    /// Starts the programs that start automatically, unless a stop signal has already arrived.
    /// [`Self::run`] handles the results: this function waits for nothing and writes nothing, so
    /// that it delays the program as little as possible.
    pub fn boot(&self) {
        self.take_signals();
        self.handle(Input::Boot);
        // The supervisor's next steps can wait. The program cannot, and may share this processor.
        rustix::thread::sched_yield();
    }

    /// Logs what happens to programs from now on, as it happens.
    pub const fn announced(&mut self) {
        self.announced = true;
    }

    /// Runs until the core orders the end. Calls `beside` within the event loop and waits for the
    /// future that it returns. After that, the tasks that `beside` spawned are dropped.
    ///
    /// # Errors
    ///
    /// If the event loop cannot be created.
    pub fn run<F: Future<Output = ()>>(
        mut self,
        beside: impl FnOnce() -> F,
    ) -> std::io::Result<End> {
        self.announced = true;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        LocalSet::new().block_on(&runtime, async {
            let last = beside();
            self.serve(last).await
        })
    }

    async fn serve(self, last: impl Future<Output = ()>) -> std::io::Result<End> {
        let signals = Watched::for_reading(Rc::clone(&self.signals))?;
        let wakeups = Rc::new(Wakeups::open());
        tokio::task::spawn_local(Rc::clone(&wakeups).run(Rc::clone(&self.inbox)));
        let mut relays = Vec::new();
        let has_run = Rc::new(Notify::new());
        tokio::task::spawn_local(forget_code(Rc::clone(&has_run)));
        loop {
            has_run.notify_one();
            self.settle();
            self.take_inbox();
            self.engine.world.borrow_mut().record_run_baseline();
            let new_relays = self.engine.world.borrow_mut().take_new_relays();
            // Groups may have been added and removed in the meantime.
            relays.retain(|(_, task): &(_, JoinHandle<()>)| !task.is_finished());
            for relay in new_relays {
                let task = tokio::task::spawn_local(Rc::clone(&relay).run(Rc::clone(&wakeups)));
                relays.push((relay, task));
            }
            for job in self.engine.world.borrow_mut().take_jobs() {
                tokio::task::spawn_local(job);
            }
            let end = self.engine.world.borrow().end();
            if let Some(end) = end {
                self.last_words(last, relays).await;
                return Ok(end);
            }
            // The loop's next input may be there already. Others have their turn all the same.
            tokio::task::yield_now().await;
            let next = self.engine.core.borrow().next_deadline();
            let deadline = next.and_then(|at| self.engine.clock.instant(at));
            let something = either(signals.readable(), self.inbox.filled());
            let ready = match deadline {
                Some(deadline) => timeout_at(deadline, something).await.ok().flatten(),
                None => something.await,
            };
            let ready = ready.flatten();
            self.take_signals();
            if let Some(ready) = ready {
                ready.spend();
            }
            // Exits come before time: a process that has exited by now did not reach its deadline.
            self.take_exits();
            let next = self.engine.core.borrow().next_deadline();
            if next.is_some_and(|at| at <= self.engine.clock.mono()) {
                self.handle(Input::Tick);
            }
        }
    }

    fn take_signals(&self) {
        // Only the signals that are pending now: while they are handled, more children may exit.
        let signals: Vec<_> = std::iter::from_fn(|| self.signals.next()).collect();
        for signal in signals {
            if signal == Signal::CHLD {
                self.take_exits();
                self.take_stops();
                self.journal.say(Level::Debug, "received SIGCHLD indicating a child quit");
            } else {
                self.handle(Input::Signalled(signal));
                self.settle();
            }
        }
    }

    fn take_exits(&self) {
        for _ in 0..EXITS_AT_ONCE {
            let reaped = self.engine.world.borrow_mut().next_reaped();
            let Some(reaped) = reaped else { return };
            // Inputs from before an exit are handled before the exit.
            self.take_inbox();
            self.handle(reaped);
            self.settle();
            self.engine.world.borrow_mut().release_sockets();
        }
        // There may be more, for which no signal comes.
        self.inbox.wake();
    }

    fn take_stops(&self) {
        loop {
            let suspended = self.engine.world.borrow_mut().next_suspended();
            let Some(suspended) = suspended else { return };
            self.handle(suspended);
            self.settle();
        }
    }

    fn take_inbox(&self) {
        while let Some(input) = self.inbox.pop() {
            self.handle(input);
            self.settle();
        }
    }

    /// Passes the answers of the world to the core, until none is left.
    fn settle(&self) {
        loop {
            let answer = self.engine.world.borrow_mut().next_answer();
            let Some(answer) = answer else { return };
            self.handle(answer);
        }
    }

    fn handle(&self, input: Input) {
        let now = self.engine.clock.now();
        self.engine.note_input(now.mono, &input);
        let effects = self.engine.core.borrow_mut().handle(now, input);
        for effect in effects {
            let starts = self.announced && matches!(effect, Effect::Spawn { .. });
            self.engine.note_effect(now.mono, &effect);
            self.engine.world.borrow_mut().carry_out(effect);
            // A start takes time. The core must learn of each start when it is done, not after a
            // thousand of them.
            if starts {
                self.settle();
            }
        }
    }

    /// Waits for readers to take the last replies and output, up to [`LAST_WORDS`].
    async fn last_words(
        &self,
        last: impl Future<Output = ()>,
        relays: Vec<(Rc<Relay>, JoinHandle<()>)>,
    ) {
        let deadline = self.engine.clock.instant(self.engine.clock.mono() + LAST_WORDS);
        let deadline = deadline.unwrap_or_else(Instant::now);
        let _ = timeout_at(deadline, last).await;
        self.journal.close();
        self.engine.world.borrow().finish_printing();
        for (relay, _) in &relays {
            relay.close();
        }
        let all = async {
            for (_, task) in relays {
                // A relay that panicked needs no wait.
                let _ = task.await;
            }
        };
        let _ = timeout_at(deadline, all).await;
    }
}

/// Removes code from memory each time that the loop has run and was then idle for [`QUIET`].
async fn forget_code(has_run: Rc<Notify>) {
    loop {
        has_run.notified().await;
        while timeout(QUIET, has_run.notified()).await.is_ok() {}
        code::forget();
    }
}
