//! What is made of a program's failures.

use supervisor_core::failure::Preset;
use supervisor_core::spec::FailureSpec;

use super::Lowering;
use crate::options::failure_options as o;
use crate::options::{SectionKind, health_options};
use crate::text::expand::Names;
use crate::text::ini::Section;
use crate::values::{AwaitGpu, FailurePreset};

/// Reads it. `killtree`: nothing of the last run lives on, without which no memory is awaited. The output of an event listener is its protocol.
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
    // What health presets know are servers that run models, mostly on NVIDIA's devices.
    let is_known = lowering.entry(section, health_options::PRESET.def.key).is_some();
    let (preset, exit_codes) = (preset?, exit_codes?);
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
        AwaitGpu::Auto => preset == Some(Preset::Cuda),
        AwaitGpu::Yes => true,
        AwaitGpu::No => false,
    };
    Some(FailureSpec { preset, await_devices: wanted && killtree, exit_codes })
}

/// What others take an exit code for.
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
