//! [Ollama](https://docs.ollama.com/): `ollama serve`.

use crate::presets::command::{Command, Found};
use crate::presets::plan::Plan;
use crate::presets::{Listens, Named, Preset, preset};

/// Only `OLLAMA_HOST` sets the address:
/// [`envconfig`](https://github.com/ollama/ollama/blob/main/envconfig/config.go). The server has no
/// metrics.
pub(in crate::presets) const OLLAMA: Preset = Preset {
    programs: &["ollama"],
    listens: Listens { host: Named::NOTHING, port: Named::NOTHING, ..Listens::at(11434) },
    tree: None,
    adapt,
    notes: &[
        "`OLLAMA_HOST` sets the place: a host, `host:port` or a URL.",
        "The check shows that the server answers, not that a model works.",
        "At SIGTERM Ollama aborts requests and kills its runners. The runners survive a SIGKILL of \
         the server; the supervisor terminates them.",
    ],
    ..preset("ollama", "Ollama", "/")
};

fn adapt(command: &Command<'_>, plan: &mut Plan) {
    let Some(found) = command.variable("OLLAMA_HOST") else { return };
    let (usual, rest) = match found.value.split_once("://") {
        Some(("http", rest)) => (80, rest),
        Some(("https", rest)) => (443, rest),
        Some((_, rest)) => (11434, rest),
        None => (11434, found.value.as_str()),
    };
    let place = rest.split('/').next().unwrap_or_default().trim();
    // The last colon precedes the port, unless it is part of an IPv6 address.
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port))
            if !port.ends_with(']') && (!host.contains(':') || host.ends_with(']')) =>
        {
            (host, port.parse().unwrap_or(usual))
        }
        Some(_) | None => (place, usual),
    };
    if !plan.port_is_set
        && let Some(place) = plan.port()
    {
        *place = port;
    }
    plan.moves_to(&Found { value: host.to_owned(), ..found.clone() });
    plan.from = vec![found.shown()];
}
