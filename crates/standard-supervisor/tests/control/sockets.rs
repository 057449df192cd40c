//! Where operators enter.

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::client::{Client, call, post};
use crate::harness::{Running, free_port, program, supervise, wait_gone};
use crate::home::{Home, stop};

const RPC: &str = "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n";

fn unix(more: &str) -> String {
    format!("[unix_http_server]\nfile=%(here)s/s.sock\n{more}\n{RPC}")
}

#[test]
fn a_socket_exists_before_its_log_line_and_until_the_exit() {
    let home = Home::new("http-unix", &unix("chmod=0640"));
    let mut running = home.start();
    running.stdout.wait_for("INFO RPC interface 'supervisor' initialized");
    running.stdout.wait_for(
        "CRIT Server 'unix_http_server' running without any HTTP authentication checking",
    );
    running.stdout.wait_for("supervisord started with pid");
    assert_eq!(std::fs::metadata(home.path("s.sock")).unwrap().mode() & 0o777, 0o640);
    assert!(
        Client::unix(&home.path("s.sock")).call("supervisor.getState").body.contains("RUNNING")
    );
    assert!(!home.names().iter().any(|name| name.starts_with("s.sock.")), "{:?}", home.names());
    stop(&mut running);
    assert!(!home.path("s.sock").exists());
}

#[test]
fn a_stale_socket_is_taken_over_at_once() {
    let home = Home::new("http-stale", &unix(""));
    drop(UnixListener::bind(home.path("s.sock")).unwrap());
    let mut running = home.start();
    running.stderr.wait_for(&format!("Unlinking stale socket {}", home.path("s.sock").display()));
    running.stdout.wait_for("supervisord started with pid");
    Client::unix(&home.path("s.sock")).call("supervisor.getState");
    stop(&mut running);
}

#[test]
fn a_socket_in_use_is_left_alone() {
    let home = Home::new("http-taken", &unix(""));
    let mut first = home.start();
    first.stdout.wait_for("supervisord started with pid");
    let mut second = Running::start(&mut home.command(&["-n", "-l", "/dev/null"]));
    assert_eq!(second.exit_code(), 2);
    let complaint = second.stderr.rest().join("\n");
    assert!(
        complaint.contains(
            "Error: Another program is already listening on a port that one of our HTTP servers \
             is configured to use.  Shut this program down first before starting supervisord."
        ),
        "{complaint}"
    );
    Client::unix(&home.path("s.sock")).call("supervisor.getState");
    stop(&mut first);
}

#[test]
fn a_file_at_the_socket_path_is_kept_and_prevents_the_start() {
    let home = Home::new("http-precious", &format!("{}[program:a]\ncommand=touch ran\n", unix("")));
    home.write("s.sock", "data");
    let mut running = home.start();
    assert_eq!(running.exit_code(), 2);
    let complaint = running.stderr.rest().join("\n");
    assert!(complaint.contains("Error: Cannot open an HTTP server: "), "{complaint}");
    assert!(complaint.contains("it exists and is not a socket"), "{complaint}");
    assert!(complaint.contains("[unix_http_server]"), "{complaint}");
    assert_eq!(home.read("s.sock"), "data");
    assert!(!home.path("ran").exists());
}

#[test]
fn a_port_in_use_prevents_the_start() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let home =
        Home::new("http-port", &format!("[inet_http_server]\nport=127.0.0.1:{port}\n{}", unix("")));
    let mut running = home.start();
    assert_eq!(running.exit_code(), 2);
    let complaint = running.stderr.rest().join("\n");
    assert!(complaint.contains("Another program is already listening on a port"), "{complaint}");
    assert!(!home.path("s.sock").exists());
}

/// Whether there is a listener at an address.
fn is_open(address: &str, port: u16) -> bool {
    std::net::TcpStream::connect((address, port)).is_ok()
}

#[test]
fn an_ipv6_address_can_be_listened_on() {
    for (host, open) in [("[::1]:", [false, true]), ("[::]:", [true, true]), ("", [true, false])] {
        let port = free_port();
        let inet = format!(
            "[inet_http_server]\nport={host}{port}\nusername=u\npassword=p\n\
             [supervisorctl]\nserverurl=http://{}:{port}\nusername=u\npassword=p\n",
            if open[1] { "[::1]" } else { "localhost" },
        );
        let home = Home::new("http-ipv6", &format!("{inet}{}", unix("")));
        let mut running = home.start();
        running.stdout.wait_for("supervisord started with pid");
        assert_eq!(["127.0.0.1", "::1"].map(|host| is_open(host, port)), open, "{host}{port}");
        let mut ctl = Command::new(program("supervisorctl"));
        let pid = ctl.args(["-c", home.path("t.conf").to_str().unwrap(), "pid"]).output().unwrap();
        assert!(pid.status.success(), "{pid:?}");
        stop(&mut running);
    }
}

