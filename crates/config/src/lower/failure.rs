//! The options for a program's failures.

use std::time::Duration;

use supervisor_core::failure::Preset;
use supervisor_core::spec::{Autorestart, FailureSpec, ProcessSpec, RetryRule};

use super::{Lowering, rule};
use crate::options::failure_options as o;
use crate::options::{self, SectionKind, health_options};
use crate::text::expand::Names;
use crate::text::ini::Section;
use crate::values::{AwaitGpu, FailurePreset, RankPolicy};

/// Reads the options. They do not apply to event listeners, because their output is a protocol.
/// Waiting for GPU memory needs `killtree`, which stops the leftover processes of the last run.
pub(super) fn read<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
    killtree: bool,
) -> Option<FailureSpec> {
    if SectionKind::of(&section.name) == Some(SectionKind::EventListener) {
        return Some(FailureSpec::default());
    }
    let preset = lowering.get(section, &o::PRESET, names);
    let exit_codes = lowering.get(section, &o::EXIT_CODES, names);
    let await_gpu = lowering.get(section, &o::AWAIT_GPU_MEMORY, names);
    // A health preset shows that the program is a model server, which usually runs on NVIDIA GPUs.
    let is_known = lowering.is_explicit(section, health_options::PRESET.def.key);
    let rules = rule::read(lowering, section, names);
    let (preset, exit_codes, rules) = (preset?, exit_codes?, rules?);
    for (class, code) in &exit_codes {
        if let Some(means) = other_meaning(*code) {
            lowering.report.warn(format!(
                "[{}] {}={}:{code} uses an exit code with another meaning: {means}",
                section.name,
                o::EXIT_CODES.def.key,
                class.name()
            ));
        }
    }
    let preset = match preset {
        FailurePreset::Auto => is_known.then_some(Preset::Cuda),
        FailurePreset::Off => None,
        FailurePreset::Of(preset) => Some(preset),
    };
    let wanted = match await_gpu? {
        AwaitGpu::Auto => preset.is_some(),
        AwaitGpu::Yes => true,
        AwaitGpu::No => false,
    };
    Some(FailureSpec { preset, await_devices: wanted && killtree, exit_codes, rules })
}

/// Disables restarts of a program that is one of several ranks: its first failure stops everything.
pub(super) fn apply_rank_policy<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
    process: &mut ProcessSpec,
) -> Option<()> {
    if SectionKind::of(&section.name) == Some(SectionKind::EventListener)
        || lowering.get(section, &o::RANK_POLICY, names)? == RankPolicy::Restart
    {
        return Some(());
    }
    for key in [options::STARTRETRIES.def.key, options::RETRIES_BEFORE_READY.def.key] {
        if lowering.is_explicit(section, key) {
            let (section, policy) = (&section.name, o::RANK_POLICY.def.key);
            lowering.report.warn(format!("[{section}] {key} has no effect with {policy}=exit"));
        }
    }
    (process.startretries, process.start.retries_before_ready) = (0, None);
    (process.autorestart, process.essential) = (Autorestart::Always, true);
    process.retry = RetryRule::Consecutive { reset_after: Duration::MAX };
    Some(())
}

/// The meaning of an exit code for shells and orchestrators.
const fn other_meaning(code: u8) -> Option<&'static str> {
    match code {
        2 => Some("wrong usage, by this supervisor with a file and by shells"),
        93 => Some("do not restart, by NVIDIA's resiliency extension"),
        125..=127 => Some("a container or a command that could not be started"),
        128..=165 => Some("a signal, 128 and its number"),
        255 => Some("a status out of range"),
        _ => None,
    }
}
