//! The options that say what is made of a program's failures. None is supervisord's; programs
//! and FastCGI programs have them.

use std::collections::BTreeMap;

use supervisor_core::failure::Class;

use crate::options::{Key, OptionDef, Reach, Setting, default, options};
use crate::values::{self, AwaitGpu, FailurePreset, RankPolicy};

options! { extensions FAILURE:
    /// Texts of failures that the end of a run's output is searched for: those of servers, and of NVIDIA's (`cuda`), AMD's (`rocm`) or AWS Neuron's (`neuron`) devices. `off`: none. `auto`: `cuda` with a `health_preset`, otherwise `off`.
    PRESET: FailurePreset = FAILURE_PRESET("failure_preset", Program) default "auto";
    /// Before a restart, ask `nvidia-smi`, or for AMD's devices sysfs, whether the GPUs are there, and wait up to 120 seconds until no more of their memory is in use than at the first start. The supervisor gives up if a GPU is lost. `auto`: with the failure presets `cuda` and `rocm`. Where neither answers, nothing is awaited; needs `killtree`.
    AWAIT_GPU_MEMORY: AwaitGpu = AWAIT_GPU("await_gpu_memory", Program) default "auto";
    /// What follows a failure of a program that is one rank of several: `restart` it as the retry settings say, or `exit`, because its peers cannot go on with a new process. Then the supervisor gives up after the first failure, so that the platform recreates the whole group.
    RANK_POLICY: RankPolicy = RANK_POLICY("rank_policy", Program) default "restart";
    /// Exit codes of the supervisor when it gives up on an essential program, by the class of its last failure; 1 for all others.
    EXIT_CODES: BTreeMap<Class, u8> = CLASS_EXIT_CODES("failure_exit_codes", Program) default "";
}
