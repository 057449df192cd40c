//! Reports of runs that exited by themselves.

use std::rc::Rc;
use std::time::Duration;

use super::{Gate, Live, Process, Transition};
use crate::effect::Effect;
use crate::exit::Exit;
use crate::failure::{self, Consequence, Evidence, Found};
use crate::hook::About;
use crate::ids::RunId;
use crate::line::Line;
use crate::notice::Notice;
use crate::report::{Because, Cause, Next, RunReport};
use crate::spec::RetryRule;
use crate::spec::health::Ready;

impl Process {
    /// The cause of the exit, as far as it is certain.
    pub(super) fn cause(
        &self,
        exit: Exit,
        found: Option<&Found>,
        shared_memory_full: bool,
    ) -> Cause {
        let was_ready = match self.spec.health.ready {
            Ready::Startsecs => None,
            Ready::Checked | Ready::Notified | Ready::Logged(_) => {
                Some(self.live().is_some_and(|live| live.up_at.is_some()))
            }
        };
        let verdict =
            self.spec.failure.preset.and_then(|_| {
                failure::judge(&Evidence { exit, found, shared_memory_full, was_ready })
            });
        match (verdict, exit) {
            (Some(verdict), _) => Cause::Failure(verdict),
            (None, Exit::Code(code)) => Cause::Exit(code),
            (None, Exit::Signal { .. }) => Cause::Signal,
        }
    }

    /// Whether the previous run failed for the same reason and the program was never ready in this
    /// container. Then only a change from outside can help.
    pub(super) fn is_hopeless(&mut self, cause: &Cause) -> bool {
        let Cause::Failure(verdict) = cause else {
            self.hopeless = None;
            return false;
        };
        let knows_ready = self.spec.health.ready != Ready::Startsecs;
        let needs_change = verdict.class.row().then == Consequence::GiveUpIfRepeated;
        let failure = (verdict.class, verdict.cause.clone());
        let may_count = needs_change && knows_ready && !self.was_ready;
        self.hopeless.replace(failure.clone()).filter(|_| may_count) == Some(failure)
    }

    /// Keeps the facts about a run that exited by itself or could not start. The report follows
    /// when all leftover processes have exited. Returns the cause for a log line; `None` with
    /// supervisord's own rules, because its lines have no place for a cause.
    pub(super) fn file_report(
        &mut self,
        ended: Option<(Live, Exit)>,
        cause: Cause,
        next: Next,
        cx: &mut Transition<'_>,
    ) -> Option<Because> {
        let next = match next {
            Next::Restart(_) if cx.ending => Next::Rest,
            Next::Restart(_) | Next::Rest | Next::GiveUp => next,
        };
        let live = ended.map(|(live, _)| live);
        let report = RunReport {
            process: Rc::clone(&self.named),
            // A start that is still delayed has no run number yet.
            run: RunId(self.runs + u64::from(self.gate != Gate::Open)),
            pid: live.map(|live| live.pid),
            cause,
            exit: ended.map(|(_, exit)| exit),
            started: self.history.started.unwrap_or(cx.wall),
            ended: cx.wall,
            uptime: live.map_or(Duration::ZERO, |live| cx.now - live.since),
            up_after: live.and_then(|live| Some(live.up_at? - live.since)),
            forerunner: self.deaths.before(cx.now),
            last_line: self.last_line.take(),
            leftovers: 0,
            next,
        };
        let because = Some(report.because()).filter(|_| self.tells_causes());
        self.history.runs.explain(&report);
        self.report = Some(Box::new(report));
        // Otherwise there are no leftover processes to wait for.
        if ended.is_none() || !self.spec.killtree {
            self.tell_report(cx);
        }
        because
    }

    /// Whether log lines contain the cause of an exit. supervisord's lines do not, so its own rules
    /// do not add it.
    pub(super) fn tells_causes(&self) -> bool {
        match self.spec.retry {
            RetryRule::FailedStarts => false,
            RetryRule::Consecutive { .. } | RetryRule::Once => true,
        }
    }

    /// Whether the latest exit has not been reported and no leftover process exists.
    pub(crate) const fn has_complete_report(&self) -> bool {
        self.report.is_some() && self.tree.is_clear()
    }

    /// Reports the latest exit.
    pub(crate) fn tell_report(&mut self, cx: &mut Transition<'_>) {
        let Some(report) = self.report.take() else { return };
        // The cause may have changed since the exit, because more is known now.
        self.history.runs.explain(&report);
        if let Next::Restart(_) = report.next {
            *self.history.restarts.entry(report.cause.class()).or_default() += 1;
        }
        let notice = Notice::Crash {
            process: Rc::clone(&report.process),
            run: report.run,
            class: report.cause.class(),
            why: report.why(),
            exit: report.exit,
            uptime: report.uptime,
            next: report.next,
        };
        cx.happened.push(About::Run(report.clone()));
        cx.effects.push(Effect::Report(report));
        cx.notice(notice);
    }

    /// Logs a summary of the run. supervisord has no such line, so its own rules do not add it.
    pub(super) fn tell_last_run(
        &self,
        live: Live,
        exit: Exit,
        because: Option<Because>,
        cx: &mut Transition<'_>,
    ) {
        if let Some(because) = because {
            let uptime = cx.now - live.since;
            let (name, run, ends_all) = (self.name(), live.run.0, self.takes_all_along());
            cx.log(Line::LastRun { name, run, uptime, exit, because, ends_all });
        }
    }
}
