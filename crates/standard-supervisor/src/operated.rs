//! Joins the engine to what answers operators: neither knows the other.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use supervisor_control::Tally;
use supervisor_control::{About, Control};
use supervisor_control::{CrashReport, Later, Machine};
use supervisor_core::command::{Command, CommandResult};
use supervisor_core::event::Channel;
use supervisor_core::ids::{Pid, ProcId};
use supervisor_core::input::{Input, SpawnError};
use supervisor_core::level::Level;
use supervisor_core::time::{Mono, Now};
use supervisor_core::{Effect, Observed, Supervisor};
use supervisor_sys::io::counters::IoCounters;
use supervisor_sys::io::recent::Recent;
use supervisor_sys::io::stdin::CannotWrite;
use supervisor_sys::process::process_table::Family;
use tokio::sync::broadcast;

use supervisor_daemon::capture::journal::Journal;
use supervisor_daemon::engine::{Engine, Observer};

/// An engine that operators look at and give orders to.
#[derive(Debug)]
pub(crate) struct Operated {
    engine: Rc<Engine>,
    journal: Rc<Journal>,
}

impl Operated {
    /// Joins them.
    pub(crate) fn new(engine: &Rc<Engine>, journal: &Rc<Journal>) -> Self {
        Self { engine: Rc::clone(engine), journal: Rc::clone(journal) }
    }

    /// The handle for what answers operators.
    pub(crate) fn control(self, about: About, tally: Option<Rc<RefCell<Tally>>>) -> Control {
        Control::new(Box::new(self), about, tally)
    }
}

impl Machine for Operated {
    fn core(&self) -> Ref<'_, Supervisor> {
        self.engine.core.borrow()
    }

    fn now(&self) -> Now {
        self.engine.clock.now()
    }

    fn ask(&self, command: Command) -> Later<'_, CommandResult> {
        Box::pin(self.engine.ask(command))
    }

    fn obstacle(&self, proc: ProcId) -> Option<SpawnError> {
        self.engine.world.borrow().obstacle(proc)
    }

    fn roots<'a>(&'a self, family: &'a Family) -> Later<'a, io::Result<Vec<(Pid, ProcId)>>> {
        Box::pin(self.engine.roots(family))
    }

    fn io_counters(&self) -> BTreeMap<ProcId, IoCounters> {
        self.engine.world.borrow().io_counters()
    }

    fn log_path(&self, proc: ProcId, channel: Channel) -> Option<PathBuf> {
        self.engine.world.borrow().log_path(proc, channel).map(Path::to_path_buf)
    }

    fn recent_output(&self, proc: ProcId, channel: Channel) -> Option<Rc<Recent>> {
        self.engine.world.borrow().recent_output(proc, channel)
    }

    fn crash_reports(&self, proc: ProcId) -> Vec<CrashReport> {
        self.engine.world.borrow().crash_reports(proc)
    }

    fn clear_logs(&self, proc: ProcId) -> io::Result<()> {
        self.engine.world.borrow().clear_logs(proc)
    }

    fn clear_main_log(&self, path: &Path) -> io::Result<()> {
        self.engine.world.borrow().clear_main_log(path)
    }

    fn write_stdin(&self, proc: ProcId, bytes: &[u8]) -> Option<Result<(), CannotWrite>> {
        self.engine.world.borrow().write_stdin(proc, bytes)
    }

    fn observe(&self) -> broadcast::Receiver<Observed> {
        self.engine.world.borrow().observe()
    }

    fn say(&self, level: Level, message: &str) {
        self.journal.say(level, message);
    }

    fn says(&self, level: Level) -> bool {
        self.journal.says(level)
    }

    fn lines_lost(&self) -> u64 {
        self.journal.lost()
    }
}

/// Counts what passes between core and world.
#[derive(Debug)]
pub(crate) struct Counting(Rc<RefCell<Tally>>);

impl Counting {
    /// An observer that counts in `tally`.
    pub(crate) fn boxed(tally: Rc<RefCell<Tally>>) -> Box<dyn Observer> {
        Box::new(Self(tally))
    }
}

impl Observer for Counting {
    fn input(&self, now: Mono, input: &Input) {
        self.0.borrow_mut().note_input(now, input);
    }

    fn effect(&self, now: Mono, effect: &Effect) {
        self.0.borrow_mut().note_effect(now, effect);
    }
}
