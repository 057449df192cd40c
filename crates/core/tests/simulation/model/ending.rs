//! The exit of a run and its consequences.

use std::time::Duration;

use supervisor_core::failure::Class;
use supervisor_core::health::Unhealthy;
use supervisor_core::ids::Pid;
use supervisor_core::input::{Circumstances, Death, Exit, OomCounter, OomKills, SpawnErrorKind};
use supervisor_core::report::Next;
use supervisor_core::spec::failure::RuleAction;
use supervisor_core::spec::health::{Action, Ready};
use supervisor_core::spec::{Autorestart, RetryRule};
use supervisor_core::time::Mono;
use supervisor_core::{FORERUNNER_WITHIN, StateName};

use super::backoff::Wait;
use super::process::{Alive, Cleanup, Intent, Pending, Phase, Proc, Report, Why};

impl Proc {
    /// Notes a failed start. Returns the status if the supervisor gives up.
    pub(crate) fn not_born(&mut self, kind: SpawnErrorKind, now: Mono) -> Option<u8> {
        let Phase::Asked { stop } = self.phase else { return None };
        if stop {
            self.down(StateName::Stopped, Why::Rests);
            return None;
        }
        let hopeless = match self.spec.retry {
            RetryRule::FailedStarts => false,
            RetryRule::Consecutive { .. } => kind != SpawnErrorKind::Transient,
            RetryRule::Once => true,
        };
        let ended = Ended::before_it_began(now);
        if hopeless {
            return Some(self.give_up(ended, kind.status()));
        }
        self.count_failure(false, ended, kind.status(), now)
    }

    /// Notes the exit of the main process. Returns its status if the program has exited for good.
    pub(crate) fn ended(&mut self, exit: Exit, found: &Circumstances, now: Mono) -> Option<u8> {
        let alive = *self.alive()?;
        let killed = alive.stop.is_some_and(|stop| stop.killed_at.is_some());
        self.drain_loses_its_lead(exit, now);
        if !self.spec.killtree {
            self.drain = None;
        }
        if self.drain.is_some() {
            (self.cleanup, self.must_count) = (Cleanup::Draining, true);
        } else if self.spec.killtree {
            let (counting, asked_at, killed_at) = (false, None, None);
            let grace = self.spec.leftover_grace;
            self.cleanup = Cleanup::Busy { counting, forced: killed, asked_at, killed_at, grace };
        } else {
            self.turn.came_down = true;
        }
        let failure = self.failure(exit, found, &alive);
        let class = match (exit, failure) {
            _ if oom(found.oom_kills, exit) => Class::Oom,
            (_, Some((class, _))) => class,
            (Exit::Code(_), None) => Class::Exit,
            (Exit::Signal { .. }, None) => Class::Signal,
        };
        let sign = failure.map_or("", |(_, sign)| sign);
        let (pid, forerunner) = (Some(alive.pid), self.forerunner(now));
        let uptime = now - alive.since;
        let ended =
            Ended { class, sign, rule: None, exit: Some(exit), uptime, pid, forerunner, at: now };
        let ended = Ended { rule: self.rule(exit, found), ..ended };
        match alive.stop.map(|stop| stop.intent) {
            Some(Intent::Rest) => {
                self.down(StateName::Stopped, Why::Rests);
                None
            }
            Some(Intent::Run) => {
                self.down(StateName::Stopped, Why::Rests);
                self.start(now, "start");
                None
            }
            Some(Intent::Fail(_)) => self.ended_unhealthy(alive, exit, ended, now),
            // It exited before the stop. A more specific cause decides.
            None if alive.health.condemned.is_some()
                && matches!(class, Class::Exit | Class::Signal) =>
            {
                self.turn.had_been_up |= alive.up_at.is_some();
                self.ended_unhealthy(alive, exit, ended, now)
            }
            None => self.ended_unasked(alive, exit, ended, now),
        }
    }

