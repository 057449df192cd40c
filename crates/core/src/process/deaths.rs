//! The end of a descendant shortly before that of the main process. `it exited with 1` is
//! hardly the cause if a worker was killed a moment before.

use std::time::Duration;

use crate::input::{Death, Exit};
use crate::report::Forerunner;
use crate::time::Mono;

/// How long before the end of a main process that of a descendant may be to be reported with
/// it. A server takes its time until it exits for a worker: Ray looks after its processes
/// every second, SGLang waits for 5 seconds, TensorRT-LLM for 10.
pub const FORERUNNER_WITHIN: Duration = Duration::from_secs(15);

/// The descendant of a run whose end says most about what may have gone wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Deaths(Option<(Mono, Death)>);

impl Deaths {
    /// Notes that a descendant ended. Of several within a short time the first is kept, since
    /// the others may well have followed from it, unless one was killed and the first was not.
    pub(super) fn note(&mut self, now: Mono, death: Death) {
        let weight = weight(&death);
        let outweighed = self.0.as_ref().is_none_or(|(at, known)| {
            now - *at > FORERUNNER_WITHIN || weight > self::weight(known)
        });
        if weight > 0 && outweighed {
            self.0 = Some((now, death));
        }
    }

    /// The descendant that ended not too long before now.
    pub(super) fn before(&self, now: Mono) -> Option<Forerunner> {
        let (at, death) = self.0.as_ref()?;
        let before = now - *at;
        (before <= FORERUNNER_WITHIN).then(|| Forerunner { death: death.clone(), before })
    }
}

/// How much the end of a descendant says. One that exits with 0 has done its work.
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
    fn of_a_burst_the_first_is_told_and_who_was_killed_before_who_exited() {
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
