//! The options for stopping a program.

use std::time::Duration;

use supervisor_core::signal::{Signal, SignalMap};
use supervisor_core::spec::StopTarget;

use super::super::{Lowering, at_least_zero};
use super::origin;
use crate::options as o;
use crate::options::health_options;
use crate::text::expand::Names;
use crate::text::ini::Section;

/// The signal, its targets, and the grace periods.
pub(super) struct Stopping {
    pub(super) signal: Signal,
    pub(super) signal_map: SignalMap,
    pub(super) wait: Duration,
    pub(super) target: StopTarget,
    pub(super) kill_target: StopTarget,
    pub(super) leftover_grace: Duration,
    pub(super) for_health: Duration,
}

impl Stopping {
    pub(super) fn read<'a>(
        lowering: &mut Lowering<'a>,
        section: &'a Section,
        names: &Names<'_>,
    ) -> Option<Self> {
        let signal = lowering.get(section, &o::STOPSIGNAL, names);
        let signal_map = lowering.get(section, &o::SIGNAL_MAP, names);
        let wait = lowering.get(section, &o::STOPWAITSECS, names);
        let as_group = lowering.get(section, &o::STOPASGROUP, names);
        let kill_as_group = lowering.try_get(section, &o::KILLASGROUP, names);
        let (as_group, kill_as_group) = (as_group?, kill_as_group.ok()?.or(as_group)?);
        if as_group && !kill_as_group {
            let origin = origin(lowering, section, o::KILLASGROUP.def.key);
            let why =
                "Cannot set stopasgroup=true and killasgroup=false; set stopasgroup=false as well";
            lowering.complain(section, origin, why);
        }
        let target = lowering.try_get(section, &o::STOP_TARGET, names);
        let leftover_grace = lowering.get(section, &o::LEFTOVER_GRACE, names);
        let for_health = lowering.get(section, &health_options::STOP, names);
        let (signal, signal_map) = (signal?, signal_map?);
        let Some(signal) = signal_map.sent(signal) else {
            let key = o::SIGNAL_MAP.def.key;
            let why = format!(
                "{key} drops {signal}, the stopsignal: the program could only be killed; map it to \
                 another signal"
            );
            lowering.complain(section, origin(lowering, section, key), &why);
            return None;
        };
        let wait = at_least_zero(wait?, section, o::STOPWAITSECS.def.key, lowering.report);
        let reach = |group| if group { StopTarget::Group } else { StopTarget::Main };
        Some(Self {
            signal,
            signal_map,
            wait: Duration::from_secs(wait),
            target: target.ok()?.unwrap_or_else(|| reach(as_group)),
            kill_target: reach(kill_as_group),
            leftover_grace: leftover_grace?,
            for_health: for_health?,
        })
    }
}
