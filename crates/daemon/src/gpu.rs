//! What becomes of GPUs between two runs: whether they are still there, and whether their memory
//! is free again. NVIDIA's driver frees it some time after the last process has gone: 26 seconds
//! were measured where much memory of the host was pinned.
//!
//! NVIDIA's devices are asked for with `nvidia-smi`, one at a time, as a helper: it takes from 0.1 to 30 seconds, and
//! may hang in the kernel for ever. AMD's are read from sysfs. What is not known holds up nothing.

mod amd;
mod holders;
mod judgement;

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::failure::DeviceState;
use supervisor_core::ids::Pid;
use supervisor_core::input::Exit;
use supervisor_core::level::Level;
use supervisor_core::spec::Launch;
use supervisor_sys::process::start::lookup;
use supervisor_wire::system::nvidia_smi::{self, Answer, Device};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::capture::journal::Journal;
use crate::helpers::{Helper, Helpers};
use crate::launch::Environment;
use judgement::{Memory, Visible, memory, state};

/// Time for one answer. Without NVIDIA's persistence daemon each initializes the driver.
const ANSWER_LIMIT: Duration = Duration::from_secs(35);

/// Time that a response before a restart may take longer than the first one. After it the state is
/// unknown and the program starts; the tool keeps its own time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time for memory to become free.
const MEMORY_LIMIT: Duration = Duration::from_secs(120);

/// Time from one look at the memory to the next.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Bytes of an answer that are read.
const ROOM: usize = 64 * 1024;

/// What is known of the GPUs of this container.
#[derive(Debug)]
pub(crate) struct Gpus {
    helpers: Rc<Helpers>,
    journal: Rc<Journal>,
    environment: Environment,
    /// `nvidia-smi`; `None`: it is not installed here.
    tool: OnceCell<Option<PathBuf>>,
    /// One question at a time.
    asking: Semaphore,
    /// The tool that did not answer: as long as it is there, no other is started.
    hangs: Cell<Option<Pid>>,
    /// The driver is too old to say what a device needs.
    old_driver: Cell<bool>,
    /// What there was at the first start; `None`: that is not known.
    first: RefCell<Option<First>>,
}

/// What there was at the first start.
#[derive(Clone, Debug)]
struct First {
    devices: Vec<Device>,
    /// No process of the program had a device open yet, so the memory used then was not its.
    is_baseline: bool,
    /// The time that the response took.
    took: Duration,
}

impl Gpus {
    pub(crate) fn new(
        helpers: Rc<Helpers>,
        journal: Rc<Journal>,
        environment: Environment,
    ) -> Rc<Self> {
        Rc::new(Self {
            helpers,
            journal,
            environment,
            tool: OnceCell::new(),
            asking: Semaphore::new(1),
            hangs: Cell::default(),
            old_driver: Cell::default(),
            first: RefCell::default(),
        })
    }

    /// A program runs whose devices will be looked at later: finds out what there is, once.
    pub(crate) async fn note_first(&self, main: Pid) {
        if self.first.borrow().is_some() {
            return;
        }
        let asked = Instant::now();
        let Some(answer) = self.ask().await else { return };
        let took = asked.elapsed();
        let is_baseline = !holders::are_below(main).await;
        let first = First { devices: answer.devices, is_baseline, took };
        self.first.borrow_mut().get_or_insert(first);
    }

