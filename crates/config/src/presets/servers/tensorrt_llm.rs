//! [TensorRT-LLM](https://nvidia.github.io/TensorRT-LLM/commands/trtllm-serve/trtllm-serve.html):
//! `trtllm-serve`.

use crate::presets::command::Command;
use crate::presets::plan::Plan;
use crate::presets::{Listens, Preset, preset};

/// Options:
/// [`serve.py`](https://github.com/NVIDIA/TensorRT-LLM/blob/main/tensorrt_llm/commands/serve.py).
///
/// The preset uses no metrics: the gauges are updated at the beginning of an iteration, and an idle
/// executor makes none. The gauge probably still shows the last request when there is none
/// ([collector](https://github.com/NVIDIA/TensorRT-LLM/blob/main/tensorrt_llm/metrics/collector.py)),
/// so an idle server would look stalled.
///
/// Shared memory: names of Python, NCCL, PyTorch and Open MPI.
pub(in crate::presets) const TENSORRT_LLM: Preset = Preset {
    programs: &["trtllm-serve"],
    listens: Listens::at(8000),
    shared_memory: &["psm_", "sem.mp-", "nccl-", "torch_", "vader_segment.", "sm_segment."],
    adapt,
    notes: &[
        "After a rank has crashed, the server can return 503 until it is restarted \
         ([issue 18663](https://github.com/NVIDIA/TensorRT-LLM/issues/18663)). The supervisor restarts it when the health check fails.",
        "The supervisor reads no counters: the gauges of `/prometheus/metrics` can keep showing \
         the last request while the server is idle. `/metrics` is not in Prometheus format, and \
         reading it removes the statistics for other readers.",
        "At SIGTERM the server drains without a limit. `stopwaitsecs` must cover the longest \
         request.",
        "`trtllm-serve grpc`, MPI workers, and ranks above 0 behind `trtllm-llmapi-launch` have no \
         HTTP server. The supervisor does not ask them.",
        "`trtllm-serve disaggregated` reads its host and port from a file: set \
         `PROCESS_HEALTH_PORT`.",
    ],
    ..preset("tensorrt-llm", "TensorRT-LLM", "/health")
};

/// Variables with the rank of a process, by launcher.
const RANKS: [&str; 4] = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"];

fn adapt(command: &Command<'_>, plan: &mut Plan) {
    match command.word(0) {
        Some(word @ ("grpc" | "disaggregated_mpi_worker")) if command.program.is_some() => {
            plan.asks_nothing(format!("trtllm-serve {word} starts no HTTP server"));
        }
        // A file in a format of its own sets host and port.
        Some("disaggregated") if command.program.is_some() && plan.from.is_empty() => {
            plan.is_guess = true;
            plan.remarks
                .push("trtllm-serve disaggregated reads its address from a file".to_owned());
        }
        _ => {}
    }
    // https://github.com/NVIDIA/TensorRT-LLM/blob/main/tensorrt_llm/llmapi/trtllm-llmapi-launch
    let rank = RANKS.iter().find_map(|name| command.variable(name));
    if let Some(rank) =
        rank.filter(|rank| rank.value != "0" && command.is_launched_by("trtllm-llmapi-launch"))
    {
        plan.asks_nothing(format!("{} is a worker without an HTTP server", rank.shown()));
    }
}
