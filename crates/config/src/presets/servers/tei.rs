//! [Text Embeddings Inference](https://huggingface.co/docs/text-embeddings-inference/).

use super::tgi;
use crate::presets::command::Command;
use crate::presets::plan::Plan;
use crate::presets::{Listens, Named, Preset, preset};

/// Options, each of which is a variable as well:
/// [CLI arguments](https://huggingface.co/docs/text-embeddings-inference/cli_arguments). Its
/// image sets `PORT=80`.
///
/// No metrics: which counter moves depends on what is asked for (embeddings, ranks, classes),
/// and there is no gauge of what is worked on.
pub(in crate::presets) const TEI: Preset = Preset {
    programs: &["text-embeddings-router"],
    listens: Listens {
        host: Named::option(&["--hostname"]),
        port: Named::either(&["--port", "-p"], &["PORT"]),
        ..Listens::at(3000)
    },
    adapt,
    notes: &[
        "The images for gRPC have no HTTP server: set `PROCESS_HEALTH_TCP`.",
        "At SIGTERM the server drains without a limit.",
    ],
    ..preset("tei", "Text Embeddings Inference", "/health")
};

fn adapt(command: &Command<'_>, plan: &mut Plan) {
    tgi::listens_at_hostname(command, plan);
}
