//! The presets of all servers, one file each.

pub(super) mod infinity;
pub(super) mod llama_cpp;
pub(super) mod llama_cpp_python;
pub(super) mod lmdeploy;
pub(super) mod ollama;
pub(super) mod ray;
pub(super) mod ray_serve;
pub(super) mod sagemaker;
pub(super) mod sglang;
pub(super) mod tei;
pub(super) mod tensorrt_llm;
pub(super) mod tgi;
pub(super) mod triton;
pub(super) mod vllm;
