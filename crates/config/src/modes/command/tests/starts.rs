//! Tests of conditions for a start, and of one-time helpers.

use supervisor_core::spec::start::Until;

use super::*;

const NGINX: (&str, &str) = ("SUPERVISOR_PROGRAM__NGINX_COMMAND", "nginx");
const FETCH: (&str, &str) = ("SUPERVISOR_PROGRAM__FETCH_COMMAND", "fetch");

#[test]
fn a_program_depends_on_another_by_a_variable() {
    let config = config(&[
        NGINX,
        ("SUPERVISOR_PROGRAM__NGINX_DEPENDS_ON", "app:ready"),
        ("PROCESS_HEALTH_PRESET", "vllm"),
    ]);
    assert!(config.warnings.iter().all(|warning| !warning.contains("depends_on")));
    let [dependency] = &process(&config, "nginx").start.depends_on[..] else { panic!() };
    assert_eq!((dependency.program.as_str(), dependency.until), ("app", Until::Ready));
    let text = config.record.unwrap().text();
    assert!(text.contains("depends_on = app:ready"), "{text}");
}

#[test]
fn depends_on_ready_without_a_readiness_check_causes_a_warning() {
    let config = config(&[NGINX, ("SUPERVISOR_PROGRAM__NGINX_DEPENDS_ON", "app:ready")]);
    let [warning] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
    assert!(warning.contains("app has no readiness check"), "{warning}");
}

#[test]
fn a_helper_awaited_as_completed_may_exit_at_once() {
    let config = config(&[FETCH, ("SUPERVISOR_PROGRAM__APP_DEPENDS_ON", "fetch:completed")]);
    let fetch = process(&config, "fetch");
    assert_eq!((fetch.autorestart, fetch.startsecs), (Autorestart::Unexpected, Duration::ZERO));
    let app = process(&config, "app");
    assert_eq!((app.autorestart, app.startsecs.as_secs()), (Autorestart::Always, 1));
}

#[test]
fn only_a_helper_that_is_not_restarted_may_exit_at_once() {
    for value in ["false", "Unexpected"] {
        let config = config(&[FETCH, ("SUPERVISOR_PROGRAM__FETCH_AUTORESTART", value)]);
        assert_eq!(process(&config, "fetch").startsecs, Duration::ZERO);
    }
    let config = config(&[FETCH]);
    let fetch = process(&config, "fetch");
    assert_eq!((fetch.autorestart, fetch.startsecs.as_secs()), (Autorestart::Always, 1));
}

#[test]
fn impossible_dependencies_are_rejected() {
    let text = errors(&[
        NGINX,
        FETCH,
        ("SUPERVISOR_PROGRAM__NGINX_DEPENDS_ON", "ap, nginx"),
        ("SUPERVISOR_PROGRAM__FETCH_DEPENDS_ON", "app:completed"),
        ("SUPERVISOR_PROGRAM__LATE_COMMAND", "late"),
        ("SUPERVISOR_PROGRAM__LATE_AUTOSTART", "false"),
        ("SUPERVISOR_PROGRAM__APP_DEPENDS_ON", "late"),
    ]);
    for line in [
        "SUPERVISOR_PROGRAM__NGINX_DEPENDS_ON: depends_on names 'ap', which is not a program \
         (did you mean app?)",
        "depends_on=nginx:started makes nginx wait for itself",
        "depends_on=app:completed waits for a program with autorestart=true, which never completes; set autorestart=unexpected for app",
        "depends_on=late:started waits for a program with autostart=false, which nothing starts; set autostart=true for late, or autostart=false for app as well",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn a_circular_dependency_is_reported_with_its_path() {
    let text = errors(&[
        NGINX,
        FETCH,
        ("SUPERVISOR_PROGRAM__NGINX_DEPENDS_ON", "app:ready"),
        ("SUPERVISOR_PROGRAM__APP_DEPENDS_ON", "fetch"),
        ("SUPERVISOR_PROGRAM__FETCH_DEPENDS_ON", "nginx"),
    ]);
    assert_eq!(
        text,
        "ERROR: SUPERVISOR_PROGRAM__APP_DEPENDS_ON: depends_on is circular: app -> fetch -> \
         nginx -> app"
    );
}

#[test]
fn the_server_waits_for_its_head_in_run_once_mode_as_well() {
    let wait = [("PROCESS_WAIT_FOR", "head:6379,[::1]:80"), ("PROCESS_WAIT_TIMEOUT_SECS", "5")];
    let once = ("PROCESS_AUTO_RECOVERY", "false");
    for pairs in [&wait[..], &[wait[0], wait[1], once]] {
        let config = config(pairs);
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        let wait = process(&config, "app").start.wait_for.clone().unwrap();
        let targets: Vec<String> = wait.targets.iter().map(ToString::to_string).collect();
        assert_eq!(targets, ["head:6379", "[::1]:80"]);
        assert_eq!(wait.timeout.as_secs(), 5);
    }
    let off = config(&[("PROCESS_WAIT_FOR", "off"), once]);
    assert_eq!(process(&off, "app").start.wait_for, None);
}

#[test]
fn hosts_without_a_port_are_rejected_in_every_mode() {
    for mode in ["true", "false"] {
        let text = errors(&[("PROCESS_WAIT_FOR", "head"), ("PROCESS_AUTO_RECOVERY", mode)]);
        assert!(text.starts_with("ERROR: PROCESS_WAIT_FOR: 'head' is not host:port"), "{text}");
    }
}

#[test]
fn retries_before_ready_need_a_readiness_check() {
    let retries = ("PROCESS_RETRIES_BEFORE_READY", "1");
    let text = errors(&[retries]);
    assert!(
        text.starts_with(
            "ERROR: PROCESS_RETRIES_BEFORE_READY: retries_before_ready requires a readiness check"
        ),
        "{text}"
    );
    let config = config(&[retries, ("PROCESS_HEALTH_URL", "http://localhost:8000/health")]);
    assert_eq!(process(&config, "app").start.retries_before_ready, Some(1));
    assert!(errors(&[("PROCESS_RETRIES_BEFORE_READY", "101")]).contains("not between 0 and 100"));
}

#[test]
fn ready_processes_is_at_most_the_number_of_processes() {
    let set = |numprocs, ready| {
        [
            ("SUPERVISOR_PROGRAM__WEB_COMMAND", "web"),
            ("SUPERVISOR_PROGRAM__WEB_PROCESS_NAME", "web%(process_num)d"),
            ("SUPERVISOR_PROGRAM__WEB_NUMPROCS", numprocs),
            ("SUPERVISOR_PROGRAM__WEB_READY_PROCESSES", ready),
        ]
    };
    for (ready, number) in [("all", None), ("1", Some(1)), ("4", Some(4))] {
        assert_eq!(process(&config(&set("4", ready)), "web3").start.ready_processes, number);
    }
    let key = "ERROR: SUPERVISOR_PROGRAM__WEB_READY_PROCESSES: ";
    for (ready, why) in [("0", "0 is less than 1 or too large"), ("5", "5 is above numprocs=4")] {
        let text = errors(&set("4", ready));
        assert!(text.starts_with(key) && text.contains(why), "{text}");
    }
}
