//! Examines the GPUs of this container. The core decides when, and which action follows
//! (`crates/core/src/device.rs`).
//!
//! For NVIDIA's devices, the daemon runs `nvidia-smi` as a helper, one at a time: it takes 0.1 to
//! 30 seconds and may hang in the kernel forever. For AMD's and AWS's devices, the daemon reads sysfs.

mod amd;
mod neuron;
mod users;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use supervisor_core::device::{Device, DevicesSeen, Inventory, Source, TOOL_LIMIT, Trouble};
use supervisor_core::ids::{Pid, ProcId};
use supervisor_core::input::Exit;
use supervisor_core::spec::Launch;
use supervisor_sys::process::readers::Readers;
use supervisor_sys::process::start::lookup;
use supervisor_wire::system::nvidia_smi::{self, Answer};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::helpers::{Helper, Helpers, Outcome};
use crate::launch::Environment;
use crate::tree::{Roots, Roster};

/// The maximum number of bytes of output that are read.
const ROOM: usize = 64 * 1024;

/// The source of facts about the GPUs of this container.
#[derive(Debug)]
pub(crate) struct Gpus {
    helpers: Rc<Helpers>,
    environment: Environment,
    /// `nvidia-smi`; `None`: it is not installed here.
    tool: OnceCell<Option<PathBuf>>,
    /// One query at a time.
    asking: Semaphore,
    /// The last helper. While it exists, no other is started.
    last: Cell<Option<Pid>>,
    /// The driver is too old to report the recovery action of a device.
    old_driver: Cell<bool>,
    /// MIG devices, each after its GPU, once they were listed.
    parts: OnceCell<Vec<(String, String)>>,
    /// The time of the latest query, and its answer.
    latest: RefCell<Option<(Instant, Told)>>,
}

/// The result of a query.
#[derive(Clone, Debug)]
enum Told {
    Nothing,
    Hangs,
    Devices(Source, Answer),
}

/// A query of the core.
#[derive(Debug)]
pub(crate) struct Question {
    /// `CUDA_VISIBLE_DEVICES` of the program.
    pub(crate) visible: Option<String>,
    /// The processes to find among those that have a device open.
    pub(crate) users: Users,
}

/// Where to look for processes that have a device open.
#[derive(Debug)]
pub(crate) enum Users {
    /// Nowhere.
    NotAsked,
    /// This process and its descendants.
    Below(Pid),
    /// All that are visible in this container.
    InContainer,
    /// The trees of other programs.
    OfOthers(Others),
}

/// The other running programs.
#[derive(Debug)]
pub(crate) struct Others {
    /// `CUDA_VISIBLE_DEVICES` of each.
    pub(crate) visible: BTreeMap<ProcId, Option<String>>,
    /// The roots of all programs' trees.
    pub(crate) roots: Roots,
    pub(crate) roster: Rc<Roster>,
    pub(crate) readers: Rc<Readers>,
}

impl Others {
    /// `CUDA_VISIBLE_DEVICES` of those that have a device open.
    async fn with_open_device(self) -> Vec<Option<String>> {
        let Self { mut visible, roots, roster, readers } = self;
        let mut roots = roots.identify(&roster, &readers).await;
        roots.retain(|(_, proc)| visible.contains_key(proc));
        let using = users::of_trees(roots).await.unwrap_or_default();
        visible.retain(|proc, _| using.contains(proc));
        visible.into_values().collect()
    }
}

impl Gpus {
    pub(crate) fn new(helpers: Rc<Helpers>, environment: Environment) -> Rc<Self> {
        Rc::new(Self {
            helpers,
            environment,
            tool: OnceCell::new(),
            asking: Semaphore::new(1),
            last: Cell::default(),
            old_driver: Cell::default(),
            parts: OnceCell::new(),
            latest: RefCell::default(),
        })
    }

    /// Examines the devices.
    pub(crate) async fn look(self: Rc<Self>, question: Question) -> DevicesSeen {
        // In a task of its own: the tool has its time also if the core no longer waits for it.
        let asked = tokio::task::spawn_local(Rc::clone(&self).ask(Instant::now()));
        let (source, answer) = match asked.await {
            Ok(Told::Devices(source, answer)) => (source, answer),
            Ok(Told::Hangs) => return DevicesSeen::Hangs,
            Ok(Told::Nothing) | Err(_) => return DevicesSeen::Nothing,
        };
        let names_part = question.visible.as_ref().is_some_and(|visible| visible.contains("MIG-"));
        if names_part && let (Source::NvidiaSmi, Users::Below(_)) = (source, &question.users) {
            // Again in a task of its own.
            let _ = tokio::task::spawn_local(Rc::clone(&self).list_parts()).await;
        }
        let mut others = Vec::new();
        let users = match question.users {
            Users::NotAsked => None,
            Users::Below(main) => users::below(main).await,
            Users::InContainer => users::in_container().await,
            Users::OfOthers(of) => {
                others = of.with_open_device().await;
                None
            }
        };
        DevicesSeen::Devices(Box::new(Inventory {
            source,
            devices: answer.devices.into_iter().map(|device| self.device(device)).collect(),
            trouble: answer.trouble.map(trouble),
            visible: question.visible,
            users,
            others,
        }))
    }

