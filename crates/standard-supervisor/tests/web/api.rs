//! The API, as programs see it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Running, free_port, http, python, skip, supervise};
use crate::site::Site;

const TWO: &str = "[program:api]\ncommand=sh -c 'echo one; echo two; exec sleep 1000'\nstartsecs=0\n\
                   [program:a]\ncommand=sleep 1000\nstartsecs=0\n\
                   [program:b]\ncommand=sleep 1000\nstartsecs=0\n\
                   [group:g]\nprograms=a,b\n";

#[test]
fn the_openapi_description_is_valid_and_responses_match_it() {
    let Some(python) = python() else {
        return skip("SUPERVISOR_PYTHON names no Python with a validator", "REQUIRE_PYTHON");
    };
    let crash = "[program:crash]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=false\n";
    let site = Site::with("described", &format!("{crash}{TWO}"));
    let mut events = site.events("api/v1/events");
    events.wait_for(": events from now on");
    site.post("api/v1/programs/crash/start");
    events.wait_for("event: crash");
    let document = site.get("api/v1/openapi.json").json();
    let answers = json!({
        "Supervisor": site.get("api/v1/supervisor").json(),
        "Programs": site.get("api/v1/programs").json(),
        "Program": site.program("api"),
        "Groups": site.get("api/v1/groups").json(),
        "Piece": site.get("api/v1/programs/api/logs/stdout").json(),
        "Runs": site.get("api/v1/programs/crash/runs").json(),
        "Report": site.get("api/v1/programs/crash/runs/2/report").json(),
        "Usage": site.get("api/v1/programs/api/usage").json(),
        "Outcomes": site.post("api/v1/groups/g/restart").json(),
        "Difference": site.post("api/v1/supervisor/reread").json(),
        "Done": site.post("api/v1/all/clear").json(),
        "Problem": site.post("api/v1/programs/api/start").json(),
    });
    let described: BTreeSet<&String> =
        document["components"]["schemas"].as_object().unwrap().keys().collect();
    let parts = ["Group", "Outcome", "Run", "Sample"].map(str::to_owned);
    let seen: BTreeSet<&String> = answers.as_object().unwrap().keys().chain(&parts).collect();
    assert_eq!(described, seen, "an answer of each kind is looked at");
    let judge = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/web/judge.py");
    let mut judging = Command::new(python)
        .arg(judge)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let question = json!({"document": document, "answers": answers}).to_string();
    judging.stdin.take().unwrap().write_all(question.as_bytes()).unwrap();
    let mut verdict = String::new();
    judging.stdout.take().unwrap().read_to_string(&mut verdict).unwrap();
    crate::harness::wait(&mut judging);
    assert_eq!(verdict, "valid, and 12 answers as described\n");
}

/// After which something isn't there any more.
const ENDS: [&str; 3] = ["/groups/{group}/remove", "/supervisor/restart", "/supervisor/shutdown"];

#[test]
fn every_path_of_the_openapi_description_responds() {
    let site = Site::with("answers", TWO);
    let document = site.get("api/v1/openapi.json").json();
    let mut count = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if ENDS.contains(&path.as_str()) {
                continue;
            }
            let path = path.replace("{name}", "api").replace("{group}", "g");
            let path = path.replace("{channel}", "stdout").replace("{run}", "1");
            let query = if path.ends_with("/signal") { "?signal=CONT" } else { "" };
            let kind = operation["responses"]["200"]["content"].as_object().unwrap();
            let kind = kind.keys().next().unwrap();
            if kind == "text/event-stream" {
                let mut events = site.events(&format!("api/v1{path}"));
                events.wait_for("200 OK");
                events.wait_for(&format!("Content-Type: {kind}"));
            } else {
                let request = format!("{} /api/v1{path}{query}", method.to_uppercase());
                let answer = site.ask(&request, &[], "");
                let found = answer.header("Content-Type").unwrap();
                let expected = [kind.as_str(), "application/problem+json"];
                assert!(expected.contains(&found), "{request}: {answer:?}");
                // None of them has failed.
                let none = path.ends_with("/report") && answer.status == 404;
                assert!(none || [200, 409].contains(&answer.status), "{request}: {answer:?}");
            }
            count += 1;
        }
    }
    assert_eq!(count, 35 - ENDS.len());
    site.post("api/v1/groups/g/stop");
    assert_eq!(site.post("api/v1/groups/g/remove").json(), json!({"done": true}));
    assert_eq!(site.post("api/v1/supervisor/shutdown").json(), json!({"done": true}));
}

