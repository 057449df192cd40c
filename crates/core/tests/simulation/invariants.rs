//! What must hold whatever happens, each in a sentence.

/// Something that must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Invariant {
    NeverPanics,
    NoBug,
    AgreesOnTheLiving,
    SignalsOwnOnly,
    SignalsForAReason,
    OneCopy,
    StartsOnlyWhenDue,
    WaitsAsItsRule,
    PacesRestarts,
    StartsWhatIsDue,
    StartsInOrder,
    FailsTheLost,
    CountsWaits,
    NoStartAtTheEnd,
    UpWhenReady,
    DeadAreNotUp,
    KillsAfterPatience,
    KillsWhenDue,
    StopsWhenAsked,
    AskedOnce,
    AskedInTime,
    LeavesTheDrainAlone,
    StopsInOrder,
    RollsOneByOne,
    LegalTransitions,
    StateAsExpected,
    AnswersOnce,
    AnswersTrue,
    AnswersAtLast,
    NoSpinning,
    NoMissingDeadline,
    NothingUndueByTick,
    WallDecidesNothing,
    TicksAsTheWallSays,
    TellsTheReady,
    TellsInOrder,
    LosesOnlyByOverflow,
    PrintsEachAnswer,
    ListenersMayEnd,
    ReportsOnce,
    ReportsTheTruth,
    HealthAsTold,
    ReadyAsAWhole,
    RunsAsTheyWere,
    RetriesWhatMayWork,
    BusyIsNotDead,
    BlockedIsNotHung,
    UnhealthyForACause,
    UnhealthyIsActedUpon,
    LookedIntoFirst,
    AsksInTime,
    MakesClean,
    AwaitsPlace,
    HoldsBriefly,
    SharesMemory,
    LooksAtFiles,
    StopsAsOne,
    TellsHooks,
    EndWaitsForHooks,
    EndsWhenItShould,
    EndsChildless,
    ExitCode,
    Ends,
    SettlesDown,
    GroupsAsTold,
    UpdatesAtLast,
    KeepsTheOthers,
}

