//! The options for failures of programs and FastCGI programs. supervisord does not have them.

use std::collections::BTreeMap;

use supervisor_core::failure::Class;

use crate::options::{Key, OptionDef, Reach, Setting, default, options};
use crate::values::{self, AwaitGpu, FailurePreset, RankPolicy};

options! { extensions FAILURE:
    /// Known failure texts that the supervisor searches for at the end of a run's output: those of servers, and of NVIDIA (`cuda`), AMD (`rocm`) or AWS Neuron (`neuron`) devices. `off`: none. `auto`: `cuda` with a `health_preset`, otherwise `off`.
    PRESET: FailurePreset = FAILURE_PRESET("failure_preset", Program) default "auto", change Live;
    /// Before a restart, check with `nvidia-smi` (AMD and AWS Neuron: sysfs) that all GPUs exist, and wait up to 120 seconds until their memory use has dropped to that of the first start. If a GPU is lost, the supervisor gives up. `auto`: with a failure preset. Without GPU information, the supervisor does not wait. Needs `killtree`.
    AWAIT_GPU_MEMORY: AwaitGpu = AWAIT_GPU("await_gpu_memory", Program) default "auto", change Live;
    /// Action after a failure of a program that is one rank of several. `restart`: the retry settings apply. `exit`: the supervisor gives up after the first failure, so that the platform recreates the whole group, because the other ranks cannot continue with a new process.
    RANK_POLICY: RankPolicy = RANK_POLICY("rank_policy", Program) default "restart";
    /// Exit codes of the supervisor when it gives up on an essential program, by the class of its last failure; 1 for all others.
    EXIT_CODES: BTreeMap<Class, u8> = CLASS_EXIT_CODES("failure_exit_codes", Program) default "", change Live;
}
