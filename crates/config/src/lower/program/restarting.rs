//! When a program starts, and starts again.

use std::time::Duration;

use crate::sources::Mode;
use supervisor_core::spec::{Autorestart, RetryRule};

use super::super::{Lowering, at_least_zero, to_u32};
use crate::options::{self as o, Key};
use crate::text::expand::Names;
use crate::text::ini::Section;

/// What counts as a start that succeeded, and what follows an end.
pub(super) struct Restarting {
    pub(super) autostart: bool,
    pub(super) startsecs: Duration,
    pub(super) startretries: u32,
    pub(super) autorestart: Autorestart,
    pub(super) exitcodes: Vec<u8>,
    pub(super) retry: RetryRule,
}

impl Restarting {
    pub(super) fn read<'a>(
        lowering: &mut Lowering<'a>,
        section: &'a Section,
        names: &Names<'_>,
    ) -> Option<Self> {
        let number = |lowering: &mut Lowering<'a>, key: &Key<i64>| {
            let value = lowering.get(section, key, names)?;
            Some(at_least_zero(value, section, key.def.key, lowering.report))
        };
        let autostart = lowering.get(section, &o::AUTOSTART, names);
        let startsecs = number(lowering, &o::STARTSECS);
        let startretries = number(lowering, &o::STARTRETRIES);
        let autorestart = lowering.get(section, &o::AUTORESTART, names);
        let exitcodes = lowering.get(section, &o::EXITCODES, names);
        let retry = retry(lowering, section, names);
        Some(Self {
            autostart: autostart?,
            startsecs: Duration::from_secs(startsecs?),
            startretries: to_u32(startretries?),
            autorestart: autorestart?,
            exitcodes: exitcodes?,
            retry: retry?,
        })
    }
}

/// How failures are counted.
fn retry<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<RetryRule> {
    if let Mode::Once(_) = lowering.mode {
        return Some(RetryRule::Once);
    }
    let seconds = lowering.get(section, &o::RETRYRESETSECS, names)?;
    Some(match seconds {
        None => RetryRule::FailedStarts,
        Some(seconds) => {
            let key = o::RETRYRESETSECS.def.key;
            let seconds = at_least_zero(seconds, section, key, lowering.report);
            RetryRule::Consecutive { reset_after: Duration::from_secs(seconds) }
        }
    })
}
