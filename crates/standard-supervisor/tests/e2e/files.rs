//! The files that it leaves while it runs: the record, the pidfile, the log.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::harness::{Running, clean, program, supervise};

/// Keeps the binary within reach as descriptor 9, also if it is somewhere in /tmp.
const OVER_TMP: &str = concat!("exec 9<", env!("CARGO_BIN_EXE_standard-supervisor"));

#[test]
fn the_effective_configuration_file_is_private_and_removed_at_the_exit() {
    // A /tmp of our own, so that the default paths are free.
    if !rustix::process::getuid().is_root() {
        return println!("skipped: needs root to make a mount namespace");
    }
    let seen = "stat -c %a /tmp/supervisord.conf; cat /tmp/supervisord-app.pid; ls -A /tmp";
    let script = format!(
        "{OVER_TMP}; mount -t tmpfs tmpfs /tmp; cat > /tmp/run <<'EOF'\n{seen}\necho seen; exec sleep 1000\nEOF\n\
         /proc/$$/fd/9 sh /tmp/run --api-key secret; echo left: $(ls -A /tmp)"
    );
    let mut running = Running::start(&mut clean("unshare", ["--mount", "sh", "-c", &script]));
    let pid = running.stderr.number_after("supervisord started with pid ");
    running.stdout.wait_for("seen");
    crate::harness::kill(pid, "TERM");
    assert_eq!(running.exit_code(), 0);
    let printed = running.stdout.rest();
    let pid = pid.to_string();
    assert!(printed.contains(&"left: run".to_owned()), "{printed:?}");
    // The record is written after the program has been started, so it may come late
    // for the program's own look at it; the test of a chosen path sees it for sure.
    if printed.contains(&"600".to_owned()) {
        assert!(printed.contains(&pid), "{printed:?}");
    }
}

#[test]
fn an_effective_configuration_file_at_a_configured_path_stays() {
    let folder = folder("chosen");
    let path = folder.join("deep/conf");
    let script = format!("stat -c 'mode %a' {}", path.display());
    let mut running = Running::start(
        supervise(["sh", "-c", &script, "--api-key", "100% ;secret"])
            .env("PROCESS_MAX_START_RETRIES", "0")
            .env("SUPERVISOR_CONFIG_PATH", &path),
    );
    assert_eq!(running.exit_code(), 1);
    assert_eq!(running.stdout.rest(), ["mode 600"]);
    let text = std::fs::read_to_string(&path).unwrap();
    for line in ["[supervisord]", "[program:app]", "startretries = 0", "stopwaitsecs = 30"] {
        assert!(text.contains(line), "{text}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_configured_path_that_cannot_be_written_is_an_error() {
    for path in ["/proc/nope/conf", "/dev/full", "/tmp"] {
        let mut running = Running::start(
            supervise(["sh", "-c", "echo started"]).env("SUPERVISOR_CONFIG_PATH", path),
        );
        assert_eq!(running.exit_code(), 1, "{path}");
        assert!(running.stdout.rest().is_empty());
        running.stderr.rest();
        assert!(running.stderr.said(path) && running.stderr.said("SUPERVISOR_CONFIG_PATH"));
    }
}

#[test]
fn two_supervisors_do_not_affect_each_other() {
    let start = || Running::start(&mut supervise(["sh", "-c", "echo up; exec sleep 1000"]));
    let (mut first, mut second) = (start(), start());
    for running in [&mut first, &mut second] {
        running.stdout.wait_for("up");
        running.stderr.wait_for("success:");
    }
    first.signal("TERM");
    assert_eq!(first.exit_code(), 0);
    // The second one's program still runs, and it stops as if it had been alone.
    second.signal("TERM");
    assert_eq!(second.exit_code(), 0);
    for running in [&mut first, &mut second] {
        let said = running.stderr.rest().join("\n");
        assert!(!said.contains("cannot write"), "{said}");
    }
}

#[test]
fn a_read_only_file_system_does_not_prevent_the_start() {
    if !rustix::process::getuid().is_root() {
        return println!("skipped: needs root to make a mount namespace");
    }
    let script = format!(
        "{OVER_TMP}; mount -t tmpfs -o ro tmpfs /tmp; \
         exec /proc/$$/fd/9 sh -c 'echo up; exec sleep 1000'"
    );
    let mut running = Running::start(&mut clean("unshare", ["--mount", "sh", "-c", &script]));
    running.stdout.wait_for("up");
    let warning =
        running.stderr.wait_for("cannot write the configuration to /tmp/supervisord.conf");
    assert!(warning.contains("WARN"), "{warning}");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn the_pidfile_and_the_log_have_the_configured_paths() {
    let folder = folder("pidfile");
    let (pidfile, log) = (folder.join("pid"), folder.join("log"));
    let mut running = Running::start(
        supervise(["sleep", "1000"])
            .env("SUPERVISOR_SUPERVISORD_PIDFILE", &pidfile)
            .env("SUPERVISOR_SUPERVISORD_LOGFILE", &log),
    );
    running.stderr.wait_for("success:");
    assert_eq!(std::fs::read_to_string(&pidfile).unwrap(), format!("{}\n", running.pid()));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!pidfile.exists());
    let said = running.stderr.rest().join("\n");
    assert_eq!(std::fs::read_to_string(&log).unwrap().trim_end(), said);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_log_that_cannot_be_opened_is_an_error() {
    let mut running = Running::start(
        supervise(["sh", "-c", "echo started"])
            .env("SUPERVISOR_SUPERVISORD_LOGFILE", "/proc/nope/log"),
    );
    assert_eq!(running.exit_code(), 1);
    assert!(running.stdout.rest().is_empty());
    running.stderr.rest();
    assert!(running.stderr.said("/proc/nope"));
}

#[test]
fn generated_files_are_private() {
    let folder = folder("generated");
    let path = folder.join("conf");
    let mut running = Running::start(&mut clean(
        program("generate-supervisor-config"),
        ["-o".as_ref(), path.as_os_str(), "vllm".as_ref()],
    ));
    assert_eq!(running.exit_code(), 0);
    assert_eq!(mode(&path), 0o600);
    std::fs::remove_dir_all(folder).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("e2e-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
