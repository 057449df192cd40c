//! What answers operators: a way to look at the core and to give it orders.
//!
//! Everything happens in one thread. A look sees the core between two inputs; an order
//! is one more input, and its reply comes when the core gives it.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use supervisor_core::command::{Command, Refusal, Which};
use supervisor_core::event::{Channel, Event};
use supervisor_core::ids::{Pid, ProcId, RequestId};
use supervisor_core::input::{Input, SpawnError};
use supervisor_core::spec::GroupSpec;
use supervisor_core::time::{Mono, Now, Wall};
use supervisor_core::{Effect, Supervisor};
use supervisor_sys::clock::Clock;
use supervisor_sys::process::process_table::{Family, environ};
use supervisor_sys::process::readers::{READ_TIME, Told};
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::status::{Shell, Tally};
use crate::stdin::CannotWrite;
use crate::tree::Roots;
use crate::world::{Answer, World};

/// Core and world, as the loop and all who answer operators share them. Nobody keeps
/// either while he waits.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) core: RefCell<Supervisor>,
    pub(crate) world: RefCell<World>,
    pub(crate) clock: Clock,
    pub(crate) about: About,
    /// When it was made.
    began: Wall,
    /// What is counted, if anybody can ask.
    tally: Option<RefCell<Tally>>,
    /// Events that observers missed.
    missed: Cell<u64>,
    next_request: Cell<u64>,
}

/// What does not change while a configuration is in effect.
pub(crate) struct About {
    /// The name by which the supervisor calls itself.
    pub(crate) identifier: String,
    /// The supervisor's own log file.
    pub(crate) log: Option<PathBuf>,
    /// Under which names XML-RPC methods are found.
    pub(crate) namespaces: Vec<String>,
    /// Whether somebody may ask for what is counted.
    pub(crate) counts: bool,
    /// Reads the configuration as it is now, or tells all that is wrong with it.
    pub(crate) reread: Box<dyn Fn() -> Result<Vec<GroupSpec>, String>>,
}

impl std::fmt::Debug for About {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { identifier, log, namespaces, counts, reread: _ } = self;
        let mut about = f.debug_struct("About");
        about.field("identifier", identifier).field("log", log).field("namespaces", namespaces);
        about.field("counts", counts).finish_non_exhaustive()
    }
}

impl Engine {
    pub(crate) fn new(core: Supervisor, world: World, clock: Clock, about: About) -> Rc<Self> {
        let (core, world) = (RefCell::new(core), RefCell::new(world));
        let tally = about.counts.then(RefCell::default);
        let (missed, next_request) = (Cell::new(0), Cell::new(0));
        Rc::new(Self {
            core,
            world,
            clock,
            began: clock.now().wall,
            tally,
            missed,
            next_request,
            about,
        })
    }
}

impl Engine {
    /// Counts what the core is told.
    pub(crate) fn note_input(&self, now: Mono, input: &Input) {
        if let Some(tally) = &self.tally {
            tally.borrow_mut().note_input(now, input);
        }
    }

    /// Counts what the core orders.
    pub(crate) fn note_effect(&self, now: Mono, effect: &Effect) {
        if let Some(tally) = &self.tally {
            tally.borrow_mut().note_effect(now, effect);
        }
    }
}

/// A handle for whoever answers operators.
#[derive(Clone, Debug)]
pub(crate) struct Control(Rc<Engine>);

/// Why a configuration could not be read again, in supervisord's words, or that it was
/// not the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CannotReread {
    /// Something is wrong with it.
    Wrong(String),
    /// The core refused.
    Refused(Refusal),
}

impl Control {
    pub(crate) const fn new(engine: Rc<Engine>) -> Self {
        Self(engine)
    }

