//! The exit of a descendant shortly before that of the main process. If a worker was killed a
//! moment before, that explains more than `it exited with 1`.

use std::time::Duration;

use crate::input::{Death, Exit};
use crate::report::Forerunner;
use crate::time::Mono;

/// Maximum time between the exit of a descendant and that of the main process to report both
/// together. Servers take time to exit after a worker: Ray checks its processes every second,
/// SGLang waits 5 seconds, TensorRT-LLM 10.
pub const FORERUNNER_WITHIN: Duration = Duration::from_secs(15);

/// The descendant of a run whose exit explains most.
#[derive(Clone, Debug, Default)]
pub(super) struct Deaths(Option<(Mono, Death)>);

impl Deaths {
    /// Notes the exit of a descendant. Keeps the first of several, because it may have caused the
    /// others, unless a later one was killed and the first was not.
    pub(super) fn note(&mut self, now: Mono, death: Death) {
        let weight = weight(&death);
        let outweighed = self.0.as_ref().is_none_or(|(at, known)| {
            now - *at > FORERUNNER_WITHIN || weight > self::weight(known)
        });
        if weight > 0 && outweighed {
            self.0 = Some((now, death));
        }
    }

    /// The noted descendant, if it exited recently.
    pub(super) fn before(&self, now: Mono) -> Option<Forerunner> {
        let (at, death) = self.0.as_ref()?;
        let before = now - *at;
        (before <= FORERUNNER_WITHIN).then(|| Forerunner { death: death.clone(), before })
    }
}

/// How much the exit of a descendant explains. A descendant that exits with 0 has done its work.
const fn weight(death: &Death) -> u8 {
    match death.exit {
        Some(Exit::Code(0)) => 0,
        None => 1,
        Some(Exit::Code(_)) => 2,
        Some(Exit::Signal { .. }) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Pid;
    use crate::signal::Signal;

    const KILLED: Exit = Exit::Signal { signal: Signal::KILL, core_dumped: false };

    fn at(secs: u64) -> Mono {
        Mono::from_zero(Duration::from_secs(secs))
    }

    fn told(deaths: &[(u64, i32, Option<Exit>)], now: u64) -> Option<i32> {
        let mut known = Deaths::default();
        for &(secs, pid, exit) in deaths {
            known.note(at(secs), Death { name: "worker".to_owned(), pid: Pid(pid), exit });
        }
        known.before(at(now)).map(|forerunner| forerunner.death.pid.0)
    }

    #[test]
    fn the_first_death_of_a_burst_counts_and_killed_processes_before_exited_ones() {
        let failed = Some(Exit::Code(1));
        for (deaths, now, expected) in [
            (&[][..], 0, None),
            (&[(1, 7, failed)], 16, Some(7)),
            (&[(1, 7, failed)], 17, None),
            (&[(1, 7, Some(Exit::Code(0)))], 1, None),
            (&[(1, 7, failed), (2, 8, failed)], 3, Some(7)),
            (&[(1, 7, failed), (2, 8, Some(KILLED)), (3, 9, Some(KILLED))], 3, Some(8)),
            (&[(1, 7, None), (2, 8, failed)], 3, Some(8)),
            (&[(1, 7, Some(KILLED)), (2, 8, failed)], 3, Some(7)),
            (&[(1, 7, Some(KILLED)), (17, 8, failed)], 18, Some(8)),
        ] {
            assert_eq!(told(deaths, now), expected, "{deaths:?}");
        }
    }
}
