//! [Triton Inference Server](https://docs.nvidia.com/deeplearning/triton-inference-server/).

use std::time::Duration;

use supervisor_core::spec::health::Header;

use crate::presets::command::{Command, is_no};
use crate::presets::plan::{Asks, Plan};
use crate::presets::{Listens, Metrics, Named, OwnPlace, Preset, preset};

/// Options:
/// [`command_line_parser.cc`](https://github.com/triton-inference-server/server/blob/main/src/command_line_parser.cc).
///
/// [Metrics](https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/metrics.html)
/// and
/// [health](https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/README.html).
/// Requests that are being executed do not count as pending, so a single hung request is not
/// detected. Only failures of backends count as progress, because failures of clients that give up
/// increase while a model hangs. The gauge of active requests of the [TensorRT-LLM
/// backend](https://github.com/triton-inference-server/tensorrtllm_backend) may not drop to 0, so
/// the preset uses only its iterations. It also uses the tokens of the [vLLM
/// backend](https://github.com/triton-inference-server/vllm_backend), because that counts a request
/// only at its end.
///
/// Shared memory: names of its [Python
/// backend](https://github.com/triton-inference-server/python_backend) and NCCL.
pub(in crate::presets) const TRITON: Preset = Preset {
    programs: &["tritonserver"],
    listens: Listens {
        host: Named::option(&["--http-address"]),
        port: Named::option(&["--http-port"]),
        abbreviates: true,
        ..Listens::at(8000)
    },
    metrics: Some(Metrics {
        path: "/metrics",
        place: Some(OwnPlace {
            usual_port: 8002,
            port: Named::option(&["--metrics-port"]),
            host: Named::option(&["--metrics-address"]),
        }),
        running: &["nv_inference_pending_request_count"],
        waiting: &[],
        tells_idle: false,
        done: &[
            "nv_inference_exec_count",
            "nv_inference_request_success",
            "nv_inference_request_failure{reason=\"BACKEND\"}",
            "nv_trt_llm_general_metrics{general_type=\"iteration_counter\"}",
            "vllm:generation_tokens_total",
            "vllm:prompt_tokens_total",
        ],
    }),
    // One execution can take minutes, and other requests wait for it.
    stalled: Duration::from_secs(300),
    shared_memory: &["triton_python_backend_shm_region_", "nccl-"],
    adapt,
    notes: &[
        "If a model is not ready, the status is 400.",
        "With `--http-restricted-api=health:KEY=VALUE` the check sends that header.",
        "With `--allow-http=false` the supervisor runs no health check, unless `--allow-sagemaker=true` \
         opens `/ping` at `--sagemaker-port`. `AIP_MODE=PREDICTION` also switches HTTP off.",
        "The gauge counts requests that wait, not those that execute. A request that hangs alone \
         is not noticed.",
        "A stop takes `--exit-timeout-secs` (30) and a few seconds more.",
        "The processes of a Python backend (`triton_python_backend_stub`) ignore SIGTERM and exit \
         after the server.",
    ],
    ..preset("triton", "Triton Inference Server", "/v2/health/ready")
};

/// Seconds for unloading after the server's own exit timeout.
const BEYOND_EXIT: u64 = 5;

fn adapt(command: &Command<'_>, plan: &mut Plan) {
    if command.option(&["--allow-metrics"]).is_some_and(|found| is_no(&found.value)) {
        plan.metrics = None;
    }
    let http = command.option(&["--allow-http"]);
    let vertex = command.variable("AIP_MODE").filter(|mode| mode.value == "PREDICTION");
    match (http.map(|found| is_no(&found.value)), vertex) {
        (Some(true), _) => has_no_http(command, plan, "--allow-http=false"),
        (None, Some(mode)) => has_no_http(command, plan, &mode.shown()),
        (Some(false), _) | (None, None) => {}
    }
    plan.health_key =
        command.option(&["--http-restricted-api"]).and_then(|it| restriction(&it.value));
    let seconds = command.number(&["--exit-timeout-secs"]);
    let why = match seconds {
        Some(seconds) => format!("--exit-timeout-secs {seconds}"),
        None => "--exit-timeout-secs, by default 30".to_owned(),
    };
    plan.stop = Some((seconds.unwrap_or(30).saturating_add(BEYOND_EXIT), why));
}

/// Checks SageMaker's own server instead, if it is enabled
/// ([`serve`](https://github.com/triton-inference-server/server/blob/main/docker/sagemaker/serve)).
fn has_no_http(command: &Command<'_>, plan: &mut Plan, why: &str) {
    let sagemaker = command.option(&["--allow-sagemaker"]).filter(|it| !is_no(&it.value));
    let Some(allowed) = sagemaker else {
        return plan.asks_nothing(format!("{why}: no known HTTP server"));
    };
    let port = command.option(&["--sagemaker-port"]);
    plan.from.push(port.as_ref().map_or_else(|| allowed.shown(), |port| port.shown()));
    let number = port.map_or(Some(8080), |port| port.value.parse().ok());
    if let (Asks::Page(page), Some(_)) = (&mut plan.asks, number) {
        page.path = "/ping".to_owned();
    }
    match (plan.port(), number) {
        (Some(place), Some(number)) => *place = number,
        (_, _) => plan.asks_nothing("--sagemaker-port names no port"),
    }
}

/// The header in `health,metadata:KEY=VALUE`, if it applies to the endpoint ([restricted
/// APIs](https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/customization_guide/inference_protocols.html)).
fn restriction(text: &str) -> Option<Header> {
    let (apis, pair) = text.split_once(':')?;
    let (name, value) = pair.split_once('=')?;
    let guards = apis.split(',').any(|api| api.trim() == "health");
    guards.then(|| Header { name: name.to_owned(), value: value.to_owned() })
}
