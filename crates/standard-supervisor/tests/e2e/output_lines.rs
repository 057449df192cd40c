//! Lines with a program's name in front, and as JSON objects.

use serde_json::Value;

use crate::harness::{Running, free_port, http, once, supervise};

#[test]
fn lines_of_programs_that_share_a_stream_have_names_and_stay_whole() {
    // Both write lines in pieces, and more than a pipe holds.
    let script = "i=0; while [ $i -lt 3000 ]; do printf \"$NAME \"; echo \"$i $LONG\"; \
                  i=$((i+1)); done; printf \"the end\"; exit 255";
    let long = "x".repeat(90);
    let mut running = Running::start(
        supervise(["sh", "-c", script])
            .env("NAME", "a")
            .env("LONG", &long)
            .env("PROCESS_OUTPUT_PREFIX", "name")
            .env("PROCESS_MAX_START_RETRIES", "0")
            .env("SUPERVISOR_PROGRAM__B_COMMAND", format!("sh -c 'NAME=b; {script}'"))
            .env("SUPERVISOR_PROGRAM__B_AUTORESTART", "false")
            .env("SUPERVISOR_PROGRAM__B_EXITCODES", "255")
            .env("SUPERVISOR_PROGRAM__APP_ESSENTIAL", "false"),
    );
    running.exit_code();
    let lines = running.stdout.rest();
    for (name, letter) in [("app", "a"), ("b", "b")] {
        let front = format!("{name} | ");
        let own: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix(&front)).collect();
        assert_eq!(own.len(), 3001, "{name}");
        for (number, line) in own[..3000].iter().enumerate() {
            assert_eq!(*line, format!("{letter} {number} {long}"));
        }
        assert_eq!(own[3000], "the end");
    }
    assert_eq!(lines.len(), 2 * 3001);
}

#[test]
fn each_line_becomes_a_json_object_unless_it_is_one() {
    let script = "echo plain; echo '{\"level\":\"info\",\"tokens\":1.50}'; echo bad >&2; \
                  printf last; exit 255";
    let mut running = Running::start(
        supervise(["sh", "-c", script])
            .env("PROCESS_OUTPUT_FORMAT", "json")
            .env("SUPERVISOR_PROGRAM__APP_REDIRECT_STDERR", "false")
            .env("PROCESS_LOG_FORMAT", "json")
            .env("PROCESS_MAX_START_RETRIES", "0"),
    );
    running.exit_code();
    let objects = |lines: &[String]| -> Vec<Value> {
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let stdout = objects(running.stdout.rest());
    assert_eq!(stdout.len(), 3);
    assert_eq!((&stdout[0]["message"], &stdout[2]["message"]), (&"plain".into(), &"last".into()));
    assert_eq!(stdout[1]["fields"]["level"], "info");
    assert!(running.stdout.said("\"fields\":{\"level\":\"info\",\"tokens\":1.50}}"));
    // The supervisor's own lines have the same format, so one parser is enough.
    let stderr = objects(running.stderr.rest());
    let bad = stderr.iter().find(|object| object["message"] == "bad").unwrap();
    assert_eq!((&bad["program"], &bad["stream"]), (&"app".into(), &"stderr".into()));
    assert!(stderr.iter().any(|object| object["event"] == "exited"));
}

#[test]
fn a_syslog_server_gets_complete_lines_and_stdout_is_unchanged() {
    let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
    let address = format!("udp://localhost:{}", server.local_addr().unwrap().port());
    let mut running = Running::start(
        supervise(["sh", "-c", "echo one; printf tw; sleep 0.1; echo o; printf last; exit 255"])
            .env("PROCESS_SYSLOG_ADDRESS", address)
            .env("PROCESS_MAX_START_RETRIES", "0"),
    );
    running.exit_code();
    assert_eq!(running.stdout.rest(), ["one", "two", "last"]);
    let mut room = [0; 9000];
    for line in ["one", "two", "last"] {
        let length = server.recv(&mut room).unwrap();
        let text = std::str::from_utf8(&room[..length]).unwrap();
        let fields: Vec<&str> = text.splitn(8, ' ').collect();
        assert_eq!((fields[0], fields[3], fields[5]), ("<14>1", "app", "stdout"), "{text}");
        assert!(fields[1].ends_with('Z') && fields[4].parse::<u32>().is_ok(), "{text}");
        assert_eq!(fields[7], line);
    }
    let mut running = Running::start(supervise(["true"]).env("PROCESS_SYSLOG_ADDRESS", "logs:514"));
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest().join("\n");
    assert!(said.contains("PROCESS_SYSLOG_ADDRESS: 'logs:514' is not udp://host:port"), "{said}");
}

/// A host that no resolver knows, and more lines than wait for its address.
#[test]
fn lines_that_do_not_reach_the_syslog_server_are_counted() {
    let port = free_port();
    let script = "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i + 1)); done; exec sleep 1000";
    let mut running = Running::start(
        supervise(["sh", "-c", script])
            .env("PROCESS_SYSLOG_ADDRESS", "udp://logs.invalid:514")
            .env("PROCESS_STATUS_PORT", format!("127.0.0.1:{port}")),
    );
    running.stderr.wait_for("to the syslog server logs.invalid:514: its name has not been found");
    running.stdout.wait_for("299");
    let metrics = http(port, "GET /metrics").unwrap();
    let lost = metrics.lines().find_map(|line| {
        line.strip_prefix("standard_supervisor_process_syslog_lost_lines_total{")?
            .split_once("stream=\"stdout\"} ")
    });
    assert_eq!(lost.map(|(_, lost)| lost), Some("44"), "{metrics}");
    running.signal("TERM");
    running.exit_code();
}

#[test]
fn an_unknown_output_format_is_rejected_and_one_in_run_once_mode_is_reported() {
    for (variable, value, why) in [
        ("PROCESS_OUTPUT_PREFIX", "name", "invalid value 'yes'; expected none or name"),
        ("PROCESS_OUTPUT_FORMAT", "json", "invalid value 'yes'; expected text or json"),
    ] {
        let mut running = Running::start(supervise(["true"]).env(variable, "yes"));
        assert_eq!(running.exit_code(), 1);
        let said = running.stderr.rest().join("\n");
        assert!(said.contains(&format!("ERROR: {variable}: {why}")), "{said}");
        let mut running = Running::start(once(["echo", "as it is"]).env(variable, value));
        assert_eq!(running.exit_code(), 0);
        assert_eq!(running.stdout.rest(), ["as it is"]);
        assert!(running.stderr.said(&format!("{variable} has no effect")));
    }
}