    /// The failure in its output. The simulation uses only a few failure texts.
    fn failure(
        &self,
        exit: Exit,
        found: &Circumstances,
        alive: &Alive,
    ) -> Option<(Class, &'static str)> {
        self.spec.failure.preset?;
        let signal = match exit {
            Exit::Code(_) => 0,
            Exit::Signal { signal, .. } => signal.number(),
        };
        // Another process sent HUP, INT or TERM.
        if [1, 2, 15].contains(&signal) {
            return None;
        }
        if signal == 7 && found.shared_memory_full {
            return Some((Class::NoSpace, "bus"));
        }
        let was_ready = self.spec.health.ready != Ready::Startsecs && alive.up_at.is_some();
        let sign = found.found.as_ref()?.sign;
        let class = match sign {
            "missing_module" | "model_not_found" if was_ready => return None,
            "missing_module" | "model_not_found" => Class::Config,
            "disk_full" => Class::NoSpace,
            "cuda_out_of_memory" => Class::GpuMemory,
            sign => panic!("{sign} is not played"),
        };
        Some((class, sign))
    }

    /// Whether it failed twice in a row for a reason that only a change from outside can fix,
    /// before it was ever ready.
    fn is_hopeless(&mut self, ended: &Ended) -> bool {
        let before = self.failed_of.replace((ended.class, ended.sign));
        let knows_ready = self.spec.health.ready != Ready::Startsecs;
        let needs_change = [Class::Config, Class::NoSpace].contains(&ended.class);
        self.turn.repeated = needs_change
            && knows_ready
            && !self.ever_up
            && before == Some((ended.class, ended.sign));
        self.turn.repeated
    }

    fn ended_unhealthy(&mut self, alive: Alive, exit: Exit, ended: Ended, now: Mono) -> Option<u8> {
        let memory = alive
            .health
            .condemned
            .is_some_and(|condemned| matches!(condemned.unhealthy, Unhealthy::Memory { .. }));
        let class = if memory { Class::Oom } else { Class::Health };
        let ended = Ended { class, ..ended };
        let stopped = self.spec.failure.exit_codes.get(&class).copied().unwrap_or(1);
        let (code, ends) = match self.spec.health.action {
            Action::Observe | Action::Restart => {
                if let Some(up_at) = alive.up_at {
                    self.forgive(now - up_at, self.is_proven(&alive));
                }
                return self.count_failure(alive.up_at.is_some(), ended, exit.status(), now);
            }
            Action::Stop => (stopped, false),
            Action::Exit(code) => (code, true),
        };
        self.expect_report(ended, Next::GiveUp, Wait::NONE);
        self.row.clear();
        self.down(StateName::Fatal, Why::Unhealthy(code, ends));
        Some(code)
    }

    fn ended_unasked(&mut self, alive: Alive, exit: Exit, ended: Ended, now: Mono) -> Option<u8> {
        let by_time = self.spec.health.ready == Ready::Startsecs;
        let known = !matches!(ended.class, Class::Exit | Class::Signal);
        let long = by_time && now >= alive.since + self.spec.startsecs;
        if let Some((_, Some(ends))) = ended.rule {
            self.turn.had_been_up |= alive.up_at.is_some() || long;
            return Some(self.end_by_rule(ended, ends));
        }
        if alive.up_at.is_none() && !long {
            return self.count_failure(false, ended, exit.status(), now);
        }
        self.turn.had_been_up = true;
        // supervisord measures uptime from the start.
        let since = if by_time { alive.since } else { alive.up_at.unwrap_or(now) };
        self.forgive(now - since, self.is_proven(&alive));
        let expected = matches!(exit, Exit::Code(code) if self.spec.exitcodes.contains(&code));
        let again = match self.spec.autorestart {
            Autorestart::Always => true,
            Autorestart::Unexpected => !expected,
            Autorestart::Never => false,
        };
        let again = again || ended.rule.is_some();
        if again && self.spec.retry != RetryRule::FailedStarts {
            return self.count_failure(true, ended, exit.status(), now);
        }
        self.last_exit = Some(exit);
        let counts_for = if expected { 0 } else { exit.status() };
        let why = if again { Why::Rests } else { Why::Ended };
        self.down(StateName::Exited, why);
        let wait = self.paced(Wait::NONE, now);
        let next = if again { Next::Restart(wait.least) } else { Next::Rest };
        if again || !expected || known {
            self.expect_report(ended, next, wait);
        }
        if again {
            self.start_by_rule(now, wait, "autorestart");
            None
        } else {
            Some(counts_for)
        }
    }