    /// All processes of a run have gone: are the devices there, and is their memory free? Waits
    /// for that, and says so.
    pub(crate) async fn settle(self: Rc<Self>, name: &str, visible: Option<&str>) -> DeviceState {
        let first = self.first.borrow().clone();
        let Some(first) = first.filter(|first| !first.devices.is_empty()) else {
            return DeviceState::Unknown;
        };
        let visible = Visible::read(visible);
        let begun = Instant::now();
        let mut before: Option<Vec<Device>> = None;
        loop {
            let asked = Rc::clone(&self).ask_within(first.took + PATIENCE).await;
            let Some(answer) = asked else { return DeviceState::Unknown };
            let state = state(&first.devices, &visible, &answer);
            if state != DeviceState::Fine {
                return state;
            }
            let baseline = first.is_baseline.then_some(first.devices.as_slice());
            let held = memory(baseline, before.as_deref(), &visible, &answer.devices);
            let waited = begun.elapsed();
            match held {
                Memory::Free if before.is_some() => {
                    let what =
                        if first.is_baseline { "was released" } else { "stopped decreasing" };
                    let note = format!(
                        "gpu: {name}: GPU memory {what} after {:.1} s",
                        waited.as_secs_f64()
                    );
                    self.journal.say(Level::Info, &note);
                    return DeviceState::Fine;
                }
                Memory::Free => return DeviceState::Fine,
                Memory::Held(held) if waited >= MEMORY_LIMIT => {
                    self.tell_held(name, &held, waited).await;
                    return DeviceState::Fine;
                }
                Memory::Held(_) => {}
            }
            before = Some(answer.devices);
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Says what holds memory, as far as that can be seen.
    async fn tell_held(&self, name: &str, held: &[(Device, u64)], waited: Duration) {
        let mut note = format!("gpu: {name}: after {} s", waited.as_secs());
        for (device, more) in held {
            let _ = write!(
                note,
                ", {} has {more} MiB more in use than at the first start",
                device.uuid
            );
        }
        match holders::of_devices().await {
            holders if holders.is_empty() => note.push_str(
                "; no process visible in this container has a GPU open; another container may \
                 use it, or the driver has not released it yet",
            ),
            holders => {
                let shown: Vec<_> =
                    holders.iter().map(|(pid, name)| format!("{name} (pid {pid})")).collect();
                let _ = write!(note, "; these have a GPU open: {}", shown.join(", "));
            }
        }
        note.push_str("; starting anyway");
        self.journal.say(Level::Warn, &note);
    }

    /// Searches the tool when it is first needed: a start must not wait for that.
    fn tool(&self) -> Option<&Path> {
        let search = || {
            let path = self.environment.iter().find(|(name, _)| name == "PATH");
            let path = path.map(|(_, path)| path.as_os_str());
            lookup::find("nvidia-smi".as_ref(), path, None).ok()
        };
        self.tool.get_or_init(search).as_deref()
    }

    /// Asks, and waits for the answer at most `limit`. The tool goes on in a task of its own, so that
    /// no second one is started beside it.
    async fn ask_within(self: Rc<Self>, limit: Duration) -> Option<Answer> {
        let gpus = Rc::clone(&self);
        let asked = tokio::task::spawn_local(async move { gpus.ask().await });
        match tokio::time::timeout(limit, asked).await {
            Ok(answer) => answer.ok().flatten(),
            Err(_) => {
                self.tell_no_response(limit);
                None
            }
        }
    }

    fn tell_no_response(&self, limit: Duration) {
        let note = format!(
            "gpu: nvidia-smi did not respond within {} s; the state of the GPUs is unknown",
            limit.as_secs()
        );
        self.journal.say(Level::Warn, &note);
    }

    /// `None`: there is no answer, or none that says anything.
    async fn ask(&self) -> Option<Answer> {
        let _turn = self.asking.acquire().await.ok()?;
        if self.tool().is_none() {
            return amd::ask().await;
        }
        if self.hangs.get().is_some_and(|pid| self.helpers.has(pid)) {
            return None;
        }
        let answer = self.ask_for(!self.old_driver.get()).await?;
        let answer = if answer.unknown_field && !self.old_driver.replace(true) {
            self.ask_for(false).await?
        } else {
            answer
        };
        let says_nothing = answer.devices.is_empty() && answer.trouble.is_none();
        (!says_nothing).then_some(answer)
    }

    async fn ask_for(&self, recovery: bool) -> Option<Answer> {
        let fields = nvidia_smi::FIELDS.to_owned();
        let fields =
            if recovery { format!("{fields},{}", nvidia_smi::RECOVERY_FIELD) } else { fields };
        let argv: Vec<OsString> = vec![
            self.tool()?.into(),
            format!("--query-gpu={fields}").into(),
            "--format=csv,noheader,nounits".into(),
        ];
        let what = Launch::as_supervisor(argv);
        let helper: Helper =
            self.helpers.start("nvidia-smi", &what, self.environment.clone()).ok()?;
        let pid = helper.pid();
        let outcome = helper.finish(ANSWER_LIMIT, ROOM).await;
        let Some(exit) = outcome.exit else {
            self.hangs.set(Some(pid));
            self.tell_no_response(ANSWER_LIMIT);
            return None;
        };
        match exit {
            Exit::Code(code) => {
                Some(nvidia_smi::read(code, &String::from_utf8_lossy(&outcome.output)))
            }
            Exit::Signal { .. } => None,
        }
    }
}
