//! The report of a run that exited unexpectedly: as a log line, as JSON, and as a termination
//! message.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as Json, json};
use supervisor_core::input::Exit;
use supervisor_core::level::Level;
use supervisor_core::line::{Facts, Value};
use supervisor_core::report::{Forerunner, Next, RunReport};
use supervisor_sys::process::reap::Usage;
use supervisor_wire::date::rfc3339;

use crate::capture::tail::Tail;

/// The number of lines of each stream in a report.
const LINES: usize = 50;

/// The number of bytes that Kubernetes accepts as a termination message.
pub(crate) const MESSAGE: usize = 4096;

/// The facts about a run that are collected after the exit of its main process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    /// The resource usage of its tree, as far as the processes were reaped.
    pub(crate) usage: Usage,
    /// The data of its memory cgroup, or of the container's.
    pub(crate) group: Option<GroupMemory>,
    /// The end of its stdout and of its stderr.
    pub(crate) output: [Option<Tail>; 2],
}

/// The data of a memory cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupMemory {
    /// The number of processes that the kernel OOM-killed during the run.
    pub(crate) oom_kills: u64,
    /// The peak memory usage in bytes.
    pub(crate) peak: Option<u64>,
    /// The memory limit in bytes.
    pub(crate) limit: Option<u64>,
}

/// All facts about a run.
#[derive(Clone, Debug)]
pub(crate) struct CrashReport {
    /// The facts that the core knows.
    pub(crate) run: RunReport,
    /// The resource usage of its tree.
    pub(crate) usage: Usage,
    /// The data of its memory cgroup.
    pub(crate) group: Option<GroupMemory>,
    /// The last lines of its stdout, and of its stderr if that is captured separately.
    pub(crate) lines: [Vec<String>; 2],
    /// The file with the diagnostics that were collected while it was unhealthy.
    pub(crate) evidence: Option<PathBuf>,
}

impl CrashReport {
    pub(crate) fn new(run: RunReport, findings: Findings, evidence: Option<PathBuf>) -> Self {
        let Findings { usage, group, output } = findings;
        let lines = output.map(|tail| tail.map(|tail| tail.lines(LINES)).unwrap_or_default());
        Self { run, usage, group, lines, evidence }
    }

    /// The log level of the report. An exit with no further action was expected.
    pub(crate) const fn level(&self) -> Level {
        match self.run.next {
            Next::Rest => Level::Info,
            Next::Restart(_) | Next::GiveUp => Level::Warn,
        }
    }

    /// The report in one line.
    pub(crate) fn line(&self) -> String {
        let run = &self.run;
        let mut line = format!("crash: program={} run={}", run.process.full(), run.run.0);
        let mut add = |name: &str, value: String| line.push_str(&format!(" {name}={value}"));
        if let Some(pid) = run.pid {
            add("pid", pid.to_string());
        }
        add("class", run.cause.class().name().to_owned());
        add("cause", quoted(&run.why()));
        if let Some(line) = run.decided_by() {
            add("decided_by", quoted(line));
        }
        if let Some(exit) = run.exit {
            add("exit", quoted(&exit.to_string()));
        }
        add("uptime", seconds(run.uptime));
        add("ready_after", run.up_after.map_or_else(|| "never".to_owned(), seconds));
        if run.pid.is_some() {
            add("cpu", seconds(self.usage.cpu));
            add("peak_memory", bytes(self.usage.peak_memory));
        }
        if let Some(group) = self.group {
            add("oom_kills", group.oom_kills.to_string());
        }
        add("leftovers", run.leftovers.to_string());
        let (next, after) = self.action();
        add("next", next.to_owned());
        if let Some(after) = after {
            add("after", seconds(after));
        }
        line
    }

