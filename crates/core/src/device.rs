//! The devices of this container between two runs: whether they are still there, and how long a
//! start waits for their memory. NVIDIA's driver frees it some time after the last process has
//! gone: 26 seconds were measured where much memory of the host was pinned.
//!
//! ```text
//!   first start ──> a look beside it: what there is ─────────────┐ compared
//!   run ends ──> look ──> a device is lost ──> give up           v
//!                 ^  ├──> memory is free, or nothing is known ──> start
//!                 │  └──> memory is held ──> LOOK_AGAIN ┐
//!                 └─────────────────────────────────────┤
//!                     MEMORY_LIMIT is over ──> a line names the processes that use it; start anyway
//! ```
//!
//! An unknown state never holds back a start for long: a look that has no answer after
//! the time of the first look and [`LOOK_PATIENCE`] counts as unknown.
//!
//! Another program of this supervisor may use the same device, and keeps its memory as long as it
//! runs. The tools don't show how much that is, because they know the pids of the host only. So on
//! such a device a start waits only until the use no longer decreases.

mod judgement;
mod wait;

use std::time::Duration;

use crate::ids::Pid;
use crate::time::Mono;

pub(crate) use wait::{DeviceStep, DeviceWait, Ending};

/// How long a start waits for the memory of its devices, from the end of the last process on.
pub const MEMORY_LIMIT: Duration = Duration::from_secs(120);

/// The same, with the time of the last look.
pub const DEVICES_LIMIT: Duration = Duration::from_secs(130);

/// Time from one look at the memory to the next.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How much longer than the first look a look before a restart may take.
pub const LOOK_PATIENCE: Duration = Duration::from_secs(5);

/// Time for one run of `nvidia-smi`. Without NVIDIA's persistence daemon each run initializes the
/// driver, which takes up to 30 seconds.
pub const TOOL_LIMIT: Duration = Duration::from_secs(35);

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its index.
    pub index: u32,
    /// Its identifier: `GPU-…` for NVIDIA, `card0` for AMD.
    pub id: String,
    /// Total memory in MiB, if it can be read.
    pub total: Option<u64>,
    /// Used memory in MiB, if it can be read.
    pub used: Option<u64>,
    /// The action that is required before the device can be used again, such as `Reset`.
    pub needs: Option<String>,
    /// Identifiers of the MIG devices that it is divided into, if a program names one.
    pub parts: Vec<String>,
}

/// An error about devices, as the tool prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A device is lost.
    Lost(String),
    /// No device or no matching driver is available.
    Gone(String),
}

/// The source of what is known about devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// NVIDIA's tool.
    NvidiaSmi,
    /// The kernel, for AMD's and AWS's devices.
    Sysfs,
}

impl Source {
    /// Its name, for people to read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NvidiaSmi => "nvidia-smi",
            Self::Sysfs => "sysfs",
        }
    }
}

/// Which processes with an open device a look is to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsersOf {
    /// Those of the program.
    Program,
    /// Those of the other running programs of this supervisor.
    OtherPrograms,
    /// All that are visible in this container.
    Container,
}

/// The result of a look at the devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DevicesSeen {
    /// No tool is installed, its output says nothing, or an earlier look still hangs.
    Nothing,
    /// The tool did not respond within [`TOOL_LIMIT`].
    Hangs,
    /// The devices.
    Devices(Box<Inventory>),
}

/// The devices of this container at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// Where this is known from.
    pub source: Source,
    /// Devices that could be read.
    pub devices: Vec<Device>,
    /// The error, if there was one about devices.
    pub trouble: Option<Trouble>,
    /// `CUDA_VISIBLE_DEVICES` of the program.
    pub visible: Option<String>,
    /// Processes that have a device open, as requested; `None`: not requested, or that could not
    /// be found out.
    pub users: Option<Vec<(Pid, String)>>,
    /// `CUDA_VISIBLE_DEVICES` of each other running program of this supervisor that has a device
    /// open, if requested.
    pub others: Vec<Option<String>>,
}

/// The devices of a program at its first start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Devices {
    /// When the first look was requested.
    asked_at: Option<Mono>,
    first: Option<Box<First>>,
}

/// The result of the look beside the first start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct First {
    source: Source,
    devices: Vec<Device>,
    /// No process of the program had a device open yet, so the memory used then was not its.
    is_baseline: bool,
    /// How long that look took.
    took: Duration,
}

impl Devices {
    /// Whether the first look is still to be requested at a start.
    pub(crate) fn ask_first(&mut self, now: Mono) -> bool {
        let unknown = self.first.is_none();
        if unknown {
            self.asked_at = Some(now);
        }
        unknown
    }

    /// Whether any was there at the first start.
    pub(crate) fn are_known(&self) -> bool {
        self.first.as_ref().is_some_and(|first| !first.devices.is_empty())
    }

    /// The first look has no result; whether one was requested.
    pub(crate) const fn forget_first(&mut self) -> bool {
        self.asked_at.take().is_some()
    }

    /// Takes the result of the first look, beside the start of a run.
    pub(crate) fn note_first(&mut self, inventory: Inventory, now: Mono) {
        let Some(asked_at) = self.asked_at.take() else { return };
        let Inventory { source, devices, users, .. } = inventory;
        let is_baseline = users.is_some_and(|users| users.is_empty());
        let took = now - asked_at;
        self.first = Some(Box::new(First { source, devices, is_baseline, took }));
    }

    /// Begins to wait for the devices of a run that had gone at `since`, if there were any at the
    /// first start.
    pub(crate) fn wait(&self, since: Mono, now: Mono) -> Option<DeviceWait> {
        let first = self.first.as_deref().filter(|first| !first.devices.is_empty())?;
        (now < since + MEMORY_LIMIT).then(|| DeviceWait::new(first.clone(), since, now))
    }
}
