//! The level of each log line.

use super::Line;
use crate::level::Level;
use crate::signal::Signal;
use crate::tree::drain::AskReason;

impl Line {
    /// The level of the line.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table with an arm for each line")]
    pub const fn level(&self) -> Level {
        match self {
            Self::Stopping { .. }
            | Self::Forwarding { .. }
            | Self::IgnoredSignal { .. }
            // Terminals and shells send these signals routinely, so the lines are not important.
            | Self::PassedOn { signal: Signal::CONT | Signal::WINCH, .. }
            | Self::StopInBackoff { .. }
            | Self::EventSent { .. }
            | Self::EventProcessed { .. }
            | Self::ListenerState { .. }
            | Self::EventKept { .. }
            | Self::ListenerDeaf { .. } => Level::Debug,
            Self::Spawned { .. }
            | Self::SpawnFailed { .. }
            | Self::Success { .. }
            | Self::Updated { .. }
            | Self::Ready { .. }
            | Self::WaitsForPrograms { .. }
            | Self::WaitsForTarget { .. }
            | Self::TargetsReached { .. }
            | Self::MemoryFree { .. }
            | Self::CheckExcused { .. }
            | Self::CheckConnects { .. }
            | Self::NoMetrics { .. }
            | Self::NotReadyYet { .. }
            | Self::Recovered { .. }
            | Self::RollingStep { .. }
            | Self::Exited { expected: true, .. }
            | Self::Stopped { expected: true, .. }
            | Self::GaveUp { ends_all: false, .. }
            | Self::LastRun { ends_all: false, .. }
            | Self::Prestop { .. }
            | Self::PrestopIdle { .. }
            | Self::StopBegins { .. }
            | Self::StopEnds { .. }
            | Self::Asking {
                reason: AskReason::IgnoresStopsignal | AskReason::ParentDied, ..
            }
            | Self::EndsWith { .. }
            | Self::PassedOn { .. }
            | Self::Waiting { .. }
            | Self::WaitingToStop { .. }
            | Self::ReopenRequest { .. }
            | Self::ReapedUnknown { .. } => Level::Info,
            Self::Exited { expected: false, .. }
            | Self::Stopped { expected: false, .. }
            | Self::Killing { .. }
            | Self::DumpSignalEnds { .. }
            | Self::Asking {
                reason: AskReason::StillThere | AskReason::BehindShell | AskReason::LastSecond,
                ..
            }
            | Self::Leftovers { .. }
            | Self::ExitRequest { .. }
            | Self::KillRequest { .. }
            | Self::PrestopCut { .. }
            | Self::PrestopUnseen { .. }
            | Self::RestartRequest { .. }
            | Self::CheckFailed { .. }
            | Self::CheckedWrongly { .. }
            | Self::WaitsForPort { .. }
            | Self::PortHeld { .. }
            | Self::MemoryHeld { .. }
            | Self::DevicesUnknown { .. }
            | Self::CheckBusy { .. }
            | Self::RollingStops { .. }
            | Self::MemoryHigh { .. }
            | Self::MemoryUnseen { .. }
            | Self::Unhealthy { .. }
            | Self::EventRejected { .. }
            | Self::BadResult { .. }
            | Self::ListenerUnknown { .. }
            | Self::WaitsInCircle { .. }
            | Self::WaitOverruled { .. }
            | Self::HelperFails { .. }
            | Self::OrphansLeft { .. }
            | Self::HookFull { .. }
            | Self::WentToBackground { .. }
            | Self::WaitsForOperator { .. }
            | Self::NothingToRun => Level::Warn,
            Self::GaveUp { ends_all: true, .. }
            | Self::LastRun { ends_all: true, .. }
            | Self::EventLost { .. }
            | Self::NotPrepared { .. }
            | Self::Bug { .. } => Level::Error,
            Self::Unkillable { .. } => Level::Critical,
        }
    }
}
