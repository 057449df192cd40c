//! Writes effects as lines of a story.

use supervisor_core::command::{Rejection, Reply};
use supervisor_core::device::UsersOf;
use supervisor_core::event::{Entered, Event};
use supervisor_core::hook::About;
use supervisor_core::ids::{ProcId, RunId};
use supervisor_core::report::RunReport;
use supervisor_core::{Condition, Effect, Envelope, Notice, Occasion, SignalTarget};

use crate::stage::Stage;

impl Stage {
    #[expect(clippy::too_many_lines, reason = "a table with an arm for each effect")]
    pub(crate) fn show(&self, effect: &Effect) -> String {
        let ran = |proc: &ProcId, run: &RunId| format!("{}#{}", self.name(*proc), run.0);
        match effect {
            Effect::Spawn { proc, run } => format!("spawn {}", ran(proc, run)),
            Effect::Census { proc, run } => format!("census {}", ran(proc, run)),
            Effect::AwaitEnd { proc, run, members } => {
                let pids: Vec<_> = members.iter().map(|member| member.pid.to_string()).collect();
                format!("await end of {} of {}", pids.join(", "), ran(proc, run))
            }
            Effect::LookAtLoad { proc, run } => format!("look at load of {}", ran(proc, run)),
            Effect::Check { proc, run, find_listener } => {
                let listener = if *find_listener { " and who listens" } else { "" };
                format!("check {}{listener}", ran(proc, run))
            }
            Effect::LookAtProgress { proc, run } => {
                format!("look at progress of {}", ran(proc, run))
            }
            Effect::LookAtOutput { proc, run } => format!("look at output of {}", ran(proc, run)),
            Effect::CountTree { proc, run } => format!("count tree of {}", ran(proc, run)),
            Effect::MeasureMemory { proc, run } => format!("measure memory of {}", ran(proc, run)),
            Effect::Collect { proc, run, .. } => format!("look into {}", ran(proc, run)),
            Effect::Connect { proc, run } => format!("connect for {}", ran(proc, run)),
            Effect::LookAtFiles { proc, run } => format!("look at files of {}", ran(proc, run)),
            Effect::Tidy { proc, run, occasion } => {
                let last = if *occasion == Occasion::End { " for the last time" } else { "" };
                format!("tidy {}{last}", ran(proc, run))
            }
            Effect::LookAtDevices { proc, run, users } => {
                let users = match users {
                    None => "",
                    Some(UsersOf::Program) => " and which of its processes use them",
                    Some(UsersOf::OtherPrograms) => " and which other programs use them",
                    Some(UsersOf::Container) => " and which processes use them",
                };
                format!("look at devices for {}{users}", ran(proc, run))
            }
            Effect::LookAtPort { proc, run, port, after, within } => {
                let after = after.map(|pid| format!(" after the exit of {pid}"));
                let (after, within) = (after.unwrap_or_default(), within.as_secs_f64());
                format!("look at port {port} for {}{after} within {within} s", ran(proc, run))
            }
            Effect::Signal { target, signal } => match target {
                SignalTarget::Process(pid) => format!("send {signal} to process {pid}"),
                SignalTarget::Group(pid) => format!("send {signal} to group {pid}"),
                SignalTarget::Member(member) => format!("send {signal} to member {}", member.pid),
            },
            Effect::Suspend { pid } => format!("suspend with process {pid}"),
            Effect::Resume { pid } => format!("resume process {pid}"),
            Effect::KillTree { proc } => format!("kill tree {}", self.name(*proc)),
            Effect::Reply { id, result } => format!("reply {} {}", id.0, reply(result)),
            Effect::Log(line) => format!("{} {line}", line.level().tag()),
            Effect::Emit(event) => event_text(event),
            Effect::Notice(notice) => notice_text(notice),
            Effect::Tell { proc, envelope } => {
                format!("tell {} {}", self.name(*proc), envelope_text(envelope))
            }
            Effect::Deliver { delivery, alert, dropped, within } => {
                let dropped = if *dropped > 0 {
                    format!(", {dropped} dropped before")
                } else {
                    String::new()
                };
                format!(
                    "deliver {}.{} within {} s: {}{dropped}",
                    delivery.hook,
                    delivery.number,
                    within.as_secs_f64(),
                    about_text(&alert.about)
                )
            }
            Effect::Print { data } => format!("print {:?}", String::from_utf8_lossy(data)),
            Effect::Report(report) => report_text(report),
            Effect::AddGroup { .. } => String::new(),
            Effect::RemoveProcesses { procs } => {
                let names: Vec<_> = procs.iter().map(|proc| self.name(*proc)).collect();
                format!("remove {}", names.join(", "))
            }
            Effect::UpdateGroup { procs, .. } => {
                let names: Vec<_> = procs.iter().map(|proc| self.name(*proc)).collect();
                format!("other rules for {}", names.join(", "))
            }
            Effect::ReopenLogs => "reopen logs".to_owned(),
            Effect::Exit { code } => format!("exit {code}"),
            Effect::Restart => "restart".to_owned(),
            Effect::Proceed => "proceed".to_owned(),
        }
    }
}