impl Invariant {
    #[expect(clippy::too_many_lines, reason = "a table with an arm for each invariant")]
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::NeverPanics => "no input makes the core panic",
            Self::NoBug => "the core never meets a situation that it considers impossible",
            Self::AgreesOnTheLiving => "core and kernel agree on which processes are alive",
            Self::SignalsOwnOnly => {
                "only children that were not reaped, and processes found in a census, get signals"
            }
            Self::SignalsForAReason => "every signal was requested, or is due by a rule",
            Self::OneCopy => {
                "no run starts while another run of the process, or a part of its process tree, is \
                 alive"
            }
            Self::StartsOnlyWhenDue => {
                "a run starts only by a request or by a retry rule, and not before its delay is \
                 over"
            }
            Self::StartsWhatIsDue => "a start that is due happens as soon as nothing prevents it",
            Self::WaitsAsItsRule => {
                "the delay of a restart follows its backoff: at least what its random part leaves, \
                 at most its limit"
            }
            Self::PacesRestarts => "rules restart a process at most five times per second",
            Self::StartsInOrder => {
                "a start waits for the programs that its program depends on and for the servers \
                 that it waits for"
            }
            Self::FailsTheLost => "no start waits forever for something that cannot happen",
            Self::CountsWaits => {
                "the time that starts wait for servers is counted, each moment once"
            }
            Self::NoStartAtTheEnd => "after a request to stop everything, no run starts",
            Self::UpWhenReady => {
                "no process is RUNNING before startsecs have passed and it is ready"
            }
            Self::DeadAreNotUp => "a process that has exited does not become RUNNING later",
            Self::KillsAfterPatience => "SIGKILL does not come before the grace period is over",
            Self::KillsWhenDue => "SIGKILL comes when the grace period is over",
            Self::StopsWhenAsked => "a process that should stop gets its configured signal at once",
            Self::AskedOnce => "the supervisor sends a process at most one stop signal per stop",
            Self::AskedInTime => {
                "roots that no process has signaled get the stop signal at once, children of shells \
                 in the last quarter, all others in the last second"
            }
            Self::LeavesTheDrainAlone => {
                "before that, only its own parent signals a process, unless the parent is a shell"
            }
            Self::StopsInOrder => {
                "in a shutdown, groups stop in reverse order, each after the later ones, and no \
                 program before its dependents"
            }
            Self::RollsOneByOne => {
                "a rolling restart stops a ready process only while all others of its set are \
                 ready, and continues as soon as they are"
            }
            Self::LegalTransitions => {
                "states change only as supervisord's do, and each change is reported once"
            }
            Self::StateAsExpected => {
                "each state is the one that follows from requests, exits and rules"
            }
            Self::AnswersOnce => {
                "a request gets one reply, and none after its client has disconnected"
            }
            Self::AnswersTrue => "a reply matches the model and the kernel",
            Self::AnswersAtLast => "a request gets its reply as soon as its outcome is known",
            Self::NoSpinning => "a few ticks at one moment leave nothing that is due",
            Self::NoMissingDeadline => "everything that will become due has a deadline",
            Self::NothingUndueByTick => "a tick before the deadline has no effect",
            Self::WallDecidesNothing => "the wall clock affects only tick events",
            Self::TicksAsTheWallSays => {
                "a tick event occurs when the wall clock passes a multiple of its period"
            }
            Self::TellsTheReady => {
                "only a listener that is RUNNING and READY gets an event, one at a time"
            }
            Self::TellsInOrder => {
                "a pool gets the events that it subscribes to in order, rejected events first, with \
                 increasing serials"
            }
            Self::PrintsEachAnswer => {
                "each result of a listener whose results are output is written once"
            }
            Self::ListenersMayEnd => {
                "in a shutdown, responsive listeners get a second for waiting events"
            }
            Self::LosesOnlyByOverflow => "only a full buffer drops an event, and only the oldest",
            Self::ReportsOnce => "an unexpected exit is reported once",
            Self::ReportsTheTruth => "a report contains how the run ended and what follows",
            Self::HealthAsTold => "health notices and the condition that a query returns agree",
            Self::ReadyAsAWhole => {
                "the supervisor is ready when enough processes of each program that counts are \
                 ready"
            }
            Self::RunsAsTheyWere => {
                "the latest run in the history is the latest run, and has ended if that run has \
                 ended"
            }
            Self::RetriesWhatMayWork => {
                "retries end early only after the same failure twice before the first readiness, \
                 and only for failures that need a change from outside"
            }
            Self::BusyIsNotDead => "no process is stopped for timeouts while it makes progress",
            Self::BlockedIsNotHung => {
                "no process is stopped as silent before it is known that it can write its output"
            }
            Self::UnhealthyForACause => "no process is unhealthy without an observed cause",
            Self::UnhealthyIsActedUpon => {
                "the health action for an unhealthy process follows at once"
            }
            Self::LookedIntoFirst => {
                "diagnostics of an unhealthy process are collected before it is stopped"
            }
            Self::AsksInTime => "health checks run when they are due, and not too often",
            Self::MakesClean => {
                "the cleanup runs before the next start and at the end, as its policy requires"
            }
            Self::AwaitsPlace => {
                "no run starts before its port and devices were examined, nor while port or memory \
                 is held and the limit of that wait is not reached"
            }
            Self::HoldsBriefly => "port and devices do not delay a start beyond their limits",
            Self::SharesMemory => {
                "a start does not wait for GPU memory that another running program may keep"
            }
            Self::LooksAtFiles => {
                "the open files of a run are recorded when it is up, and at most once a minute"
            }
            Self::StopsAsOne => {
                "in run-once mode, the program is suspended and continued as if it were a direct \
                 child of the shell, and a suspended program can receive the signal that terminates \
                 it"
            }
            Self::TellsHooks => {
                "a hook gets the events that it subscribes to, in order, one at a time and not too \
                 often"
            }
            Self::EndWaitsForHooks => {
                "the supervisor exits when no process is left and hooks have been notified, or \
                 their time is over"
            }
            Self::EndsWhenItShould => {
                "the supervisor stops everything exactly when a request or a rule requires it"
            }
            Self::EndsChildless => {
                "the supervisor exits when no process is left, or the unkillable ones were reported"
            }
            Self::ExitCode => "the exit code is the documented one",
            Self::Ends => "the supervisor always exits in the end",
            Self::SettlesDown => {
                "without further events, every process reaches the state that requests and rules \
                 require"
            }
            Self::UpdatesAtLast => {
                "a process that stops for an update starts again as soon as it has exited, unless \
                 everything stops"
            }
            Self::KeepsTheOthers => {
                "an update that adds or removes processes of a group keeps its other processes"
            }
            Self::GroupsAsTold => {
                "the groups are those that were configured or added, and not removed"
            }
        }
    }
}

/// That something did not hold.
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    pub(crate) what: String,
}

/// Ends the case.
pub(crate) fn broken(invariant: Invariant, what: impl Into<String>) -> ! {
    std::panic::panic_any(Violation { invariant, what: what.into() })
}

/// Ends the case unless the condition holds.
macro_rules! hold {
    ($condition:expr, $invariant:ident, $($what:tt)+) => {
        if !$condition {
            $crate::invariants::broken(
                $crate::invariants::Invariant::$invariant,
                format!($($what)+),
            );
        }
    };
}
pub(crate) use hold;
