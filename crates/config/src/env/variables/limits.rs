//! Variables for the limits of the program of the command line.

use super::{Owner, Variable};
use crate::options::limit_options;

/// Niceness.
pub(crate) const NICE: Variable = Variable::of_option(
    "PROCESS_NICE",
    (Owner::App, &limit_options::NICE),
    "Niceness of the program: a lower value gets more of the CPU.",
);

/// Adjustment of the OOM killer's score.
pub(crate) const OOM_SCORE_ADJ: Variable = Variable::of_option(
    "PROCESS_OOM_SCORE_ADJ",
    (Owner::App, &limit_options::OOM_SCORE_ADJ),
    "OOM score adjustment of the program: when memory runs out, the kernel kills processes with a higher value first.",
);

/// Limit of open files.
pub(crate) const LIMIT_NOFILE: Variable = Variable::of_option(
    "PROCESS_LIMIT_NOFILE",
    (Owner::App, &limit_options::NOFILE),
    "Number of files that each process of the program may have open.",
);

/// Size limit of core dumps.
pub(crate) const LIMIT_CORE: Variable = Variable::of_option(
    "PROCESS_LIMIT_CORE",
    (Owner::App, &limit_options::CORE),
    "Size of a core dump; 0: none is written.",
);

/// Limit of locked memory.
pub(crate) const LIMIT_MEMLOCK: Variable = Variable::of_option(
    "PROCESS_LIMIT_MEMLOCK",
    (Owner::App, &limit_options::MEMLOCK),
    "Memory that each process may lock, as servers do for RDMA and pinned buffers.",
);

/// Limit of the stack size.
pub(crate) const LIMIT_STACK: Variable = Variable::of_option(
    "PROCESS_LIMIT_STACK",
    (Owner::App, &limit_options::STACK),
    "Size of the main thread's stack, and usually of other threads' stacks.",
);

/// Limit of the user's processes.
pub(crate) const LIMIT_NPROC: Variable = Variable::of_option(
    "PROCESS_LIMIT_NPROC",
    (Owner::App, &limit_options::NPROC),
    "Number of processes and threads of the program's user, in all containers that share the user.",
);
