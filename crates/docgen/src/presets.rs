//! The reference of presets, made from their tables.

use std::fmt::Write as _;

use supervisor_config::tables::{Listens, Metrics, PRESETS, Preset};

const HEAD: &str = "\
# Presets

<!-- Made from the tables in `crates/config/src/presets` by `UPDATE=1 cargo test -p supervisor-docgen`. -->

`PROCESS_HEALTH_PRESET=NAME`, or `health_preset=NAME` in a file, names the server
that the supervisor runs. The preset reads the server's command and environment. It understands
`--option value`, `--option=value`, and commands after `python -m` or a launcher such as
`mpirun`. One line at startup shows the URL of the health check and the option that set it:

```text
INFO check: app: checking http://127.0.0.1:9000/health (preset vllm, --port 9000); metrics at http://127.0.0.1:9000/metrics
```

- Your own settings always win: `PROCESS_HEALTH_URL`, `PROCESS_HEALTH_PORT` and
  [all others](options.md#readiness-and-health).
- A shell script hides the server's options. The preset then checks the server's default address
  and logs this. Such an address is a guess: a server that never answers there is not restarted,
  unless you set `PROCESS_HEALTH_PORT` or `PROCESS_HEALTH_START_TIMEOUT`.
- If the server listens on all addresses, the supervisor connects to 127.0.0.1 or `::1`.
- A preset never changes `stopwaitsecs`. It warns if the server can need longer.

";

/// The table of each preset, as Markdown.
#[must_use]
pub fn presets_reference() -> String {
    let mut out = String::from(HEAD);
    for preset in &PRESETS {
        let _ = write!(out, "## `{}`: {}\n\n", preset.name, preset.title);
        out.push_str("| | |\n|---|---|\n");
        for (what, value) in rows(preset) {
            let _ = writeln!(out, "| {what} | {value} |");
        }
        out.push('\n');
        for note in preset.notes {
            let _ = writeln!(out, "- {note}");
        }
        if !preset.notes.is_empty() {
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn rows(preset: &Preset) -> Vec<(&'static str, String)> {
    let Preset { programs, listens, path, metrics, .. } = preset;
    let mut rows = vec![("recognized by", code(programs.iter().copied()))];
    if path.is_empty() {
        rows.push(("check", "see below".to_owned()));
    } else {
        rows.push(("check", format!("`{path}`, default port {}", listens.usual_port)));
        rows.extend(place(listens));
    }
    if let Some(text) = preset.ready {
        rows.push(("ready", format!("`{text}` in the output")));
    }
    let [timeout, interval] = [preset.timeout, preset.interval].map(|time| time.as_secs());
    rows.push(("timeout, interval", format!("{timeout} s, {interval} s")));
    if let Some(metrics) = metrics {
        rows.extend(counters(metrics));
        rows.push(("stalled after", format!("{} s", preset.stalled.as_secs())));
    }
    if let Some(pattern) = preset.tree {
        rows.push(("processes", format!("`{pattern}`")));
    }
    if !preset.shared_memory.is_empty() {
        let names: Vec<String> =
            preset.shared_memory.iter().map(|prefix| format!("`{prefix}*`")).collect();
        rows.push(("files in `/dev/shm`", names.join(", ")));
    }
    rows
}

fn place(listens: &Listens) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let win = match listens.variables_win {
        [] => String::new(),
        programs => format!("; the variable wins with {}", code(programs.iter().copied())),
    };
    for (what, named) in [("host", listens.host), ("port", listens.port)] {
        if named.all().next().is_some() {
            rows.push((what, format!("{}{win}", code(named.all()))));
        }
    }
    if !listens.tls.is_empty() {
        let all: Vec<String> = listens.tls.iter().map(|named| code(named.all())).collect();
        rows.push(("TLS", all.join(" and ")));
    }
    if !listens.file.is_empty() {
        rows.push(("options file", code(listens.file.iter().copied())));
    }
    rows
}

fn counters(metrics: &Metrics) -> Vec<(&'static str, String)> {
    let page = match &metrics.place {
        None => format!("`{}`", metrics.path),
        Some(own) => format!(
            "`{}` at port {} ({})",
            metrics.path,
            own.usual_port,
            code(own.port.all().chain(own.host.all()))
        ),
    };
    let mut rows = vec![
        ("counters", page),
        ("requests in progress", code(metrics.running.iter().copied())),
        ("progress", code(metrics.done.iter().copied())),
    ];
    if !metrics.waiting.is_empty() {
        rows.insert(2, ("waiting requests", code(metrics.waiting.iter().copied())));
    }
    rows
}

fn code<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
