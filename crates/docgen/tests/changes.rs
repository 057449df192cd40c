//! The core applies each change of an option in the way that the tables describe.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

use std::collections::BTreeSet;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use supervisor_config::tables::{SectionKind, Takes, takes};
use supervisor_config::{Request, Sources, file_mode, supervisord_flags};
use supervisor_core::spec::Change;
use supervisor_sys::host::ThisHost;

/// The configuration common to all these tests: each option needs a program to act on.
const PROGRAM: &str = "[supervisord]\n[program:other]\ncommand=sleep 1\n\
                       [program:a]\ncommand=sleep 1\n";

/// Settings that others need, each with two values of an option.
#[rustfmt::skip]
const CHANGES: &[(&str, &str, &str, &str)] = &[
    ("priority", "1", "2", ""),
    ("autostart", "true", "false", ""),
    ("startsecs", "1", "2", ""),
    ("startretries", "1", "2", ""),
    ("autorestart", "true", "false", ""),
    ("exitcodes", "0", "0,2", ""),
    ("stopsignal", "TERM", "INT", ""),
    ("stopwaitsecs", "1", "2", ""),
    ("stopasgroup", "true", "false", ""),
    ("killasgroup", "true", "false", ""),
    ("signal_map", "TERM:INT", "TERM:QUIT", ""),
    ("stop_target", "main", "group", ""),
    ("leftover_grace_secs", "1", "2", "killtree=true"),
    ("retryresetsecs", "off", "600", ""),
    ("retry_factor", "1", "2", ""),
    ("retry_wait_secs", "1", "2", "retry_factor=2"),
    ("retry_wait_max_secs", "10", "20", "retry_factor=2"),
    ("retry_jitter", "0", "0.5", "retry_factor=2"),
    ("memory_limit", "1GB", "2GB", ""),
    ("memory_warn_percent", "80", "90", "memory_limit=1GB"),
    ("remove_leftovers", "true", "all", "killtree=true"),
    ("await_port", "off", "80", "killtree=true"),
    ("depends_on", "", "other", ""),
    ("wait_for", "a:1", "b:1", ""),
    ("wait_timeout_secs", "1", "2", "wait_for=a:1"),
    ("retries_before_ready", "1", "2", "health_tcp=localhost:1"),
    ("ready_processes", "1", "all", ""),
    ("failure_preset", "off", "cuda", ""),
    ("await_gpu_memory", "false", "true", "killtree=true"),
    ("failure_exit_codes", "oom:9", "oom:8", ""),
    ("health_port", "1", "2", "health_preset=vllm"),
    ("health_url", "http://localhost:1/a", "http://localhost:1/b", ""),
    ("health_tcp", "localhost:1", "localhost:2", ""),
    ("health_listener", "own", "any", "health_tcp=localhost:1"),
    ("health_headers", "A: b", "A: c", "health_url=http://localhost:1/"),
    ("health_headers_file", "/a", "/b", "health_url=http://localhost:1/"),
    ("health_tls_ca_file", "/a", "/b", "health_url=https://localhost:1/"),
    ("health_tls_name", "a", "b", "health_url=https://localhost:1/"),
    ("health_command", "true", "false", ""),
    ("health_interval", "1", "2", "health_tcp=localhost:1"),
    ("health_timeout", "1", "2", "health_tcp=localhost:1"),
    ("health_failures", "1", "2", "health_tcp=localhost:1"),
    ("health_jitter", "1", "2", "health_tcp=localhost:1"),
    ("health_status", "200", "204", "health_url=http://localhost:1/"),
    ("health_body", "a", "b", "health_url=http://localhost:1/"),
    ("health_start_timeout", "1", "2", "health_tcp=localhost:1"),
    ("progress_url", "http://localhost:1/a", "http://localhost:1/b", "progress_running=a\nprogress_done=b"),
    ("progress_running", "a", "b", "progress_url=http://localhost:1/\nprogress_done=b"),
    ("progress_done", "a", "b", "progress_url=http://localhost:1/\nprogress_running=b"),
    ("progress_interval", "1", "2", "progress_url=http://localhost:1/\nprogress_running=a\nprogress_done=b"),
    ("progress_stalled_secs", "100", "200", "progress_url=http://localhost:1/\nprogress_running=a\nprogress_done=b"),
    ("tree_pattern", "a", "b", ""),
    ("tree_interval", "1", "2", "tree_pattern=a"),
    ("tree_patience_secs", "1", "2", "tree_pattern=a"),
    ("health_action", "observe", "stop", "health_tcp=localhost:1"),
    ("health_stop_secs", "1", "2", "health_tcp=localhost:1"),
    ("dump_signal", "USR1", "USR2", "health_tcp=localhost:1"),
    ("evidence_secs", "1", "2", "health_tcp=localhost:1"),
    // A failure then ends the program, and the settings of retries go with it.
    ("rank_policy", "restart", "exit", ""),
    ("numprocs", "2", "4", "process_name=a%(process_num)d"),
    ("numprocs_start", "0", "1", "numprocs=2\nprocess_name=a%(process_num)d"),
    // Those that concern execution.
    ("command", "sleep 1", "sleep 2", ""),
    ("process_name", "a", "b", ""),
    ("environment", "A=1", "A=2", ""),
    ("umask", "022", "077", ""),
    ("directory", "/tmp", "/usr", ""),
    ("stdout_logfile", "NONE", "/dev/stdout", ""),
    ("redirect_stderr", "true", "false", ""),
    ("killtree", "true", "false", ""),
    ("essential", "true", "false", ""),
    ("ready", "notify", "startsecs", ""),
    ("watchdog_secs", "1", "2", ""),
];

