//! The text of a notification, in each format.

use std::rc::Rc;

use serde_json::{Value as Json, json};
use supervisor_core::hook::{About, Alert};
use supervisor_core::report::{Next, RunReport};
use supervisor_core::spec::hook::{HookEvent, HookFormat, HookSpec};
use supervisor_wire::date::rfc3339;

use crate::crash::report::{CrashReport, Findings};

/// The most characters of a text for Slack, which shows longer ones badly.
const SLACK_TEXT: usize = 3000;

/// The end time that Alertmanager gives an alert without one.
const NO_END: &str = "0001-01-01T00:00:00Z";

/// A notification, and the facts that its text is made of.
pub(super) struct Message<'a> {
    pub(super) spec: &'a HookSpec,
    pub(super) alert: &'a Alert,
    pub(super) dropped: u64,
    pub(super) report: Option<Rc<CrashReport>>,
}

impl Message<'_> {
    /// The whole text.
    pub(super) fn text(&self) -> String {
        let json = match self.spec.format {
            HookFormat::Json => self.json(),
            HookFormat::Slack => self.slack(),
            HookFormat::Alertmanager => self.alertmanager(),
        };
        format!("{json}\n")
    }

    fn event(&self) -> HookEvent {
        self.alert.about.event()
    }

    fn program(&self) -> Option<String> {
        self.alert.about.process().map(|process| process.full())
    }

    fn json(&self) -> Json {
        let (run, reason, ready_after) = match &self.alert.about {
            About::Run(report) => (Some(report.run), Some(report.cause.class().name()), None),
            About::Unkillable(_) => (None, Some("unkillable"), None),
            About::Unhealthy { run, unhealthy, .. } => (Some(*run), Some(unhealthy.kind()), None),
            About::Ready { run, up_after, .. } => (Some(*run), None, *up_after),
            About::Stopping => (None, None, None),
        };
        json!({
            "event": self.event().name(),
            "time": rfc3339(self.alert.at.secs()),
            "host": host(),
            "program": self.program(),
            "run": run.map(|run| run.0),
            "summary": self.summary(),
            "reason": reason,
            "ready_after_seconds": ready_after.map(|time| time.as_secs_f64()),
            "dropped": self.dropped,
            "report": self.report(),
        })
    }

    /// The report of a run, with as much output as `include_output` sets.
    fn report(&self) -> Option<Json> {
        let About::Run(run) = &self.alert.about else { return None };
        let known = self.report.clone();
        let report = known.unwrap_or_else(|| {
            Rc::new(CrashReport::new(RunReport::clone(run), Findings::default(), None))
        });
        let mut json = report.json();
        let fields = json.as_object_mut()?;
        if self.spec.output_lines == 0 {
            fields.remove("decided_by");
            fields.remove("last_lines");
        } else {
            let [stdout, stderr] = self.output();
            fields.insert("last_lines".to_owned(), json!({ "stdout": stdout, "stderr": stderr }));
        }
        Some(json)
    }

    /// The last lines of stdout and stderr, as many as `include_output` sets.
    fn output(&self) -> [Vec<String>; 2] {
        let most = self.spec.output_lines;
        let lines = self.report.as_ref().map(|report| report.lines.clone()).unwrap_or_default();
        lines.map(|mut lines| lines.split_off(lines.len().saturating_sub(most)))
    }

    fn slack(&self) -> Json {
        let mut text = format!("*{}*: {}", escaped(&host()), escaped(&self.summary()));
        if self.dropped > 0 {
            text += &format!(" ({} earlier notifications were dropped)", self.dropped);
        }
        let output = self.output().concat().join("\n");
        let room = SLACK_TEXT.saturating_sub(text.chars().count());
        if !output.is_empty() {
            let cut = output.chars().count().saturating_sub(room);
            let end: String = output.chars().skip(cut).collect();
            text += &format!("\n```{}```", escaped(&end));
        }
        json!({ "text": text })
    }

    fn alertmanager(&self) -> Json {
        let event = self.event();
        let (alertname, severity) = match event {
            HookEvent::Crash => ("ProgramCrashed", "warning"),
            HookEvent::GaveUp => ("ProgramGaveUp", "critical"),
            // One that is ready is no longer unhealthy.
            HookEvent::Unhealthy | HookEvent::Ready => ("ProgramUnhealthy", "warning"),
            HookEvent::Stopping => ("SupervisorStopping", "info"),
        };
        let (status, end) = match event {
            HookEvent::Ready => ("resolved", rfc3339(self.alert.at.secs())),
            HookEvent::Crash | HookEvent::GaveUp | HookEvent::Unhealthy | HookEvent::Stopping => {
                ("firing", NO_END.to_owned())
            }
        };
        let mut labels =
            json!({ "alertname": alertname, "instance": host(), "severity": severity });
        if let (Some(program), Some(labels)) = (self.program(), labels.as_object_mut()) {
            labels.insert("program".to_owned(), program.into());
        }
        let mut annotations = json!({ "summary": self.summary() });
        let output = self.output().concat().join("\n");
        if let (false, Some(annotations)) = (output.is_empty(), annotations.as_object_mut()) {
            annotations.insert("description".to_owned(), output.into());
        }
        let fingerprint = format!("{:016x}", fnv(labels.to_string().as_bytes()));
        json!({
            "version": "4",
            "groupKey": format!("{{}}:{labels}"),
            "truncatedAlerts": self.dropped,
            "status": status,
            "receiver": self.spec.name,
            "groupLabels": { "alertname": alertname },
            "commonLabels": labels,
            "commonAnnotations": annotations,
            "externalURL": "",
            "alerts": [{
                "status": status,
                "labels": labels,
                "annotations": annotations,
                "startsAt": rfc3339(self.alert.at.secs()),
                "endsAt": end,
                "generatorURL": "",
                "fingerprint": fingerprint,
            }],
        })
    }

    /// The event as a sentence, without any output.
    fn summary(&self) -> String {
        let program = self.program().unwrap_or_default();
        match &self.alert.about {
            About::Run(run) => {
                let (number, why) = (run.run.0, run.why());
                match run.next {
                    Next::Restart(wait) if wait.is_zero() => {
                        format!("{program} run {number} failed: {why}; restarting")
                    }
                    Next::Restart(wait) => {
                        let wait = wait.as_secs_f64();
                        format!("{program} run {number} failed: {why}; restarting in {wait:.1} s")
                    }
                    Next::Rest => format!("{program} run {number} ended: {why}; not restarting"),
                    Next::GiveUp => format!("{program} was given up after run {number}: {why}"),
                }
            }
            About::Unkillable(_) => {
                format!("{program} was given up: a process of it survived SIGKILL")
            }
            About::Unhealthy { run, unhealthy, .. } => {
                format!("{program} run {} is unhealthy: {unhealthy}", run.0)
            }
            About::Ready { run, up_after: Some(time), .. } => {
                format!("{program} run {} is ready after {:.1} s", run.0, time.as_secs_f64())
            }
            About::Ready { run, up_after: None, .. } => {
                format!("{program} run {} is healthy again", run.0)
            }
            About::Stopping => "the supervisor is stopping all programs".to_owned(),
        }
    }
}

