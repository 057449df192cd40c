//! The cleanup between two runs.

use supervisor_core::spec::{RemoveLeftovers, TidySpec};

use super::Lowering;
use crate::options::{self as o, health_options as health};
use crate::text::expand::Names;
use crate::text::ini::Section;

/// Reads the options. They need `killtree`, because a cleanup is safe only when no process of the
/// last run is left.
pub(super) fn read<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
    killtree: bool,
) -> Option<Option<TidySpec>> {
    let remove_leftovers = lowering.get(section, &o::REMOVE_LEFTOVERS, names);
    let port = lowering.get(section, &o::AWAIT_PORT, names);
    let (remove_leftovers, port) = (remove_leftovers?, port?);
    let shared_memory = match remove_leftovers {
        RemoveLeftovers::No => &[],
        RemoveLeftovers::OnEvidence | RemoveLeftovers::All => lowering
            .get(section, &health::PRESET, names)
            .map_or(&[][..], |preset| preset.shared_memory),
    };
    // The sockets are added when the command is known.
    let spec = TidySpec { remove_leftovers, sockets: Vec::new(), shared_memory, port };
    let asked = [
        (o::REMOVE_LEFTOVERS.def.key, remove_leftovers != RemoveLeftovers::No),
        (o::AWAIT_PORT.def.key, spec.port.is_some()),
    ];
    if !killtree {
        for (key, _) in asked.into_iter().filter(|(_, on)| *on) {
            if lowering.is_explicit(section, key) {
                let warning = format!("[{}] {key} has no effect without killtree", section.name);
                lowering.report.warn(warning);
            }
        }
        return Some(None);
    }
    Some((spec != TidySpec::default()).then_some(spec))
}