fn change(before: &str, after: &str) -> Change {
    // Tests run at the same time.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("changes-{}-{number}.conf", std::process::id()));
    let group = |settings: &str| {
        std::fs::write(&path, format!("{PROGRAM}{settings}\n")).unwrap();
        let flags = supervisord_flags(&["-c".into(), path.clone().into_os_string()]);
        let Ok(Request::Run(flags)) = flags else { panic!("{flags:?}") };
        let program = Path::new("/opt/bin/supervisord");
        let config = file_mode(&flags, program, &Sources::default(), &ThisHost::Starting);
        let config = config.unwrap_or_else(|errors| panic!("{settings}: {errors}"));
        config.spec.groups.into_iter().find(|group| group.name == "a").unwrap()
    };
    let change = group(before).change_to(&group(after));
    std::fs::remove_file(&path).unwrap();
    change
}

#[test]
fn an_option_takes_effect_as_the_reference_says() {
    for (key, one, other, beside) in CHANGES {
        let takes = takes(key).unwrap_or_else(|| panic!("there is no option {key}"));
        let set = |value: &str| format!("{beside}\n{key}={value}");
        let change = change(&set(one), &set(other));
        let wanted = match takes {
            Takes::Live if key.starts_with("numprocs") => Change::Scale,
            Takes::Live | Takes::NextStart => Change::Live,
            Takes::Restart => Change::Restart,
        };
        assert_eq!(change, wanted, "{key}");
    }
}

#[test]
fn a_program_that_reads_numprocs_restarts() {
    let number = "process_name=a%(process_num)d\nenvironment=OF=%(numprocs)d\nnumprocs=";
    let set = |count: u32| format!("{number}{count}");
    assert_eq!(change(&set(2), &set(4)), Change::Restart);
    // No process has the name that it had.
    assert_eq!(change("numprocs=1", "numprocs=2\nprocess_name=a%(process_num)d"), Change::Restart);
}

#[test]
fn every_option_that_needs_no_restart_is_tested() {
    let tried: BTreeSet<&str> = CHANGES.iter().map(|(key, ..)| *key).collect();
    let options = SectionKind::Program.options();
    let missing: Vec<_> = options
        .filter(|def| def.change != Takes::Restart && !tried.contains(def.key))
        .map(|def| def.key)
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
