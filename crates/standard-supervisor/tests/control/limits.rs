//! What is odd and must work, and what is too much.

use std::sync::mpsc;

use crate::client::{Client, call, post, text};
use crate::harness::Running;
use crate::home::{Home, stop};

fn started(name: &str) -> (Home, Running) {
    let home = Home::new(
        name,
        "loglevel=trace\n[unix_http_server]\nfile=%(here)s/s.sock\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n",
    );
    let mut running = home.start();
    running.stdout.wait_for("supervisord started with pid");
    (home, running)
}

const STATE: &str = "supervisor.getState";

#[test]
fn unusual_requests_of_real_clients_are_answered() {
    let (home, mut running) = started("odd");
    let socket = home.path("s.sock");
    let body = call(STATE, "");
    let length = body.len();
    let mut client = Client::unix(&socket);
    // No host, an empty line too many, the same connection all the time.
    client.send(format!(
        "POST /RPC2 HTTP/1.1\r\nHost:\r\nContent-Length: {length}\r\n\r\n{body}\r\n\r\n"
    ));
    assert!(client.answer().body.contains("RUNNING"));
    // Two at once.
    client.send(post("/RPC2", "", &body) + &post("/RPC2/more", "", &body));
    assert!(client.answer().body.contains("RUNNING"));
    let answer = client.answer();
    assert!(answer.body.contains("RUNNING"));
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    assert!(answer.header("server").is_some() && answer.header("date").is_some(), "{answer:?}");
    // A client that asks first whether it may send its body.
    client.send(format!(
        "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    ));
    assert_eq!(client.head().0, "HTTP/1.1 100 Continue");
    client.send(&body);
    assert!(client.answer().body.contains("RUNNING"));
    // Byte by byte.
    for byte in post("/RPC2", "", &body).as_bytes() {
        client.send([*byte]);
    }
    assert!(client.answer().body.contains("RUNNING"));
    client.send(post("/RPC2", "Connection: close\r\n", &body));
    assert!(client.rest().contains("RUNNING"));
    stop(&mut running);
}

#[test]
fn http_1_0_connections_stay_open_on_request() {
    let (home, mut running) = started("http-1.0");
    let body = call(STATE, "");
    let length = body.len();
    let head = format!("POST /RPC2 HTTP/1.0\r\nContent-Length: {length}\r\n");
    let mut client = Client::unix(&home.path("s.sock"));
    for _ in 0..2 {
        client.send(format!("{head}Connection: Keep-Alive\r\n\r\n{body}"));
        let answer = client.answer();
        assert!(answer.header("connection").unwrap().eq_ignore_ascii_case("keep-alive"));
        assert!(answer.body.contains("RUNNING"));
    }
    client.send(format!("{head}\r\n{body}"));
    assert!(client.rest().contains("RUNNING"));
    stop(&mut running);
}

#[test]
fn invalid_requests_are_rejected() {
    let (home, mut running) = started("nonsense");
    let socket = home.path("s.sock");
    for (request, status) in [
        ("GET /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "400 Bad Request"),
        ("POST /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "411 Length Required"),
        (post("/RPC2", "", ""), "400 Bad Request"),
        (post("/RPC2", "", "<methodCall>"), "400 Bad Request"),
        (post("/RPC2", "", "<methodCall></methodCall>"), "400 Bad Request"),
        (post("/RPC2", "", &"<value><array><data>".repeat(2000)), "400 Bad Request"),
        (
            post(
                "/RPC2",
                "",
                "<!DOCTYPE a [<!ENTITY b \"c\">]><methodCall><methodName>&b;</methodName></methodCall>",
            ),
            "400 Bad Request",
        ),
        (post("//RPC2", "", &call(STATE, "")), "404 Not Found"),
        (
            "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n".to_owned(),
            "400 Bad Request",
        ),
        (
            "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_owned(),
            "400 Bad Request",
        ),
        ("nonsense\r\n\r\n".to_owned(), "400 Bad Request"),
        ("\0\u{1}\u{2}\r\n\r\n".to_owned(), "400 Bad Request"),
    ] {
        let answer = Client::unix(&socket).send(&request).answer();
        assert_eq!(answer.status, format!("HTTP/1.1 {status}"), "{request:?}");
    }
    running.stdout.wait_for("ERRO XML-RPC request data b'<methodCall>' is invalid: unmarshallable");
    running.stdout.wait_for("is invalid: no method name");
    Client::unix(&socket).call(STATE);
    running.stdout.wait_for("TRAC XML-RPC method called: supervisor.getState()");
    running.stdout.wait_for("TRAC XML-RPC method supervisor.getState() returned successfully");
    let line = running.stdout.wait_for("\"POST /RPC2 HTTP/1.1\" 200 ");
    assert!(line.contains(" TRAC localhost:0 - - ["), "{line}");
    // Not by its words: this one says "error", and is none.
    Client::unix(&socket).send("GET /error HTTP/1.1\r\nHost: x\r\n\r\n").answer();
    assert!(running.stdout.wait_for("\"GET /error HTTP/1.1\" 404 ").contains(" TRAC "));
    stop(&mut running);
}

#[test]
fn no_request_can_forge_a_log_line() {
    let (home, mut running) = started("forged");
    let socket = home.path("s.sock");
    let forged = "x\n2026-11-26 00:00:00,000 CRIT forged \u{1b}[2J";
    let number = format!("<param><value><int>{forged}{}</int></value></param>", "x".repeat(1000));
    let call_of = |params: &str| post("/RPC2", "", &call("supervisor.getState", params));
    for request in [
        call_of(&number),
        post("/RPC2", "", &call(forged, "")),
        post("/RPC2", "", &call("supervisor.getProcessInfo", &text(forged))),
    ] {
        Client::unix(&socket).send(request).answer();
        let line = running.stdout.wait_for("forged");
        let escaped = r"x\n2026-11-26 00:00:00,000 CRIT forged \x1b[2J";
        assert!(line.contains(escaped) && line.len() < 2000, "{line}");
    }
    stop(&mut running);
}

#[test]
fn request_heads_that_are_too_long_are_rejected() {
    let (home, mut running) = started("long-heads");
    let socket = home.path("s.sock");
    // 32 KiB, though one that came whole is read up to twice that; and 100 headers.
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(70_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(101));
    for request in [long, many] {
        let mut client = Client::unix(&socket);
        let _ = client.try_send(&request);
        let (status, _) = client.head();
        assert_eq!(status, "HTTP/1.1 431 Request Header Fields Too Large");
    }
    let fits =
        format!("GET / HTTP/1.1\r\n{}X: {}\r\n\r\n", "X: y\r\n".repeat(99), "x".repeat(20_000));
    let answer = Client::unix(&socket).send(fits).answer();
    assert_eq!(answer.status.split(' ').nth(1).unwrap().len(), 3);
    assert!(!answer.status.contains("431"), "{answer:?}");
    stop(&mut running);
}

#[test]
fn bodies_that_are_too_long_are_rejected_before_they_are_read() {
    let (home, mut running) = started("long-bodies");
    let socket = home.path("s.sock");
    let most = 2 * 1024 * 1024;
    let head = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", most + 1);
    let answer = Client::unix(&socket).send(head).answer();
    assert_eq!(answer.status, "HTTP/1.1 413 Payload Too Large");
    let mut client = Client::unix(&socket);
    client.send("POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..33 {
        if client.try_send(&chunk).is_err() {
            break;
        }
    }
    assert_eq!(client.head().0, "HTTP/1.1 413 Payload Too Large");
    let fits = call(STATE, &" ".repeat(most - call(STATE, "").len()));
    assert!(Client::unix(&socket).send(post("/RPC2", "", &fits)).answer().body.contains("RUNNING"));
    stop(&mut running);
}

/// 20 seconds for a head and 20 for a body, all at once here.
#[test]
fn an_incomplete_request_times_out() {
    let (home, mut running) = started("half");
    let socket = home.path("s.sock");
    let [mut silent, mut idle, mut head, mut body] = [(); 4].map(|()| Client::unix(&socket));
    idle.call(STATE);
    head.send("POST /RPC2 HT");
    body.send("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<method");
    assert_eq!(silent.rest(), "");
    assert_eq!(head.rest(), "");
    assert_eq!(body.answer().status, "HTTP/1.1 408 Request Timeout");
    // Who was idle all the while is still welcome.
    assert!(idle.call(STATE).body.contains("RUNNING"));
    stop(&mut running);
}

/// Many who are connected at once, and descriptors for few: a quarter of 64 is for them.
fn crowded(name: &str) -> (Home, Running) {
    let home = Home::new(
        name,
        "minfds=1\n[unix_http_server]\nfile=%(here)s/s.sock\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n[program:a]\ncommand=sleep 1000\nstartsecs=0\nautostart=false\n",
    );
    let words = format!("ulimit -n 64; exec {} -n -c t.conf", crate::home::supervisord());
    let mut command = crate::harness::clean("sh", ["-c", &words]);
    let mut running = Running::start(command.current_dir(&home));
    running.stdout.wait_for("supervisord started with pid");
    (home, running)
}

const PLACES: usize = 16;

#[test]
fn the_connection_idle_for_longest_is_closed_for_a_new_one() {
    let (home, mut running) = crowded("places");
    let socket = home.path("s.sock");
    let mut inside: Vec<_> = (0..PLACES).map(|_| Client::unix(&socket)).collect();
    for client in &mut inside {
        client.call(STATE);
    }
    // Who asks again is not idle any more: the second is.
    inside[0].call(STATE);
    let start = call("supervisor.startProcess", &text("a"));
    let answer = Client::unix(&socket).send(post("/RPC2", "", &start)).answer();
    assert!(answer.body.contains("<boolean>1</boolean>"), "{answer:?}");
    assert_eq!(inside.remove(1).rest(), "");
    for client in &mut inside {
        assert!(client.call(STATE).body.contains("RUNNING"));
    }
    stop(&mut running);
}

#[test]
fn incomplete_requests_and_unread_streams_lock_out_no_client() {
    let (home, mut running) = crowded("half-full");
    let socket = home.path("s.sock");
    for request in [
        "",
        "GET / HTTP/1.1\r\nX:",
        "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<method",
        "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /mainlogtail HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let mut inside = Vec::new();
        for _ in 0..3 * PLACES {
            let mut client = Client::unix(&socket);
            let _ = client.try_send(request);
            inside.push(client);
        }
        assert!(Client::unix(&socket).call(STATE).body.contains("RUNNING"), "{request}");
    }
    stop(&mut running);
}

#[test]
fn clients_that_follow_logs_leave_descriptors_to_programs() {
    let (home, mut running) = crowded("followers");
    let socket = home.path("s.sock");
    let mut followers = Vec::new();
    let refused = loop {
        let mut client = Client::unix(&socket);
        let (status, _) = client.send("GET /mainlogtail HTTP/1.1\r\nHost: x\r\n\r\n").head();
        if status != "HTTP/1.1 200 OK" {
            break status;
        }
        followers.push(client);
    };
    assert_eq!(refused, "HTTP/1.1 503 Service Unavailable");
    assert!((1..PLACES).contains(&followers.len()), "{}", followers.len());
    let answer =
        Client::unix(&socket).send("GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n").answer();
    assert!(answer.body.contains("TOO_FEW_DESCRIPTORS"), "{answer:?}");
    let start = call("supervisor.startProcess", &text("a"));
    let answer = Client::unix(&socket).send(post("/RPC2", "", &start)).answer();
    assert!(answer.body.contains("<boolean>1</boolean>"), "{answer:?}");
    stop(&mut running);
}

#[test]
fn a_half_closed_connection_gets_its_response_even_late() {
    let home = Home::new(
        "half-closed",
        "[unix_http_server]\nfile=%(here)s/s.sock\n[inet_http_server]\nport=127.0.0.1:%(ENV_PORT)s\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n[program:a]\ncommand=sleep 1000\nstartsecs=1\nautostart=false\n",
    );
    let port = crate::harness::free_port();
    let mut running = Running::start(home.command(&["-n"]).env("PORT", port.to_string()));
    running.stdout.wait_for("supervisord started with pid");
    let start = post("/RPC2", "", &call("supervisor.startProcess", &text("a")));
    let stopped = call("supervisor.stopProcess", &text("a"));
    let mut unix = Client::unix(&home.path("s.sock"));
    let answer = unix.send(&start).end().answer();
    assert!(answer.body.contains("<boolean>1</boolean>"), "{answer:?}");
    Client::unix(&home.path("s.sock")).send(post("/RPC2", "", &stopped)).answer();
    let answer = Client::tcp(port).send(&start).end().answer();
    assert!(answer.body.contains("<boolean>1</boolean>"), "{answer:?}");
    stop(&mut running);
}

#[test]
fn an_event_that_is_too_long_is_rejected() {
    let (home, mut running) = started("long-event");
    let mut client = Client::unix(&home.path("s.sock"));
    let mut tell = |length: usize| {
        let params = text("kind") + &text(&"x".repeat(length));
        client.send(post("/RPC2", "", &call("supervisor.sendRemoteCommEvent", &params))).answer()
    };
    let most = 64 * 1024 - "kind".len();
    assert!(tell(most).body.contains("<boolean>1</boolean>"));
    let refused = tell(most + 1).body;
    assert!(refused.contains("BAD_ARGUMENTS: type and data have 65537 bytes"), "{refused}");
    stop(&mut running);
}

#[test]
fn too_many_open_files_do_not_keep_the_cpu_busy() {
    let home = Home::new(
        "files",
        "minfds=1\n[unix_http_server]\nfile=%(here)s/s.sock\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n",
    );
    let mut running = home.start();
    running.stdout.wait_for("supervisord started with pid");
    let mut client = Client::unix(&home.path("s.sock"));
    client.call(STATE);
    let needed = std::fs::read_dir(format!("/proc/{}/fd", running.pid())).unwrap().count();
    drop(client);
    stop(&mut running);
    // Enough for two connections, where a quarter would be three.
    assert!(needed >= 11, "{needed}");
    let words =
        format!("ulimit -n {}; exec {} -n -c t.conf", needed + 1, crate::home::supervisord());
    let mut command = crate::harness::clean("sh", ["-c", &words]);
    let mut running = Running::start(command.current_dir(&home));
    running.stdout.wait_for("supervisord started with pid");
    let socket = home.path("s.sock");
    let mut clients: Vec<_> = (0..4).map(|_| Client::unix(&socket)).collect();
    let complaint = "cannot accept a connection: Too many open files";
    let [first, second] = [(); 2].map(|()| running.stdout.wait_for(complaint));
    assert!(seconds(&second) != seconds(&first), "{first} {second}");
    drop(clients.drain(1..));
    assert!(clients[0].call(STATE).body.contains("RUNNING"));
    assert!(Client::unix(&socket).call(STATE).body.contains("RUNNING"));
    stop(&mut running);
}

/// The whole seconds of a line's time.
fn seconds(line: &str) -> &str {
    line.split(',').next().unwrap()
}

#[test]
fn the_results_of_a_multicall_are_limited_together() {
    let (home, mut running) = started("results");
    std::fs::write(home.path("supervisord.log"), vec![b' '; 40 << 20]).unwrap();
    let member = |name: &str, value: &str| {
        format!("<member><name>{name}</name><value>{value}</value></member>")
    };
    let params =
        "<array><data><value><int>0</int></value><value><int>0</int></value></data></array>";
    let one = member("methodName", "supervisor.readLog") + &member("params", params);
    let calls = format!("<value><struct>{one}</struct></value>").repeat(4);
    let all = format!("<param><value><array><data>{calls}</data></array></value></param>");
    let body = call("system.multicall", &all);
    let answer = Client::unix(&home.path("s.sock")).send(post("/RPC2", "", &body)).answer();
    assert_eq!(answer.status, "HTTP/1.1 200 OK");
    assert_eq!(answer.body.matches("FAILED: the results before this one are too long").count(), 3);
    stop(&mut running);
}

#[test]
fn the_calls_of_one_request_are_limited() {
    let (home, mut running) = started("calls");
    let name = "<member><name>methodName</name><value>supervisor.getPID</value></member>";
    let calls = format!("<value><struct>{name}</struct></value>").repeat(1002);
    let all = format!("<param><value><array><data>{calls}</data></array></value></param>");
    let body = call("system.multicall", &all);
    let answer = Client::unix(&home.path("s.sock")).send(post("/RPC2", "", &body)).answer();
    assert_eq!(answer.body.matches("FAILED: too many calls before this one").count(), 2);
    let pid = format!("<int>{}</int>", running.pid());
    assert_eq!(answer.body.matches(&pid).count(), 1000);
    stop(&mut running);
}

#[test]
fn a_small_response_does_not_wait_for_a_large_one() {
    let (home, mut running) = started("turns");
    std::fs::write(home.path("supervisord.log"), vec![b' '; 60 << 20]).unwrap();
    let number = "<param><value><int>0</int></value></param>";
    let much = post("/RPC2", "", &call("supervisor.readLog", &number.repeat(2)));
    let socket = home.path("s.sock");
    let [mut long, mut short] = [(); 2].map(|()| Client::unix(&socket));
    short.call(STATE);
    long.send(much);
    let (answered, answers) = mpsc::channel();
    std::thread::scope(|scope| {
        let much_answered = answered.clone();
        scope.spawn(move || {
            assert_eq!(long.head().0, "HTTP/1.1 200 OK");
            much_answered.send("much").unwrap();
        });
        running.stdout.wait_for("TRAC XML-RPC method called: supervisor.readLog()");
        assert!(short.call(STATE).body.contains("RUNNING"));
        answered.send("little").unwrap();
    });
    assert_eq!(answers.try_iter().collect::<Vec<_>>(), ["little", "much"]);
    stop(&mut running);
}
