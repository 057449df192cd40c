//! The loop: wait for something, tell the core, do what it says.

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

/// How long the last output may take to be read once everything has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long nothing must happen until the code that ran is taken out of memory. What runs again
/// after that costs a page fault for each 64 KiB of code.
const QUIET: Duration = Duration::from_millis(500);

/// Core and world, and what wakes them.
#[derive(Debug)]
pub struct Driver {
    engine: Rc<Engine>,
    inbox: Rc<Inbox>,
    journal: Rc<Journal>,
    signals: Rc<Signals>,
    /// Whether our first lines have been said. Until then nothing is said of programs.
    announced: bool,
}

impl Driver {
    /// A driver that has not begun.
    pub fn new(engine: Rc<Engine>, journal: Rc<Journal>, signals: Rc<Signals>) -> Self {
        let inbox = engine.world.borrow().inbox();
        Self { engine, inbox, journal, signals, announced: false }
    }

    /// Starts what is to be started, unless a signal was quicker. What becomes of it is
    /// dealt with by [`Self::run`]: until then nothing has been waited for or written, so
    /// this is all that stands between us and the program.
    pub fn boot(&self) {
        self.take_signals();
        self.handle(Input::Boot);
        // What we do next can wait; the program can't, and may share our processor.
        rustix::thread::sched_yield();
    }

    /// Says from now on what happens to programs as it happens.
    pub const fn announced(&mut self) {
        self.announced = true;
    }

    /// Goes on until the core orders the end. `beside` is started within the event loop;
    /// what it starts there is ended with it, after what it returns has been waited for.
    ///
    /// # Errors
    ///
    /// If the event loop can't be made.
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
            // Groups may have come and gone.
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
            // Exits before time: what has died by now has not lived to its deadline.
            self.take_exits();
            let next = self.engine.core.borrow().next_deadline();
            if next.is_some_and(|at| at <= self.engine.clock.mono()) {
                self.handle(Input::Tick);
            }
        }
    }

    fn take_signals(&self) {
        while let Some(signal) = self.signals.next() {
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
        loop {
            let reaped = self.engine.world.borrow_mut().next_reaped();
            let Some(reaped) = reaped else { return };
            // What it said before comes before its end.
            self.take_inbox();
            self.handle(reaped);
            self.settle();
            self.engine.world.borrow_mut().release_sockets();
        }
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

    /// Takes all answers to what was asked of the world.
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
            // A start takes its time. The core must learn of each when it is done, not
            // when a thousand are.
            if starts {
                self.settle();
            }
        }
    }

    /// Lets what was answered and written reach its readers, if they read.
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
                // A relay that panicked has nothing to wait for.
                let _ = task.await;
            }
        };
        let _ = timeout_at(deadline, all).await;
    }
}

/// Takes code out of memory each time that the loop has run and then had nothing to do.
async fn forget_code(has_run: Rc<Notify>) {
    loop {
        has_run.notified().await;
        while timeout(QUIET, has_run.notified()).await.is_ok() {}
        code::forget();
    }
}
