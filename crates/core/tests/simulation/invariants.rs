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
}

impl Invariant {
    #[expect(clippy::too_many_lines, reason = "a table with an arm for each invariant")]
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::NeverPanics => "no input makes the core panic",
            Self::NoBug => "nothing happens that the core holds for impossible",
            Self::AgreesOnTheLiving => "core and kernel agree on who is alive",
            Self::SignalsOwnOnly => {
                "nobody is signalled but a child that was not waited for, or who was found in \
                 a census"
            }
            Self::SignalsForAReason => "every signal was asked for, or is due by a rule",
            Self::OneCopy => "nothing is started beside a copy, or beside what a run left behind",
            Self::StartsOnlyWhenDue => {
                "nothing is started but by an order or by its retry rule, and not before its wait \
                 is over"
            }
            Self::StartsWhatIsDue => "what is to be started is, as soon as nothing is in its way",
            Self::WaitsAsItsRule => {
                "a restart waits as its backoff says: not less than its random part leaves, and \
                 not more than its limit"
            }
            Self::PacesRestarts => {
                "nothing is restarted by its rules more than five times in a second"
            }
            Self::StartsInOrder => {
                "nothing is started before the programs that it depends on are there and the \
                 servers that it waits for were reached"
            }
            Self::FailsTheLost => "nothing waits for ever for what can't come",
            Self::CountsWaits => "the time that starts wait for servers is counted, all of it once",
            Self::NoStartAtTheEnd => "nothing is started after a request to stop everything",
            Self::UpWhenReady => "nothing is RUNNING before startsecs, or before it is ready",
            Self::DeadAreNotUp => "time does not make RUNNING who had died before",
            Self::KillsAfterPatience => {
                "SIGKILL comes not before stopwaitsecs, or the grace of leftovers, is over"
            }
            Self::KillsWhenDue => "SIGKILL comes when that time is over",
            Self::StopsWhenAsked => "who is to stop is asked to at once, in the configured way",
            Self::AskedOnce => "nothing is asked twice to end, by us, in one stop",
            Self::AskedInTime => {
                "roots that nothing told are asked at once, the others in the last quarter, all \
                 others in the last second"
            }
            Self::LeavesTheDrainAlone => {
                "only its own parent asks a process before that, unless a shell stands in front"
            }
            Self::StopsInOrder => {
                "at the end groups stop in reverse order, each when the later ones are down, and \
                 nothing before what depends on it"
            }
            Self::RollsOneByOne => {
                "a rolling restart stops what is ready only while all others of its set are, and \
                 goes on as soon as they are"
            }
            Self::LegalTransitions => {
                "states change only as supervisord's do, each change told once"
            }
            Self::StateAsExpected => "each state is the one that orders, ends and rules lead to",
            Self::AnswersOnce => "a request is answered once, and not after nobody waits any more",
            Self::AnswersTrue => "an answer is what the model and the kernel say",
            Self::AnswersAtLast => "nobody waits for what has been decided",
            Self::NoSpinning => "a few ticks at one moment leave nothing that is due",
            Self::NoMissingDeadline => "what will be due has a deadline",
            Self::NothingUndueByTick => "a tick before the deadline does nothing",
            Self::WallDecidesNothing => "the wall clock decides nothing but ticks",
            Self::TicksAsTheWallSays => "ticks come when the wall clock passes a multiple",
            Self::TellsTheReady => "only a listener that is RUNNING and READY is told, one event",
            Self::TellsInOrder => {
                "a pool is told what it subscribed to, in order, and first what was rejected, \
                 with serials that grow"
            }
            Self::PrintsEachAnswer => {
                "each answer of a listener whose answers are output is written, once"
            }
            Self::ListenersMayEnd => {
                "at the end listeners that hear have a second for events that wait"
            }
            Self::LosesOnlyByOverflow => "no event is lost but the oldest of a full buffer",
            Self::ReportsOnce => "an end that nobody asked for is reported once",
            Self::ReportsTheTruth => "a report says how the run ended and what follows",
            Self::HealthAsTold => {
                "an operator who follows notices of health knows what is shown to one who asks"
            }
            Self::ReadyAsAWhole => {
                "the supervisor is ready when enough processes of each program that counts are"
            }
            Self::RunsAsTheyWere => {
                "the run that is remembered last is the latest, and has ended if it has"
            }
            Self::RetriesWhatMayWork => {
                "retries end early only after the same failure twice, one that takes a change from \
                 outside, before it was ever ready"
            }
            Self::BusyIsNotDead => "nobody is ended for time-outs while it gets on with its work",
            Self::BlockedIsNotHung => {
                "nobody is ended for being silent before it was seen that it can write its output"
            }
            Self::UnhealthyForACause => "nobody is ill without a cause that was seen",
            Self::UnhealthyIsActedUpon => "who is ill is dealt with at once",
            Self::LookedIntoFirst => "who is ill is looked into before it is stopped",
            Self::AsksInTime => "health is asked for by who is due, and not too often",
            Self::MakesClean => {
                "the place is made clean before the next start and at the end, as its policy says"
            }
            Self::AwaitsPlace => {
                "nothing is started before its port and devices were looked at, nor while the port or \
                 memory is known to be held and the limit of that wait is not over"
            }
            Self::HoldsBriefly => {
                "port and devices do not hold back a start longer than their limits"
            }
            Self::LooksAtFiles => {
                "what a run has open is looked at when it is up, and not more than once a minute"
            }
            Self::StopsAsOne => {
                "what runs once is stopped and continued as if nothing stood between it and its \
                 shell, and what is stopped can take the signal that is to end it"
            }
            Self::TellsHooks => {
                "a hook is told what it asked for, in order, one at a time and not too often"
            }
            Self::EndWaitsForHooks => {
                "the end comes when nobody is left and hooks have been told, or their time is over"
            }
            Self::EndsWhenItShould => "everything is stopped when that was asked for or follows",
            Self::EndsChildless => "the end comes when nobody is left, or the unkillable reported",
            Self::ExitCode => "the exit code is the promised one",
            Self::Ends => "it always ends",
            Self::SettlesDown => "once all is calm every process is where orders and rules want it",
            Self::UpdatesAtLast => {
                "what stops for an update begins again as soon as it has ended, unless everything \
                 ends"
            }
            Self::GroupsAsTold => "groups are those that were configured, added and not removed",
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