    /// The content of [`Self::line`] as fields, for programs that read the log.
    pub(crate) fn facts(&self) -> Facts {
        let run = &self.run;
        let text = |text: &str| Value::Text(text.to_owned());
        let time = |time: Duration| Value::Seconds(time.as_secs_f64());
        let mut fields = vec![
            ("program", text(&run.process.full())),
            ("run", Value::Count(run.run.0)),
            ("class", text(run.cause.class().name())),
            ("cause", text(&run.why())),
            ("uptime_seconds", time(run.uptime)),
            ("leftovers_killed", Value::Count(run.leftovers as u64)),
        ];
        fields.extend(run.decided_by().map(|line| ("decided_by", text(line))));
        match run.exit {
            Some(Exit::Code(code)) => fields.push(("exit_code", Value::Count(code.into()))),
            Some(Exit::Signal { signal, .. }) => {
                fields.push(("exit_signal", text(&signal.to_string())));
            }
            None => {}
        }
        if let Some(pid) = run.pid {
            fields.push(("pid", Value::Number(pid.0.into())));
            fields.push(("cpu_seconds", time(self.usage.cpu)));
            fields.push(("peak_memory_bytes", Value::Count(self.usage.peak_memory)));
        }
        fields.extend(run.up_after.map(|after| ("ready_after_seconds", time(after))));
        fields.extend(self.group.map(|group| ("oom_kills", Value::Count(group.oom_kills))));
        let (next, after) = self.action();
        fields.push(("next", text(next)));
        fields.extend(after.map(|after| ("after_seconds", time(after))));
        Facts { event: "crash", fields }
    }

    const fn action(&self) -> (&'static str, Option<Duration>) {
        match self.run.next {
            Next::Restart(wait) => ("restart", Some(wait)),
            Next::Rest => ("rest", None),
            Next::GiveUp => ("give_up", None),
        }
    }

    /// The report as JSON.
    pub(crate) fn json(&self) -> Json {
        let run = &self.run;
        let (code, signal, core_dumped) = match run.exit {
            Some(Exit::Code(code)) => (Some(code), None, false),
            Some(Exit::Signal { signal, core_dumped }) => {
                (None, Some(signal.to_string()), core_dumped)
            }
            None => (None, None, false),
        };
        let (next, after) = self.action();
        let [stdout, stderr] = &self.lines;
        json!({
            "program": run.process.full(),
            "name": run.process.name,
            "group": run.process.group,
            "run": run.run.0,
            "restart": run.run.0.saturating_sub(1),
            "pid": run.pid.map(|pid| pid.0),
            "class": run.cause.class().name(),
            "cause": run.why(),
            "decided_by": run.decided_by(),
            "forerunner": run.forerunner.as_ref().map(forerunner),
            "exit_code": code,
            "signal": signal,
            "core_dumped": core_dumped,
            "started": rfc3339(run.started.secs()),
            "ended": rfc3339(run.ended.secs()),
            "uptime_seconds": run.uptime.as_secs_f64(),
            "ready_after_seconds": run.up_after.map(|time| time.as_secs_f64()),
            "cpu_seconds": run.pid.map(|_| self.usage.cpu.as_secs_f64()),
            "peak_memory_bytes": run.pid.map(|_| self.usage.peak_memory),
            "memory_group": self.group.map(|group| json!({
                "oom_kills": group.oom_kills,
                "peak_bytes": group.peak,
                "limit_bytes": group.limit,
            })),
            "leftovers_killed": run.leftovers,
            "next": { "action": next, "after_seconds": after.map(|after| after.as_secs_f64()) },
            "evidence": self.evidence.as_ref().map(|path| path.display().to_string()),
            "last_lines": { "stdout": stdout, "stderr": stderr },
        })
    }

    /// The report as a message of at most [`MESSAGE`] bytes: the cause, the program, then as much
    /// of the end of the output as fits.
    pub(crate) fn message(&self) -> String {
        let (why, ended) = (self.run.because(), self.run.ended);
        let head = format!("{why}\n{} {}\n", rfc3339(ended.secs()), self.line());
        let output = self.lines.iter().flatten().fold(String::new(), |all, line| all + line + "\n");
        let head = &head[..head.floor_char_boundary(MESSAGE)];
        let room = MESSAGE - head.len();
        let start = output.ceil_char_boundary(output.len().saturating_sub(room));
        format!("{head}{}", &output[start..])
    }
}