fn envelope_text(envelope: &Envelope) -> String {
    format!(
        "event {}, of {} number {}: {}",
        envelope.serial,
        envelope.pool,
        envelope.pool_serial,
        event_text(&envelope.event)
    )
}

fn notice_text(notice: &Notice) -> String {
    match notice {
        Notice::Health { process, condition: Condition { ready, health, .. } } => {
            let ready = if *ready { "ready" } else { "not ready" };
            format!("notice: {} is {ready}, health {}", process.name, health.name())
        }
        Notice::Crash { process, run, class, .. } => {
            format!("notice: crash of {}#{}, {}", process.name, run.0, class.name())
        }
        Notice::GaveUp { process, why } => format!("notice: gave up on {}: {why}", process.name),
    }
}

fn report_text(report: &RunReport) -> String {
    format!(
        "report {}#{}, {} after {:.3} s: {}; {} left behind; {:?}",
        report.process.name,
        report.run.0,
        report.cause.class().name(),
        report.uptime.as_secs_f64(),
        report.why(),
        report.leftovers,
        report.next
    )
}

fn about_text(about: &About) -> String {
    let event = about.event().name();
    match about {
        About::Run(report) => {
            format!("{event}, {}#{} {}", report.process.full(), report.run.0, report.why())
        }
        About::Unkillable(process) => format!("{event}, {} is unkillable", process.full()),
        About::Unhealthy { process, run, unhealthy } => {
            format!("{event}, {}#{} {unhealthy}", process.full(), run.0)
        }
        About::Ready { process, run, up_after } => {
            let again = if up_after.is_none() { " again" } else { "" };
            format!("{event}{again}, {}#{}", process.full(), run.0)
        }
        About::Stopping => event.to_owned(),
    }
}

fn reply(result: &Result<Reply, Rejection>) -> String {
    match result {
        Ok(Reply::Done) => "done".to_owned(),
        Ok(Reply::Outcomes(outcomes)) => {
            let outcomes = outcomes.iter().map(|outcome| match &outcome.result {
                Ok(()) => format!("{} done", outcome.name),
                Err(refusal) => format!("{} refused, {refusal}", outcome.name),
            });
            outcomes.collect::<Vec<_>>().join("; ")
        }
        Ok(Reply::Updated(change)) => format!("updated, {}", change.name()),
        Ok(Reply::Difference(difference)) => format!(
            "added {:?} changed {:?} removed {:?}",
            difference.added, difference.changed, difference.removed
        ),
        Err(refusal) => format!("refused, {refusal}"),
    }
}

fn event_text(event: &Event) -> String {
    match event {
        Event::State { process, from, to } => {
            let detail = match to {
                Entered::Starting { tries } | Entered::Backoff { tries } if *tries > 0 => {
                    format!(" (tries {tries})")
                }
                Entered::Stopped { .. }
                | Entered::Starting { .. }
                | Entered::Running { .. }
                | Entered::Backoff { .. }
                | Entered::Stopping { .. }
                | Entered::Exited { .. }
                | Entered::Fatal => String::new(),
            };
            format!("{} {} -> {}{detail}", process.name, from.name(), to.state_name().name())
        }
        Event::Log { process, data, .. } => {
            format!("{} wrote {}", process.name, String::from_utf8_lossy(data))
        }
        Event::Communication { process, data, .. } => {
            format!("{} has a message: {}", process.name, String::from_utf8_lossy(data))
        }
        Event::Remote { kind, data } => format!("from outside: {kind} {data}"),
        Event::Tick { period, when } => format!("tick of {}: {}", period.secs(), when.secs()),
        Event::SupervisorRunning | Event::SupervisorStopping => event.kind().name().to_owned(),
        Event::GroupAdded { group } => format!("there is group {group}"),
        Event::GroupRemoved { group } => format!("there is no group {group} any more"),
    }
}
