//! The latest runs of a program: time until ready, cause of the exit, and crash report.

use std::fmt::Write;
use std::time::Duration;

use serde_json::Value as Json;
use supervisor_core::EndReason;
use supervisor_core::time::Wall;
use supervisor_wire::date;

use super::html::Escaped;
use super::page::{UNHEALTHY, size, span};
use crate::snapshot::Run;

/// The runs as a list, the newest first. `now` is the status of the program, in the word that the
/// page shows for it, and therefore of the run in progress.
pub(super) fn timeline(body: &mut String, runs: &[Run], now: &str) {
    if runs.is_empty() {
        body.push_str("<p class=\"empty\">Not started yet</p>\n");
        return;
    }
    let longest = runs.iter().map(|run| run.uptime).max().unwrap_or_default();
    body.push_str("<ol class=\"runs\">\n");
    for run in runs {
        item(body, run, longest, now);
    }
    body.push_str("</ol>\n");
}

fn item(body: &mut String, run: &Run, longest: Duration, now: &str) {
    let number = run.record.run.0;
    let (class, word) = match run.record.end.as_ref().map(|end| &end.reason) {
        None => match now {
            "running" => ("going", now),
            UNHEALTHY => ("failed", now),
            _ => ("busy", now),
        },
        Some(EndReason::Stopped) => ("stopped", "stopped"),
        Some(EndReason::Expected) => ("expected", "completed"),
        Some(EndReason::Failed { .. }) => ("failed", "failed"),
    };
    let ready = match (run.record.ready_after, &run.record.end) {
        (Some(after), _) => format!("ready after {}", precise(after)),
        (None, Some(_)) => "never ready".to_owned(),
        (None, None) => "not ready yet".to_owned(),
    };
    let lasted = precise(run.uptime);
    let _ = write!(
        body,
        r#"<li class="run {class}"><p class="what"><span class="mark">{word}</span> <strong>Run {number}</strong> <span class="quiet">started {}</span></p>
{}<p>{ready}, "#,
        moment(run.record.started),
        bar(run, longest),
    );
    let _ = match &run.record.end {
        None => write!(body, "running for {lasted}</p>"),
        Some(end) => write!(
            body,
            "ended after {lasted} <span class=\"quiet\">at {}</span></p>\n<p class=\"why\">{}{}</p>",
            moment(end.at),
            Escaped(&end.to_string()),
            failure_class(&end.reason),
        ),
    };
    if let Some(report) = &run.report {
        crash_report(body, number, report);
    }
    body.push_str("</li>\n");
}

fn failure_class(reason: &EndReason) -> String {
    match reason {
        EndReason::Failed { class, .. } => {
            format!(" <span class=\"class\">class <code>{}</code></span>", class.name())
        }
        EndReason::Stopped | EndReason::Expected => String::new(),
    }
}

/// A bar of the time until the run was ready and of its duration, relative to the longest run.
/// The text contains the same values.
fn bar(run: &Run, longest: Duration) -> String {
    let whole = longest.as_secs_f64().max(0.001);
    let width = (1000.0 * run.uptime.as_secs_f64() / whole).max(4.0);
    let starting = run
        .record
        .ready_after
        .map_or(width, |ready| (1000.0 * ready.as_secs_f64() / whole).min(width));
    format!(
        r#"<svg class="bar" viewBox="0 0 1000 6" preserveAspectRatio="none" aria-hidden="true"><rect class="starting" width="{starting:.0}" height="6"/><rect class="up" x="{starting:.0}" width="{:.0}" height="6"/></svg>
"#,
        width - starting
    )
}