#[test]
fn rejected_requests_return_problem_documents() {
    let site = Site::with("problems", TWO);
    for (request, status, refusal) in [
        ("GET /api/v1/programs/nobody", 404, "BAD_NAME"),
        ("POST /api/v1/programs/nobody/start", 404, "BAD_NAME"),
        ("POST /api/v1/programs/g%3A*/start", 404, "BAD_NAME"),
        ("POST /api/v1/groups/nobody/stop", 404, "BAD_NAME"),
        ("POST /api/v1/groups/nobody/clear", 404, "BAD_NAME"),
        ("POST /api/v1/groups/g/add", 409, "ALREADY_ADDED"),
        ("POST /api/v1/groups/g/remove", 409, "STILL_RUNNING"),
        ("POST /api/v1/programs/api/start", 409, "ALREADY_STARTED"),
        ("POST /api/v1/programs/api/signal", 400, "BAD_ARGUMENTS"),
        ("POST /api/v1/programs/api/signal?signal=LOUD", 400, "BAD_SIGNAL"),
        ("POST /api/v1/programs/api/signal?signal=33", 400, "BAD_SIGNAL"),
        ("POST /api/v1/programs/nobody/signal?signal=RTMIN%2B3", 404, "BAD_NAME"),
        ("POST /api/v1/programs/api/start?wait=maybe", 400, "BAD_ARGUMENTS"),
        ("POST /api/v1/programs/api/start?wiat=true", 400, "BAD_ARGUMENTS"),
        ("GET /api/v1/programs/api/logs/stdin", 400, "BAD_ARGUMENTS"),
        ("GET /api/v1/programs/api/logs/stdout?offset=-1", 400, "BAD_ARGUMENTS"),
        ("GET /api/v1/programs/api/start", 405, "OTHER_METHOD"),
        ("DELETE /api/v1/programs/api", 405, "OTHER_METHOD"),
        ("GET /api/v1/nothing", 404, "NO_SUCH_PATH"),
    ] {
        let answer = site.ask(request, &[], "");
        assert_eq!(answer.header("Content-Type"), Some("application/problem+json"), "{request}");
        let problem = answer.json();
        assert_eq!((answer.status, &problem["refusal"]), (status, &json!(refusal)), "{request}");
        assert_eq!(problem["status"], status);
    }
}

#[test]
fn requests_from_foreign_pages_are_rejected() {
    let site = Site::with("origin", TWO);
    let stop = "POST /api/v1/programs/api/stop";
    for head in ["Origin: http://evil.example", "Referer: http://evil.example/x", "Origin: null"] {
        let answer = site.ask(stop, &[head], "");
        assert_eq!(answer.status, 403, "{head}");
        assert_eq!(answer.json()["refusal"], "OTHER_ORIGIN");
        let legacy = site.ask("GET /index.html?action=stopall", &[head], "");
        assert_eq!(legacy.status, 403, "{head}");
        let call = site.ask("POST /RPC2", &[head, "Content-Type: text/plain"], STOP_ALL);
        assert_eq!(call.status, 403, "{head}");
        for stream in [
            "logtail/api",
            "mainlogtail",
            "api/v1/events",
            "api/v1/supervisor/log/stream",
            "api/v1/programs/api/logs/stdout/stream",
        ] {
            let answer = site.ask(&format!("GET /{stream}"), &[head], "");
            assert_eq!(answer.status, 403, "{head} {stream}");
        }
    }
    assert_eq!(site.program("api")["state"], "RUNNING");
    let own = format!("Origin: http://127.0.0.1:{}", site.port);
    let answer = site.ask(stop, &[&own], "");
    assert_eq!(answer.json()["state"], "STOPPED");
    // Programs say nothing of pages.
    for head in [&[][..], &[own.as_str()], &["Sec-Fetch-Site: same-origin"]] {
        assert_eq!(site.ask("POST /RPC2", head, STOP_ALL).status, 200, "{head:?}");
    }
    assert_eq!(site.ask("POST /RPC2", &["Sec-Fetch-Site: cross-site"], STOP_ALL).status, 403);
}

/// A call as any page can have it sent, for a page's `fetch` needs no leave to send text.
const STOP_ALL: &str = "<?xml version='1.0'?><methodCall>\
    <methodName>supervisor.stopAllProcesses</methodName><params></params></methodCall>";

#[test]
fn a_group_request_returns_an_outcome_for_each_process() {
    let site = Site::with("outcomes", TWO);
    let names = |answer: &Value| {
        let outcomes = answer["outcomes"].as_array().unwrap().iter();
        assert!(outcomes.clone().all(|outcome| outcome["done"] == true), "{answer}");
        let names = outcomes.map(|outcome| outcome["name"].as_str().unwrap().to_owned());
        names.collect::<BTreeSet<_>>()
    };
    let stopped = site.post("api/v1/groups/g/stop").json();
    assert_eq!(names(&stopped), ["g:a", "g:b"].map(str::to_owned).into());
    let started = site.post("api/v1/all/start").json();
    assert_eq!(names(&started), ["g:a", "g:b"].map(str::to_owned).into(), "the other one ran");
}

