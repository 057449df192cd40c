//! Derives the failure class of a run from its exit status, its output and the GPU state.

use std::fmt;

use super::class::Class;
use super::output::Found;
use crate::exit::Exit;
use crate::signal::Signal;

/// The facts about a run that exited by itself.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The exit status of the main process.
    pub exit: Exit,
    /// The last known failure message in its output.
    pub found: Option<&'a Found>,
    /// Whether `/dev/shm` was full at the exit.
    pub shared_memory_full: bool,
    /// Whether the run had been ready. `None` if the program has no readiness condition.
    pub was_ready: Option<bool>,
}

/// The class of a failure and its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The class.
    pub class: Class,
    /// The cause as text: the name of a sign, or a sentence.
    pub cause: String,
    /// The output line that decided the class, if any.
    pub line: Option<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.class.row().what, self.cause)
    }
}

/// The state of the GPUs after all processes of a run have exited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceState {
    /// Unknown: the tool is not installed or did not answer.
    #[default]
    Unknown,
    /// All GPUs of the first start are present, and none needs a reset.
    Fine,
    /// A GPU is lost, or needs a reset or a reboot. Holds the tool's message.
    Lost(String),
    /// The container no longer has access to a GPU. Holds the tool's message.
    Gone(String),
}

impl DeviceState {
    /// The failure class, if this state explains the exit.
    #[must_use]
    pub fn verdict(self) -> Option<Verdict> {
        let (class, cause) = match self {
            Self::Unknown | Self::Fine => return None,
            Self::Lost(cause) => (Class::GpuLost, cause),
            Self::Gone(cause) => (Class::NoGpu, cause),
        };
        Some(Verdict { class, cause, line: None })
    }
}

/// Classifies a failure. Returns `None` if only the exit status describes it.
#[must_use]
pub fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let ended_by = |by| matches!(evidence.exit, Exit::Signal { signal, .. } if signal == by);
    // Another process asked this one to stop, so its output does not explain the exit.
    if [Signal::TERM, Signal::INT, Signal::HUP].into_iter().any(ended_by) {
        return None;
    }
    if ended_by(Signal::BUS) && evidence.shared_memory_full {
        let cause = "SIGBUS while /dev/shm is full".to_owned();
        return Some(Verdict { class: Class::NoSpace, cause, line: None });
    }
    let found = evidence.found?;
    let sign = found.sign()?;
    if sign.before_ready && evidence.was_ready == Some(true) {
        return None;
    }
    Some(Verdict { class: sign.class, cause: sign.name.to_owned(), line: Some(found.line.clone()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(exit: Exit, sign: &'static str, was_ready: Option<bool>) -> Option<Class> {
        let found = Found { sign, line: "the line".to_owned() };
        let evidence = Evidence { exit, found: Some(&found), shared_memory_full: false, was_ready };
        judge(&evidence).map(|verdict| verdict.class)
    }

    const fn signal(signal: Signal) -> Exit {
        Exit::Signal { signal, core_dumped: false }
    }

    #[test]
    fn only_a_requested_exit_overrides_the_failure_in_the_output() {
        let oom = "cuda_out_of_memory";
        for exit in [Exit::Code(0), Exit::Code(1), signal(Signal::KILL), signal(Signal::BUS)] {
            assert_eq!(class(exit, oom, Some(true)), Some(Class::GpuMemory), "{exit}");
        }
        assert_eq!(class(signal(Signal::TERM), oom, Some(true)), None);
    }

    #[test]
    fn a_configuration_failure_needs_a_run_that_was_never_ready() {
        for (was_ready, expected) in
            [(None, Some(Class::Config)), (Some(false), Some(Class::Config)), (Some(true), None)]
        {
            assert_eq!(class(Exit::Code(1), "missing_module", was_ready), expected);
        }
    }

    #[test]
    fn full_shared_memory_explains_a_bus_error() {
        let evidence = |exit, shared_memory_full| Evidence {
            exit,
            found: None,
            shared_memory_full,
            was_ready: None,
        };
        let class = |evidence| judge(&evidence).map(|verdict| verdict.class);
        assert_eq!(class(evidence(signal(Signal::BUS), true)), Some(Class::NoSpace));
        assert_eq!(class(evidence(signal(Signal::BUS), false)), None);
        assert_eq!(class(evidence(signal(Signal::KILL), true)), None);
    }
}
