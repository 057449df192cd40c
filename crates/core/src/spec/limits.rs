//! Resource limits and scheduling of a process. supervisord does not have these settings.

use std::fmt;

/// A limit to set before a program is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Its [niceness](https://man7.org/linux/man-pages/man7/sched.7.html), -20 to 19.
    Nice(i32),
    /// Its [`oom_score_adj`](https://man7.org/linux/man-pages/man5/proc_pid_oom_score_adj.5.html),
    /// -1000 to 1000.
    OomScoreAdj(i32),
    /// A [resource limit](https://man7.org/linux/man-pages/man2/getrlimit.2.html).
    Resource {
        /// The resource.
        resource: Resource,
        /// The soft limit, which the kernel enforces; `None`: no limit. At most `hard`.
        soft: Option<u64>,
        /// The hard limit, up to which the process may raise its soft limit; `None`: no limit.
        hard: Option<u64>,
    },
}

/// A limited resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Open files.
    Nofile,
    /// Bytes of a core dump.
    Core,
    /// Bytes of locked memory.
    Memlock,
    /// Bytes of the main thread's stack.
    Stack,
    /// Processes and threads of the user.
    Nproc,
}

impl Resource {
    /// The name as in `ulimit` and Docker.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nofile => "nofile",
            Self::Core => "core",
            Self::Memlock => "memlock",
            Self::Stack => "stack",
            Self::Nproc => "nproc",
        }
    }
}

/// The limit as an option: `nice=5`, `limit_nofile=1024:4096`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nice(nice) => write!(f, "nice={nice}"),
            Self::OomScoreAdj(adj) => write!(f, "oom_score_adj={adj}"),
            Self::Resource { resource, soft, hard } => {
                write!(f, "limit_{}={}", resource.name(), amount(*soft))?;
                if soft == hard { Ok(()) } else { write!(f, ":{}", amount(*hard)) }
            }
        }
    }
}

fn amount(amount: Option<u64>) -> String {
    amount.map_or_else(|| "unlimited".to_owned(), |amount| amount.to_string())
}
