//! The classes of failures: one list for metrics, logs, reports, exit codes and documentation.

/// The cause of an exit, as used in metrics and settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "CLASSES says what each of them means")]
pub enum Class {
    Spawn,
    Exit,
    Signal,
    Oom,
    Health,
    Unkillable,
    GpuMemory,
    GpuError,
    GpuLost,
    NoGpu,
    Collective,
    NoSpace,
    PortInUse,
    Config,
    Hub,
}

/// The reaction to a failure of a class, unless the program's settings override it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Restart the program according to its retry rules.
    Retry,
    /// Give up at once if the command does not exist or is not executable and the retry rules
    /// count consecutive failures. Otherwise restart the program according to its retry rules.
    GiveUpIfPermanent,
    /// Wait until the missing resource is available or the wait is over, then restart the program.
    WaitFirst,
    /// Restart the program once. If the same failure happens again before the program was ever
    /// ready, give up: only a change from outside can help.
    GiveUpIfRepeated,
    /// Give up at once: a restart in this container cannot help.
    GiveUp,
}

/// The properties of a class.
#[derive(Clone, Copy, Debug)]
pub struct ClassRow {
    /// The class.
    pub class: Class,
    /// The name in metrics, logs, reports and settings.
    pub name: &'static str,
    /// The failure as the beginning of a log line; empty if the exit status says everything.
    pub what: &'static str,
    /// How the supervisor recognizes the class; text of the reference.
    pub recognized: &'static str,
    /// The default reaction.
    pub then: Consequence,
    /// The exit code that the documentation suggests.
    pub suggested_code: u8,
}

/// All classes, in the order of [`Class`].
pub const CLASSES: [ClassRow; 15] = {
    use Class as C;
    use Consequence::{GiveUp, GiveUpIfPermanent, GiveUpIfRepeated, Retry, WaitFirst};
    [
        row(
            C::Spawn,
            "spawn",
            "",
            "The command could not be started, or a server in `wait_for` or a program in \
             `depends_on` did not become available.",
            GiveUpIfPermanent,
            66,
        ),
        row(
            C::Exit,
            "exit",
            "",
            "The process exited, and its output shows no other cause.",
            Retry,
            1,
        ),
        row(
            C::Signal,
            "signal",
            "",
            "A signal terminated the process, and its output shows no other cause.",
            Retry,
            1,
        ),
        row(
            C::Oom,
            "oom",
            "",
            "The kernel's count of OOM kills rose during the run (`memory.events` of the cgroup), or the process used more than its `memory_limit`.",
            Retry,
            79,
        ),
        row(C::Health, "health", "", "The process was unhealthy and was stopped.", Retry, 80),
        row(C::Unkillable, "unkillable", "", "A process survived SIGKILL.", GiveUp, 81),
        row(
            C::GpuMemory,
            "gpu_memory",
            "out of GPU memory",
            "The output ends with a GPU allocation failure, or with a check that found too \
             little GPU memory.",
            WaitFirst,
            70,
        ),
        row(
            C::GpuError,
            "gpu_error",
            "GPU error",
            "The output ends with a GPU error after which the process cannot use its GPU \
             context. Nothing shows that the device itself is lost.",
            Retry,
            74,
        ),
        row(
            C::GpuLost,
            "gpu_lost",
            "a GPU is lost",
            "After all processes have exited, `nvidia-smi` reports a lost GPU, one GPU fewer \
             than at the first start, or a GPU that needs a reset or a reboot.",
            GiveUp,
            71,
        ),
        row(
            C::NoGpu,
            "no_gpu",
            "the container no longer has a GPU",
            "The first start had GPUs, and `nvidia-smi` now finds no device, no driver, or a \
             driver of another version.",
            GiveUp,
            72,
        ),
        row(
            C::Collective,
            "collective",
            "communication between ranks failed",
            "The output ends with an NCCL timeout or error, or with a failed rendezvous of the \
             ranks.",
            Retry,
            76,
        ),
        row(
            C::NoSpace,
            "no_space",
            "no space left",
            "The output ends with `No space left on device`, or SIGBUS ended the process while `/dev/shm` was full.",
            GiveUpIfRepeated,
            73,
        ),
        row(
            C::PortInUse,
            "port_in_use",
            "its port is in use",
            "The output ends with a `bind` that failed because the address is in use.",
            WaitFirst,
            77,
        ),
        row(
            C::Config,
            "config",
            "it cannot run as configured",
            "Before the server was ready, the output ends with an error about its arguments, \
             model, token, libraries or driver version.",
            GiveUpIfRepeated,
            78,
        ),
        row(
            C::Hub,
            "hub",
            "the model hub cannot be reached",
            "Before the server was ready, the output ends with a network error from the model \
             hub.",
            Retry,
            69,
        ),
    ]
};

impl Class {
    /// All classes.
    pub const ALL: [Self; 15] = {
        let mut all = [Self::Spawn; 15];
        let mut at = 0;
        while at < all.len() {
            all[at] = CLASSES[at].class;
            at += 1;
        }
        all
    };

    /// The properties of this class.
    #[must_use]
    pub const fn row(self) -> &'static ClassRow {
        &CLASSES[self as usize]
    }

    /// The name in metrics, logs, reports and settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The class with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

const fn row(
    class: Class,
    name: &'static str,
    what: &'static str,
    recognized: &'static str,
    then: Consequence,
    suggested_code: u8,
) -> ClassRow {
    ClassRow { class, name, what, recognized, then, suggested_code }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_failure_class_has_a_row_and_a_unique_name() {
        for class in Class::ALL {
            assert_eq!((class.row().class, Class::of(class.name())), (class, Some(class)));
        }
        let names: BTreeSet<_> = Class::ALL.iter().map(|class| class.name()).collect();
        assert_eq!(names.len(), Class::ALL.len());
        assert_eq!(Class::of("cuda"), None);
    }

    #[test]
    fn suggested_exit_codes_have_no_other_meaning() {
        for row in CLASSES {
            let code = row.suggested_code;
            assert!(code == 1 || ![2, 3, 75, 93, 255].contains(&code) && code < 125, "{code}");
        }
    }
}