    /// Counts a failure. The first restart after RUNNING has no delay; otherwise the delay grows
    /// with each failure.
    fn count_failure(&mut self, up: bool, ended: Ended, status: u8, now: Mono) -> Option<u8> {
        if ended.rule.is_some() {
            self.failed_of = None;
        } else if ended.exit.is_some() && self.is_hopeless(&ended) {
            return Some(self.give_up(ended, status));
        }
        self.row.push(up);
        let before = self.spec.start.retries_before_ready.filter(|_| !self.ever_up);
        if self.row.len() > before.unwrap_or(self.spec.startretries) as usize {
            return Some(self.give_up(ended, status));
        }
        let wait = self.paced(self.wait_by_rule(), now);
        let at_once = wait.is_zero() && up;
        let state = if at_once { StateName::Exited } else { StateName::Backoff };
        self.expect_report(ended, Next::Restart(wait.least), wait);
        self.down(state, Why::Rests);
        let cause = if at_once { "autorestart" } else { "the delay is over" };
        self.start_by_rule(now, wait, cause);
        None
    }

    fn start_by_rule(&mut self, now: Mono, wait: Wait, cause: &'static str) {
        let (not_before, latest) = (now + wait.least, now + wait.most);
        self.pending = Some(Pending { not_before, latest, by_rule: true, cause });
    }

    /// The first of the user's rules that matches: its index and the end that it causes. The inner
    /// `Some` means that the program ends; it holds the exit code if everything ends.
    fn rule(&self, exit: Exit, found: &Circumstances) -> Option<(usize, Option<Option<u8>>)> {
        let mut rules = self.spec.failure.rules.iter().enumerate();
        let (number, rule) = rules.find(|(_, rule)| {
            let by_exit = match exit {
                Exit::Code(code) => rule.exitcodes.contains(&code),
                Exit::Signal { signal, .. } => rule.signals.contains(&signal),
            };
            let any = rule.exitcodes.is_empty() && rule.signals.is_empty();
            (by_exit || any) && (rule.output.is_none() || found.texts.contains(&rule.name))
        })?;
        Some((
            number,
            match rule.action {
                RuleAction::Restart => None,
                RuleAction::Stop => Some(None),
                RuleAction::Exit(code) => Some(Some(code)),
            },
        ))
    }

    fn end_by_rule(&mut self, ended: Ended, ends: Option<u8>) -> u8 {
        let own = self.spec.failure.exit_codes.get(&ended.class).copied().unwrap_or(1);
        let code = ends.unwrap_or(own);
        self.failed_of = None;
        self.expect_report(ended, Next::GiveUp, Wait::NONE);
        self.row.clear();
        self.down(StateName::Fatal, Why::Unhealthy(code, ends.is_some()));
        code
    }

    fn give_up(&mut self, ended: Ended, status: u8) -> u8 {
        let own = self.spec.failure.exit_codes.get(&ended.class).copied().unwrap_or(1);
        let code = if self.spec.retry == RetryRule::Once { status } else { own };
        self.failed_of = None;
        self.expect_report(ended, Next::GiveUp, Wait::NONE);
        self.row.clear();
        self.down(StateName::Fatal, Why::GaveUp(code));
        code
    }

    /// The exit code of the supervisor, if this process makes it exit.
    pub(crate) fn ends_all(&self) -> Option<u8> {
        let unkillable = self.spec.failure.exit_code(Class::Unkillable);
        let code = match &self.phase {
            Phase::Down { why: Why::Unhealthy(code, ends), .. } if *ends || self.spec.essential => {
                *code
            }
            Phase::Down { why: Why::GaveUp(code), .. } if self.spec.essential => *code,
            Phase::Down { .. } | Phase::Asked { .. } | Phase::Alive(_) => {
                return (self.spec.essential && self.is_stuck()).then_some(unkillable);
            }
        };
        Some(if self.is_stuck() { unkillable } else { code })
    }

