//! [vLLM](https://docs.vllm.ai/).

use std::time::Duration;

use crate::presets::command::Command;
use crate::presets::plan::{Asks, Plan};
use crate::presets::{Listens, Metrics, Named, Preset, preset};

/// Options and TLS:
/// [`cli_args.py`](https://github.com/vllm-project/vllm/blob/main/vllm/entrypoints/openai/cli_args.py).
/// No variable sets the port: `VLLM_PORT` and `VLLM_HOST_IP` are for communication between engines
/// ([`envs.py`](https://github.com/vllm-project/vllm/blob/main/vllm/envs.py)).
///
/// [Metrics](https://docs.vllm.ai/en/latest/design/metrics/): the preset does not use waiting
/// requests, because they may wait for a KV transfer or a paused engine. The counters increase with
/// each step that generated a token; the chunked prefill of a long prompt does not increase them.
/// The stall time is therefore vLLM's own: 300 seconds, its `VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS`.
///
/// Shared memory: [Python](https://github.com/python/cpython/tree/main/Lib/multiprocessing) uses
/// `psm_`, and `sem.mp-` for semaphores; [loky](https://github.com/joblib/loky) `sem.loky-`;
/// [NCCL](https://github.com/NVIDIA/nccl/blob/master/src/misc/shmutils.cc) `nccl-`;
/// [PyTorch](https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/MapAllocator.cpp) `torch_`.
/// The others are vLLM's; `vllm_offload_` is as large as the CPU cache
/// ([issue 54002](https://github.com/vllm-project/vllm/issues/54002)).
pub(in crate::presets) const VLLM: Preset = Preset {
    programs: &["vllm", "vllm.entrypoints.openai.api_server", "vllm.entrypoints.api_server"],
    listens: Listens {
        tls: &[Named::option(&["--ssl-keyfile"]), Named::option(&["--ssl-certfile"])],
        abbreviates: true,
        file: &["--config"],
        ..Listens::at(8000)
    },
    metrics: Some(Metrics {
        path: "/metrics",
        place: None,
        running: &["vllm:num_requests_running"],
        waiting: &["vllm:num_requests_waiting"],
        tells_idle: true,
        done: &["vllm:generation_tokens_total", "vllm:prompt_tokens_total"],
    }),
    stalled: Duration::from_secs(300),
    tree: Some("VLLM::"),
    shared_memory: &[
        "psm_",
        "sem.mp-",
        "sem.loky-",
        "nccl-",
        "torch_",
        "vllm_mm_",
        "vllm_offload_",
        "vllm_ec_",
        "vllm_engram_",
    ],
    adapt,
    notes: &[
        "`/health` and `/metrics` need no key from `--api-key`, and `--root-path` does not move \
         them ([security](https://docs.vllm.ai/en/latest/usage/security/)).",
        "With `--uds PATH` the health check uses that socket. With `--ssl-cert-reqs 2` it only \
         connects, because it has no client certificate.",
        "`--headless`, `--grpc` and `--node-rank` above 0 start no HTTP server. The supervisor \
         then watches the process tree only.",
        "With `--data-parallel-multi-port-external-lb` the supervisor checks the data-parallel \
         supervisor (`--data-parallel-supervisor-port`, usually 9256) and reads no counters.",
        "At SIGTERM vLLM aborts requests in flight unless `--shutdown-timeout` is above 0 (0.18 \
         and newer). With that option set `stopwaitsecs` to 15 seconds more.",
        "If its engine dies, a single API server exits with code 0 \
         ([issue 48966](https://github.com/vllm-project/vllm/issues/48966)). In a file, set \
         `autorestart=true`.",
        "Each stop can leave `psm_*` and `nccl-*` in `/dev/shm`. EngineCore survives a SIGKILL of \
         the API server; the supervisor terminates it.",
        "A crash can leave `vllm_offload_*.mmap` in `/dev/shm`, as large as the CPU cache. The next \
         start then fails ([issue 54002](https://github.com/vllm-project/vllm/issues/54002)).",
        "A prompt that is prefilled in chunks moves no counter until its first token. Requests \
         that wait for a KV transfer do not count as a stall.",
    ],
    ..preset("vllm", "vLLM", "/health")
};

/// Seconds after the server's own shutdown timeout: its processes have ten seconds to exit.
const BEYOND_SHUTDOWN: u64 = 15;

fn adapt(command: &Command<'_>, plan: &mut Plan) {
    plan.ends_with_0 = true;
    if let Some(socket) = command.option(&["--uds"]) {
        plan.listens_at_socket(&socket.value, socket.shown());
    }
    // 2 is Python's `ssl.CERT_REQUIRED`.
    if let Some(needed) = command.option(&["--ssl-cert-reqs"]).filter(|found| found.value == "2") {
        plan.connects_only(format!("{} wants a client's certificate", needed.shown()));
    }
    has_one_server_per_rank(command, plan);
    if let Some(flag) = command.flag(&["--headless", "--grpc"]) {
        plan.asks_nothing(format!("{flag} starts no HTTP server"));
    }
    if let Some(rank) = command.option(&["--node-rank", "-r"]).filter(|rank| rank.value != "0") {
        plan.asks_nothing(format!("{} starts no HTTP server", rank.shown()));
    }
    drains(command, plan);
}

/// Handles [one HTTP server per local
/// rank](https://docs.vllm.ai/en/latest/serving/data_parallel_deployment/) with a supervisor of
/// their own, which is healthy when all of them are. The metrics have one page per rank and none
/// for all.
fn has_one_server_per_rank(command: &Command<'_>, plan: &mut Plan) {
    let Some(flag) = command.flag(&["--data-parallel-multi-port-external-lb"]) else { return };
    let own = command.option(&["--data-parallel-supervisor-port"]);
    plan.metrics = None;
    plan.from.push(own.as_ref().map_or(flag, |own| own.shown()));
    let port = own.map_or(Some(9256), |own| own.value.parse().ok());
    match (plan.port(), port) {
        (Some(place), Some(port)) => *place = port,
        (None, _) => {}
        (_, None) => plan.asks_nothing("--data-parallel-supervisor-port names no port"),
    }
}

/// Handles [`--shutdown-timeout`](https://github.com/vllm-project/vllm/pull/34730): 0 aborts
/// requests in flight.
fn drains(command: &Command<'_>, plan: &mut Plan) {
    let given = command.option(&["--shutdown-timeout"]);
    let seconds = given.as_ref().and_then(|given| given.value.parse::<f64>().ok());
    match (given, seconds) {
        (Some(given), Some(seconds)) if seconds > 0.0 => {
            let seconds = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            plan.stop = Some((seconds.as_secs().saturating_add(BEYOND_SHUTDOWN), given.shown()));
        }
        _ if command.program.is_some() && !matches!(plan.asks, Asks::Nothing(_)) => {
            plan.cuts = Some("set --shutdown-timeout (0.18 and newer)");
        }
        _ => {}
    }
}
