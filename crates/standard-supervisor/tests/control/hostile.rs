//! Requests that scanners and attackers send: other paths to the same things, other methods, other
//! hosts and sites, requests within requests, and markup in names, logs and paths.

use crate::client::Client;
use crate::harness::{Running, free_port};
use crate::home::{Home, stop};

/// The places that answer HTTP requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Operators,
    /// A port with a password.
    Locked,
    Socket,
    Status,
}

/// Supervisor with all of these places, and names and a log that contain markup.
struct Target {
    home: Home,
    running: Running,
    ports: [u16; 3],
}

impl Target {
    fn start(name: &str) -> Self {
        let ports = [free_port(), free_port(), free_port()];
        let [operators, locked, status] = ports;
        let home = Home::new(
            &format!("hostile-{name}"),
            &format!(
                "status_port=127.0.0.1:{status}\n[unix_http_server]\nfile=%(here)s/s.sock\n\
                 [inet_http_server]\nport=127.0.0.1:{operators}\n\
                 [inet_http_server:locked]\nport=127.0.0.1:{locked}\nusername=user\npassword=secret\n\
                 [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
                 [program:app]\ncommand=sh -c 'echo \"{MARKUP}\"; exec cat'\nstartsecs=0\n\
                 stdout_logfile=%(here)s/app.log\n\
                 [program:{MARKUP}]\ncommand=/no/such/{MARKUP}\nstartretries=0\n"
            ),
        );
        let mut running = home.start();
        running.stdout.wait_for("gave up: <script>");
        Self { home, running, ports }
    }

    /// Everything that comes until the supervisor closes the connection.
    fn answer(&self, at: At, request: &[u8]) -> String {
        let [operators, locked, status] = self.ports;
        let tcp = |port| Client::tcp(port).send(request).rest();
        match at {
            At::Operators => tcp(operators),
            At::Locked => tcp(locked),
            At::Status => tcp(status),
            At::Socket => Client::unix(&self.home.path("s.sock")).send(request).rest(),
        }
    }

    /// Sends a request. One response with this status must follow, and nothing else.
    #[track_caller]
    fn check(&self, at: At, request: &str, status: u16) -> String {
        // Bytes above 127 are written as such, and not as UTF-8.
        let bytes: Vec<u8> =
            request.chars().map(|one| u8::try_from(u32::from(one)).unwrap()).collect();
        let answer = self.answer(at, &bytes);
        let case = format!("{at:?} {request:?}");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{case}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{case}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("\r\nX-Evil"), "{case}: {answer}");
        assert!(!head.to_lowercase().contains("access-control-"), "{case}: {answer}");
        assert!(!body.contains("root:"), "{case}: {answer}");
        if head.contains("Content-Type: text/html") {
            assert!(!body.contains(MARKUP), "{case}: {answer}");
        }
        // A head that cannot be parsed gets a bare response.
        if head.contains("\r\nServer: ") {
            for header in [
                "X-Content-Type-Options: nosniff",
                "Cache-Control: no-",
                "Content-Security-Policy: default-src 'none'; ",
                "frame-ancestors 'none'",
            ] {
                assert!(head.contains(header), "{case}: no {header}: {answer}");
            }
        }
        answer
    }
}

const MARKUP: &str = "<script>alert(1)";

/// Markup and a header in a path or a query.
const INJECTION: &str = "%0d%0aX-Evil:1%0d%0a%0d%0a%3Cscript%3Ealert(1)";

/// A request without a body, after which the connection closes.
fn request(method: &str, target: &str, headers: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n")
}

/// A POST with a command of the API.
fn command(headers: &str) -> String {
    request("POST", "/api/v1/all/clear", &format!("{headers}Content-Length: 0\r\n"))
}

fn get(target: &str) -> String {
    request("GET", target, "")
}

#[test]
fn no_path_reaches_files_or_bypasses_a_check() {
    let mut target = Target::start("paths");
    for path in [
        "/../../etc/passwd",
        "/stylesheets/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/stylesheets/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "//etc/passwd",
        "/\\..\\..\\etc\\passwd",
        "/logtail/../../etc/passwd",
        "/logtail/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/api/v1/programs/..%2f..%2fetc%2fpasswd/logs/stdout",
        "/stylesheets/supervisor.css%00.html",
        "//api/v1/programs",
        "//RPC2",
        "/./api/v1/programs",
        "/api//v1/programs",
        "/api/v1/../v1/programs",
        "/API/v1/programs",
        "/%61pi/v1/programs",
        "*",
    ] {
        for at in [At::Operators, At::Socket, At::Status] {
            target.check(at, &get(path), 404);
        }
    }
    for path in ["/%6civez", "//livez", "/livez/", "/livez%00", "/livez/../metrics"] {
        target.check(At::Status, &get(path), 404);
    }
    // An absolute target names a host that means nothing here; one without a path is an error.
    target.check(At::Operators, &get("http://evil.example/api/v1/programs"), 200);
    target.check(At::Status, &get("http://evil.example/livez"), 200);
    for at in [At::Operators, At::Socket, At::Status] {
        target.check(at, &get("evil.example"), 400);
        target.check(at, &request("CONNECT", "evil.example:22", ""), 400);
    }
    stop(&mut target.running);
}