/// The name of this host or container, by which people know which of many it is.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The three characters that
/// [Slack](https://api.slack.com/reference/surfaces/formatting#escaping) reads as markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A number by which receivers tell alerts apart: FNV-1a.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use supervisor_core::event::Named;
    use supervisor_core::failure::{Class, Verdict};
    use supervisor_core::ids::{Pid, ProcId, RunId};
    use supervisor_core::input::Exit;
    use supervisor_core::report::Cause;
    use supervisor_core::spec::hook::HookTarget;
    use supervisor_core::time::Wall;

    use super::*;
    use crate::capture::tail::Tail;

    const SECRET: &str = "RuntimeError: the prompt was <secret> & \"more\"";

    fn run(next: Next) -> RunReport {
        let named = Named { proc: ProcId(0), name: "app".to_owned(), group: "app".to_owned() };
        let verdict = Verdict {
            class: Class::GpuMemory,
            cause: "cuda_out_of_memory".to_owned(),
            line: Some(SECRET.to_owned()),
        };
        RunReport {
            process: Rc::new(named),
            run: RunId(3),
            pid: Some(Pid(42)),
            cause: Cause::Failure(verdict),
            exit: Some(Exit::Code(1)),
            started: Wall::from_epoch(Duration::from_secs(951_868_740)),
            ended: Wall::from_epoch(Duration::from_secs(951_868_800)),
            uptime: Duration::from_secs(60),
            up_after: None,
            forerunner: None,
            last_line: Some(SECRET.to_owned()),
            leftovers: 0,
            next,
        }
    }

    fn text(format: HookFormat, output_lines: usize, about: About) -> String {
        let spec = HookSpec {
            name: "pager".to_owned(),
            events: HookEvent::ALL.into(),
            target: HookTarget::Command(Vec::new()),
            format,
            output_lines,
        };
        let mut tail = Tail::default();
        tail.add(format!("first\n{SECRET}\n").as_bytes());
        let output = [Some(tail), None];
        let report = if let About::Run(run) = &about {
            let findings = Findings { output, ..Findings::default() };
            Some(Rc::new(CrashReport::new(RunReport::clone(run), findings, None)))
        } else {
            None
        };
        let alert = Alert { at: Wall::from_epoch(Duration::from_secs(951_868_800)), about };
        Message { spec: &spec, alert: &alert, dropped: 2, report }.text()
    }

    fn crash() -> About {
        About::Run(Box::new(run(Next::Restart(Duration::from_secs(1)))))
    }

    #[test]
    fn notifications_contain_output_only_if_configured() {
        for format in HookFormat::ALL {
            let silent = text(format, 0, crash());
            assert!(!silent.contains("secret") && !silent.contains("first"), "{silent}");
            let told = text(format, 1, crash());
            assert!(told.contains("secret") && !told.contains("first"), "{told}");
        }
    }

    #[test]
    fn a_json_notification_contains_the_report() {
        let json: Json = serde_json::from_str(&text(HookFormat::Json, 0, crash())).unwrap();
        assert_eq!((&json["event"], &json["program"]), (&json!("crash"), &json!("app")));
        assert_eq!((&json["run"], &json["dropped"]), (&json!(3), &json!(2)));
        assert_eq!(
            (&json["reason"], &json["time"]),
            (&json!("gpu_memory"), &json!("2000-03-01T00:00:00Z"))
        );
        assert_eq!(json["report"]["exit_code"], 1);
        let summary = "app run 3 failed: out of GPU memory (cuda_out_of_memory): it exited with 1; \
                       restarting in 1.0 s";
        assert_eq!(json["summary"], summary);
    }

    #[test]
    fn a_slack_notification_is_escaped() {
        let json: Json = serde_json::from_str(&text(HookFormat::Slack, 5, crash())).unwrap();
        let text = json["text"].as_str().unwrap();
        assert!(text.contains("&lt;secret&gt; &amp;") && text.ends_with("```"), "{text}");
        assert_eq!(json.as_object().unwrap().len(), 1);
    }

    #[test]
    fn an_alert_is_resolved_when_its_program_is_ready() {
        let process = Rc::clone(&run(Next::GiveUp).process);
        let ready = About::Ready { process: Rc::clone(&process), run: RunId(3), up_after: None };
        let unhealthy =
            supervisor_core::health::Unhealthy::Silent { since: Duration::from_secs(9) };
        let ill = About::Unhealthy { process, run: RunId(3), unhealthy };
        let [ready, ill] = [ready, ill].map(|about| {
            let json: Json =
                serde_json::from_str(&text(HookFormat::Alertmanager, 0, about)).unwrap();
            json
        });
        assert_eq!((&ready["status"], &ill["status"]), (&json!("resolved"), &json!("firing")));
        assert_eq!(ready["alerts"][0]["fingerprint"], ill["alerts"][0]["fingerprint"]);
        assert_eq!(ready["groupKey"], ill["groupKey"]);
        assert_eq!(ill["alerts"][0]["endsAt"], NO_END);
    }
}
