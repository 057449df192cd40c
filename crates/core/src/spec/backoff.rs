//! The delays before restarts.

use std::time::Duration;

/// The delay before each restart of a program that keeps failing. The first restart after a run
/// that was up has no delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backoff {
    /// [supervisord's](https://supervisord.org/subprocess.html#process-states): 1 second, 2
    /// seconds, 3 seconds and so on, without an upper limit.
    #[default]
    Linear,
    /// A delay that is multiplied after each failure, up to an upper limit, as in
    /// [Pebble](https://documentation.ubuntu.com/pebble/reference/service-auto-restart) and
    /// Kubernetes.
    Exponential {
        /// The first delay.
        first: Duration,
        /// The factor in thousandths: 2000 doubles the delay, 1000 keeps it. At least 1000.
        factor: u32,
        /// The upper limit.
        most: Duration,
        /// The random part of each delay in thousandths: 0 for none, 1000 for the whole delay. It
        /// makes the delay shorter, never longer.
        jitter: u32,
    },
}

/// Factors and parts are in thousandths.
const WHOLE: u128 = 1000;

impl Backoff {
    /// The delay before restart number `step`, counted from 1 in a series of failures. `chance`
    /// selects the random part; any number is valid.
    #[must_use]
    pub fn wait(&self, step: u32, chance: u32) -> Duration {
        match *self {
            Self::Linear => Duration::from_secs(step.into()),
            Self::Exponential { first, factor, most, jitter } => {
                let wait = grown(first.as_nanos(), u128::from(factor), step, most.as_nanos());
                let random = wait * u128::from(jitter) / WHOLE;
                let left_out = random * u128::from(chance) / u128::from(u32::MAX);
                nanos(wait - left_out.min(wait))
            }
        }
    }
}

/// `first` multiplied `step - 1` times by `factor`, at most `most`.
fn grown(first: u128, factor: u128, step: u32, most: u128) -> u128 {
    let mut wait = first.min(most);
    for _ in 1..step {
        let next = (wait * factor / WHOLE).min(most);
        if next <= wait {
            break;
        }
        wait = next;
    }
    wait
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(backoff: Backoff, chance: u32) -> Vec<u64> {
        let wait = |step| u64::try_from(backoff.wait(step, chance).as_millis()).unwrap_or(u64::MAX);
        (1..=6).map(wait).collect()
    }

    fn exponential(first: u64, factor: u32, most: u64, jitter: u32) -> Backoff {
        let (first, most) = (Duration::from_millis(first), Duration::from_millis(most));
        Backoff::Exponential { first, factor, most, jitter }
    }

    #[test]
    fn backoff_delays_grow_by_their_factor_up_to_the_limit() {
        for (backoff, expected) in [
            (Backoff::Linear, [1000, 2000, 3000, 4000, 5000, 6000]),
            (exponential(1000, 2000, 10_000, 0), [1000, 2000, 4000, 8000, 10_000, 10_000]),
            (exponential(1000, 1500, 60_000, 0), [1000, 1500, 2250, 3375, 5062, 7593]),
            (exponential(1000, 1000, 60_000, 0), [1000; 6]),
            (exponential(0, 2000, 60_000, 0), [0; 6]),
            (exponential(9000, 2000, 4000, 0), [4000; 6]),
        ] {
            assert_eq!(waits(backoff, 0), expected, "{backoff:?}");
        }
    }

    #[test]
    fn the_random_part_of_a_delay_only_shortens_it() {
        let backoff = exponential(1000, 2000, 8000, 250);
        assert_eq!(waits(backoff, 0), [1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(waits(backoff, u32::MAX), [750, 1500, 3000, 6000, 6000, 6000]);
        assert_eq!(waits(exponential(1000, 2000, 8000, 1000), u32::MAX), [0; 6]);
    }

    #[test]
    fn the_delay_stays_below_its_limit_after_any_number_of_failures() {
        let most = Duration::from_secs(u64::MAX);
        let backoff = Backoff::Exponential { first: most, factor: 10_000, most, jitter: 0 };
        assert!(backoff.wait(u32::MAX, 0) > Duration::from_secs(1 << 33));
        assert_eq!(exponential(1, 1001, 60_000, 0).wait(u32::MAX, 0), Duration::from_secs(60));
    }
}
