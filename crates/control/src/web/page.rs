//! The page of all programs. It builds HTML from a snapshot and reads nothing else.

use std::fmt::Write;
use std::time::Duration;

use supervisor_core::time::Wall;
use supervisor_core::{HealthStatus, StateName};
use supervisor_wire::date;
use supervisor_wire::http::form;
use tokio::task::yield_now;

use super::html::{Button, Escaped, document};
use crate::snapshot::{AT_ONCE, Program, Snapshot};

/// States in which a program can be started.
const STARTABLE: &[StateName] = &[StateName::Stopped, StateName::Exited, StateName::Fatal];

/// States in which a program can be stopped.
const STOPPABLE: &[StateName] = &[StateName::Starting, StateName::Running, StateName::Backoff];

/// The page. `message` is the result of the last action.
pub(crate) async fn page(snapshot: &Snapshot, message: Option<&str>) -> String {
    let mut body = String::new();
    header(&mut body, snapshot);
    let _ = writeln!(
        body,
        r#"<div id="status_msg" class="status_msg" role="status">{}</div>"#,
        Escaped(message.unwrap_or_default())
    );
    body.push_str("<main>\n");
    if snapshot.programs.is_empty() {
        body.push_str("<p class=\"empty\">No programs to manage</p>\n");
    }
    // The programs are in the order of their groups.
    let groups = snapshot.programs.chunk_by(|one, next| one.group == next.group);
    // A program that is its own group needs no group heading.
    let (alone, together): (Vec<_>, Vec<_>) = groups.partition(|members| is_alone(members));
    if !alone.is_empty() {
        body.push_str("<section>\n");
        table(&mut body, alone.into_iter().flatten(), snapshot.at).await;
        body.push_str("</section>\n");
    }
    for members in together {
        section(&mut body, snapshot, members).await;
    }
    body.push_str("</main>\n");
    body.push_str(
        "<noscript><p class=\"quiet\">JavaScript is off: this page does not update. Use \
         Refresh.</p></noscript>",
    );
    document("Supervisor Status", "overview", &body)
}

/// Numbers of running and failed programs, in words.
pub(crate) fn summary(programs: &[Program]) -> String {
    let unhealthy = |program: &&Program| shown(program) == UNHEALTHY;
    let count = |of: &[StateName]| {
        programs.iter().filter(|one| of.contains(&one.state) && !unhealthy(one)).count()
    };
    let counts = [
        (count(&[StateName::Running]), "running"),
        (programs.iter().filter(unhealthy).count(), UNHEALTHY),
        (count(&[StateName::Starting]), "starting"),
        (count(&[StateName::Stopping]), "stopping"),
        (count(&[StateName::Backoff]), "waiting to retry"),
        (count(&[StateName::Fatal]), "failed"),
        (count(&[StateName::Stopped, StateName::Exited]), "stopped"),
    ];
    let some = counts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = some.map(|(count, what)| format!("{count} {what}")).collect();
    parts.join(" · ")
}

/// Status of a running program that is not healthy.
pub(super) const UNHEALTHY: &str = "unhealthy";

/// The status that the page shows: `unhealthy` if a running program is unhealthy, because its
/// state alone would look fine; otherwise the state.
pub(crate) fn shown(program: &Program) -> String {
    match (program.state, program.health) {
        (StateName::Starting | StateName::Running, HealthStatus::Unhealthy(_)) => {
            UNHEALTHY.to_owned()
        }
        (state, _) => state.name().to_lowercase(),
    }
}

/// The CSS class of a state in supervisord's page.
pub(crate) const fn class(state: StateName) -> &'static str {
    match state {
        StateName::Running => "statusrunning",
        StateName::Fatal | StateName::Backoff => "statuserror",
        StateName::Stopped | StateName::Starting | StateName::Stopping | StateName::Exited => {
            "statusnominal"
        }
    }
}