    /// The core as it is. Not to be kept over an `await`.
    pub(crate) fn core(&self) -> Ref<'_, Supervisor> {
        self.0.core.borrow()
    }

    /// What was counted so far; nothing where nobody should be able to ask.
    pub(crate) fn tally(&self) -> Tally {
        self.0.tally.as_ref().map(|tally| tally.borrow().clone()).unwrap_or_default()
    }

    /// What is known of processes besides.
    pub(crate) fn shell(&self) -> BTreeMap<ProcId, Shell> {
        self.0.world.borrow().shell()
    }

    /// When it began to work with the present configuration.
    pub(crate) fn began(&self) -> Wall {
        self.0.began
    }

    /// How many events observers missed.
    pub(crate) fn missed(&self) -> u64 {
        self.0.missed.get()
    }

    /// An observer has missed some more.
    pub(crate) fn note_missed(&self, events: u64) {
        self.0.missed.set(self.0.missed.get() + events);
    }

    /// What does not change.
    pub(crate) fn about(&self) -> &About {
        &self.0.about
    }

    pub(crate) fn now(&self) -> Now {
        self.0.clock.now()
    }

    /// Gives an order and waits for the reply. Who stops waiting takes the order back as
    /// far as it only waits.
    pub(crate) async fn ask(&self, command: Command) -> Answer {
        let engine = &self.0;
        let id = RequestId(engine.next_request.get());
        engine.next_request.set(id.0 + 1);
        let answer = engine.world.borrow_mut().expect(id);
        let inbox = engine.world.borrow().inbox();
        inbox.push(Input::Request { id, command });
        let mut withdrawal = Withdrawal { engine, id, answered: false };
        let answer = answer.await;
        withdrawal.answered = true;
        // Without a reply there is nobody left to give one.
        answer.unwrap_or(Err(Refusal::ShuttingDown))
    }

    /// Starts processes. What can't be executed is found out first: it is refused, and its
    /// state stays as it was.
    pub(crate) async fn start(&self, which: Which, wait: bool) -> Answer {
        let unstartable = self.unstartable(&which);
        self.ask(Command::Start { which, wait, unstartable }).await
    }

    /// Stops what runs of them, and starts them all. Nothing comes between the two orders:
    /// where the supervisor ends with its last program, it goes on.
    pub(crate) async fn restart(&self, which: Which, wait: bool) -> Answer {
        let engine = &self.0;
        let id = RequestId(engine.next_request.get());
        engine.next_request.set(id.0 + 1);
        // Its answer says nothing that the start's doesn't.
        let command = Command::Stop { which: which.clone(), wait: false };
        engine.world.borrow().inbox().push(Input::Request { id, command });
        self.start(which, wait).await
    }

    /// Reads the configuration again: the reply tells what it would change.
    pub(crate) async fn reread(
        &self,
    ) -> Result<supervisor_core::command::Difference, CannotReread> {
        if self.core().is_ending() {
            return Err(CannotReread::Refused(Refusal::ShuttingDown));
        }
        let groups = (self.0.about.reread)().map_err(CannotReread::Wrong)?;
        match self.ask(Command::Reread(groups)).await {
            Ok(supervisor_core::Reply::Difference(difference)) => Ok(difference),
            Ok(supervisor_core::Reply::Done | supervisor_core::Reply::Outcomes(_)) => {
                Err(CannotReread::Wrong("the core gave another kind of reply".to_owned()))
            }
            Err(refusal) => Err(CannotReread::Refused(refusal)),
        }
    }

    /// The log file of a stream, if it goes to one.
    pub(crate) fn log_path(&self, proc: ProcId, channel: Channel) -> Option<PathBuf> {
        self.0.world.borrow().log_path(proc, channel).map(Path::to_path_buf)
    }

    /// Begins the log files of a process anew.
    pub(crate) fn clear_logs(&self, proc: ProcId) -> io::Result<()> {
        self.0.world.borrow().clear_logs(proc)
    }

    /// Begins the supervisor's own log file anew.
    pub(crate) fn clear_main_log(&self, path: &Path) -> io::Result<()> {
        self.0.world.borrow().clear_main_log(path)
    }

    /// Writes to a process's stdin. `None`: it has none.
    pub(crate) fn write_stdin(
        &self,
        proc: ProcId,
        bytes: &[u8],
    ) -> Option<Result<(), CannotWrite>> {
        self.0.world.borrow().write_stdin(proc, bytes)
    }

    /// The roots of the trees of all programs, and whose they are. Who does not answer
    /// when he is asked is nobody's.
    pub(crate) async fn roots(&self, family: &Family) -> io::Result<Vec<(Pid, ProcId)>> {
        let Roots { mut known, unsure } = self.0.world.borrow().roots(family)?;
        if !unsure.is_empty() {
            let (roster, readers) = self.0.world.borrow().identifiers();
            let deadline = Instant::now() + READ_TIME;
            for (member, told) in readers.read(environ, &unsure, deadline).await {
                if let Told::All(environ) = told
                    && let Some(proc) = roster.owner_by_mark(&environ)
                {
                    known.push((member.pid, proc));
                }
            }
        }
        Ok(known)
    }

    /// Tells of all that happens from now on.
    pub(crate) fn observe(&self) -> broadcast::Receiver<Rc<Event>> {
        self.0.world.borrow().observe()
    }

    fn unstartable(&self, which: &Which) -> Vec<(ProcId, SpawnError)> {
        let core = self.core();
        let meant = core.processes().filter(|info| match which {
            Which::Process(proc) => info.named.proc == *proc,
            Which::Group(group) => info.named.group == *group,
            Which::All => true,
        });
        let world = self.0.world.borrow();
        meant.filter_map(|info| Some((info.named.proc, world.obstacle(info.named.proc)?))).collect()
    }
}

/// Takes back a request whose answer nobody waits for any more.
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
