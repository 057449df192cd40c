//! Warnings and errors that the daemon and the configuration write themselves.

use super::Note;

pub(super) const NOTES: &[Note] = &[
    Note {
        text: "cannot write … ; output is being dropped",
        cause: "The file or pipe that a program's output goes to cannot be written, for example because the disk is full.",
        remedy: "Free space, or set `stdout_logfile` to another path. The program keeps running.",
    },
    Note {
        text: "its reader consumed no output of the last",
        cause: "Nothing reads the output, and eight runs have been waiting for the reader.",
        remedy: "Find out why the container's log, or the named pipe, is not read. The oldest output is dropped.",
    },
    Note {
        text: "cannot create a log for the",
        cause: "A log file of a program cannot be created.",
        remedy: "Create the directory, or make it writable for the supervisor's user.",
    },
    Note {
        text: "cannot open the log file again",
        cause: "After SIGUSR2, the supervisor's log file cannot be opened.",
        remedy: "Check the permissions and the directory of `logfile`.",
    },
    Note {
        text: "Could not clear childlog dir",
        cause: "The directory of automatic log files cannot be read.",
        remedy: "Check `childlogdir`, or set `nocleanup=true`.",
    },
    Note {
        text: "Failed to clean up '",
        cause: "An automatic log file of an earlier run cannot be deleted.",
        remedy: "Check the permissions of `childlogdir`.",
    },
    Note {
        text: "cannot connect to syslog:",
        cause: "The program's output goes to syslog, and `/dev/log` cannot be opened.",
        remedy: "Run a syslog daemon, or set a file instead of `syslog`.",
    },
    Note {
        text: "to syslog: … ; lines are being dropped",
        cause: "The syslog daemon does not accept messages.",
        remedy: "Check the syslog daemon.",
    },
    Note {
        text: "/dev/shm is nearly full",
        cause: "90% of shared memory is used.",
        remedy: "Increase it with `docker run --shm-size`, `shm_size` in Compose, or an `emptyDir` with `medium: Memory` in Kubernetes.",
    },
    Note {
        text: "got SIGBUS, and /dev/shm is full",
        cause: "The server wrote to shared memory that has no space left.",
        remedy: "Increase shared memory as for the line above.",
    },
    Note {
        text: "gave up looking for stale files of",
        cause: "`/proc` or a file system did not respond within ten seconds, as with a hung network file system.",
        remedy: "The program starts anyway. Check the mounts of the container.",
    },
    Note {
        text: "cannot list the processes of",
        cause: "`/proc` cannot be read, usually because there are too many open files.",
        remedy: "Raise the limit of open files (`ulimit -n`, `minfds`). The supervisor tries again.",
    },
    Note {
        text: "cannot tell whether pids",
        cause: "Processes may be leftovers of the program, but their environment is hidden or does not respond.",
        remedy: "See [the limits of process trees](../concepts/process-trees.md#limits).",
    },
    Note {
        text: "cannot check",
        cause: "The command of `PROCESS_HEALTH_COMMAND` cannot be started.",
        remedy: "Correct the command. It runs with the program's user, directory and `PATH`.",
    },
    Note {
        text: "could not write pidfile",
        cause: "The pidfile cannot be written, as on a read-only file system.",
        remedy: "Set `SUPERVISOR_SUPERVISORD_PIDFILE=/dev/null`, or a writable path.",
    },
    Note {
        text: "belongs to another running supervisor",
        cause: "The pidfile names a supervisor that is running.",
        remedy: "Set another `pidfile` for one of them.",
    },
    Note {
        text: "Supervisor is running as root.  Privileges were not dropped because no user is",
        cause: "supervisord's own warning: `supervisord` runs as root, and no `user` is set.",
        remedy: "Set `user` in `[supervisord]`, or `user=root` if that is intended.",
    },
    Note {
        text: "running without any HTTP authentication checking",
        cause: "A control port or socket has no password. A unix socket is protected by its file mode.",
        remedy: "Set `username` and `password` for the server.",
    },
    Note {
        text: "was removed; it has been created again",
        cause: "The control socket's file was deleted, for example by a job that cleans `/tmp`.",
        remedy: "Move the socket to a directory such as `/run`.",
    },
    Note {
        text: "the socket was removed, and cannot be created again",
        cause: "The control socket's file was deleted, and its directory is not writable.",
        remedy: "Correct the directory, then restart the supervisor.",
    },
    Note {
        text: "XML-RPC request data",
        cause: "A client sent something that is not an XML-RPC call.",
        remedy: "Check which client connects to the control port.",
    },
    Note {
        text: "is not longer than",
        cause: "`PROCESS_PRESTOP_UNTIL_IDLE=true` has no effect, because the delay ends before the server may be idle.",
        remedy: "Set `PROCESS_PRESTOP_DELAY_SECS` to the longest time that a request may take.",
    },
    Note {
        text: "no metrics show when … is idle",
        cause: "`PROCESS_PRESTOP_UNTIL_IDLE=true` needs metrics that the server does not provide. Each stop takes the full delay.",
        remedy: "Set a health preset that has them: vllm, sglang, tgi or llama.cpp.",
    },
    Note {
        text: "unknown variable",
        cause: "A variable begins with `PROCESS_` or `SUPERVISOR_` and is unknown.",
        remedy: "Correct its name: the line suggests one. `--check` lists all such warnings without a start.",
    },
];
