//! Any server in a container for
//! [SageMaker](https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html).

use std::time::Duration;

use supervisor_core::spec::health::Scheme;

use crate::presets::command::Command;
use crate::presets::plan::{Asks, Plan, bearer};
use crate::presets::{Listens, Named, Preset, preset};

/// SageMaker itself requests `/ping` on port 8080 with a time limit of 2 seconds.
pub(in crate::presets) const SAGEMAKER: Preset = Preset {
    programs: &[
        "vllm",
        "vllm.entrypoints.openai.api_server",
        "sglang",
        "sglang.launch_server",
        "launch_server.py",
        "tritonserver",
        "trtllm-serve",
        "text-generation-launcher",
        "llama-server",
    ],
    listens: Listens {
        port: Named::either(&["--port", "--sagemaker-port"], &["SAGEMAKER_BIND_TO_PORT"]),
        tls: &[Named::option(&["--ssl-keyfile"]), Named::option(&["--ssl-certfile"])],
        abbreviates: true,
        ..Listens::at(8080)
    },
    timeout: Duration::from_secs(2),
    adapt,
    notes: &[
        "To SGLang the supervisor sends the key of `--api-key`, because its `/ping` needs it. Up \
         to 0.5.21 that `/ping` always returns 200: prefer the preset `sglang`.",
        "`trtllm-serve` and `llama-server` have no `/ping`. The supervisor asks for `/health`.",
    ],
    ..preset("sagemaker", "SageMaker", "/ping")
};

fn adapt(command: &Command<'_>, plan: &mut Plan) {
    match command.program {
        Some("sglang" | "sglang.launch_server" | "launch_server.py") => {
            plan.health_key = command.option(&["--api-key"]).map(|key| bearer(&key.value));
        }
        Some(program @ ("trtllm-serve" | "llama-server")) => {
            if let Asks::Page(page) = &mut plan.asks {
                page.path = "/health".to_owned();
            }
            plan.warnings.push(format!("{program} has no /ping, which SageMaker asks for"));
        }
        // Triton's server for SageMaker does not use TLS.
        Some("tritonserver") => {
            if let Asks::Page(page) = &mut plan.asks {
                page.scheme = Scheme::Http;
            }
        }
        Some(_) | None => {}
    }
}
