//! One sample of each line of the core that asks for attention, in the order of the page.

use std::time::Duration;

use supervisor_core::AskReason;
use supervisor_core::command::Rejection;
use supervisor_core::device::Source;
use supervisor_core::event::Channel;
use supervisor_core::failure::Class;
use supervisor_core::health::{Block, CheckFailure, Unhealthy};
use supervisor_core::ids::{Member, Pid};
use supervisor_core::input::{Exit, SpawnErrorKind};
use supervisor_core::line::{GaveUp, Line, NoHelper, NotPrepared};
use supervisor_core::port::Holder;
use supervisor_core::report::Because;
use supervisor_core::signal::Signal;

use super::Entry;

const APP: &str = "app";
const MAIN: Pid = Pid(7);
const SECONDS: fn(u64) -> Duration = Duration::from_secs;

/// All of them.
pub(super) fn entries() -> Vec<Entry> {
    [starts(), ends(), health(), stops(), tree(), programs(), listeners()]
        .into_iter()
        .flatten()
        .collect()
}

fn entry(line: Line, cause: &'static str, remedy: &'static str) -> Entry {
    Entry { line, cause, remedy }
}

fn app() -> String {
    APP.to_owned()
}

fn starts() -> Vec<Entry> {
    let spawn = |message: &str, kind| Line::SpawnFailed {
        name: app(),
        run: 1,
        message: message.to_owned(),
        kind,
    };
    vec![
        entry(
            spawn("can't find command '/usr/bin/vllm'", SpawnErrorKind::NotFound),
            "The command does not exist in the container.",
            "Check the spelling and the `PATH` of the image. The supervisor does not retry.",
        ),
        entry(
            spawn("too many open files to spawn 'app'", SpawnErrorKind::Transient),
            "The supervisor cannot open more files.",
            "Raise the limit with `docker run --ulimit nofile=65536`. The supervisor tries again.",
        ),
        entry(
            Line::NotPrepared { names: vec![app()], why: NotPrepared::Failed(1) },
            "The installation of `requirements.txt` failed. Its output is above this line.",
            "Correct the file, or set `STANDARD_AUTO_INSTALL_REQ=false` \
             ([requirements](../how-to/sagemaker.md#requirements-of-the-model)).",
        ),
        entry(
            Line::NotPrepared { names: vec![app()], why: NotPrepared::TooLong(SECONDS(1800)) },
            "The installation of `requirements.txt` took too long.",
            "Install the packages in the image, or raise `STANDARD_PIP_TIMEOUT_SECS`.",
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table with an entry for each line")]
fn ends() -> Vec<Entry> {
    let exited = |exit| Line::Exited { name: app(), pid: MAIN, run: 1, exit, expected: false };
    let gave_up = |why, because| Line::GaveUp { name: app(), why, because, ends_all: true };
    let because = Because {
        class: Class::Exit,
        why: "it exited with 3".to_owned(),
        says_more: false,
        decided_by: None,
        last_line: Some("ValueError: no model".to_owned()),
    };
    let unreached = GaveUp::TargetUnreached {
        target: "head:6379 (connection refused)".to_owned(),
        within: SECONDS(600),
    };
    vec![
        entry(
            exited(Exit::Code(3)),
            "The program exited, and you did not stop it.",
            "Read the `crash:` line that follows and the last output of the program \
             ([debug a crash loop](../how-to/debug-a-crash-loop.md)).",
        ),
        entry(
            exited(Exit::Signal { signal: Signal::KILL, core_dumped: false }),
            "A process sent SIGKILL: the kernel's OOM killer, an operator, or the server itself \
             (SGLang does so after a failure).",
            "If the `crash:` line says `class=oom`, give the container more memory.",
        ),
        entry(
            gave_up(GaveUp::TooManyRetries, Some(because)),
            "The program failed more often in a row than `PROCESS_MAX_START_RETRIES` allows.",
            "The line contains the cause and the last output. Correct the cause; more retries \
             rarely help.",
        ),
        entry(
            gave_up(GaveUp::CannotStart, None),
            "The command does not exist or is not executable.",
            "The `spawnerr:` line before names the file.",
        ),
        entry(
            gave_up(GaveUp::Repeated, None),
            "The program failed twice in the same way before it was ever ready, and a restart \
             cannot change that: its arguments, its model, or a full disk.",
            "The line contains the output that shows it \
             ([failure classes](failures.md)).",
        ),
        entry(
            gave_up(GaveUp::Rule("license".to_owned()), None),
            "A `[rule:NAME]` section with the action `stop` or `exit:N` matches the run.",
            "Read the rule, and the cause that the line names.",
        ),
        entry(
            gave_up(GaveUp::Hopeless, None),
            "A GPU is lost, or none can be reached.",
            "Recreate the container or replace the node \
             ([GPUs](../how-to/failures.md#gpus)).",
        ),
        entry(
            gave_up(GaveUp::Unhealthy, None),
            "The program became unhealthy, and `PROCESS_HEALTH_ACTION` is `stop` or `exit:N`.",
            "The `unhealthy:` line before has the reason.",
        ),
        entry(
            gave_up(GaveUp::Unkillable, None),
            "A process of the program survived SIGKILL.",
            "It hangs in the kernel, usually in a GPU driver or a network file system. Restart the \
             node.",
        ),
        entry(
            gave_up(GaveUp::DependencyLost("fetch:completed".to_owned()), None),
            "A program in `depends_on` failed.",
            "Search the log for the failure of that program.",
        ),
        entry(
            gave_up(unreached, None),
            "A server in `PROCESS_WAIT_FOR` did not accept a connection in time.",
            "Start that server, or raise `PROCESS_WAIT_TIMEOUT_SECS`.",
        ),
        entry(
            Line::WaitsForPort { name: app(), port: 8000, holder: nginx() },
            "A process that does not belong to the program listens on its port \
             (`PROCESS_AWAIT_PORT`).",
            "Stop that process, or change the port. After ten seconds the program starts anyway.",
        ),
        entry(
            Line::PortHeld { name: app(), port: 8000, holder: nginx() },
            "The port did not become free within ten seconds.",
            "Stop the process that the line names, or change the port. If it is not visible, it \
             runs in another container of the pod.",
        ),
    ]
    .into_iter()
    .chain(devices())
    .collect()
}

fn devices() -> [Entry; 3] {
    let held = |users| Line::MemoryHeld {
        name: app(),
        held: vec![("GPU-5c1e07c7".to_owned(), 30_000)],
        after: SECONDS(120),
        users,
    };
    [
        entry(
            held(Vec::new()),
            "GPU memory did not become free within two minutes, and no process in this container \
             uses it.",
            "Look for other containers on the GPU with `nvidia-smi` on the node.",
        ),
        entry(
            held(vec![(Pid(77), "python3".to_owned())]),
            "GPU memory did not become free within two minutes. The line names the processes that \
             have a GPU open.",
            "Stop these processes.",
        ),
        entry(
            Line::DevicesUnknown { source: Source::NvidiaSmi.name(), within: SECONDS(35) },
            "The NVIDIA driver did not respond. The GPU may be failing.",
            "Run `nvidia-smi` on the node. To skip this check, set \
             `PROCESS_AWAIT_GPU_MEMORY=false`.",
        ),
    ]
}

fn nginx() -> Holder {
    Holder::Process { pid: Pid(77), program: "nginx".to_owned() }
}

#[expect(clippy::too_many_lines, reason = "a table with an entry for each line")]
fn health() -> Vec<Entry> {
    let url = "http://127.0.0.1:8000/health (PROCESS_HEALTH_URL)";
    let failed = |failure, asked: Option<&str>| Line::CheckFailed {
        name: app(),
        failure,
        times: 1,
        of: 3,
        asked: asked.map(str::to_owned),
    };
    let unhealthy = |unhealthy| Line::Unhealthy { name: app(), unhealthy, observe: false };
    let blocked = Block { channel: Channel::Stdout, since: SECONDS(20), waiting: 65_536 };
    vec![
        entry(
            failed(CheckFailure::TimedOut, Some(url)),
            "The server did not answer its health check in time.",
            "One failure has no effect. If the server is only slow, raise \
             `PROCESS_HEALTH_TIMEOUT`, or choose \
             [a path that does not wait for the model](../how-to/health.md#choose-the-path).",
        ),
        entry(
            failed(CheckFailure::Status(401), Some(url)),
            "The server requires an API key.",
            "Set `PROCESS_HEALTH_HEADERS`, or choose a path that needs no key.",
        ),
        entry(
            Line::CheckedWrongly {
                name: app(),
                within: SECONDS(1800),
                failure: CheckFailure::Status(404),
            },
            "The server answers, but not at the path of the health check.",
            "Correct `PROCESS_HEALTH_URL`. Until then `/readyz` returns 503.",
        ),
        entry(
            Line::CheckBusy { name: app(), since: SECONDS(35), patience: SECONDS(120) },
            "The health check times out, but the server uses the CPU.",
            "No action is needed if the server is compiling or loading. If it should answer, choose another path.",
        ),
        entry(
            unhealthy(Unhealthy::Check { failure: CheckFailure::TimedOut, times: 3 }),
            "Consecutive health checks failed. The server hangs or is overloaded.",
            "Read the diagnostics that the next lines name.",
        ),
        entry(
            Line::DumpSignalEnds { name: app(), signal: Signal::USR1 },
            "`PROCESS_HEALTH_DUMP_SIGNAL` terminated the unhealthy server instead of making it \
             print its stacks.",
            "Register a handler in the server, such as `faulthandler.register(signal.SIGUSR1)` in \
             Python, or unset `PROCESS_HEALTH_DUMP_SIGNAL`.",
        ),
        entry(
            unhealthy(Unhealthy::NotReady {
                within: SECONDS(1800),
                last: Some(CheckFailure::Refused),
            }),
            "The server did not become ready in time.",
            "If loading takes longer, raise `PROCESS_HEALTH_START_TIMEOUT`. If the server listens \
             on another port, set `PROCESS_HEALTH_PORT`.",
        ),
        entry(
            unhealthy(Unhealthy::Stalled { running: 2, since: SECONDS(120) }),
            "Requests are in progress, but the server's counters do not change. The engine hangs.",
            "Read the diagnostics. If single steps take longer than that, raise \
             `PROCESS_HEALTH_PROGRESS_STALLED_SECS`.",
        ),
        entry(
            unhealthy(Unhealthy::Incomplete { alive: 3, of: 4, since: SECONDS(30) }),
            "A worker process exited, and the server did not.",
            "Search the log above for the worker's last output.",
        ),
        entry(
            Line::RollingStops { name: app(), reason: Rejection::SpawnError, left: 2 },
            "A process did not become ready after its restart, so that \
             `supervisorctl restart --rolling` ended.",
            "The processes that were not restarted yet keep running. Find out why this one failed, \
             then repeat the command.",
        ),
        entry(
            Line::MemoryHigh { name: app(), used: 37 << 30, limit: 40 << 30 },
            "The process tree uses `memory_warn_percent` (90) of its `memory_limit`.",
            "If that is usual, raise `PROCESS_MEMORY_LIMIT`. Otherwise the server leaks memory, and \
             the supervisor will restart it.",
        ),
        entry(
            unhealthy(Unhealthy::Memory { used: 41 << 30, limit: 40 << 30 }),
            "Two measurements in a row were above `memory_limit`. The class of the failure is `oom`.",
            "Read the diagnostics, or raise `PROCESS_MEMORY_LIMIT` \
             ([limit memory](../how-to/limit-memory.md)).",
        ),
        entry(
            Line::MemoryUnseen { name: app() },
            "The kernel, or a sandbox such as gVisor, does not report how much of the memory is \
             anonymous.",
            "Limit the memory of the container instead.",
        ),
        entry(
            unhealthy(Unhealthy::Silent { since: SECONDS(30) }),
            "The server did not send `WATCHDOG=1` in time.",
            "Read the diagnostics, or raise `PROCESS_HEALTH_WATCHDOG_SECS`.",
        ),
        entry(
            unhealthy(Unhealthy::Blocked(blocked)),
            "The server cannot write its log, because nothing reads it.",
            "Restore the reader: the container's log driver, or the process behind the pipe.",
        ),
    ]
}

fn stops() -> Vec<Entry> {
    let asking = |reason, pids: &[i32]| Line::Asking {
        name: app(),
        program: app(),
        pids: pids.iter().copied().map(Pid).collect(),
        signal: Signal::TERM,
        reason,
        kill_in: SECONDS(5),
    };
    vec![
        entry(
            Line::ExitRequest { signal: Signal::TERM },
            "The container was told to stop, for example by `docker stop`. supervisord logs this \
             line as a warning, so that alerts which search for it keep working.",
            "No action is needed if the stop was intended.",
        ),
        entry(
            Line::Stopped {
                name: app(),
                pid: MAIN,
                run: 1,
                exit: Exit::Signal { signal: Signal::TERM, core_dumped: false },
                expected: false,
            },
            "The server has no handler for the stop signal, which is normal for many servers. \
             supervisord logs this line as a warning if the exit code is not in `exitcodes`.",
            "No action is needed.",
        ),
        entry(
            asking(AskReason::BehindShell, &[8]),
            "A shell script runs the server in the foreground and does not pass the signal on.",
            "Start the server with `exec` in the script, or set \
             `SUPERVISOR_PROGRAM__APP_STOP_TARGET=group`.",
        ),
        entry(
            asking(AskReason::StillThere, &[8]),
            "The main process exited and left processes running.",
            "Let the main process wait for its workers.",
        ),
        entry(
            asking(AskReason::LastSecond, &[8, 9]),
            "The grace period is nearly over, and workers are still running.",
            "Raise `SUPERVISOR_PROGRAM__APP_STOPWAITSECS` if the server needs more time.",
        ),
        entry(
            Line::Killing { name: app(), pid: MAIN },
            "The program did not stop within its grace period.",
            "Raise `SUPERVISOR_PROGRAM__APP_STOPWAITSECS` and the platform's grace period \
             ([shut down](../how-to/shut-down.md)).",
        ),
        entry(
            Line::PrestopUnseen { delay: SECONDS(300) },
            "`PROCESS_PRESTOP_UNTIL_IDLE=true` needs metrics that the server does not provide.",
            "Set a health preset that has them, and enable the server's metrics.",
        ),
    ]
}

fn tree() -> Vec<Entry> {
    let member = |pid| Member { pid: Pid(pid), start: 1 };
    vec![
        entry(
            Line::Leftovers {
                name: app(),
                members: vec![member(31), member(32)],
                signal: Signal::TERM,
            },
            "The main process exited and left workers behind.",
            "No action is needed: the supervisor kills them before the restart.",
        ),
        entry(
            Line::Unkillable { name: app(), pids: vec![Pid(31)], after: SECONDS(10) },
            "A process hangs in the kernel, usually in a GPU driver or a network file system.",
            "Replace the container. If that does not help, restart the node.",
        ),
        entry(
            Line::OrphansLeft { name: app(), pids: vec![Pid(31)] },
            "A process lost its parent, and several programs could have started it.",
            "See [the limits of process trees](../concepts/process-trees.md#limits).",
        ),
        entry(
            Line::WentToBackground { name: app(), uptime: SECONDS(1), left: 1 },
            "The command starts the server in the background and exits.",
            "Start the server in the foreground.",
        ),
    ]
}

fn programs() -> Vec<Entry> {
    let helper = |because| Line::HelperFails {
        name: "fetch".to_owned(),
        program: "fetch".to_owned(),
        exit: Exit::Code(0),
        because,
        of: 4,
        ends_all: true,
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    vec![
        entry(
            helper(NoHelper::KeptRunning),
            "An additional program exited with 0, but is configured to keep running.",
            "If it should run once, set the variable that the line names.",
        ),
        entry(
            helper(NoHelper::TooQuick),
            "An additional program exited with 0 within its first second.",
            "If it should run once, set the variable that the line names.",
        ),
        entry(
            Line::WaitsInCircle { name: "a".to_owned(), circle: names(&["a", "b", "a"]) },
            "Programs of different configurations depend on each other.",
            "Run `supervisorctl update`.",
        ),
        entry(
            Line::WaitOverruled { name: "nginx".to_owned(), programs: names(&["app:ready"]) },
            "An operator started a program before the programs that it depends on were ready.",
            "No action is needed if that was intended.",
        ),
        entry(
            Line::NothingToRun,
            "No program has `autostart=true`, and no control port is configured.",
            "Set `autostart=true`, or configure `[unix_http_server]`.",
        ),
        entry(
            Line::WaitsForOperator { stopped: names(&[APP]) },
            "An operator stopped the last program. The supervisor keeps running.",
            "Start a program with `supervisorctl start`, or stop the container.",
        ),
        entry(
            Line::Bug { what: "a state that cannot be".to_owned() },
            "The supervisor found an inconsistency in itself and continued.",
            "Report the line together with the log before it.",
        ),
    ]
}

fn listeners() -> Vec<Entry> {
    let name = || "listener".to_owned();
    vec![
        entry(
            Line::EventRejected { name: name() },
            "An event listener answered `FAIL`. It gets the event again later.",
            "Check the listener's own log.",
        ),
        entry(
            Line::BadResult { name: name(), said: "hello".to_owned() },
            "An event listener wrote something to stdout that is not a result.",
            "Let the listener write its log to stderr.",
        ),
        entry(
            Line::ListenerUnknown { name: name() },
            "An event listener violated the protocol.",
            "Correct the listener, then restart it.",
        ),
        entry(
            Line::EventLost { pool: name(), serial: 42 },
            "Events arrive faster than the listener processes them.",
            "Raise `buffer_size`, or start more listener processes.",
        ),
        entry(
            Line::ListenerDeaf { name: name(), serial: 42 },
            "An event listener closed its stdin.",
            "Restart the listener.",
        ),
    ]
}