#[test]
fn restarting_the_only_program_does_not_stop_the_supervisor() {
    let port = free_port();
    let mut running = Running::start(
        supervise(["sleep", "1000"])
            .env("SUPERVISOR_INET_HTTP_SERVER_PORT", format!("127.0.0.1:{port}"))
            .env("SUPERVISOR_CONFIG_PATH", "/dev/null")
            .env("SUPERVISOR_SUPERVISORD_PIDFILE", "/dev/null"),
    );
    running.stderr.wait_for("success: app entered RUNNING state");
    let answer = http(port, "POST /api/v1/programs/app/restart").unwrap();
    assert!(answer.contains("\"state\":\"RUNNING\""), "{answer}");
    assert!(answer.contains("\"restarts\":1"), "{answer}");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn events_are_streamed_as_they_happen() {
    let site = Site::with("events", TWO);
    let mut events = site.events("api/v1/events");
    events.wait_for(": events from now on");
    site.post("api/v1/programs/api/restart");
    let stopping = events.data("state", "\"to\":\"STOPPING\"");
    assert_eq!((&stopping["name"], &stopping["from"]), (&json!("api"), &json!("RUNNING")));
    assert!(stopping["pid"].is_i64(), "{stopping}");
    assert!(stopping["time"].as_str().unwrap().ends_with('Z'), "{stopping}");
    events.data("state", "\"to\":\"STOPPED\"");
    assert_eq!(events.data("state", "\"to\":\"STARTING\"")["tries"], 0);
    assert_eq!(events.data("state", "\"to\":\"RUNNING\"")["name"], "api");
}

#[test]
fn a_slow_reader_of_events_learns_how_many_it_missed() {
    let site = Site::with("slow", TWO);
    let mut events = site.events("api/v1/events");
    events.wait_for(": events from now on");
    let call = format!(
        "<methodCall><methodName>supervisor.sendRemoteCommEvent</methodName><params>\
         <param><value><string>noise</string></value></param>\
         <param><value><string>{}</string></value></param></params></methodCall>",
        "x".repeat(60_000)
    );
    for _ in 0..600 {
        let answer = site.ask("POST /RPC2", &["Content-Type: text/xml"], &call);
        assert!(answer.body.contains("<boolean>1</boolean>"), "{answer:?}");
    }
    let missed = events.data("missed", "");
    assert!(missed["missed"].as_u64().unwrap() > 0, "{missed}");
}

#[test]
fn a_program_log_can_be_read_in_pieces_and_followed() {
    let site = Site::with("pieces", TWO);
    let log = "api/v1/programs/api/logs/stdout";
    site.events(&format!("{log}/stream?from=0")).wait_for("two");
    let mut events = site.events(&format!("{log}/stream?from=4"));
    assert_eq!(events.data("text", "")["end"], 8);
    let piece = |query: &str| site.get(&format!("{log}{query}")).json();
    let whole = json!({"text": "one\ntwo\n", "offset": 0, "end": 8, "size": 8});
    assert_eq!(piece(""), whole);
    assert_eq!(piece("?length=4")["text"], "two\n");
    assert_eq!(piece("?offset=0&length=3")["text"], "one");
    assert_eq!(piece("?offset=100")["text"], "");
    site.post("api/v1/programs/api/clear");
    events.wait_for("event: replaced");
    site.post("api/v1/programs/api/restart");
    assert_eq!(events.data("text", "two")["end"], 8);
}

#[test]
fn the_supervisors_own_log_can_be_read_and_followed() {
    let site = Site::with("own", TWO);
    let mut events = site.events("api/v1/supervisor/log/stream?from=0");
    events.data("text", "supervisord started with pid");
    site.post("api/v1/programs/api/stop");
    events.data("text", "stopped: api");
    let piece = site.get("api/v1/supervisor/log?offset=0").json();
    assert!(piece["text"].as_str().unwrap().contains("stopped: api"), "{piece}");
}

#[test]
fn a_changed_configuration_takes_effect_on_request() {
    let site = Site::with("update", TWO);
    let path = site.folder().join("site.conf");
    let config = std::fs::read_to_string(&path).unwrap();
    let changed =
        config.replace("programs=a,b", "programs=a") + "[program:c]\ncommand=sleep 1000\n";
    std::fs::write(&path, changed).unwrap();
    let difference = json!({"added": ["b", "c"], "changed": ["g"], "removed": []});
    assert_eq!(site.post("api/v1/supervisor/reread").json(), difference);
    assert_eq!(site.post("api/v1/supervisor/update").json(), difference);
    assert_eq!(site.program("c")["group"], "c");
    assert_eq!(site.get("api/v1/programs/g%3Ab").status, 404);
    std::fs::write(&path, "[program:c]\ncommand=\n").unwrap();
    let wrong = site.post("api/v1/supervisor/update");
    assert_eq!((wrong.status, &wrong.json()["refusal"]), (422, &json!("CANT_REREAD")));
}

#[test]
fn the_api_counts_all_processes_of_a_tree() {
    let programs = "[program:tree]\ncommand=sh -c 'sleep 1000 & (sleep 1000 & sleep 1000 & wait) \
                    & echo up; wait'\nkilltree=true\n";
    let site = Site::with("tree", programs);
    site.events("api/v1/programs/tree/logs/stdout/stream?from=0").wait_for("up");
    // The inner shell may not have started its two yet.
    let mut tree = site.program("tree");
    while tree["processes"].as_u64() < Some(5) {
        tree = site.program("tree");
    }
    assert_eq!(tree["processes"], 5);
    assert!(tree["memory_bytes"].as_u64() > Some(500_000), "{tree}");
    assert!(tree["cpu_seconds"].is_f64(), "{tree}");
}
