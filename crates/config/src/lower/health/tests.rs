use std::ffi::OsString;

use supervisor_core::signal::Signal;
use supervisor_core::spec::health::{Action, HttpServer};

use super::*;
use crate::command_mode;
use crate::testing::{FakeHost, sources};
use crate::values::LOOPBACK;

/// The health settings for a command with these variables.
fn health_of(command: &[&str], pairs: &[(&str, &str)]) -> Result<HealthSpec, String> {
    let command = command.iter().map(OsString::from).collect();
    let config = command_mode(command, &sources(pairs), &FakeHost::default());
    let config = config.map_err(|errors| errors.to_string())?;
    Ok(config.spec.groups[0].processes[0].health.clone())
}

fn http(port: u16, path: &str) -> HttpUrl {
    let server = HttpServer::Tcp { host: LOOPBACK.to_owned(), port };
    HttpUrl { scheme: Scheme::Http, server, path: path.to_owned() }
}

fn probe_url(health: &HealthSpec) -> &HttpUrl {
    match health.check.as_ref().map(|check| &check.probe) {
        Some(Probe::Http { get, .. }) => &get.url,
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_setting_means_no_health_check() {
    assert_eq!(health_of(&["x"], &[]), Ok(HealthSpec::default()));
}

#[test]
fn a_preset_sets_url_metrics_and_timeouts() {
    let health = health_of(&["vllm", "serve"], &[("PROCESS_HEALTH_PRESET", "vllm")]).unwrap();
    assert_eq!(health.ready, Ready::Checked);
    assert_eq!(health.start_timeout, Some(presets::START_TIMEOUT));
    assert_eq!(*probe_url(&health), http(8000, "/health"));
    let progress = health.progress.unwrap();
    assert_eq!(progress.page.url, http(8000, "/metrics"));
    assert!(progress.running.contains(&"vllm:num_requests_running".to_owned()));
    assert!(progress.done.contains(&"vllm:generation_tokens_total".to_owned()));
    assert_eq!(progress.stalled, Duration::from_secs(300));
}

#[test]
fn the_checked_port_comes_from_a_setting_the_command_or_the_preset() {
    let preset = ("PROCESS_HEALTH_PRESET", "sglang");
    for (command, port) in [
        (&["sglang"][..], 30000),
        (&["sglang", "--port", "31000"], 31000),
        (&["sglang", "--port=31000", "--port=32000"], 32000),
        (&["sglang", "--ports", "1", "--port"], 30000),
    ] {
        assert_eq!(
            probe_url(&health_of(command, &[preset]).unwrap()).server,
            http(port, "").server
        );
    }
    let sources = [preset, ("PROCESS_HEALTH_PORT", "9000")];
    let health = health_of(&["sglang", "--port", "31000"], &sources).unwrap();
    assert_eq!(*probe_url(&health), http(9000, "/health"));
    assert_eq!(health.progress.unwrap().page.url, http(9000, "/metrics"));
    // The origin of the command does not matter, but the argument of a shell is not analyzed.
    for (command, port) in [("x --port 7", 7), ("sh -c 'x --port 7'", 30000)] {
        let replaced = [preset, ("SUPERVISOR_PROGRAM__APP_COMMAND", command)];
        let health = health_of(&["x", "--port", "8"], &replaced).unwrap();
        assert_eq!(probe_url(&health).server, http(port, "").server, "{command}");
    }
}

#[test]
fn metrics_with_their_own_port_keep_it() {
    let triton = ["tritonserver", "--http-port=8100", "--metrics-port", "8200"];
    let health = health_of(&triton, &[("PROCESS_HEALTH_PRESET", "triton")]).unwrap();
    assert_eq!(*probe_url(&health), http(8100, "/v2/health/ready"));
    assert_eq!(health.progress.unwrap().page.url, http(8200, "/metrics"));
}

#[test]
fn settings_override_a_preset() {
    let health = health_of(
        &["x"],
        &[
            ("PROCESS_HEALTH_PRESET", "vllm"),
            ("PROCESS_HEALTH_URL", "unix:///run/v.sock:/health?x"),
            ("PROCESS_HEALTH_TIMEOUT", "0.5"),
            ("PROCESS_HEALTH_START_TIMEOUT", "off"),
            ("PROCESS_HEALTH_READY", "log:startup complete"),
            ("PROCESS_HEALTH_PROGRESS_DONE", "steps_total{kind=\"a\"} other"),
            ("PROCESS_HEALTH_ACTION", "exit:77"),
            ("PROCESS_HEALTH_DUMP_SIGNAL", "USR1"),
        ],
    )
    .unwrap();
    let socket = HttpServer::Unix("/run/v.sock".into());
    assert_eq!(
        *probe_url(&health),
        HttpUrl { scheme: Scheme::Http, server: socket.clone(), path: "/health?x".to_owned() }
    );
    let progress = health.progress.unwrap();
    assert_eq!(
        progress.page.url,
        HttpUrl { scheme: Scheme::Http, server: socket, path: "/metrics".to_owned() }
    );
    assert_eq!(progress.done, ["steps_total{kind=\"a\"}", "other"]);
    assert_eq!(progress.timeout, Duration::from_millis(500));
    assert_eq!(health.start_timeout, None);
    assert_eq!(health.ready, Ready::Logged("startup complete".to_owned()));
    assert_eq!(health.action, Action::Exit(77));
    assert_eq!(health.evidence.signal, Signal::from_name("USR1"));
}

#[test]
fn a_check_can_be_a_connection_or_a_command() {
    let health = health_of(&["x"], &[("PROCESS_HEALTH_TCP", "localhost:5000")]).unwrap();
    let tcp = Probe::Tcp { host: "localhost".to_owned(), port: 5000 };
    assert_eq!(health.check.map(|check| check.probe), Some(tcp));
    let health = health_of(&["x"], &[("PROCESS_HEALTH_COMMAND", "sh -c 'exit 0'")]).unwrap();
    let words = ["sh", "-c", "exit 0"].map(OsString::from).to_vec();
    assert_eq!(health.check.map(|check| check.probe), Some(Probe::Command(words)));
    // The metrics of the preset still apply.
    let pairs = [("PROCESS_HEALTH_PRESET", "tgi"), ("PROCESS_HEALTH_TCP", "3000")];
    let health = health_of(&["x"], &pairs).unwrap();
    assert!(matches!(health.check.unwrap().probe, Probe::Tcp { port: 3000, .. }));
    assert!(health.progress.is_some());
}

#[test]
fn each_process_of_a_program_can_be_checked_at_its_own_port() {
    let config = command_mode(
        vec!["x".into()],
        &sources(&[
            ("SUPERVISOR_PROGRAM__APP_NUMPROCS", "2"),
            ("SUPERVISOR_PROGRAM__APP_PROCESS_NAME", "%(process_num)s"),
            ("SUPERVISOR_PROGRAM__APP_HEALTH_URL", "http://localhost:800%(process_num)s/"),
        ]),
        &FakeHost::default(),
    )
    .unwrap();
    let processes = &config.spec.groups[0].processes;
    let paths: Vec<_> =
        processes.iter().map(|process| &probe_url(&process.health).server).collect();
    let at = |port| HttpServer::Tcp { host: "localhost".to_owned(), port };
    assert_eq!(paths, [&at(8000), &at(8001)]);
}

#[test]
fn all_errors_in_health_settings_are_reported_with_the_expected_values() {
    let text = health_of(
        &["x"],
        &[
            ("PROCESS_HEALTH_PRESET", "vlm"),
            ("PROCESS_HEALTH_INTERVAL", "0"),
            ("PROCESS_HEALTH_ACTION", "reboot"),
            ("PROCESS_HEALTH_READY", "log:"),
        ],
    )
    .unwrap_err();
    for part in [
        "PROCESS_HEALTH_PRESET: unknown preset 'vlm'; expected vllm, sglang",
        "PROCESS_HEALTH_INTERVAL: 0 seconds are less than 0.05",
        "PROCESS_HEALTH_ACTION: invalid value 'reboot'",
        "PROCESS_HEALTH_READY: the text is empty",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn conflicting_health_settings_are_rejected() {
    for (pairs, part) in [
        (
            &[("PROCESS_HEALTH_URL", "http://localhost/"), ("PROCESS_HEALTH_TCP", "1")][..],
            "health_url and health_tcp cannot be combined",
        ),
        (&[("PROCESS_HEALTH_READY", "check")], "ready=check needs a check"),
        (&[("PROCESS_HEALTH_BODY", "ok")], "health_body needs a health_url"),
        (&[("PROCESS_HEALTH_PORT", "1")], "health_port is a preset's"),
        (&[("PROCESS_HEALTH_COMMAND", "a 'b")], "can't parse health_command"),
        (&[("PROCESS_HEALTH_PROGRESS_URL", "http://[::1]/m")], "progress_running is missing"),
        (&[("PROCESS_HEALTH_PROGRESS_DONE", "x")], "progress_url is missing"),
    ] {
        let text = health_of(&["x"], pairs).unwrap_err();
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_host_is_a_name_or_an_address() {
    let tcp = |value: &str| health_of(&["x"], &[("PROCESS_HEALTH_TCP", value)]);
    for (text, host) in [
        ("[::1]:80", "::1"),
        ("80", LOOPBACK),
        ("LocalHost:80", "localhost"),
        ("head-0.ranks.team.svc:80", "head-0.ranks.team.svc"),
    ] {
        let probe = Probe::Tcp { host: host.to_owned(), port: 80 };
        assert_eq!(tcp(text).unwrap().check.unwrap().probe, probe);
    }
    for text in ["a b:80", "a..b:80", "[x]y:80"] {
        let error = tcp(text).unwrap_err();
        assert!(error.contains("is neither an address nor the name of a host"), "{error}");
    }
}

#[test]
fn headers_are_sent_with_each_request_and_never_shown() {
    let key = ("PROCESS_HEALTH_HEADERS", "Authorization: Bearer sk-1\nX-A: b");
    let file = ("PROCESS_HEALTH_HEADERS_FILE", "/srv/headers");
    let health = health_of(&["x"], &[("PROCESS_HEALTH_PRESET", "vllm"), key, file]).unwrap();
    let Some(Probe::Http { get, .. }) = health.check.map(|check| check.probe) else { panic!() };
    assert_eq!(get.headers.set[0].value, "Bearer sk-1");
    assert_eq!(get.headers.set.len(), 2);
    assert_eq!(get.headers.file.as_deref(), Some("/srv/headers".as_ref()));
    assert_eq!(health.progress.unwrap().page.headers, get.headers);
    for (pairs, part) in [
        (&[key][..], "health_headers has no effect without health_url"),
        (&[("PROCESS_HEALTH_HEADERS", "sk-1")], "line 1 is not a header; its value is not shown"),
        (
            &[("PROCESS_HEALTH_HEADERS", "Connection: sk-1")],
            "Connection is set by the check itself",
        ),
        (&[("PROCESS_HEALTH_HEADERS", "A: sk-1%(x)s")], "A: "),
        (
            &[("PROCESS_HEALTH_URL", "http://u:sk-1@h/")],
            "a user name or password in a URL is not sent",
        ),
        (
            &[("PROCESS_HEALTH_URL", "http://h/"), ("PROCESS_HEALTH_TLS_NAME", "x")],
            "health_tls_name has no effect without a URL with https://",
        ),
    ] {
        let text = health_of(&["x"], pairs).unwrap_err();
        assert!(!text.contains("sk-1"), "{text}");
        assert!(text.contains(part) || part == "A: ", "{part}\n{text}");
    }
}

#[test]
fn a_check_names_the_setting_that_chose_its_address() {
    for (pair, set_by) in [
        (("PROCESS_HEALTH_PRESET", "vllm"), "preset vllm"),
        (("PROCESS_HEALTH_URL", "https://[::1]:8443/h"), "PROCESS_HEALTH_URL"),
        (("SUPERVISOR_PROGRAM__APP_HEALTH_TCP", "80"), "SUPERVISOR_PROGRAM__APP_HEALTH_TCP"),
    ] {
        assert_eq!(health_of(&["x"], &[pair]).unwrap().check.unwrap().set_by, set_by);
    }
}

/// The lines that a start logs for this command with `health_preset`, and the health settings.
fn lines_and_health(
    preset: &str,
    command: &[&str],
    pairs: &[(&str, &str)],
) -> (Vec<String>, HealthSpec) {
    let command = command.iter().map(OsString::from).collect();
    let pairs: Vec<_> = [("PROCESS_HEALTH_PRESET", preset)].iter().chain(pairs).copied().collect();
    let host = FakeHost::with(&[("/srv/run", "#!/usr/bin/env bash\nexec vllm serve\n")]);
    let config = command_mode(command, &sources(&pairs), &host).unwrap();
    let notes = config.notes.iter().map(|(level, note)| format!("{} {note}", level.tag()));
    let warnings = config.warnings.iter().map(|warning| format!("WARN {warning}"));
    let health = config.spec.groups[0].processes[0].health.clone();
    (notes.chain(warnings).collect(), health)
}

#[test]
fn one_line_at_the_start_names_the_check_and_the_setting_that_chose_it() {
    for (preset, command, pairs, line) in [
        (
            "sglang",
            &["sglang", "serve", "--port", "31000", "--host", "10.0.0.7"][..],
            &[][..],
            "INFO check: app: checking http://10.0.0.7:31000/health (preset sglang, --host \
             10.0.0.7, --port 31000); metrics at http://10.0.0.7:31000/metrics",
        ),
        (
            "tei",
            &["text-embeddings-router"],
            &[("PORT", "80")],
            "INFO check: app: checking http://127.0.0.1:80/health (preset tei, PORT=80)",
        ),
        (
            "vllm",
            &["/srv/run"],
            &[],
            "INFO check: app: checking http://127.0.0.1:8000/health (default address of preset \
             vllm: the options in the script '/srv/run' are not read; set PROCESS_HEALTH_PORT \
             if the server uses another port); metrics at http://127.0.0.1:8000/metrics; no \
             start timeout, because the address is a guess",
        ),
        (
            "vllm",
            &["vllm", "serve", "/m", "--headless"],
            &[],
            "INFO check: app: no HTTP check (preset vllm: --headless starts no HTTP server); \
             watching its processes named 'VLLM::'",
        ),
        (
            "sglang",
            &["sglang", "serve", "--node-rank", "1"],
            &[("PROCESS_HEALTH_TCP", "5000")],
            "INFO check: app: checking 127.0.0.1:5000 (PROCESS_HEALTH_TCP)",
        ),
    ] {
        let (lines, _) = lines_and_health(preset, command, pairs);
        assert!(lines.iter().any(|known| known == line), "{line}\n{lines:#?}");
    }
}

/// The line does not contain the query, which may be a password.
#[test]
fn a_check_without_a_preset_is_logged_at_the_start() {
    let pairs = [("PROCESS_HEALTH_URL", "http://127.0.0.1:1/h?key=s3cret")];
    let config = command_mode(vec!["x".into()], &sources(&pairs), &FakeHost::default()).unwrap();
    let line = "check: app: checking http://127.0.0.1:1/h (PROCESS_HEALTH_URL)".to_owned();
    assert_eq!(config.notes, [(supervisor_core::level::Level::Info, line)]);
}

/// The line does not contain text for an interpreter, because it may contain passwords.
#[test]
fn the_line_about_the_check_names_the_script_and_not_its_interpreter() {
    for (command, script) in [
        (&["/srv/run"][..], "/srv/run"),
        (&["python3", "-u", "server.py", "--x"], "server.py"),
        (&["/usr/bin/python3.11", "-X", "dev", "server.py"], "server.py"),
        (&["python3", "-m", "my.server"], "python3 -m my.server"),
        (&["bash", "/opt/run.sh"], "/opt/run.sh"),
        (&["busybox", "sh", "run.sh"], "run.sh"),
        (&["bash", "-lc", "KEY=s3cret serve"], "bash -lc"),
        (&["python3"], "python3"),
    ] {
        let (lines, _) = lines_and_health("vllm", command, &[]);
        let part = format!("preset vllm: the options in the script '{script}' are not read");
        assert!(lines.iter().any(|line| line.contains(&part)), "{part}\n{lines:#?}");
    }
}

#[test]
fn the_processes_of_a_rank_without_a_server_are_counted() {
    let (_, health) = lines_and_health("vllm", &["vllm", "serve", "/m", "--node-rank=1"], &[]);
    assert_eq!((health.check, health.progress, health.ready), (None, None, Ready::Startsecs));
    let tree = health.tree.unwrap();
    assert_eq!((tree.pattern.as_str(), tree.distinct), ("VLLM::", true));
    let own = [("PROCESS_HEALTH_TREE_PATTERN", "Worker")];
    let (_, health) = lines_and_health("vllm", &["vllm", "serve", "/m", "--headless"], &own);
    assert_eq!(
        health.tree.map(|tree| (tree.pattern, tree.distinct)),
        Some(("Worker".into(), false))
    );
    // Processes are not counted by default if the preset can check the server.
    assert_eq!(lines_and_health("vllm", &["vllm", "serve", "/m"], &[]).1.tree, None);
}

#[test]
fn a_guessed_address_has_no_start_timeout() {
    let limit = |command: &[&str], pairs: &[(&str, &str)]| {
        lines_and_health("vllm", command, pairs).1.start_timeout
    };
    assert_eq!(limit(&["/srv/run"], &[]), None);
    assert_eq!(limit(&["vllm", "serve"], &[]), Some(presets::START_TIMEOUT));
    assert_eq!(limit(&["/srv/run", "--port", "9000"], &[]), Some(presets::START_TIMEOUT));
    assert_eq!(
        limit(&["/srv/run"], &[("PROCESS_HEALTH_PORT", "9000")]),
        Some(presets::START_TIMEOUT)
    );
    let own = [("PROCESS_HEALTH_START_TIMEOUT", "60")];
    assert_eq!(limit(&["/srv/run"], &own), Some(Duration::from_secs(60)));
    let url = [("PROCESS_HEALTH_URL", "http://127.0.0.1:1/")];
    assert_eq!(limit(&["/srv/run"], &url), Some(presets::START_TIMEOUT));
}

#[test]
fn a_grace_period_too_short_for_the_server_causes_only_a_warning() {
    let triton = |pairs| lines_and_health("triton", &["tritonserver"], pairs).0.join("\n");
    let warning = "WARN stop: app: stopwaitsecs=30 is too short for Triton Inference Server, which \
                   can need 35 seconds (--exit-timeout-secs, by default 30); set stopwaitsecs=35";
    let lines = triton(&[]);
    assert!(lines.contains(warning), "{lines}");
    let enough = triton(&[("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "35")]);
    assert!(!enough.contains("stop: app"), "{enough}");
}

#[test]
fn a_server_that_aborts_requests_at_a_stop_is_reported_with_both_remedies() {
    let vllm = ["vllm", "serve", "/m"];
    let (lines, _) = lines_and_health("vllm", &vllm, &[]);
    let line = "INFO stop: app: vLLM aborts requests in flight at SIGTERM; set --shutdown-timeout \
                (0.18 and newer), or set PROCESS_PRESTOP_";
    assert!(lines.iter().any(|known| known.starts_with(line)), "{lines:#?}");
    let drains = ["vllm", "serve", "/m", "--shutdown-timeout", "10"];
    assert!(!lines_and_health("vllm", &drains, &[]).0.join("\n").contains("stop: app"));
}

#[test]
fn an_expected_exit_0_of_vllm_causes_a_warning() {
    let vllm = ["vllm", "serve", "/m"];
    let restarts = |pairs| {
        lines_and_health("vllm", &vllm, pairs).0.join("\n").contains("can exit with code 0")
    };
    assert!(!restarts(&[]));
    let autorestart = ("SUPERVISOR_PROGRAM__APP_AUTORESTART", "unexpected");
    assert!(restarts(&[autorestart, ("SUPERVISOR_PROGRAM__APP_EXITCODES", "0")]));
}

#[test]
fn ray_is_ready_by_its_log_and_its_head_is_checked_once_a_minute() {
    let (lines, health) = lines_and_health("ray", &["/v/ray", "start", "--head", "--block"], &[]);
    assert_eq!(health.ready, Ready::Logged("Ray runtime started".to_owned()));
    assert_eq!(health.start_timeout, Some(presets::START_TIMEOUT));
    let check = health.check.unwrap();
    assert_eq!(check.probe, Probe::Command(vec!["/v/ray".into(), "health-check".into()]));
    assert_eq!(check.interval, Duration::from_secs(60));
    let line = "INFO check: app: running '/v/ray health-check' every 60 s (preset ray); ready \
     when its output contains 'Ray runtime started'";
    assert!(lines.iter().any(|known| known == line), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("stopwaitsecs=30")), "{lines:#?}");
    let (_, worker) =
        lines_and_health("ray", &["ray", "start", "--address=h:6379", "--block"], &[]);
    assert_eq!((worker.ready, worker.check), (health.ready, None));
}

#[test]
fn an_api_key_in_the_command_is_sent_unless_a_header_is_set() {
    let llama = ["llama-server", "--port", "1", "--api-key", "k"];
    let sent = |pairs| {
        let (lines, health) = lines_and_health("llama.cpp", &llama, pairs);
        assert!(!lines.join("\n").contains("Bearer"), "{lines:#?}");
        let headers = health.progress.unwrap().page.headers.set;
        headers.into_iter().map(|header| header.value).collect::<Vec<_>>()
    };
    assert_eq!(sent(&[]), ["Bearer k"]);
    assert_eq!(
        sent(&[("PROCESS_HEALTH_HEADERS", "authorization: Bearer other")]),
        ["Bearer other"]
    );
}

#[test]
fn event_listeners_have_no_health_settings() {
    assert!(!SectionKind::EventListener.settings().any(|setting| o::has(setting.def().key)));
    assert!(SectionKind::FcgiProgram.settings().any(|setting| setting.def().key == "health_url"));
}

/// Reading the output of `--check` gives the same settings.
#[test]
fn the_effective_configuration_reads_back_the_same() {
    let pairs = [("PROCESS_HEALTH_PRESET", "sagemaker")];
    let config = command_mode(
        vec!["x".into(), "--port".into(), "81".into()],
        &sources(&pairs),
        &FakeHost::default(),
    )
    .unwrap();
    let health = &config.spec.groups[0].processes[0].health;
    assert_eq!(*probe_url(health), http(81, "/ping"));
    assert_eq!(health.check.as_ref().map(|check| check.timeout), Some(Duration::from_secs(2)));
    let host = FakeHost::with(&[("/srv/shown.conf", &config.effective())]);
    let again = [("SUPERVISOR_INCLUDE_FILES", "/srv/shown.conf")];
    let again = command_mode(vec!["x".into()], &sources(&again), &host).unwrap();
    let mut again = again.spec.groups[0].processes[0].health.clone();
    // The origin of the settings is another file now.
    again.check.as_mut().unwrap().set_by = "preset sagemaker".to_owned();
    assert_eq!(again, *health);
}