#[test]
fn no_http_method_bypasses_a_check_of_another() {
    let mut target = Target::start("methods");
    for method in ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "FOO", "get"] {
        target.check(At::Operators, &request(method, "/api/v1/all/stop", ""), 405);
        for path in ["/RPC2", "/mainlogtail", "/logtail/app"] {
            target.check(At::Operators, &request(method, path, ""), 400);
        }
        let (page, status) = if method == "HEAD" { (404, 200) } else { (400, 405) };
        target.check(At::Operators, &request(method, "/index.html?action=stopall", ""), page);
        target.check(At::Status, &request(method, "/livez", ""), status);
    }
    for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        let overridden = format!("{header}: POST\r\n");
        target.check(At::Operators, &request("GET", "/api/v1/all/stop", &overridden), 405);
        target.check(At::Status, &request("DELETE", "/livez", &format!("{header}: GET\r\n")), 405);
    }
    stop(&mut target.running);
}

#[test]
fn only_own_pages_can_send_commands() {
    let mut target = Target::start("sites");
    for (headers, status) in [
        ("", 200),
        ("Origin: http://x\r\n", 200),
        ("Sec-Fetch-Site: same-origin\r\n", 200),
        ("Origin: http://evil.example\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Origin: http://x.evil.example\r\n", 403),
        ("Origin: http://x@evil.example\r\n", 403),
        ("Origin: \r\n", 403),
        ("Origin: \u{ff}\r\n", 403),
        ("Origin: http://x\r\nOrigin: http://evil.example\r\n", 403),
        ("Referer: http://evil.example/http://x/\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: same-site\r\n", 403),
        ("Sec-Fetch-Site: \u{ff}\r\n", 403),
        ("Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n", 403),
        ("Host: evil.example\r\n", 400),
        ("Origin: http://evil.example\r\nHost: evil.example\r\n", 400),
    ] {
        for at in [At::Operators, At::Socket] {
            target.check(at, &command(headers), status);
        }
        if status == 403 {
            for path in ["/?action=stopall", "/api/v1/events", "/mainlogtail", "/RPC2"] {
                target.check(At::Operators, &request("GET", path, headers), 403);
            }
        }
    }
    target.check(
        At::Operators,
        &request("OPTIONS", "/api/v1/all/clear", "Origin: http://x\r\n"),
        405,
    );
    stop(&mut target.running);
}

#[test]
fn no_request_can_be_smuggled_in_another() {
    let mut target = Target::start("framing");
    let inner = "0\r\n\r\nGET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n";
    for length in ["-1", "+5", "0x5", "5, 6", "1e3", "", "99999999999999999999"] {
        for at in [At::Operators, At::Status] {
            let head =
                format!("POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
            target.check(at, &(head + inner), 400);
        }
    }
    for headers in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: \u{b}chunked",
        "X: y\r\n Transfer-Encoding: chunked",
    ] {
        for at in [At::Operators, At::Status] {
            let head = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n");
            target.check(at, &(head + inner), 400);
        }
    }
    // A proxy may see one length and the supervisor another: what follows is not read.
    let both = "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n";
    let head = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\n{both}\r\n");
    target.check(At::Operators, &(head.clone() + inner), 400);
    target.check(At::Status, &(head + inner), 413);
    for length in ["9223372036854775807", "2097153"] {
        let head = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        target.check(At::Operators, &head, 413);
    }
    stop(&mut target.running);
}

#[test]
fn names_logs_and_paths_cannot_inject_markup_or_headers() {
    let mut target = Target::start("markup");
    for (path, status) in [
        ("/index.html?action=start&processname=INJECTION", 301),
        ("/?action=refresh&processname=INJECTION", 301),
        ("/index.html?message=INJECTION", 200),
        ("/tail.html?processname=INJECTION", 200),
        ("/program.html?processname=INJECTION", 200),
        ("/tail.html?processname=app&channel=INJECTION&limit=INJECTION", 200),
        ("/INJECTION", 404),
        ("/logtail/INJECTION", 404),
        ("/api/v1/INJECTION", 404),
        ("/api/v1/programs/INJECTION", 404),
        ("/api/v1/programs/app/logs/INJECTION", 400),
        ("/", 200),
        ("/tail.html?processname=app", 200),
        ("/program.html?processname=%3Cscript%3Ealert(1)", 200),
    ] {
        target.check(At::Operators, &get(&path.replace("INJECTION", INJECTION)), status);
    }
    let page = target.check(At::Operators, &get("/tail.html?processname=app"), 200);
    assert!(page.contains("&lt;script&gt;alert(1)\n</pre>"), "{page}");
    stop(&mut target.running);
}

#[test]
fn no_path_or_method_bypasses_the_password() {
    let mut target = Target::start("password");
    for method in ["GET", "POST", "HEAD", "OPTIONS", "TRACE", "PUT", "FOO"] {
        for path in [
            "/",
            "/ok.html",
            "/stylesheets/supervisor.css",
            "/RPC2",
            "//RPC2",
            "/logtail/app",
            "/api/v1/programs",
            "/api/v1/events",
            "/api/v1/openapi.json",
            "/api/v1/all/stop",
            "/livez",
            "/metrics",
            "*",
            "http://x/api/v1/programs",
            "evil.example",
        ] {
            target.check(At::Locked, &request(method, path, ""), 401);
        }
    }
    for (header, status) in [
        ("Authorization: Basic dXNlcjpzZWNyZXQ=", 200),
        ("Authorization: Basic dXNlcjpzZWNyZXQK", 401),
        ("Authorization: Basic dXNlcjpzZWNyZXQA", 401),
        ("Authorization: Basic Og==", 401),
        ("Authorization: Digest username=\"user\"", 401),
        ("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=", 401),
        ("Authorization: Basic dXNlcjp4\r\nAuthorization: Basic dXNlcjpzZWNyZXQ=", 401),
    ] {
        target.check(At::Locked, &request("GET", "/ok.html", &format!("{header}\r\n")), status);
    }
    stop(&mut target.running);
}
