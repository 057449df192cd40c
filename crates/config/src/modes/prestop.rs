//! Warns about a prestop delay that cannot end early.

use supervisor_core::spec::Spec;

use crate::env;
use crate::error::Report;
use crate::options;
use crate::sources::Mode;

/// Warns if the delay should end when the servers are idle, but never can.
pub(crate) fn warn_if_never_early(spec: &Spec, mode: Mode<'_>, report: &mut Report) {
    let Some(least) = spec.prestop_idle else { return };
    let [until_idle, delay, min] = match mode {
        Mode::Command(_) | Mode::Once(_) => {
            [env::PRESTOP_UNTIL_IDLE.name, env::PRESTOP_DELAY_SECS.name, env::PRESTOP_MIN_SECS.name]
        }
        Mode::File => [
            options::PRESTOP_UNTIL_IDLE.def.key,
            options::PRESTOP_DELAY_KEY.def.key,
            options::PRESTOP_MIN.def.key,
        ],
    };
    if spec.prestop_delay <= least {
        return report.warn(format!(
            "{until_idle} has no effect: {delay}={} is not longer than {min}={}; set {delay} to the \
             longest time that a request may take",
            spec.prestop_delay.as_secs_f64(),
            least.as_secs_f64()
        ));
    }
    let processes = spec.groups.iter().flat_map(|group| &group.processes);
    let mut servers = processes.filter(|process| process.main);
    let unseen = servers.find(|server| {
        !server.health.progress.as_ref().is_some_and(|progress| progress.tells_idle)
    });
    if let Some(server) = unseen {
        report.warn(format!(
            "{until_idle}: no metrics show when {} is idle (presets vllm, sglang, tgi and llama.cpp \
             have them); a stop waits the full {} s",
            server.name,
            spec.prestop_delay.as_secs_f64()
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use crate::modes::command::command_mode;
    use crate::testing::{FakeHost, sources};

    #[test]
    fn a_prestop_delay_that_can_never_end_early_causes_a_warning() {
        let early = ("PROCESS_PRESTOP_UNTIL_IDLE", "true");
        let delay = ("PROCESS_PRESTOP_DELAY_SECS", "300");
        let preset = ("PROCESS_HEALTH_PRESET", "vllm");
        let tei = ("PROCESS_HEALTH_PRESET", "tei");
        for (variables, expected) in [
            (&[early][..], Some("has no effect: PROCESS_PRESTOP_DELAY_SECS=0 is not longer than")),
            (&[early, delay], Some("no metrics show when app is idle")),
            (&[early, delay, tei], Some("no metrics show when app is idle")),
            (&[early, delay, preset], None),
            (&[delay], None),
        ] {
            let command = ["serve", "--port", "80"].map(OsString::from).to_vec();
            let config = command_mode(command, &sources(variables), &FakeHost::default()).unwrap();
            let warning = config.warnings.iter().find(|line| line.starts_with(early.0));
            assert_eq!(warning.is_some(), expected.is_some(), "{variables:?} {warning:?}");
            assert!(
                warning.zip(expected).is_none_or(|(line, part)| line.contains(part)),
                "{warning:?}"
            );
        }
    }
}