#[test]
fn a_hangup_recreates_the_sockets() {
    let port = free_port();
    let inet = format!("[inet_http_server]\nport=127.0.0.1:{port}\n");
    let home = Home::new("http-hangup", &format!("{inet}{}", unix("")));
    let mut running = home.start();
    running.stdout.wait_for("supervisord started with pid");
    let mut client = Client::unix(&home.path("s.sock"));
    client.call("supervisor.getState");
    running.signal("HUP");
    // Who was connected is told by the end of the connection.
    assert_eq!(client.rest(), "");
    running.stdout.wait_for("supervisord started with pid");
    Client::unix(&home.path("s.sock")).call("supervisor.getState");
    Client::tcp(port).call("supervisor.getState");
    stop(&mut running);
}

#[test]
fn a_daemon_answers_as_soon_as_its_start_command_returns() {
    let home = Home::new("http-background", &unix(""));
    let mut running = Running::start(&mut home.command(&[]));
    assert_eq!(running.exit_code(), 0, "{:#?}", running.stderr.rest());
    let mut client = Client::unix(&home.path("s.sock"));
    let answer = client.call("supervisor.getPID").body;
    let pid = answer.split("<int>").nth(1).unwrap().split('<').next().unwrap();
    let answer = client.call("supervisor.shutdown");
    assert!(answer.body.contains("<boolean>1</boolean>"), "{answer:?}");
    wait_gone(pid.parse().unwrap());
    assert!(!home.path("s.sock").exists());
}

#[test]
fn every_url_of_a_server_with_a_password_requires_it() {
    let port = free_port();
    let home = Home::new(
        "http-auth",
        &format!(
            "[inet_http_server]\nport=127.0.0.1:{port}\nusername=user\n\
             password={{SHA}}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8\n{}",
            unix("")
        ),
    );
    let mut running = home.start();
    running.stdout.wait_for("supervisord started with pid");
    let body = call("supervisor.getState", "");
    for path in ["/RPC2", "/", "/logtail/a", "/mainlogtail", "/no/such/thing"] {
        for header in ["", "Authorization: Bearer x\r\n", "Authorization: Basic dXNlcjp4\r\n"] {
            let answer = Client::tcp(port).send(post(path, header, &body)).answer();
            assert_eq!(answer.status, "HTTP/1.1 401 Unauthorized", "{path} {header}");
            assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"default\""));
            assert_eq!(answer.header("connection"), Some("close"));
        }
        let header = "Authorization: Basic ####\r\n";
        let answer = Client::tcp(port).send(post(path, header, &body)).answer();
        assert_eq!(answer.status, "HTTP/1.1 400 Bad Request", "{path}");
    }
    // Who is refused hears so, even if he sends a lot before he listens, or asks first.
    let long = "x".repeat(1_000_000);
    let answer = Client::tcp(port).send(post("/RPC2", "", &long)).answer();
    assert_eq!(answer.status, "HTTP/1.1 401 Unauthorized");
    let asks =
        "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(Client::tcp(port).send(asks).answer().status, "HTTP/1.1 401 Unauthorized");
    // user:password
    let header = "Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n";
    let answer = Client::tcp(port).send(post("/RPC2", header, &body)).answer();
    assert!(answer.body.contains("RUNNING"), "{answer:?}");
    // Clients of an open server send a name and a password that are empty.
    let header = "Authorization: Basic Og==\r\n";
    let open = Client::unix(&home.path("s.sock")).send(post("/RPC2", header, &body)).answer();
    assert!(open.body.contains("RUNNING"), "{open:?}");
    stop(&mut running);
    assert!(!running.stdout.rest().iter().any(|line| line.contains("'inet_http_server' running")));
}

#[test]
fn a_control_server_in_command_mode_needs_only_one_variable() {
    let home = Home::new("http-command", "");
    let mut command = supervise(["sleep", "1000"]);
    let socket = home.path("s.sock");
    command.env("SUPERVISOR_UNIX_HTTP_SERVER_FILE", &socket).current_dir(&home);
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("INFO RPC interface 'supervisor' initialized");
    running.stderr.wait_for("success: app entered RUNNING state");
    assert!(Client::unix(&socket).call("supervisor.getAllProcessInfo").body.contains(">app<"));
    let answer = Client::unix(&socket).call("supervisor.restart");
    assert!(answer.body.contains("<boolean>1</boolean>"), "{answer:?}");
    running.stderr.wait_for("stopped: app (terminated by SIGTERM)");
    assert_eq!(running.stderr.number_after("supervisord started with pid "), running.pid());
    running.stderr.wait_for("success: app entered RUNNING state");
    let answer = Client::unix(&socket).call("supervisor.shutdown");
    assert!(answer.body.contains("<boolean>1</boolean>"), "{answer:?}");
    assert_eq!(running.exit_code(), 0);
    assert!(!socket.exists());
}
