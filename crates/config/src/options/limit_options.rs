//! The options for limits of a program's processes. All programs and event listeners have them;
//! supervisord does not.

use supervisor_core::spec::Limit;

use crate::options::{Key, OptionDef, Reach, Setting, default, options};
use crate::values;

options! { extensions LIMITS:
    /// Niceness of the program: a lower value gets more of the CPU. If unset, the same as the supervisor's.
    NICE: Limit = NICE("nice", Program) default unset;
    /// OOM score adjustment of the program: when memory runs out, the kernel kills processes with a higher value first. If unset, the same as the supervisor's.
    OOM_SCORE_ADJ: Limit = OOM_SCORE_ADJ("oom_score_adj", Program) default unset;
    /// Number of files that each process may have open. If unset, the same as the supervisor's.
    NOFILE: Limit = LIMIT_NOFILE("limit_nofile", Program) default unset;
    /// Size of a core dump; 0: none is written. If unset, the same as the supervisor's.
    CORE: Limit = LIMIT_CORE("limit_core", Program) default unset;
    /// Memory that each process may lock, as servers do for RDMA and pinned buffers. If unset, the same as the supervisor's.
    MEMLOCK: Limit = LIMIT_MEMLOCK("limit_memlock", Program) default unset;
    /// Size of the main thread's stack, and usually of other threads' stacks. If unset, the same as the supervisor's.
    STACK: Limit = LIMIT_STACK("limit_stack", Program) default unset;
    /// Number of processes and threads of the program's user, in all containers that share the user. If unset, the same as the supervisor's.
    NPROC: Limit = LIMIT_NPROC("limit_nproc", Program) default unset;
}

/// All limits.
pub(crate) static ALL: [&Key<Limit>; 7] =
    [&NICE, &OOM_SCORE_ADJ, &NOFILE, &CORE, &MEMLOCK, &STACK, &NPROC];
