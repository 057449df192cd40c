//! All signs. An inner error comes before the error that wraps it.

use super::{Preset, Sign, Text};
use crate::failure::Class;
use Class::{Collective, Config, GpuError, GpuMemory, Hub, NoSpace, PortInUse};
use Preset::{Cuda, Neuron, Rocm};
use Text::{Begins, Named, Printed, Raised};

const fn sign(
    name: &'static str,
    class: Class,
    source: &'static str,
    texts: &'static [Text],
) -> Sign {
    Sign { name, class, of: None, before_ready: false, asks_devices: false, texts, source }
}

const fn of(preset: Preset, sign: Sign) -> Sign {
    Sign { of: Some(preset), asks_devices: true, ..sign }
}

const fn before_ready(sign: Sign) -> Sign {
    Sign { before_ready: true, ..sign }
}

/// All signs.
pub const SIGNS: &[Sign] = &[
    of(
        Cuda,
        sign(
            "cuda_out_of_memory",
            GpuMemory,
            "vllm-project/vllm#16343, vllm-project/vllm#26863",
            &[
                Raised(&["CUDA out of memory."]),
                Raised(&["CUDA error: out of memory"]),
                Begins(&["CUDA error: out of memory"]),
                Printed(&["cudaMalloc failed: out of memory"]),
                Printed(&["failed to allocate CUDA", " buffer"]),
                Printed(&["unable to allocate CUDA", " buffer"]),
            ],
        ),
    ),
    of(
        Rocm,
        sign(
            "hip_out_of_memory",
            GpuMemory,
            "vllm-project/vllm#10855",
            &[Raised(&["HIP out of memory."]), Raised(&["HIP error: out of memory"])],
        ),
    ),
    of(
        Neuron,
        sign(
            "neuron_cores_taken",
            GpuMemory,
            "AWS Neuron runtime: nrt_status.h",
            &[Printed(&["NRT_LOAD_NOT_ENOUGH_NC"]), Printed(&["NRT_RESOURCE"])],
        ),
    ),
    Sign {
        asks_devices: true,
        ..before_ready(sign(
            "gpu_memory_busy",
            GpuMemory,
            "vllm-project/vllm#20305",
            &[Raised(&["Free memory on device", "is less than desired GPU memory utilization"])],
        ))
    },
    Sign {
        asks_devices: true,
        ..before_ready(sign(
            "kv_cache_too_small",
            GpuMemory,
            "vllm-project/vllm#2418, vllm-project/vllm#7028, TGI backends/v3/src/lib.rs",
            &[
                Raised(&["No available memory for the cache blocks"]),
                Raised(&["The model's max seq len", "that can be stored in KV cache"]),
                Raised(&[
                    "To serve at least one request",
                    "KV cache is needed, which is larger than",
                ]),
                Raised(&["Not enough memory to handle", "prefill tokens"]),
                Printed(&["Not enough memory to handle `max_total_tokens="]),
            ],
        ))
    },
    of(
        Cuda,
        sign(
            "cuda_context_error",
            GpuError,
            "vllm-project/vllm#6976, vllm-project/vllm#12233, NVIDIA/cuda-python#458",
            &[
                Raised(&["CUDA error: an illegal memory access was encountered"]),
                Raised(&["CUDA error: device-side assert triggered"]),
                Raised(&["CUDA error: misaligned address"]),
                Raised(&["CUDA error: an illegal instruction was encountered"]),
                Raised(&["CUDA error: unspecified launch failure"]),
                Raised(&["CUDA error: hardware stack error"]),
                Raised(&["CUDA error: invalid program counter"]),
                Begins(&["CUDA error: an illegal memory access was encountered"]),
                Begins(&["CUDA error: unspecified launch failure"]),
                Printed(&[
                    "watchdog thread terminated with exception: CUDA error: an illegal memory access",
                ]),
                Printed(&[
                    "watchdog thread terminated with exception: CUDA error: unspecified launch",
                ]),
                Printed(&[
                    "watchdog thread terminated with exception: CUDA error: device-side assert",
                ]),
            ],
        ),
    ),
    of(
        Cuda,
        sign(
            "cuda_ecc",
            GpuError,
            "vllm-project/vllm#5222, sgl-project/sglang#9151",
            &[
                Raised(&["CUDA error: uncorrectable ECC error encountered"]),
                Raised(&["CUDA_ERROR_ECC_UNCORRECTABLE"]),
                Printed(&[
                    "watchdog thread terminated with exception: CUDA error: uncorrectable ECC",
                ]),
            ],
        ),
    ),
    of(
        Cuda,
        sign(
            "cuda_nvlink",
            GpuError,
            "pytorch/pytorch#58155",
            &[Raised(&["CUDA error: uncorrectable NVLink error detected during the execution"])],
        ),
    ),
    of(
        Cuda,
        sign(
            "cuda_unknown_error",
            GpuError,
            "pytorch/pytorch#49081",
            &[
                Raised(&[
                    "CUDA unknown error - this may be due to an incorrectly set up environment",
                ]),
                Raised(&["CUDA error: unknown error"]),
            ],
        ),
    ),
    of(
        Cuda,
        sign(
            "cuda_library_init",
            GpuError,
            "EleutherAI/lm-evaluation-harness#1689, ggml-org/llama.cpp#10080",
            &[
                Raised(&["CUBLAS_STATUS_NOT_INITIALIZED"]),
                Raised(&["CUBLAS_STATUS_ALLOC_FAILED"]),
                Raised(&["CUDNN_STATUS_NOT_INITIALIZED"]),
            ],
        ),
    ),
    of(
        Cuda,
        sign(
            "cuda_device_busy",
            GpuError,
            "NVIDIA/k8s-device-plugin#1118",
            &[Raised(&["all CUDA-capable devices are busy or unavailable"])],
        ),
    ),
    of(
        Cuda,
        sign(
            "cuda_fabric_not_ready",
            GpuError,
            "pytorch/pytorch#35710, huggingface/huggingface_hub#4128",
            &[
                Raised(&["Error 802: system not yet initialized"]),
                Raised(&["CUDA error: system not yet initialized"]),
                Printed(&["Cuda failure 802 'system not yet initialized'"]),
            ],
        ),
    ),
    of(
        Cuda,
        before_ready(sign(
            "cuda_no_device",
            Config,
            "vllm-project/vllm#8885, vllm-project/vllm#13946",
            &[
                Raised(&["No CUDA GPUs are available"]),
                Raised(&["Found no NVIDIA driver on your system"]),
                Raised(&["Failed to infer device type"]),
                Raised(&["no CUDA-capable device is detected"]),
                Named("ImportError", &["libcuda.so.1: cannot open shared object file"]),
                Printed(&["not enough cuda devices: "]),
            ],
        )),
    ),
    of(
        Cuda,
        before_ready(sign(
            "cuda_driver_version",
            Config,
            "vllm-project/vllm#4940, llm-d/llm-d#706, NVIDIA/nvidia-docker#1256",
            &[
                Raised(&["The NVIDIA driver on your system is too old"]),
                Raised(&["CUDA driver version is insufficient for CUDA runtime version"]),
                Raised(&[
                    "Error 803: system has unsupported display driver / cuda driver combination",
                ]),
                Raised(&["Error 804: forward compatibility was attempted on non supported HW"]),
            ],
        )),
    ),
    of(
        Cuda,
        before_ready(sign(
            "cuda_architecture",
            Config,
            "vllm-project/vllm#1284",
            &[
                Raised(&["no kernel image is available for execution on the device"]),
                Raised(&["GPUs with compute capability below", "are not supported"]),
            ],
        )),
    ),
    of(
        Rocm,
        sign(
            "amd_memory_fault",
            GpuError,
            "vllm-project/vllm#5994",
            &[Begins(&["Memory access fault by GPU node-", "Reason: "])],
        ),
    ),
    of(
        Rocm,
        sign(
            "hip_context_error",
            GpuError,
            "vllm-project/vllm#7951",
            &[
                Raised(&["HIP error: an illegal memory access was encountered"]),
                Raised(&["HIP error: unspecified launch failure"]),
                Raised(&["HSA_STATUS_ERROR_OUT_OF_RESOURCES"]),
            ],
        ),
    ),
    of(
        Rocm,
        before_ready(sign(
            "hip_no_device",
            Config,
            "vllm-project/vllm#34573",
            &[Raised(&["No HIP GPUs are available"])],
        )),
    ),
    of(
        Rocm,
        before_ready(sign(
            "hip_architecture",
            Config,
            "ROCm HIP documentation: hipError_t",
            &[Raised(&["HIP error: invalid device function"]), Raised(&["hipErrorNoBinaryForGpu"])],
        )),
    ),
    of(
        Neuron,
        sign(
            "neuron_hardware",
            GpuError,
            "AWS Neuron runtime: nrt_status.h",
            &[Printed(&["NRT_EXEC_UNIT_UNRECOVERABLE"]), Printed(&["NRT_EXEC_HW_ERR_"])],
        ),
    ),
    of(
        Neuron,
        before_ready(sign(
            "neuron_version",
            Config,
            "AWS Neuron runtime: nrt_status.h",
            &[Printed(&["NRT_UNSUPPORTED_NEFF_VERSION"])],
        )),
    ),
    sign(
        "shared_memory_full",
        NoSpace,
        "NVIDIA/nccl#290, NVIDIA/nccl#1518, pytorch/ci-infra#490",
        &[
            Printed(&["/dev/shm/nccl-", "No space left on device"]),
            Printed(&["Call to posix_fallocate failed : No space left on device"]),
            Raised(&["unable to write to file </torch_", "No space left on device"]),
            Printed(&["Unable to initialize shared memory key '", "' to requested size"]),
        ],
    ),
    sign(
        "disk_full",
        NoSpace,
        "Linux errno(3): ENOSPC, as Python and Rust print it",
        &[
            Named("OSError", &["[Errno 28] No space left on device"]),
            Printed(&["No space left on device (os error 28)"]),
        ],
    ),
    sign(
        "collective_timeout",
        Collective,
        "vllm-project/vllm#6042, pytorch/pytorch#118369",
        &[Printed(&["Watchdog caught collective operation timeout: Work"])],
    ),
    sign(
        "collective_peer",
        Collective,
        "NVIDIA/nccl#2076, tatsu-lab/stanford_alpaca#207",
        &[
            Printed(&[
                "ncclRemoteError: A call failed possibly due to a network error or a remote process",
            ]),
            Printed(&["remote process exited or there was a network error"]),
            Printed(&["NET/IB : Got completion from peer", "with error 12"]),
        ],
    ),
    sign(
        "rendezvous_timeout",
        Collective,
        "pytorch/pytorch: torch/csrc/distributed/c10d/TCPStore.cpp",
        &[Named("DistStoreError", &["waiting for clients", "clients joined"])],
    ),
    sign(
        "port_in_use",
        PortInUse,
        "vllm-project/vllm#7514, sgl-project/sglang#36589, Triton http_server.cc",
        &[
            Printed(&[
                "[Errno 98] error while attempting to bind on address",
                "address already in use",
            ]),
            Named("OSError", &["[Errno 98] Address already in use"]),
            Printed(&[
                "The server socket has failed to listen on any local network address",
                "EADDRINUSE",
            ]),
            Printed(&["Socket '", "' already in use"]),
            Printed(&["couldn't bind HTTP server socket, hostname: "]),
        ],
    ),
    sign("collective_error", Collective, "NVIDIA/nccl: src/init.cc", &[Raised(&["NCCL error"])]),
    before_ready(sign(
        "certificate",
        Config,
        "Python ssl: CERTIFICATE_VERIFY_FAILED",
        &[Raised(&["host='huggingface.co'", "CERTIFICATE_VERIFY_FAILED"])],
    )),
    before_ready(sign(
        "hub_access",
        Config,
        "huggingface/optimum-neuron#535, vllm-project/vllm#8331",
        &[
            Raised(&["401 Client Error", "for url: https://huggingface.co/"]),
            Raised(&["403 Client Error", "for url: https://huggingface.co/"]),
            Raised(&["You are trying to access a gated repo."]),
            Named("GatedRepoError", &[]),
        ],
    )),
    before_ready(sign(
        "model_not_found",
        Config,
        "vllm-project/vllm#10632",
        &[
            Raised(&["is not a local folder and is not a valid model identifier listed on"]),
            Named("RepositoryNotFoundError", &[]),
            Named("HFValidationError", &["Repo id must"]),
            Printed(&["error loading model: ", "failed to open", "No such file or directory"]),
        ],
    )),
    before_ready(sign(
        "hub_unreachable",
        Hub,
        "Avarok-Cybersecurity/dgx-vllm#16, intel/ipex-llm#12953",
        &[
            Raised(&["We couldn't connect to 'https://huggingface.co' to load"]),
            Raised(&["HTTPSConnectionPool(host='huggingface.co', port=443)"]),
            Raised(&["429 Client Error", "for url: https://huggingface.co/"]),
            Raised(&["503 Server Error", "for url: https://huggingface.co/"]),
            Named("LocalEntryNotFoundError", &[]),
        ],
    )),
    before_ready(sign(
        "unsupported",
        Config,
        "vllm-project/vllm#1157, vllm-project/vllm#946, vllm-project/vllm#2374",
        &[
            Raised(&["Bfloat16 is only supported on GPUs with compute capability of at least"]),
            Raised(&["Model architectures", "are not supported for now"]),
            Raised(&["Transformers does not recognize this architecture"]),
            Raised(&["set the option", "trust_remote_code=True", "to remove this error"]),
            Printed(&["error loading model: unknown model architecture: "]),
        ],
    )),
    before_ready(sign(
        "tokenizer",
        Config,
        "transformers: tokenization_utils_base.py",
        &[
            Raised(&["Can't load tokenizer for '"]),
            Raised(&["Couldn't instantiate the backend tokenizer"]),
        ],
    )),
    before_ready(sign(
        "bad_arguments",
        Config,
        "Python argparse, pydantic, llama.cpp, Triton main.cc, TGI main.rs",
        &[
            Printed(&[": error: unrecognized arguments: "]),
            Printed(&[": error: argument ", ": invalid "]),
            Printed(&[": error: the following arguments are required: "]),
            Begins(&["error while handling argument "]),
            Named("pydantic_core.ValidationError", &["validation error", " for ", "Config"]),
        ],
    )),
    before_ready(sign(
        "missing_module",
        Config,
        "Python: ModuleNotFoundError, ImportError",
        &[
            Named("ModuleNotFoundError", &["No module named '"]),
            Named("ImportError", &["undefined symbol: "]),
        ],
    )),
    before_ready(sign(
        "file_permission",
        Config,
        "vllm-project/vllm#10632",
        &[Named("PermissionError", &["[Errno 13] Permission denied: '"])],
    )),
    before_ready(sign(
        "model_files",
        Config,
        "safetensors: SafetensorError",
        &[Named("SafetensorError", &["while deserializing header"])],
    )),
];