fn crash_report(body: &mut String, number: u64, report: &Json) {
    let _ = write!(
        body,
        "<details class=\"report\" id=\"report-{number}\"><summary>Crash report</summary>\n<dl>"
    );
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = write!(body, "<dt>{name}</dt><dd>{}</dd>", Escaped(&value));
        }
    };
    let text = |value: &Json| value.as_str().map(str::to_owned);
    fact("Cause", text(&report["cause"]));
    fact("Decided by", text(&report["decided_by"]));
    fact("Exit code", report["exit_code"].as_u64().map(|code| code.to_string()));
    fact("Signal", text(&report["signal"]));
    fact("CPU time", report["cpu_seconds"].as_f64().map(|secs| format!("{secs:.1} s")));
    fact("Peak memory", report["peak_memory_bytes"].as_u64().map(size));
    fact("OOM kills", report["memory_group"]["oom_kills"].as_u64().map(|kills| kills.to_string()));
    fact("Leftover processes", report["leftovers_killed"].as_u64().map(|count| count.to_string()));
    fact("Diagnostics", text(&report["evidence"]));
    fact("What followed", text(&report["next"]["action"]).map(|action| followed(&action)));
    body.push_str("</dl>\n");
    for (channel, title) in [("stdout", "Last output"), ("stderr", "Last output on stderr")] {
        let lines = report["last_lines"][channel].as_array().map_or(&[][..], Vec::as_slice);
        let lines: Vec<&str> = lines.iter().filter_map(Json::as_str).collect();
        if !lines.is_empty() {
            let lines = lines.join("\n");
            let _ =
                write!(body, "<h3>{title}</h3>\n<pre tabindex=\"0\">{}</pre>\n", Escaped(&lines));
        }
    }
    body.push_str("</details>");
}

fn followed(action: &str) -> String {
    match action {
        "restart" => "restart",
        "give_up" => "the supervisor gave up",
        _ => "no restart",
    }
    .to_owned()
}

/// A formatted time, with the full timestamp for scripts.
pub(super) fn moment(at: Wall) -> String {
    let full = date::rfc3339_millis(at.since_epoch());
    let (day, rest) = full.split_once('T').unwrap_or((&full, ""));
    let time = rest.split('.').next().unwrap_or_default();
    format!(r#"<time datetime="{full}">{day} {time} UTC</time>"#)
}

/// A duration, with a fraction if it is short.
fn precise(time: Duration) -> String {
    if time < Duration::from_secs(10) { format!("{:.1} s", time.as_secs_f64()) } else { span(time) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use supervisor_core::failure::Class;
    use supervisor_core::ids::{Pid, RunId};
    use supervisor_core::{RunEnd, RunRecord};

    use super::*;

    fn run(number: u64, reason: Option<EndReason>, report: Option<Json>) -> Run {
        let started = Wall::from_epoch(Duration::from_secs(951_868_800));
        let uptime = Duration::from_secs(65);
        let end = reason.map(|reason| RunEnd { at: started, uptime, exit: None, reason });
        let (run, pid, ready_after) = (RunId(number), Some(Pid(7)), Some(Duration::from_secs(41)));
        Run { record: RunRecord { run, pid, started, ready_after, end }, uptime, report }
    }

    fn shown(runs: &[Run]) -> String {
        let mut body = String::new();
        timeline(&mut body, runs, UNHEALTHY);
        body
    }

    #[test]
    fn each_run_shows_when_it_was_ready_and_why_it_ended() {
        let cause = "3 <b>checks</b>".to_owned();
        let failed = EndReason::Failed { class: Class::Health, cause, says_more: true };
        let report =
            json!({"cause": "3 <b>", "last_lines": {"stdout": ["a", "<i>"], "stderr": []}});
        let html = shown(&[run(2, None, None), run(1, Some(failed), Some(report))]);
        for piece in [
            r#"<li class="run failed"><p class="what"><span class="mark">unhealthy</span> <strong>Run 2<"#,
            r#"<span class="mark">failed</span> <strong>Run 1<"#,
            r#"<time datetime="2000-03-01T00:00:00.000Z">2000-03-01 00:00:00 UTC</time>"#,
            "ready after 41 s, running for 1 min 5 s",
            "ready after 41 s, ended after 1 min 5 s",
            "unhealthy: 3 &lt;b&gt;checks&lt;/b&gt; <span class=\"class\">class <code>health</code>",
            "<summary>Crash report</summary>",
            "<pre tabindex=\"0\">a\n&lt;i&gt;</pre>",
        ] {
            assert!(html.contains(piece), "{piece} in {html}");
        }
    }

    #[test]
    fn a_program_that_never_ran_has_no_timeline() {
        assert!(shown(&[]).contains("Not started yet"));
    }
}
