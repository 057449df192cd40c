//! Kernels, sandboxes and emulators that refuse system calls, simulated by a filter. Each row of
//! `docs/reference/kernels.md` is a case.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

mod files;
#[path = "../harness/mod.rs"]
mod harness;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Running, clean, supervise};

const REFUSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kernels/refuse.py");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/kernels.md");

/// Calls that are refused together, with the error, as arguments of `refuse.py`.
struct Case {
    /// The first column of the case's row on the page.
    row: &'static str,
    refused: &'static [&'static str],
    /// The line that the supervisor logs at the start.
    logged: Option<&'static str>,
}

const CASES: &[Case] = &[
    Case {
        row: "`clone` with `CLONE_FILES`",
        refused: &["clone-files=EINVAL"],
        logged: Some("refuses clone with CLONE_FILES (EINVAL), so each start copies"),
    },
    Case {
        row: "`close_range`",
        refused: &["close_range=ENOSYS"],
        logged: Some("refuses close_range (ENOSYS), so each start copies"),
    },
    Case {
        row: "`PR_SET_CHILD_SUBREAPER`",
        refused: &["subreaper=EINVAL"],
        logged: Some("refuses PR_SET_CHILD_SUBREAPER, so "),
    },
    Case { row: "`pidfd_open`", refused: &["pidfd_open=ENOSYS"], logged: None },
    Case { row: "`pidfd_send_signal`", refused: &["pidfd_send_signal=ENOSYS"], logged: None },
    Case { row: "`PIDFD_GET_INFO`", refused: &["pidfd-info=ENOTTY"], logged: None },
    Case { row: "`openat2`", refused: &["openat2=ENOSYS"], logged: None },
    Case { row: "`clone3`", refused: &["clone3=ENOSYS"], logged: None },
    Case { row: "`statx`", refused: &["statx=ENOSYS"], logged: None },
    Case { row: "`rseq`", refused: &["rseq=ENOSYS"], logged: None },
];

/// Linux 4.18: none of what came later.
const OLDEST: &[&str] = &[
    "close_range=ENOSYS",
    "pidfd_open=ENOSYS",
    "pidfd_send_signal=ENOSYS",
    "pidfd-info=ENOTTY",
    "openat2=ENOSYS",
    "clone3=ENOSYS",
    "faccessat2=ENOSYS",
    "epoll_pwait2=ENOSYS",
    "rseq=ENOSYS",
];

/// The errors of a sandbox that knows none of these call numbers.
const SANDBOX: &[&str] = &[
    "clone-files=EPERM",
    "close_range=EPERM",
    "pidfd_open=EPERM",
    "pidfd_send_signal=EPERM",
    "openat2=EPERM",
    "clone3=ENOSYS",
    "statx=EPERM",
    "memfd_create=EPERM",
    "splice=EPERM",
    "subreaper=EPERM",
];

/// Runs the command where these calls are refused.
fn refusing(refused: &[&str], command: &Command) -> Command {
    let mut words = vec![REFUSE.into()];
    words.extend(refused.iter().map(Into::into));
    words.extend(["--".into(), command.get_program().to_owned()]);
    words.extend(command.get_args().map(ToOwned::to_owned));
    let mut refusing = clean("python3", words);
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            refusing.env(name, value);
        }
    }
    refusing
}

/// A directory that no other test has.
fn folder() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("kernels-{}-{number}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A run crashes and leaves a worker in a session of its own. The supervisor kills the worker
/// before the restart. The program has only the standard streams. After a stop, the exit code is 0.
fn everything_works(refused: &[&str], logged: Option<&str>) {
    let orphans_are_found = !refused.iter().any(|call| call.starts_with("subreaper"));
    let folder = folder();
    let script = r#"
        if [ -e worker ]; then
            kill -KILL "$(cat worker)" 2>/dev/null && echo "the worker lived"
            (cd /proc/self/fd && echo descriptors *)
            trap 'echo draining; kill $!; exit 0' TERM
            sleep 1000 &
            echo second run
            wait
        fi
        setsid sh -c 'echo $$ >worker.new; mv worker.new worker; exec sleep 1000' &
        while ! [ -e worker ]; do sleep 0.05; done
        echo first run
        kill -KILL $$
    "#;
    let mut command = supervise(["sh", "-c", script]);
    command.env("SUPERVISOR_PROGRAM__APP_DIRECTORY", &folder);
    let mut running = Running::start(&mut refusing(refused, &command));
    running.stdout.wait_for("second run");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0, "{refused:?}");
    let printed = running.stdout.rest().join("\n");
    let lines = running.stderr.rest().join("\n");
    let expected = |worker| format!("first run\n{worker}descriptors 0 1 2 3\nsecond run\ndraining");
    // A run with a cgroup of its own needs no subreaper: the cgroup has the worker.
    let lived = !orphans_are_found && printed == expected("the worker lived\n");
    assert!(lived || printed == expected(""), "{refused:?}: {printed}\n{lines}");
    match logged {
        Some(logged) => assert_eq!(lines.matches(logged).count(), 1, "{refused:?}: {lines}"),
        None => assert!(!lines.contains("refuses"), "{refused:?}: {lines}"),
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn each_system_call_may_be_missing() {
    std::thread::scope(|scope| {
        for case in CASES {
            scope.spawn(|| everything_works(case.refused, case.logged));
        }
    });
}

#[test]
fn the_calls_of_linux_4_18_are_enough() {
    everything_works(OLDEST, Some("refuses close_range (ENOSYS)"));
}

#[test]
fn a_sandbox_without_any_of_the_calls_is_enough() {
    everything_works(
        SANDBOX,
        Some(
            "refuses clone with CLONE_FILES (EPERM), so each start copies the descriptor table; PR_SET_CHILD_SUBREAPER",
        ),
    );
}

#[test]
fn a_failed_exec_is_a_failed_start_with_a_copied_table_as_well() {
    let folder = folder();
    let script = folder.join("script");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let command = supervise([&script]);
    let mut running = Running::start(&mut refusing(&["clone-files=EINVAL"], &command));
    assert_eq!(running.exit_code(), 1);
    let lines = running.stderr.rest().join("\n");
    assert!(lines.contains("couldn't exec"), "{lines}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_kernels_page_has_a_row_for_each_case_and_no_other() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let rows: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .filter(|first| first.starts_with('`'))
        .collect();
    let cases: Vec<&str> = CASES.iter().map(|case| case.row).chain(files::ROWS).collect();
    assert_eq!(rows, cases);
}

#[test]
fn the_filter_rejects_system_calls() {
    let python = "import os; os.memfd_create('file')";
    let words = ["-c", python];
    let output = refusing(&["memfd_create=EPERM"], &clean("python3", words)).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("PermissionError"), "{said}");
}
