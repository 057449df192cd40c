//! [Text Generation Inference](https://huggingface.co/docs/text-generation-inference/).

use crate::presets::command::Command;
use crate::presets::plan::Plan;
use crate::presets::{Listens, Metrics, Named, Preset, preset};

/// Each option is also a variable:
/// [launcher](https://huggingface.co/docs/text-generation-inference/reference/launcher). The image
/// sets `PORT=80`.
///
/// [Metrics](https://huggingface.co/docs/text-generation-inference/reference/metrics): the counter
/// of batches increases at the end of a step. `tgi_request_count` counts arriving requests, which
/// continue while the server hangs.
///
/// Shared memory: names of Python, NCCL and PyTorch.
pub(in crate::presets) const TGI: Preset = Preset {
    programs: &["text-generation-launcher"],
    listens: Listens {
        host: Named::option(&["--hostname"]),
        port: Named::either(&["--port", "-p"], &["PORT"]),
        ..Listens::at(3000)
    },
    metrics: Some(Metrics {
        path: "/metrics",
        place: None,
        running: &["tgi_batch_current_size", "tgi_queue_size"],
        waiting: &[],
        tells_idle: true,
        done: &["tgi_batch_inference_success"],
    }),
    tree: Some("text-generation-server serve"),
    shared_memory: &["psm_", "sem.mp-", "nccl-", "torch_"],
    adapt,
    notes: &[
        "The variable `HOSTNAME` is used if it is an address. In a container it is a name.",
        "A stop takes up to twice `--graceful-termination-timeout` (90 seconds): first the router \
         drains, then the shards stop.",
        "Router and shards survive a SIGKILL of the launcher; the supervisor terminates them.",
    ],
    ..preset("tgi", "Text Generation Inference", "/health")
};

fn adapt(command: &Command<'_>, plan: &mut Plan) {
    listens_at_hostname(command, plan);
    let own = command.option(&["--graceful-termination-timeout"]);
    let own = own.or_else(|| command.variable("GRACEFUL_TERMINATION_TIMEOUT"));
    let seconds = own.as_ref().and_then(|own| own.value.parse().ok()).unwrap_or(90_u64);
    let why = match own {
        Some(own) => format!("twice {}", own.shown()),
        None => "twice --graceful-termination-timeout, by default 90".to_owned(),
    };
    plan.stop = Some((seconds.saturating_mul(2).saturating_add(5), why));
}

/// The server uses 0.0.0.0 if the name is invalid, for example the name of a container.
pub(in crate::presets) fn listens_at_hostname(command: &Command<'_>, plan: &mut Plan) {
    if command.option(&["--hostname"]).is_some() {
        return;
    }
    let found = command.variable("HOSTNAME");
    if let Some(found) = found.filter(|found| found.value.parse::<std::net::IpAddr>().is_ok()) {
        plan.moves_to(&found);
    }
}
