//! [Text Embeddings Inference](https://huggingface.co/docs/text-embeddings-inference/).

use super::tgi;
use crate::presets::command::Command;
use crate::presets::plan::Plan;
use crate::presets::{Listens, Named, Preset, preset};

/// Each option is also a variable: [CLI
/// arguments](https://huggingface.co/docs/text-embeddings-inference/cli_arguments). The image sets
/// `PORT=80`.
///
/// The preset uses no metrics: the kind of request decides which counter increases (embeddings,
/// ranks, classes), and there is no gauge of requests in flight.
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