fn forerunner(Forerunner { death, before }: &Forerunner) -> Json {
    let (code, signal) = match death.exit {
        Some(Exit::Code(code)) => (Some(code), None),
        Some(Exit::Signal { signal, .. }) => (None, Some(signal.to_string())),
        None => (None, None),
    };
    json!({
        "name": death.name,
        "pid": death.pid.0,
        "exit_code": code,
        "signal": signal,
        "seconds_before": before.as_secs_f64(),
    })
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn seconds(time: Duration) -> String {
    format!("{:.3}s", time.as_secs_f64())
}

fn bytes(bytes: u64) -> String {
    format!("{}MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use supervisor_core::event::Named;
    use supervisor_core::ids::{Pid, ProcId, RunId};
    use supervisor_core::report::Cause;
    use supervisor_core::signal::Signal;
    use supervisor_core::time::Wall;

    use super::*;

    fn report(lines: usize) -> CrashReport {
        let named = Named { proc: ProcId(0), name: "app".to_owned(), group: "app".to_owned() };
        let run = RunReport {
            process: Rc::new(named),
            run: RunId(3),
            pid: Some(Pid(42)),
            cause: Cause::Oom,
            exit: Some(Exit::Signal { signal: Signal::KILL, core_dumped: false }),
            started: Wall::from_epoch(Duration::from_secs(951_868_740)),
            ended: Wall::from_epoch(Duration::from_secs(951_868_800)),
            uptime: Duration::from_secs(60),
            up_after: Some(Duration::from_millis(1500)),
            forerunner: None,
            last_line: Some("zeile".to_owned()),
            leftovers: 2,
            next: Next::Restart(Duration::ZERO),
        };
        let mut tail = Tail::default();
        for number in 0..lines {
            tail.add(format!("zeile äöü {number}\n").as_bytes());
        }
        let usage = Usage { cpu: Duration::from_millis(2500), peak_memory: 3 << 20 };
        let group = GroupMemory { oom_kills: 1, peak: Some(7), limit: None };
        let findings = Findings { usage, group: Some(group), output: [Some(tail), None] };
        CrashReport::new(run, findings, None)
    }

    #[test]
    fn the_crash_line_contains_all_short_facts() {
        assert_eq!(
            report(0).line(),
            "crash: program=app run=3 pid=42 class=oom cause=\"the kernel OOM-killed it\" \
             exit=\"terminated by SIGKILL\" uptime=60.000s ready_after=1.500s cpu=2.500s \
             peak_memory=3MiB oom_kills=1 leftovers=2 next=restart after=0.000s"
        );
    }

    #[test]
    fn the_json_report_contains_the_same_facts_and_the_last_lines() {
        let json = report(200).json();
        assert_eq!(
            (&json["run"], &json["restart"], &json["pid"]),
            (&json!(3), &json!(2), &json!(42))
        );
        assert_eq!((&json["signal"], &json["exit_code"]), (&json!("SIGKILL"), &Json::Null));
        assert_eq!(json["ended"], "2000-03-01T00:00:00Z");
        assert_eq!(json["memory_group"]["oom_kills"], 1);
        assert_eq!(json["next"]["action"], "restart");
        let lines = json["last_lines"]["stdout"].as_array().unwrap();
        assert_eq!((lines.len(), lines[49].as_str()), (LINES, Some("zeile äöü 199")));
    }

    #[test]
    fn the_termination_message_has_the_end_of_a_long_output() {
        let mut long = report(0);
        long.lines[0] = vec!["ä".repeat(MESSAGE), "the end".to_owned()];
        let message = long.message();
        assert!(message.len() <= MESSAGE && message.len() > MESSAGE - 4, "{}", message.len());
        let why = "the kernel OOM-killed it (class=oom); last output: \"zeile\"";
        let crash = "2000-03-01T00:00:00Z crash: program=app";
        assert!(message.starts_with(&format!("{why}\n{crash}")), "{message}");
        assert!(message.ends_with("ää\nthe end\n"));
    }
}