    /// Gives up because a dependency will never be up. Returns the status.
    pub(crate) fn cannot_start(&mut self) -> u8 {
        // No restart follows, so the time does not matter.
        let ended = Ended::before_it_began(Mono::ZERO);
        self.turn.not_begun = true;
        let code = self.give_up(ended, 1);
        self.report = self.report.map(|report| Report { run: self.run + 1, ..report });
        (self.waits, self.targets) = (false, None);
        code
    }

    /// Whether a run can reset the failure count: not if its check never succeeded.
    fn is_proven(&self, alive: &Alive) -> bool {
        let health = &self.spec.health;
        health.ready != Ready::Startsecs || health.check.is_none() || alive.answered
    }

    /// Whether its rules expect the exit after which it rests.
    pub(crate) fn ended_as_expected(&self) -> bool {
        matches!(self.last_exit, Some(Exit::Code(code)) if self.spec.exitcodes.contains(&code))
    }

    /// The exit code of the supervisor, if its exit decides it.
    pub(crate) fn outcome(&self) -> u8 {
        let exit = self.last_exit.filter(|_| !self.ended_as_expected());
        exit.map_or(0, |exit| exit.status())
    }

    pub(super) fn forgive(&mut self, uptime: Duration, proven: bool) {
        let forgiven = match self.spec.retry {
            RetryRule::FailedStarts => true,
            RetryRule::Consecutive { reset_after } => proven && uptime >= reset_after,
            RetryRule::Once => false,
        };
        if forgiven {
            self.row.clear();
        }
    }

    pub(super) fn down(&mut self, state_name: StateName, why: Why) {
        self.turn.failed |= matches!(state_name, StateName::Backoff | StateName::Fatal);
        self.phase = Phase::Down { state_name, why };
        self.pending = None;
    }

    fn expect_report(&mut self, ended: Ended, next: Next, wait: Wait) {
        let Ended { class, sign: _, rule: _, exit, uptime, pid, forerunner, at } = ended;
        let next =
            if self.turn.ending && matches!(next, Next::Restart(_)) { Next::Rest } else { next };
        let run = self.run;
        self.report = Some(Report { run, pid, forerunner, class, exit, next, uptime, at, wait });
    }

    /// The first of the most severe unexpected exits within the time that counts. An exit long
    /// after the previous one starts a new series.
    fn forerunner(&self, now: Mono) -> Option<Pid> {
        let bad = |death: &Death| match death.exit {
            Some(Exit::Code(0)) => None,
            None => Some(1),
            Some(Exit::Code(_)) => Some(2),
            Some(Exit::Signal { .. }) => Some(3),
        };
        let mut kept: Option<(Mono, i32, Pid)> = None;
        for (at, death) in &self.deaths {
            let Some(bad) = bad(death) else { continue };
            let old = kept.is_none_or(|(then, ..)| *at > then + FORERUNNER_WITHIN);
            if old || kept.is_some_and(|(_, worst, _)| bad > worst) {
                kept = Some((*at, bad, death.pid));
            }
        }
        kept.filter(|(at, ..)| now <= *at + FORERUNNER_WITHIN).map(|(.., pid)| pid)
    }
}

/// The end of a run.
#[derive(Clone, Copy, Debug)]
struct Ended {
    class: Class,
    /// The failure text in its last lines of output.
    sign: &'static str,
    /// The rule that matches the run, and how it ends the program.
    rule: Option<(usize, Option<Option<u8>>)>,
    exit: Option<Exit>,
    uptime: Duration,
    pid: Option<Pid>,
    forerunner: Option<Pid>,
    at: Mono,
}

impl Ended {
    /// The end of a run that was never started.
    const fn before_it_began(at: Mono) -> Self {
        Self {
            class: Class::Spawn,
            sign: "",
            rule: None,
            exit: None,
            uptime: Duration::ZERO,
            pid: None,
            forerunner: None,
            at,
        }
    }
}

/// Whether OOM kills explain the exit. A kill that is counted for several programs belongs to the
/// program whose main process got SIGKILL.
fn oom(kills: OomKills, exit: Exit) -> bool {
    let killed = exit.status() == 128 + 9 && !matches!(exit, Exit::Code(_));
    match kills.counter {
        OomCounter::Own => kills.count > 0,
        OomCounter::Shared => kills.count > 0 && killed,
    }
}
