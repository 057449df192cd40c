//! The options of `[supervisord]` for reports of unexpected exits.

use super::{Lowering, at_least_zero};
use crate::options as o;
use crate::settings::supervisord::{Crash, CrashFiles, TerminationLog};
use crate::text::expand::Names;
use crate::text::ini::Section;

/// Reads these options.
pub(super) fn read<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<Crash> {
    let line = lowering.get(section, &o::CRASH_LINE, names);
    let directory = lowering.get(section, &o::CRASH_DIR, names);
    let keep = lowering.get(section, &o::CRASH_KEEP, names);
    let termination_log = lowering.get(section, &o::TERMINATION_LOG, names);
    let keep = at_least_zero(keep?, section, o::CRASH_KEEP.def.key, lowering.report);
    let asked_for = lowering.is_explicit(section, o::CRASH_DIR.def.key);
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let files = directory?.filter(|_| keep > 0);
    let files = files.map(|directory| CrashFiles { directory, asked_for, keep });
    let asked_for = lowering.is_explicit(section, o::TERMINATION_LOG.def.key);
    let termination_log = termination_log?.map(|path| TerminationLog { path, asked_for });
    Some(Crash { line: line?, files, termination_log })
}
