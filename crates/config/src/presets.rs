//! What is known of servers: where they say that they are well, and which of their metrics
//! tell whether they get on with their work.
//!
//! A counter is listed where it moves while a long request is worked on, not only when it
//! is done; others stand beside it, for versions that lack it.

use std::time::Duration;

/// A server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Preset {
    pub(crate) name: &'static str,
    pub(crate) health: Page,
    pub(crate) metrics: Option<Metrics>,
    /// Time within which it answers unless it is very busy.
    pub(crate) timeout: Duration,
}

/// A page of a server, on the port that an option of its command sets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) path: &'static str,
    pub(crate) port: u16,
    pub(crate) option: &'static str,
}

/// A page of metrics.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Metrics {
    pub(crate) path: &'static str,
    /// `None`: where its health is asked for.
    pub(crate) place: Option<(u16, &'static str)>,
    /// Gauges of requests that wait or are worked on.
    pub(crate) running: &'static [&'static str],
    /// Counters of what was done.
    pub(crate) done: &'static [&'static str],
}

/// Time that an answer may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// Time that loading a large model from a slow disk may take.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(1800);

/// All of them.
pub(crate) static PRESETS: [Preset; 7] =
    [VLLM, SGLANG, TENSORRT_LLM, TRITON, TGI, LLAMA_CPP, SAGEMAKER];

/// [Metrics of its V1 engine](https://docs.vllm.ai/en/latest/design/metrics/): they are
/// taken from each step's outputs, so both counters move with each step.
const VLLM: Preset = Preset {
    name: "vllm",
    health: Page { path: "/health", port: 8000, option: "--port" },
    metrics: Some(Metrics {
        path: "/metrics",
        place: None,
        running: &["vllm:num_requests_running", "vllm:num_requests_waiting"],
        done: &["vllm:generation_tokens_total", "vllm:prompt_tokens_total"],
    }),
    timeout: TIMEOUT,
};

/// [Production metrics](https://docs.sglang.io/references/production_metrics.html), with
/// `--enable-metrics`. The prompt and generation counters move when a request is done; the
/// one of tokens in real time, each time that the scheduler logs a batch. To be well it
/// makes a token, for which it gives itself 20 seconds
/// ([source](https://github.com/sgl-project/sglang/tree/main/python/sglang/srt)).
const SGLANG: Preset = Preset {
    name: "sglang",
    health: Page { path: "/health", port: 30000, option: "--port" },
    metrics: Some(Metrics {
        path: "/metrics",
        place: None,
        running: &["sglang:num_running_reqs", "sglang:num_queue_reqs"],
        done: &[
            "sglang:realtime_tokens_total",
            "sglang:generation_tokens_total",
            "sglang:prompt_tokens_total",
            "sglang:inter_token_latency_seconds_count",
        ],
    }),
    timeout: TIMEOUT,
};

/// [`trtllm-serve`](https://nvidia.github.io/TensorRT-LLM/commands/trtllm-serve/trtllm-serve.html)
/// with `return_perf_metrics` and `enable_iter_perf_stats`; names from its
/// [collector](https://github.com/NVIDIA/TensorRT-LLM/blob/main/tensorrt_llm/metrics/collector.py).
/// Tokens are counted when a request is done; while it is worked on, it takes blocks of the
/// cache.
const TENSORRT_LLM: Preset = Preset {
    name: "tensorrt-llm",
    health: Page { path: "/health", port: 8000, option: "--port" },
    metrics: Some(Metrics {
        path: "/prometheus/metrics",
        place: None,
        running: &["trtllm_num_requests_running", "trtllm_num_requests_waiting"],
        done: &[
            "trtllm_kv_cache_gen_alloc_blocks_total",
            "trtllm_kv_cache_missed_blocks_total",
            "trtllm_num_requests_completed_total",
            "trtllm_generation_tokens_total",
            "trtllm_prompt_tokens_total",
        ],
    }),
    timeout: TIMEOUT,
};

