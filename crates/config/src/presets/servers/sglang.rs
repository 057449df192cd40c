//! [SGLang](https://docs.sglang.io/).

use std::time::Duration;

use crate::presets::command::Command;
use crate::presets::plan::Plan;
use crate::presets::{Listens, Metrics, Named, Preset, preset};

/// Options:
/// [`server_args.py`](https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/server_args.py).
///
/// [Metrics](https://docs.sglang.io/references/production_metrics.html) need `--enable-metrics`.
/// The prompt and generation counters increase at the end of a request. The real-time token counter
/// (0.5.7 and newer) increases with each prefill batch and every 40 decode steps, and the count of
/// gaps between tokens with each piece of a stream. The preset does not use the gauges of waiting
/// requests: a server that is split into prefill and decode has others, and its requests may wait
/// for the other side. The server's own watchdog allows 300 seconds for a step.
///
/// For a health check, the server generates a token. This takes a second or more; the server's own
/// limit is 20 seconds
/// ([`http_server.py`](https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/entrypoints/http_server.py)).
///
/// Shared memory: names of SGLang and of its libraries, as in its own list
/// ([`stale_shm_cleanup.py`](https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/utils/stale_shm_cleanup.py)).
pub(in crate::presets) const SGLANG: Preset = Preset {
    programs: &["sglang", "sglang.launch_server", "launch_server.py"],
    listens: Listens {
        tls: &[Named::option(&["--ssl-keyfile"]), Named::option(&["--ssl-certfile"])],
        abbreviates: true,
        file: &["--config"],
        ..Listens::at(30000)
    },
    metrics: Some(Metrics {
        path: "/metrics",
        place: None,
        running: &["sglang:num_running_reqs", "sglang:num_queue_reqs"],
        waiting: &[],
        tells_idle: true,
        done: &[
            "sglang:realtime_tokens_total",
            "sglang:generation_tokens_total",
            "sglang:prompt_tokens_total",
            "sglang:inter_token_latency_seconds_count",
        ],
    }),
    timeout: OWN_TIMEOUT.saturating_add(BEYOND),
    stalled: Duration::from_secs(300),
    tree: Some("sglang::scheduler"),
    shared_memory: &[
        "psm_",
        "sem.mp-",
        "sem.loky-",
        "nccl-",
        "torch_",
        "cuda.shm.",
        "sgl_shm_",
        "sglang_loads_",
        "sglang_host_pool_",
        "multi_tokenizer_args_",
    ],
    adapt,
    notes: &[
        "Counters need `--enable-metrics`.",
        "`/health` and `/metrics` need no key from `--api-key`. `/health` generates a token, which \
         takes at least a second.",
        "Before 0.4.7 `/health` always returns 200. Set `PROCESS_HEALTH_URL` to the URL of \
         `/health_generate` there.",
        "A rank above 0 (`--node-rank`) has only a placeholder HTTP server that always returns 200. \
         The rank ignores SIGTERM until rank 0 stops it. The supervisor watches the process tree only, and a stop takes all of \
         `stopwaitsecs`.",
        "`--smg-grpc-mode` and `--encoder-only`: the supervisor watches the process tree only.",
        "At SIGTERM SGLang drains without a limit. `stopwaitsecs` must cover the longest request \
         and 25 seconds more.",
        "If a child fails, SGLang kills itself with SIGKILL. Exit code 137 does not always mean \
         out of memory.",
        "Each start leaves files `tmp*` in the directory for temporary files.",
    ],
    ..preset("sglang", "SGLang", "/health")
};

/// The default of `SGLANG_HEALTH_CHECK_TIMEOUT`.
const OWN_TIMEOUT: Duration = Duration::from_secs(20);

/// Additional time for the response.
const BEYOND: Duration = Duration::from_secs(5);

fn adapt(command: &Command<'_>, plan: &mut Plan) {
    let own = command.variable("SGLANG_HEALTH_CHECK_TIMEOUT");
    let own = own.and_then(|found| found.value.parse().ok()).map(Duration::from_secs);
    if let Some(own) = own.filter(|own| *own > OWN_TIMEOUT) {
        plan.timeout = own.saturating_add(BEYOND);
    }
    // An encoder may use gRPC or ZeroMQ.
    if let Some(flag) = command.flag(&["--smg-grpc-mode", "--grpc-mode", "--encoder-only"]) {
        plan.asks_nothing(format!("{flag} starts no HTTP server that is known"));
    }
    if let Some(rank) = command.option(&["--node-rank"]).filter(|rank| rank.value != "0") {
        let rank = rank.shown();
        plan.asks_nothing(format!("{rank} always returns 200 and ignores SIGTERM"));
    }
    plan.stop =
        Some((25, "it checks every 5 s and takes 15 s to stop its child processes".to_owned()));
}
