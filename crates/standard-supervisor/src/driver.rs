//! The loop: wait for something, tell the core, do what it says.

use std::rc::Rc;
use std::time::Duration;

use supervisor_core::level::Level;
use supervisor_core::signal::Signal;
use supervisor_core::{Effect, Input, Supervisor};
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::timeout_at;

use crate::capture::journal::Journal;
use crate::capture::relay::Relay;
use crate::clock::Clock;
use crate::sys::signal::Signals;
use crate::sys::watch::Watched;
use crate::world::{End, World};

/// How long the last output may take to be read once everything has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Core and world, and what wakes them.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) core: Supervisor,
    pub(crate) world: World,
    pub(crate) journal: Rc<Journal>,
    pub(crate) signals: Rc<Signals>,
    pub(crate) clock: Clock,
    /// Whether our first lines have been said. Until then nothing is said of programs.
    pub(crate) announced: bool,
}

impl Driver {
    /// Starts what is to be started, unless a signal was quicker. What becomes of it is
    /// dealt with by [`Self::run`]: until then nothing has been waited for or written, so
    /// this is all that stands between us and the program.
    pub(crate) fn boot(&mut self) {
        self.take_signals();
        self.handle(Input::Boot);
        // What we do next can wait; the program can't, and may share our processor.
        rustix::thread::sched_yield();
    }

    /// Goes on until the core orders the end.
    ///
    /// # Errors
    ///
    /// If the event loop can't be made.
    pub(crate) fn run(mut self) -> std::io::Result<End> {
        self.announced = true;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        LocalSet::new().block_on(&runtime, self.serve())
    }

    async fn serve(mut self) -> std::io::Result<End> {
        let signals = Watched::for_reading(Rc::clone(&self.signals))?;
        let mut relays = Vec::new();
        loop {
            self.settle();
            for relay in self.world.take_new_relays() {
                let task = tokio::task::spawn_local(Rc::clone(&relay).run());
                relays.push((relay, task));
            }
            if let Some(end) = self.world.end() {
                self.last_words(relays).await;
                return Ok(end);
            }
            let deadline = self.core.next_deadline().and_then(|at| self.clock.instant(at));
            let readable = signals.readable();
            let ready = match deadline {
                Some(deadline) => timeout_at(deadline, readable).await.ok().flatten(),
                None => readable.await,
            };
            self.take_signals();
            if let Some(ready) = ready {
                ready.spend();
            }
            // Exits before time: what has died by now has not lived to its deadline.
            self.take_exits();
            if self.core.next_deadline().is_some_and(|at| at <= self.clock.now()) {
                self.handle(Input::Tick);
            }
        }
    }

    fn take_signals(&mut self) {
        while let Some(signal) = self.signals.next() {
            if signal == Signal::CHLD {
                self.take_exits();
                self.journal.say(Level::Debug, "received SIGCHLD indicating a child quit");
            } else {
                self.handle(Input::Signalled(signal));
                self.settle();
            }
        }
    }

    fn take_exits(&mut self) {
        while let Some(reaped) = self.world.next_reaped() {
            self.handle(reaped);
            self.settle();
            self.world.bury();
        }
    }

    /// Takes all answers to what was asked of the world.
    fn settle(&mut self) {
        while let Some(answer) = self.world.next_answer() {
            self.handle(answer);
        }
    }

    fn handle(&mut self, input: Input) {
        for effect in self.core.handle(self.clock.now(), input) {
            let starts = self.announced && matches!(effect, Effect::Spawn { .. });
            self.world.carry_out(effect);
            // A start takes its time. The core must learn of each when it is done, not
            // when a thousand are.
            if starts {
                self.settle();
            }
        }
    }

    /// Lets what was written reach its readers, if they read.
    async fn last_words(&self, relays: Vec<(Rc<Relay>, JoinHandle<()>)>) {
        self.journal.close();
        for (relay, _) in &relays {
            relay.close();
        }
        let all = async {
            for (_, task) in relays {
                // A relay that panicked has nothing to wait for.
                let _ = task.await;
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, all).await;
    }
}