/// [Metrics](https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/metrics.html)
/// and [health](https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/README.html)
/// of Triton, with those of its
/// [TensorRT-LLM backend](https://github.com/triton-inference-server/tensorrtllm_backend),
/// whose requests don't count as pending while they are worked on.
const TRITON: Preset = Preset {
    name: "triton",
    health: Page { path: "/v2/health/ready", port: 8000, option: "--http-port" },
    metrics: Some(Metrics {
        path: "/metrics",
        place: Some((8002, "--metrics-port")),
        running: &[
            "nv_inference_pending_request_count",
            "nv_trt_llm_request_metrics{request_type=\"active\"}",
        ],
        done: &[
            "nv_inference_exec_count",
            "nv_inference_request_success",
            "nv_inference_request_failure",
            "nv_trt_llm_general_metrics{general_type=\"iteration_counter\"}",
        ],
    }),
    timeout: TIMEOUT,
};

/// [Metrics](https://huggingface.co/docs/text-generation-inference/reference/metrics) of
/// text-generation-inference; its launcher's
/// [default port](https://huggingface.co/docs/text-generation-inference/reference/launcher)
/// is 3000, that of its image 80.
const TGI: Preset = Preset {
    name: "tgi",
    health: Page { path: "/health", port: 3000, option: "--port" },
    metrics: Some(Metrics {
        path: "/metrics",
        place: None,
        running: &["tgi_batch_current_size", "tgi_queue_size"],
        done: &["tgi_batch_inference_count", "tgi_batch_inference_success", "tgi_request_count"],
    }),
    timeout: TIMEOUT,
};

/// [`llama-server`](https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md)
/// with `--metrics`. Predicted tokens are counted when a request is done, calls of the
/// decoder as they are made.
const LLAMA_CPP: Preset = Preset {
    name: "llama.cpp",
    health: Page { path: "/health", port: 8080, option: "--port" },
    metrics: Some(Metrics {
        path: "/metrics",
        place: None,
        running: &["llamacpp:requests_processing", "llamacpp:requests_deferred"],
        done: &[
            "llamacpp:n_decode_total",
            "llamacpp:tokens_predicted_total",
            "llamacpp:prompt_tokens_total",
        ],
    }),
    timeout: TIMEOUT,
};

/// Any server in a container for
/// [SageMaker](https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html),
/// which itself gives the answer 2 seconds.
const SAGEMAKER: Preset = Preset {
    name: "sagemaker",
    health: Page { path: "/ping", port: 8080, option: "--port" },
    metrics: None,
    timeout: Duration::from_secs(2),
};

#[cfg(test)]
mod tests {
    use supervisor_wire::prometheus::{Selector, sum};

    use super::*;

    /// Pages in the servers' format, with requests under way and work done.
    const PAGES: [(&str, &str, f64, f64); 6] = [
        ("vllm", include_str!("../tests/metrics/vllm.txt"), 11.0, 27_453.0 + 8_192.0),
        (
            "sglang",
            include_str!("../tests/metrics/sglang.txt"),
            5.0,
            12_540.0 + 900.0 + 800.0 + 899.0,
        ),
        ("tensorrt-llm", include_str!("../tests/metrics/tensorrt-llm.txt"), 3.0, 2_351.0),
        ("triton", include_str!("../tests/metrics/triton.txt"), 4.0, 1_236.0),
        ("tgi", include_str!("../tests/metrics/tgi.txt"), 9.0, 4_412.0),
        (
            "llama.cpp",
            include_str!("../tests/metrics/llama.cpp.txt"),
            2.0,
            332.0 + 350.0 + 67_837.0,
        ),
    ];

    #[test]
    fn each_preset_finds_its_metrics_on_a_page_of_its_server() {
        for preset in &PRESETS {
            let Some(metrics) = &preset.metrics else { continue };
            let (_, page, running, done) =
                PAGES.iter().find(|(name, ..)| *name == preset.name).unwrap();
            let read = |names: &[&str]| {
                let selectors: Vec<_> = names.iter().map(|n| Selector::parse(n).unwrap()).collect();
                sum(page.as_bytes(), &selectors)
            };
            assert_eq!(read(metrics.running), Some(*running), "{}", preset.name);
            assert_eq!(read(metrics.done), Some(*done), "{}", preset.name);
            for name in metrics.running.iter().chain(metrics.done) {
                assert!(read(&[name]).is_some(), "{}: no {name} on its page", preset.name);
            }
        }
    }
}
