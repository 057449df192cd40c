//! The page of one program: its state, its resource usage, and its latest runs.

use std::fmt::Write;

use supervisor_core::time::Wall;
use supervisor_wire::http::form;

use super::curve::{self, curve};
use super::html::{Escaped, document};
use super::page::{buttons, class, cpu, description, shown, size, span};
use super::timeline::{moment, timeline};
use crate::api::check_words;
use crate::snapshot::{Program, Run, Sample};

/// Length in bytes, without markup, above which a fact takes the width of two.
const WIDE: usize = 40;

/// The data that the page shows.
#[derive(Clone, Debug)]
pub(crate) struct Details {
    pub(crate) program: Program,
    /// Runs, the newest first.
    pub(crate) runs: Vec<Run>,
    /// Usage samples, the oldest first.
    pub(crate) usage: Vec<Sample>,
    /// The time of this data.
    pub(crate) at: Wall,
}

/// The page as HTML.
pub(crate) fn program_page(details: &Details) -> String {
    let Details { program, runs, usage, at } = details;
    let name = &program.spec;
    let encoded = form::encoded(name);
    let mut body = format!(
        r#"<header>
<div><p class="quiet"><a href="index.html">All programs</a></p><h1>{name}</h1></div>
<div class="buttons"><a class="button" href="tail.html?processname={encoded}">Log</a><a class="button" href="program.html?processname={encoded}">Refresh</a></div>
</header>
<div id="status_msg" class="status_msg" role="status"></div>
<main data-name="{name}" data-state="{state}" data-health="{health}">
<section class="now"><p><span class="status {class}">{shown}</span> <span class="description">{description}</span></p>
<div class="buttons">{buttons}</div>
"#,
        name = Escaped(name),
        state = program.state.name(),
        health = program.health.name(),
        class = class(program.state),
        shown = shown(program),
        description = Escaped(&description(program, *at)),
        buttons = buttons(program),
    );
    facts(&mut body, program, *at);
    body.push_str("</section>\n");
    curves(&mut body, program, usage, *at);
    body.push_str("<section><h2>Latest runs</h2>\n");
    timeline(&mut body, runs, &shown(program));
    body.push_str("</section>\n</main>\n");
    body.push_str(
        "<noscript><p class=\"quiet\">JavaScript is off: this page does not update. Use \
         Refresh.</p></noscript>",
    );
    document(&format!("{name} - Supervisor"), "program", &body)
}

/// The page for the name of a program that does not exist.
pub(crate) fn unknown_program(name: &str) -> String {
    let body = format!(
        "<header><div><p class=\"quiet\"><a href=\"index.html\">All programs</a></p>\
         <h1>No such program</h1></div></header>\n<main><p class=\"empty\">There is no program \
         '{}'. It may have been removed.</p></main>",
        Escaped(name)
    );
    document("No such program - Supervisor", "program", &body)
}

fn facts(body: &mut String, program: &Program, at: Wall) {
    body.push_str("<dl class=\"facts\">");
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // A sentence needs more width than a number.
            let shown = value.split('<').map(|part| part.rsplit('>').next().map_or(0, str::len));
            let wide = if shown.sum::<usize>() > WIDE { " class=\"wide\"" } else { "" };
            let _ = write!(body, "<div{wide}><dt>{name}</dt><dd>{value}</dd></div>");
        }
    };
    let escaped = |text: &str| Escaped(text).to_string();
    let ago = |moment: Wall| span(at.since_epoch().saturating_sub(moment.since_epoch()));
    fact("Ready", Some(if program.ready { "yes" } else { "no" }.to_owned()));
    let reason = program.health.reason().map(|why| format!(": {}", escaped(&why)));
    let health = program.health.name();
    fact("Health", Some(format!("{health}{}", reason.unwrap_or_default())));
    fact("Since", program.since.map(moment));
    let check = program.check.map(|check| {
        let (words, took) = (escaped(&check_words(check.result)), check.took.as_millis());
        format!("{words}, {} ago, in {took} ms", ago(check.at))
    });
    fact("Last check", check);
    let requests = program.work.map(|work| {
        let per_second = work.per_second.map(|rate| format!(", {rate:.1} {}/s", program.work_unit));
        let (running, waiting) = (work.seen.running, work.seen.waiting);
        format!("{running} running, {waiting} waiting{}", per_second.unwrap_or_default())
    });
    fact("Requests", requests);
    fact("Uptime", program.uptime.map(span));
    fact("CPU", program.usage.map(|_| cpu(program)));
    fact("Memory", program.usage.map(|usage| size(usage.memory)));
    fact("Restarts", Some(program.restarts().to_string()));
    fact("Last exit", program.last_exit.as_deref().map(escaped));
    body.push_str("</dl>\n");
}

fn curves(body: &mut String, program: &Program, usage: &[Sample], at: Wall) {
    body.push_str("<section><h2>Last hour</h2>\n<div class=\"curves\">\n");
    #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
    let memory: Vec<curve::Value> =
        usage.iter().map(|sample| (sample.at, sample.memory as f64)).collect();
    let processors: Vec<curve::Value> =
        usage.iter().filter_map(|sample| Some((sample.at, sample.cpu?))).collect();
    let most_memory = usage.iter().map(|sample| sample.memory).max().map(size);
    let most_cpu = processors.iter().map(|(_, share)| *share).fold(0.0, f64::max);
    let name = &program.spec;
    for (title, values, most) in [
        ("Memory", &memory, most_memory.unwrap_or_default()),
        ("CPU", &processors, format!("{:.0} %", most_cpu * 100.0)),
    ] {
        let says = format!("{title} of {name} in the last hour, at most {most}");
        let curve = curve(values, at, &says);
        let most = curve.as_ref().map(|_| format!("at most {most}")).unwrap_or_default();
        let curve = curve.unwrap_or_else(|| {
            "<p class=\"quiet\">Not enough samples yet. One is taken every 30 seconds while a \
             page, the API or metrics are read, or checks run.</p>"
                .to_owned()
        });
        let _ = writeln!(
            body,
            "<figure><figcaption>{title} <span class=\"quiet\">{most}</span></figcaption>\
             {curve}</figure>"
        );
    }
    body.push_str("</div></section>\n");
}
