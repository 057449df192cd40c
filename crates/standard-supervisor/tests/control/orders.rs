//! Orders whose answers have to reach whoever gave them.

use crate::client::{Client, call, post, text};
use crate::harness::Running;
use crate::home::{Home, stop};

const SERVER: &str = "[unix_http_server]\nfile=%(here)s/s.sock\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n";

fn started(name: &str, text: &str) -> (Home, Running) {
    let home = Home::new(name, &format!("{SERVER}{text}"));
    let mut running = home.start();
    running.stdout.wait_for("supervisord started with pid");
    (home, running)
}

#[test]
fn a_shutdown_request_is_answered_before_the_exit() {
    let (home, mut running) = started("order-shutdown", "");
    let answer = Client::unix(&home.path("s.sock")).call("supervisor.shutdown");
    assert!(answer.body.contains("<boolean>1</boolean>"), "{answer:?}");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_restart_request_is_answered_and_reads_the_file_again() {
    let (home, mut running) = started("order-restart", "[program:a]\ncommand=sleep 1000\n");
    home.write("t.conf", &format!("[supervisord]\nidentifier=again\n{SERVER}"));
    let answer = Client::unix(&home.path("s.sock")).call("supervisor.restart");
    assert!(answer.body.contains("<boolean>1</boolean>"), "{answer:?}");
    running.stdout.wait_for("supervisord started with pid");
    let answer = Client::unix(&home.path("s.sock")).call("supervisor.getIdentification");
    assert!(answer.body.contains("again"), "{answer:?}");
    stop(&mut running);
}

#[test]
fn a_start_request_is_answered_when_everything_stops() {
    let (home, mut running) = started(
        "order-waits",
        "[program:a]\ncommand=sleep 1000\nstartsecs=1000\nautostart=false\n",
    );
    let mut client = Client::unix(&home.path("s.sock"));
    client.send(post("/RPC2", "", &call("supervisor.startProcess", &text("a"))));
    running.stdout.wait_for("spawned: 'a'");
    running.signal("TERM");
    let answer = client.answer();
    assert!(answer.body.contains("ABNORMAL_TERMINATION: a"), "{answer:?}");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_disconnected_client_does_not_cancel_its_start() {
    let (home, mut running) =
        started("order-gone", "[program:a]\ncommand=sleep 1000\nstartsecs=1000\nautostart=false\n");
    let mut client = Client::unix(&home.path("s.sock"));
    client.send(post("/RPC2", "", &call("supervisor.startProcess", &text("a"))));
    running.stdout.wait_for("spawned: 'a'");
    drop(client);
    let body = call("supervisor.getProcessInfo", &text("a"));
    let answer = Client::unix(&home.path("s.sock")).send(post("/RPC2", "", &body)).answer();
    assert!(answer.body.contains("STARTING"), "{answer:?}");
    stop(&mut running);
}

#[test]
fn the_rest_of_a_full_stdin_is_written_when_it_is_read() {
    let program = "[program:a]\ncommand=sh -c 'echo here; read go < gate; exec wc -c'\nstdout_logfile=out\nstartsecs=0\nautorestart=false\n";
    let home = Home::new("order-stdin", &format!("{SERVER}{program}"));
    std::process::Command::new("mkfifo").arg(home.path("gate")).status().unwrap();
    let mut running = home.start();
    running.stdout.wait_for("success: a");
    // More than any pipe holds, at once.
    let much = "x".repeat(300_000);
    let body = call("supervisor.sendProcessStdin", &format!("{}{}", text("a"), text(&much)));
    let mut client = Client::unix(&home.path("s.sock"));
    let answer = client.send(post("/RPC2", "", &body)).answer();
    assert!(answer.body.contains("<boolean>1</boolean>"), "{answer:?}");
    // It answers, and goes on answering, while nothing is read.
    assert!(client.call("supervisor.getState").body.contains("RUNNING"));
    std::fs::write(home.path("gate"), "go\n").unwrap();
    let body = call("supervisor.getProcessInfo", &text("a"));
    assert!(client.send(post("/RPC2", "", &body)).answer().body.contains("RUNNING"));
    stop(&mut running);
}

#[test]
fn log_text_that_xml_cannot_contain_is_replaced_at_any_offset() {
    let program = "[program:a]\ncommand=printf 'a\\033[1m\\000b\\377 \\303\\251 end\\n'\nstdout_logfile=out\nstartsecs=0\nautorestart=false\n";
    let (home, mut running) = started("order-odd", program);
    running.stdout.wait_for("exited: a");
    let number = |n: i32| format!("<param><value><int>{n}</int></value></param>");
    let read = |offset: i32, length: i32| {
        let params = format!("{}{}{}", text("a"), number(offset), number(length));
        let body = call("supervisor.readProcessStdoutLog", &params);
        let answer = Client::unix(&home.path("s.sock")).send(post("/RPC2", "", &body)).answer();
        let string = answer.body.split("<string>").nth(1).unwrap();
        string.split("</string>").next().unwrap().to_owned()
    };
    assert_eq!(read(0, 0), "a\u{fffd}[1m\u{fffd}b\u{fffd} é end\n");
    assert_eq!(read(-6, 0), " end\n", "the second byte of a character is left out");
    stop(&mut running);
}
