//! Tests of files that are written or removed.

use super::*;

#[test]
fn crash_reports_have_default_paths_and_limits() {
    let crash = config(&[]).supervisord.crash;
    let files = crash.files.unwrap();
    assert_eq!(files.directory.to_str(), Some("/tmp/standard-supervisor-crashes"));
    assert!(crash.line && !files.asked_for && files.keep == 10);
    let log = crash.termination_log.unwrap();
    assert_eq!((log.path.to_str(), log.asked_for), (Some("/dev/termination-log"), false));

    let crash = config(&[
        ("PROCESS_CRASH_DIR", "/crashes/100%"),
        ("PROCESS_TERMINATION_LOG", "off"),
        ("SUPERVISOR_SUPERVISORD_CRASH_KEEP", "3"),
    ]);
    let crash = crash.supervisord.crash;
    let files = crash.files.unwrap();
    assert_eq!(files.directory.to_str(), Some("/crashes/100%"));
    assert!(files.asked_for && files.keep == 3 && crash.termination_log.is_none());

    let crash = config(&[("PROCESS_AUTO_RECOVERY", "false")]).supervisord.crash;
    assert_eq!(crash, Crash::default());
}

#[test]
fn short_variables_configure_the_cleanup() {
    let sources = [("PROCESS_AWAIT_PORT", "8000"), ("SUPERVISOR_PROGRAM__OTHER_COMMAND", "x")];
    let config = config(&sources);
    let tidy = |name: &str| process(&config, name).tidy.clone().unwrap();
    let on_evidence =
        TidySpec { remove_leftovers: RemoveLeftovers::OnEvidence, ..TidySpec::default() };
    assert_eq!(tidy("app"), TidySpec { port: Some(8000), ..on_evidence.clone() });
    assert_eq!(tidy("other"), on_evidence);
    let errors = errors(&[("PROCESS_AWAIT_PORT", "0"), ("PROCESS_REMOVE_LEFTOVERS", "maybe")]);
    assert!(errors.contains("PROCESS_AWAIT_PORT: not a valid port: '0'"), "{errors}");
    let invalid = "PROCESS_REMOVE_LEFTOVERS: invalid value 'maybe'; expected true, false or all";
    assert!(errors.contains(invalid), "{errors}");
}

#[test]
fn a_socket_in_a_command_line_is_cleaned_up() {
    let config = config(&[
        ("SUPERVISOR_PROGRAM__OTHER_COMMAND", "vllm serve m --uds /tmp/v.sock"),
        ("PROCESS_REMOVE_LEFTOVERS", "all"),
    ]);
    let tidy = process(&config, "other").tidy.clone().unwrap();
    assert_eq!(tidy.sockets, [PathBuf::from("/tmp/v.sock")]);
    assert_eq!(tidy.remove_leftovers, RemoveLeftovers::All);
}

#[test]
fn a_preset_has_the_shared_memory_names_of_its_server() {
    let sources = [("PROCESS_HEALTH_PRESET", "vllm"), ("SUPERVISOR_PROGRAM__OTHER_COMMAND", "x")];
    let names = |sources: &[(&str, &str)], name| {
        process(&config(sources), name).tidy.clone().unwrap_or_default().shared_memory
    };
    assert!(names(&sources, "app").contains(&"vllm_offload_"));
    assert!(names(&sources, "other").is_empty());
    let off = [sources[0], ("PROCESS_REMOVE_LEFTOVERS", "false")];
    assert!(names(&off, "app").is_empty());
}

#[test]
fn a_cleanup_without_killtree_has_no_effect_and_causes_a_warning() {
    let config =
        config(&[("SUPERVISOR_PROGRAM__APP_KILLTREE", "false"), ("PROCESS_AWAIT_PORT", "8000")]);
    assert_eq!(process(&config, "app").tidy, None);
    assert_eq!(config.warnings, ["[program:app] await_port has no effect without killtree"]);
}
