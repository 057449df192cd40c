//! [llama.cpp](https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md):
//! `llama-server`, `llama serve`.

use supervisor_core::spec::health::Header;

use crate::presets::command::{Command, Found};
use crate::presets::plan::{Asks, Plan, bearer};
use crate::presets::{Listens, Metrics, Named, Preset, preset};

/// Options and their variables:
/// [`arg.cpp`](https://github.com/ggml-org/llama.cpp/blob/master/common/arg.cpp).
///
/// `--metrics` enables the metrics. The counter of predicted tokens increases at the end of a
/// request, the counter of decoder calls with each call. `/health` only reads a flag and returns
/// 200 while the decoder hangs. The decoding loop serves the metrics, so they do not answer then.
pub(in crate::presets) const LLAMA_CPP: Preset = Preset {
    programs: &["llama-server", "llama"],
    listens: Listens {
        host: Named::NOTHING,
        port: Named::either(&["--port"], &["LLAMA_ARG_PORT"]),
        tls: &[
            Named::either(&["--ssl-key-file"], &["LLAMA_ARG_SSL_KEY_FILE"]),
            Named::either(&["--ssl-cert-file"], &["LLAMA_ARG_SSL_CERT_FILE"]),
        ],
        ..Listens::at(8080)
    },
    metrics: Some(Metrics {
        path: "/metrics",
        place: None,
        running: &["llamacpp:requests_processing", "llamacpp:requests_deferred"],
        waiting: &[],
        tells_idle: true,
        done: &[
            "llamacpp:n_decode_total",
            "llamacpp:tokens_predicted_total",
            "llamacpp:prompt_tokens_total",
        ],
    }),
    adapt,
    notes: &[
        "Counters need `--metrics`. Each read resets the averages that other readers see.",
        "Set `--port`: the default will change to 9931 \
         ([pull request 26508](https://github.com/ggml-org/llama.cpp/pull/26508)). Without it, a \
         server that never answers is not restarted.",
        "`--host` or `LLAMA_ARG_HOST` can be a list of addresses, or a socket that ends in \
         `.sock`. `AIP_MODE=PREDICTION` with `AIP_HTTP_PORT` overrides `--port`.",
        "The supervisor sends the key of `--api-key` or `LLAMA_API_KEY` to `/metrics`. With \
         `--api-prefix` all pages are below the prefix, and `/health` needs the key as well. A \
         key in a file (`--api-key-file`) is not read: set `PROCESS_HEALTH_HEADERS`.",
        "At SIGTERM the server aborts requests in flight. A second SIGTERM makes it exit with \
         code 1.",
    ],
    ..preset("llama.cpp", "llama.cpp", "/health")
};

fn adapt(command: &Command<'_>, plan: &mut Plan) {
    let vertex = command.variable("AIP_MODE").filter(|mode| mode.value == "PREDICTION");
    let vertex = vertex.and_then(|_| command.variable("AIP_HTTP_PORT"));
    if let Some(found) = vertex {
        if let (Some(port), Ok(number)) = (plan.port(), found.value.parse()) {
            *port = number;
            plan.from.push(found.shown());
        }
    } else if plan.from.is_empty() {
        plan.is_guess = plan.is_guess || command.program.is_some();
        plan.warnings.push(
            "the default port of llama.cpp will change from 8080 to 9931; set --port".to_owned(),
        );
    }
    listens_at_host(command, plan);
    if let Some(prefix) = command.named(&PREFIX).filter(|prefix| prefix.value != "/") {
        plan.has_prefix(&prefix.value);
        plan.from.push(prefix.shown());
        plan.health_key = key(command);
    }
    plan.metrics_key = key(command);
}

const PREFIX: Named = Named::either(&["--api-prefix"], &["LLAMA_ARG_API_PREFIX"]);

/// Handles several addresses that are separated by commas. An address that ends in `.sock` is a
/// socket.
fn listens_at_host(command: &Command<'_>, plan: &mut Plan) {
    let named = Named::either(&["--host"], &["LLAMA_ARG_HOST"]);
    let Some(found) = command.named(&named) else { return };
    let first = found.value.split(',').map(str::trim).find(|host| !host.ends_with(".sock"));
    match first {
        Some(host) => plan.moves_to(&Found { value: host.to_owned(), ..found }),
        None if matches!(plan.asks, Asks::Page(_)) => {
            let socket = found.value.split(',').next().unwrap_or_default().trim();
            plan.listens_at_socket(socket, found.shown());
        }
        None => {}
    }
}

/// The first API key; the server accepts any of them.
fn key(command: &Command<'_>) -> Option<Header> {
    let named = Named::either(&["--api-key"], &["LLAMA_API_KEY"]);
    let found = command.named(&named)?;
    Some(bearer(found.value.split(',').next()?))
}
