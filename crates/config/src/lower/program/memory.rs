//! The memory limit of a program.

use supervisor_core::spec::health::MemorySpec;

use super::super::Lowering;
use crate::options as o;
use crate::text::expand::Names;
use crate::text::ini::Section;

/// Reads the limit and the warning threshold.
pub(super) fn read<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<Option<MemorySpec>> {
    let limit = lowering.get(section, &o::MEMORY_LIMIT, names);
    let percent = lowering.get(section, &o::MEMORY_WARN, names);
    let (limit, percent) = (limit?, percent?);
    let (key, percent_key) = (o::MEMORY_LIMIT.def.key, o::MEMORY_WARN.def.key);
    if limit.is_none() && lowering.is_explicit(section, percent_key) {
        let warning = format!("[{}] {percent_key} has no effect without {key}", section.name);
        lowering.report.warn(warning);
    }
    Some(limit.map(|limit| MemorySpec { limit, warn: limit / 100 * u64::from(percent) }))
}