    /// Lists MIG devices, once: a device is divided only while no process uses it.
    async fn list_parts(self: Rc<Self>) {
        let (Ok(_turn), Some(tool)) = (self.asking.acquire().await, self.tool()) else { return };
        if self.parts.get().is_some() {
            return;
        }
        if let Some(outcome) = self.execute(tool, &["-L"]).await
            && outcome.exit == Some(Exit::Code(0))
        {
            let parts = nvidia_smi::parts(&String::from_utf8_lossy(&outcome.output));
            // Nothing else sets it in this turn.
            let _ = self.parts.set(parts);
        }
    }

    fn device(&self, device: nvidia_smi::Device) -> Device {
        let nvidia_smi::Device { index, uuid: id, total, used, needs } = device;
        let parts = self.parts.get().into_iter().flatten();
        let own = parts.filter(|(gpu, _)| *gpu == id).map(|(_, part)| part.clone());
        Device { index, total, used, needs, parts: own.collect(), id }
    }

    /// Finds the tool at the first use, because a start must not wait for it.
    fn tool(&self) -> Option<&Path> {
        let search = || {
            let path = self.environment.iter().find(|(name, _)| name == "PATH");
            let path = path.map(|(_, path)| path.as_os_str());
            lookup::find("nvidia-smi".as_ref(), path, None).ok()
        };
        self.tool.get_or_init(search).as_deref()
    }

    /// The answer to a query that was made at `put`.
    async fn ask(self: Rc<Self>, put: Instant) -> Told {
        let Ok(_turn) = self.asking.acquire().await else { return Told::Nothing };
        if let Some((asked, told)) = &*self.latest.borrow()
            && *asked >= put
        {
            return told.clone();
        }
        let asked = Instant::now();
        let told = self.ask_now().await;
        *self.latest.borrow_mut() = Some((asked, told.clone()));
        told
    }

    async fn ask_now(&self) -> Told {
        let Some(tool) = self.tool() else {
            let answer = match amd::ask().await {
                Some(answer) => Some(answer),
                None => neuron::ask().await,
            };
            return answer.map_or(Told::Nothing, |answer| Told::Devices(Source::Sysfs, answer));
        };
        match self.run(tool, !self.old_driver.get()).await {
            Told::Devices(_, answer) if answer.unknown_field && !self.old_driver.replace(true) => {
                self.run(tool, false).await
            }
            told @ (Told::Nothing | Told::Hangs | Told::Devices(..)) => told,
        }
    }

    /// Runs the tool, unless an earlier one still hangs.
    async fn execute(&self, tool: &Path, arguments: &[&str]) -> Option<Outcome> {
        if self.last.get().is_some_and(|pid| self.helpers.has(pid)) {
            return None;
        }
        let argv = [tool.into()].into_iter().chain(arguments.iter().map(OsString::from));
        let what = Launch::as_supervisor(argv.collect());
        let started = self.helpers.start("nvidia-smi", &what, self.environment.clone());
        let helper: Helper = started.ok()?;
        self.last.set(Some(helper.pid()));
        Some(helper.finish(TOOL_LIMIT, ROOM).await)
    }

    /// Queries all devices. `recovery`: also query the recovery action of the devices.
    async fn run(&self, tool: &Path, recovery: bool) -> Told {
        let fields = nvidia_smi::FIELDS.to_owned();
        let fields =
            if recovery { format!("{fields},{}", nvidia_smi::RECOVERY_FIELD) } else { fields };
        let query = format!("--query-gpu={fields}");
        let Some(outcome) = self.execute(tool, &[&query, "--format=csv,noheader,nounits"]).await
        else {
            return Told::Nothing;
        };
        match outcome.exit {
            None => Told::Hangs,
            Some(Exit::Signal { .. }) => Told::Nothing,
            Some(Exit::Code(code)) => {
                let answer = nvidia_smi::read(code, &String::from_utf8_lossy(&outcome.output));
                let says_nothing =
                    answer.devices.is_empty() && answer.trouble.is_none() && !answer.unknown_field;
                if says_nothing { Told::Nothing } else { Told::Devices(Source::NvidiaSmi, answer) }
            }
        }
    }
}

fn trouble(trouble: nvidia_smi::Trouble) -> Trouble {
    match trouble {
        nvidia_smi::Trouble::Lost(line) => Trouble::Lost(line),
        nvidia_smi::Trouble::Gone(line) => Trouble::Gone(line),
    }
}