/// A time span in words.
pub(crate) fn span(span: Duration) -> String {
    let secs = span.as_secs();
    let (days, hours, minutes) = (secs / 86_400, secs / 3600 % 24, secs / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{secs} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", secs % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// An amount of memory with three significant digits.
#[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut amount, mut unit) = (bytes as f64 / 1024.0, UNITS[0]);
    for next in &UNITS[1..] {
        if amount < 1000.0 {
            break;
        }
        (amount, unit) = (amount / 1024.0, next);
    }
    let digits = if amount < 10.0 { 2 } else { usize::from(amount < 100.0) };
    format!("{amount:.digits$} {unit}")
}

/// A group of one program with the same name.
fn is_alone(members: &[Program]) -> bool {
    matches!(members, [only] if only.name == only.group)
}

fn header(body: &mut String, snapshot: &Snapshot) {
    let identifier = Escaped(&snapshot.identifier);
    let mood = if snapshot.ending { "shutting down · " } else { "" };
    let summary = summary(&snapshot.programs);
    let all = |action, label, api, question| Button {
        action,
        to: None,
        label,
        api,
        states: "",
        hidden: false,
        question: Some(question),
    };
    let _ = write!(
        body,
        r#"<header>
<div><h1>{identifier}</h1><p class="quiet">{mood}<span id="summary">{summary}</span></p></div>
<div class="buttons"><a class="button" href="index.html?action=refresh">Refresh</a>
{}{}</div>
</header>
"#,
        all("restartall", "Restart all", "api/v1/all/restart", "Restart all programs?"),
        all("stopall", "Stop all", "api/v1/all/stop", "Stop all programs?"),
    );
}

async fn section(body: &mut String, snapshot: &Snapshot, members: &[Program]) {
    let name = members.first().map_or("", |member| member.group.as_str());
    let listens = snapshot.groups.iter().any(|group| group.name == name && group.listens);
    let kind = if listens { "event listener" } else { "program" };
    let plural = if members.len() == 1 { "" } else { "s" };
    let everyone = format!("{name}:*");
    let api = |action| format!("api/v1/groups/{}/{action}", form::encoded(name));
    let button = |action, label, question: Option<&str>| {
        let (to, api) = (Some(everyone.as_str()), api(action));
        Button { action, to, label, api: &api, states: "", hidden: false, question }.to_string()
    };
    let _ = write!(
        body,
        r#"<section data-group="{name}">
<div class="heading"><h2>{name} <span class="quiet">{count} {kind}{plural}</span></h2>
<div class="buttons">{}{}{}</div></div>
"#,
        button("start", "Start", None),
        button("restart", "Restart", Some(&format!("Restart all of {name}?"))),
        button("stop", "Stop", Some(&format!("Stop all of {name}?"))),
        name = Escaped(name),
        count = members.len(),
    );
    table(body, members.iter(), snapshot.at).await;
    body.push_str("</section>\n");
}

/// Writes the table, and yields to other tasks after each [`AT_ONCE`] rows.
async fn table(body: &mut String, programs: impl Iterator<Item = &Program>, at: Wall) {
    body.push_str(
        "<table class=\"programs\">\n<thead><tr><th class=\"state\">State<th>Program\
         <th class=\"number\">Uptime<th class=\"number\">CPU<th class=\"number\">Memory\
         <th class=\"number\">Restarts<th class=\"exit\">Last exit<th class=\"buttons\">\
         </tr></thead>\n<tbody>\n",
    );
    for (number, program) in programs.enumerate() {
        row(body, program, at);
        if number % AT_ONCE == AT_ONCE - 1 {
            yield_now().await;
        }
    }
    body.push_str("</tbody>\n</table>\n");
}

fn row(body: &mut String, program: &Program, at: Wall) {
    let Program { spec, name, state, .. } = program;
    let uptime = program.uptime.map_or_else(|| "–".to_owned(), span);
    let memory = program.usage.map_or_else(|| "–".to_owned(), |usage| size(usage.memory));
    let _ = write!(
        body,
        r#"<tr data-name="{spec}" data-state="{state}" data-health="{health}">
<td class="state"><span class="status {class}">{shown}</span>
<td class="name"><a href="program.html?processname={link}">{name}</a> <span class="description">{description}</span>
<td class="number uptime" data-label="Uptime">{uptime}
<td class="number cpu" data-label="CPU" title="CPU usage since the start; 100 % is one core">{cpu}
<td class="number memory" data-label="Memory" title="memory of the process tree">{memory}
<td class="number restarts" data-label="Restarts">{restarts}
<td class="exit{never}" data-label="Last exit"{full}><span>{exit}</span>
<td class="buttons">{buttons}</tr>
"#,
        spec = Escaped(spec),
        state = state.name(),
        class = class(*state),
        health = program.health.name(),
        shown = shown(program),
        link = form::encoded(spec),
        name = Escaped(name),
        description = Escaped(&description(program, at)),
        cpu = cpu(program),
        restarts = program.restarts(),
        never = if program.last_exit.is_none() { " never" } else { "" },
        full = full_exit(program),
        exit = Escaped(program.last_exit.as_deref().unwrap_or("–")),
        buttons = buttons(program),
    );
}

/// Details of the state, such as the uptime or the exit status.
pub(crate) fn description(program: &Program, at: Wall) -> String {
    let ago = |moment: Option<Wall>| {
        let passed = at.since_epoch().saturating_sub(moment.unwrap_or(at).since_epoch());
        format!("{} ago", span(passed))
    };
    let processes = program.usage.map_or(0, |usage| usage.processes);
    if let Some(what) = &program.waits_for {
        return format!("waiting for {what}");
    }
    match (program.state, program.pid) {
        (StateName::Stopped | StateName::Exited, _) if program.started.is_none() => {
            "Not started".to_owned()
        }
        (StateName::Stopped | StateName::Exited, _) => ago(program.stopped),
        (StateName::Fatal | StateName::Backoff, _) => program.error.clone().unwrap_or_default(),
        (StateName::Starting | StateName::Running | StateName::Stopping, None) => String::new(),
        (StateName::Starting | StateName::Running | StateName::Stopping, Some(pid)) => {
            let mut text = format!("pid {pid}");
            if processes > 1 {
                let _ = write!(text, ", {processes} processes");
            }
            if let Some(remark) = &program.remark {
                let _ = write!(text, ", {remark}");
            }
            text
        }
    }
}

/// Average CPU use in percent of one processor. The current use would need two measurements.
pub(super) fn cpu(program: &Program) -> String {
    let (Some(usage), Some(uptime)) = (program.usage, program.uptime) else {
        return "–".to_owned();
    };
    let share = usage.cpu.as_secs_f64() / uptime.as_secs_f64().max(0.01);
    format!("{:.0} %", share * 100.0)
}

/// The time and cause of the last exit as a tooltip, because the cell shows only two lines.
fn full_exit(program: &Program) -> String {
    let Some(exit) = &program.last_exit else { return String::new() };
    let when = program.stopped.map(|at| date::rfc3339_millis(at.since_epoch())).unwrap_or_default();
    format!(r#" title="{when}: {}""#, Escaped(exit))
}

pub(super) fn buttons(program: &Program) -> String {
    let Program { spec, state, .. } = program;
    let api = |action| format!("api/v1/programs/{}/{action}", form::encoded(spec));
    let button = |action, label, states: &[StateName], question: Option<&str>| {
        let hidden = !states.contains(state);
        let states: Vec<&str> = states.iter().map(|state| state.name()).collect();
        let (states, api) = (states.join(" "), api(action));
        let to = Some(spec.as_str());
        Button { action, to, label, api: &api, states: &states, hidden, question }.to_string()
    };
    let (restart, stop) = (format!("Restart {spec}?"), format!("Stop {spec}?"));
    [
        button("start", "Start", STARTABLE, None),
        button("restart", "Restart", &[StateName::Running], Some(&restart)),
        button("stop", "Stop", STOPPABLE, Some(&stop)),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use supervisor_core::health::{CheckFailure, Unhealthy};
    use supervisor_core::ids::Pid;

    use super::*;
    use crate::snapshot::Group;
    use crate::tree_usage::TreeUsage;

    fn program(group: &str, name: &str, state: StateName) -> Program {
        let spec = if group == name { name.to_owned() } else { format!("{group}:{name}") };
        let (name, group) = (name.to_owned(), group.to_owned());
        Program {
            spec,
            name,
            group,
            state,
            ready: state == StateName::Running,
            health: HealthStatus::None,
            remark: None,
            since: None,
            last_failure: None,
            pid: Some(Pid(7)),
            uptime: Some(Duration::from_secs(3700)),
            starts: 3,
            started: Some(Wall::from_epoch(Duration::from_secs(1000))),
            stopped: None,
            last_exit: None,
            error: None,
            check: None,
            work: None,
            work_unit: "steps",
            waits_for: None,
            usage: Some(TreeUsage {
                processes: 4,
                cpu: Duration::from_secs(370),
                memory: 3 << 30,
                suspended: false,
            }),
            logs: Vec::new(),
        }
    }

    fn shown_page(programs: Vec<Program>) -> String {
        let mut groups: Vec<Group> = Vec::new();
        for name in programs.iter().map(|program| program.group.clone()) {
            groups.push(Group { name, active: true, listens: false, priority: None });
        }
        groups.dedup();
        let at = Wall::from_epoch(Duration::from_secs(5000));
        let identifier = "supervisor".to_owned();
        let snapshot = Snapshot { identifier, pid: 1, ending: false, at, programs, groups };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(page(&snapshot, Some("<b>done</b>")))
    }

    #[test]
    fn a_row_shows_state_pid_resources_and_actions() {
        let html = shown_page(vec![program("web", "web", StateName::Running)]);
        for piece in [
            "<title>Supervisor Status</title>",
            r#"<span class="status statusrunning">running</span>"#,
            "pid 7, 4 processes",
            ">1 h 1 min\n",
            ">10 %\n",
            ">3.00 GiB\n",
            ">2\n",
            "&lt;b&gt;done&lt;/b&gt;",
        ] {
            assert!(html.contains(piece), "{piece} in {html}");
        }
        assert!(!html.contains("<h2>"), "a program alone needs no heading");
    }

    #[test]
    fn a_program_that_is_unhealthy_is_not_shown_as_running() {
        let mut program = program("web", "web", StateName::Running);
        let (failure, times) = (CheckFailure::TimedOut, 3);
        program.health = HealthStatus::Unhealthy(Unhealthy::Check { failure, times });
        program.remark = Some("unhealthy: 3 checks failed".to_owned());
        let html = shown_page(vec![program]);
        for piece in [
            r#"<span id="summary">1 unhealthy</span>"#,
            r#"data-state="RUNNING" data-health="unhealthy""#,
            ">unhealthy</span>",
            "pid 7, 4 processes, unhealthy: 3 checks failed",
        ] {
            assert!(html.contains(piece), "{piece} in {html}");
        }
    }

    #[test]
    fn programs_of_a_group_are_shown_under_its_name() {
        let html = shown_page(vec![
            program("site", "a", StateName::Running),
            program("site", "b", StateName::Fatal),
            program("web", "web", StateName::Stopped),
        ]);
        assert!(html.contains(r#"<h2>site <span class="quiet">2 programs</span></h2>"#), "{html}");
        assert_eq!(html.matches("<h2>").count(), 1);
        assert!(html.contains(r#"href="program.html?processname=site%3Aa""#));
        assert!(html.contains("1 running · 1 failed · 1 stopped"));
    }

    #[test]
    fn names_are_escaped() {
        let evil = "<script>alert(1)</script>\"'";
        let mut program = program(evil, evil, StateName::Fatal);
        program.error = Some(evil.to_owned());
        program.last_exit = Some(evil.to_owned());
        let html = shown_page(vec![program]);
        assert_eq!(html.matches("<script").count(), 1, "only our own: {html}");
        assert!(!html.contains("\"'"), "{html}");
        assert!(html.contains("processname=%3Cscript%3E"));
    }

    #[test]
    fn a_page_without_programs_is_marked_as_empty() {
        assert!(shown_page(Vec::new()).contains("No programs to manage"));
    }

    #[test]
    fn durations_and_sizes_are_short() {
        for (secs, text) in
            [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(span(Duration::from_secs(secs)), text);
        }
        for (bytes, text) in [
            (0, "0.00 KiB"),
            (1 << 20, "1.00 MiB"),
            (40_000_000, "38.1 MiB"),
            (1_023_000, "999 KiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
