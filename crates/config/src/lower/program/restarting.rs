//! The options for starts and restarts of a program.

use std::time::Duration;

use crate::sources::Mode;
use supervisor_core::spec::{Autorestart, Backoff, RetryRule};

use super::super::{Lowering, at_least_zero, to_u32};
use super::origin;
use crate::options::{self as o, Key};
use crate::text::expand::Names;
use crate::text::ini::Section;

/// The conditions for a successful start and for restarts.
pub(super) struct Restarting {
    pub(super) autostart: bool,
    pub(super) startsecs: Duration,
    pub(super) startretries: u32,
    pub(super) autorestart: Autorestart,
    pub(super) exitcodes: Vec<u8>,
    pub(super) retry: RetryRule,
    pub(super) backoff: Backoff,
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
        let backoff = backoff(lowering, section, names);
        Some(Self {
            autostart: autostart?,
            startsecs: Duration::from_secs(startsecs?),
            startretries: to_u32(startretries?),
            autorestart: autorestart?,
            exitcodes: exitcodes?,
            retry: retry?,
            backoff: backoff?,
        })
    }
}

/// The rule that counts failures.
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

/// The delays before restarts.
fn backoff<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<Backoff> {
    let factor = lowering.get(section, &o::RETRY_FACTOR, names);
    let first = lowering.get(section, &o::RETRY_WAIT, names);
    let most = lowering.get(section, &o::RETRY_WAIT_MAX, names);
    let jitter = lowering.get(section, &o::RETRY_JITTER, names);
    let (factor, first, most, jitter) = (factor?, first?, most?, jitter?);
    let (growth, longest) = (o::RETRY_FACTOR.def.key, o::RETRY_WAIT_MAX.def.key);
    let Some(factor) = factor else {
        for key in [o::RETRY_WAIT.def.key, longest, o::RETRY_JITTER.def.key] {
            if lowering.is_explicit(section, key) {
                let warning = format!("[{}] {key} has no effect without {growth}", section.name);
                lowering.report.warn(warning);
            }
        }
        return Some(Backoff::Linear);
    };
    if most < first {
        let why = format!(
            "{longest}={} is shorter than the first wait, {}={}",
            most.as_secs_f64(),
            o::RETRY_WAIT.def.key,
            first.as_secs_f64()
        );
        let key =
            if lowering.is_explicit(section, longest) { longest } else { o::RETRY_WAIT.def.key };
        lowering.complain(section, origin(lowering, section, key), &why);
        return None;
    }
    Some(Backoff::Exponential { first, factor, most, jitter })
}
