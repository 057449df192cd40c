//! `LOG_FORMAT=json`.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Running, clean, free_port, http, program, supervise, wait};

/// All lines as objects; each has the fields that all have.
#[track_caller]
fn objects<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Value> {
    let read = |line: &str| {
        let object: Value =
            serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        for name in ["time", "level", "event", "message"] {
            assert!(object[name].is_string(), "no {name}: {line}");
        }
        let time = object["time"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z') && &time[10..11] == "T", "{time}");
        object
    };
    lines.into_iter().map(read).collect()
}

/// The first that tells of this event.
#[track_caller]
fn event<'a>(objects: &'a [Value], name: &str) -> &'a Value {
    let found = objects.iter().find(|object| object["event"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {objects:#?}"))
}

#[test]
fn each_log_line_is_an_object_and_program_output_is_unchanged() {
    let script = r#"printf '{"a": \377\001}\nno end'; exit 3"#;
    let mut child = supervise(["sh", "-c", script])
        .env("LOG_FORMAT", "json")
        .env("LOG_LEVEL", "debug")
        .env("PROCESS_MAX_START_RETRIES", "0")
        .env("SUPERVISOR_SUPERVISORD_NONSENSE", "quote \" and \u{1f680}")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdout, mut stderr) = (Vec::new(), String::new());
    child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(wait(&mut child).code(), Some(1));
    assert_eq!(stdout, b"{\"a\": \xff\x01}\nno end");
    let objects = objects(stderr.lines());
    assert_eq!(event(&objects, "note")["level"], "warn", "the option that nobody knows");
    let spawned = event(&objects, "spawned");
    assert_eq!((&spawned["program"], &spawned["run"]), (&"app".into(), &1.into()));
    let exited = event(&objects, "exited");
    assert_eq!(exited["pid"], spawned["pid"]);
    assert_eq!((&exited["exit_code"], &exited["expected"]), (&3.into(), &false.into()));
    assert_eq!(exited["message"], "exited: app (exit status 3; not expected)");
    assert_eq!(event(&objects, "gave_up")["reason"], "too_many_retries");
    let crash = event(&objects, "crash");
    assert_eq!((&crash["class"], &crash["next"]), (&"exit".into(), &"give_up".into()));
    assert_eq!((&crash["pid"], &crash["exit_code"]), (&exited["pid"], &3.into()));
}

#[test]
fn errors_in_run_once_mode_are_json_objects() {
    let mut running = Running::start(
        supervise(["/nonexistent"]).env("LOG_FORMAT", "json").env("PROCESS_AUTO_RECOVERY", "0"),
    );
    assert_eq!(running.exit_code(), 127);
    let objects = objects(running.stderr.rest().iter().map(String::as_str));
    let failed = event(&objects, "spawn_failed");
    assert_eq!(failed["kind"], "not_found");
    assert!(failed["message"].as_str().unwrap().contains("No such file or directory"));
}

#[test]
fn a_file_can_configure_a_status_port_and_a_json_log() {
    let folder = std::env::temp_dir().join(format!("status-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (file, log, port) = (folder.join("supervisord.conf"), folder.join("log"), free_port());
    let text = format!(
        "[supervisord]\nnodaemon=true\nlogfile={}\npidfile={}\nlog_format=json\n\
         status_port=127.0.0.1:{port}\n[program:web]\ncommand=sleep 1000\nstartsecs=0\n\
         [eventlistener:hears]\ncommand=sleep 1000\nevents=TICK_3600\nbuffer_size=7\n",
        log.display(),
        folder.join("pid").display(),
    );
    fs::write(&file, text).unwrap();
    let supervisord = program("supervisord");
    let file = file.to_str().unwrap();
    let mut running = Running::start(&mut clean(supervisord, ["-n", "-c", file]));
    running.stdout.wait_for("success: web entered RUNNING state");
    assert!(http(port, "GET /readyz").unwrap().ends_with("\r\n\r\nready\n"));
    let page = http(port, "GET /metrics").unwrap();
    for series in ["events_room{pool=\"hears\"} 7\n", "events_lost_total{pool=\"hears\"} 0\n"] {
        assert!(page.contains(&format!("standard_supervisor_{series}")), "{page}");
    }
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    let logged = fs::read_to_string(&log).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let (logged, echoed) = (logged.lines(), running.stdout.rest().iter().map(String::as_str));
    let (logged, echoed) = (objects(logged), objects(echoed));
    assert_eq!(event(&logged, "spawned")["program"], "hears");
    assert_eq!(event(&logged, "exit_request")["signal"], "SIGTERM");
    assert_eq!(logged, echoed, "stdout repeats the log");
}

#[test]
fn an_unparsable_command_is_not_executable_in_the_log_and_over_rpc() {
    let folder = std::env::temp_dir().join(format!("unparsable-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("supervisord.conf");
    let text = "[supervisord]\nnodaemon=true\nlogfile=/dev/null\npidfile=%(here)s/pid\n\
                log_format=json\n[program:a]\ncommand=sh -c \"x\nessential=true\n";
    fs::write(&file, text).unwrap();
    let words = ["-c", file.to_str().unwrap()];
    let mut running = Running::start(&mut clean(program("supervisord"), words));
    assert_eq!(running.exit_code(), 1);
    fs::remove_dir_all(&folder).unwrap();
    let objects = objects(running.stdout.rest().iter().map(String::as_str));
    assert_eq!(event(&objects, "spawn_failed")["kind"], "not_executable");
}
