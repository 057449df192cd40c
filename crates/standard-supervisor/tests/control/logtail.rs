//! Logs that are followed.

use crate::client::Client;
use crate::harness::Running;
use crate::home::{Home, stop};

const TEXT: &str = "[unix_http_server]\nfile=%(here)s/s.sock\n[program:a]\ncommand=sleep 1000\nstdout_logfile=%(here)s/out\nstderr_logfile=NONE\nstartsecs=0\n";

fn started(name: &str) -> (Home, Running) {
    let home = Home::new(name, TEXT);
    let mut running = home.start();
    running.stdout.wait_for("success: a");
    (home, running)
}

fn append(home: &Home, bytes: &[u8]) {
    use std::io::Write;
    let file = std::fs::OpenOptions::new().append(true).create(true).open(home.path("out"));
    file.unwrap().write_all(bytes).unwrap();
}

fn follow(home: &Home, path: &str) -> Client<std::os::unix::net::UnixStream> {
    let mut client = Client::unix(&home.path("s.sock"));
    client.send(format!("GET {path} HTTP/1.1\r\nHost:\r\n\r\n\r\n"));
    client
}

#[test]
fn a_followed_log_begins_near_its_end_and_grows() {
    let (home, mut running) = started("logtail");
    append(&home, &[b'x'; 5000]);
    append(&home, b"\nbefore\n");
    let mut client = follow(&home, "/logtail/a%3Aa/stdout");
    let (status, headers) = client.head();
    assert_eq!(status, "HTTP/1.1 200 OK");
    for (name, value) in [
        ("content-type", "text/plain;charset=utf-8"),
        ("transfer-encoding", "chunked"),
        ("x-accel-buffering", "no"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert!(headers.contains(&(name.to_owned(), value.to_owned())), "{headers:?}");
    }
    assert!(headers.iter().any(|(name, _)| name == "last-modified"), "{headers:?}");
    let beginning = client.chunks_until("before\n");
    assert_eq!(beginning.len(), 1024);
    append(&home, b"after\n");
    assert_eq!(client.chunk(), "after\n");
    stop(&mut running);
    // The end of the supervisor is the end of the body.
    assert_eq!(client.rest(), "0\r\n\r\n");
}

#[test]
fn a_truncated_moved_or_recreated_log_is_still_followed() {
    let (home, mut running) = started("logtail-rotated");
    append(&home, b"one\n");
    let mut client = follow(&home, "/logtail/a");
    client.head();
    client.chunks_until("one\n");
    std::fs::write(home.path("out"), "").unwrap();
    client.chunks_until("==> File truncated <==\n");
    append(&home, b"two\n");
    assert_eq!(client.chunk(), "two\n");
    std::fs::rename(home.path("out"), home.path("out.1")).unwrap();
    append(&home, b"three\n");
    assert_eq!(client.chunk(), "three\n");
    std::fs::remove_file(home.path("out")).unwrap();
    append(&home, b"four\n");
    assert_eq!(client.chunk(), "four\n");
    stop(&mut running);
}

#[test]
fn a_followed_character_arrives_complete() {
    let (home, mut running) = started("logtail-utf8");
    let mut client = follow(&home, "/logtail/a");
    client.head();
    append(&home, b"a\xf0\x9f");
    assert_eq!(client.chunk(), "a");
    append(&home, b"\x98\x80b");
    assert_eq!(client.chunk(), "\u{1f600}b");
    stop(&mut running);
}

#[test]
fn http_1_0_clients_follow_a_log_without_chunks() {
    let (home, mut running) = started("logtail-1.0");
    append(&home, b"before\n");
    let mut client = Client::unix(&home.path("s.sock"));
    client.send("GET /logtail/a HTTP/1.0\r\n\r\n");
    let (status, headers) = client.head();
    assert_eq!(status, "HTTP/1.0 200 OK");
    assert!(!headers.iter().any(|(name, _)| name == "transfer-encoding"), "{headers:?}");
    assert_eq!(client.line(), "before");
    append(&home, b"after\n");
    assert_eq!(client.line(), "after");
    stop(&mut running);
}

#[test]
fn the_supervisors_own_log_can_be_followed() {
    let (home, mut running) = started("mainlogtail");
    let mut client = follow(&home, "/mainlogtail");
    client.head();
    client.chunks_until("success: a");
    running.signal("USR2");
    client.chunks_until("received SIGUSR2");
    stop(&mut running);
}

#[test]
fn a_disconnected_follower_of_a_silent_log_frees_its_slot() {
    let home = Home::new("logtail-gone", &format!("minfds=1\n{TEXT}"));
    // A quarter of the descriptors is for connections.
    let words = format!("ulimit -n 64; exec {} -n -c t.conf", crate::home::supervisord());
    let mut command = crate::harness::clean("sh", ["-c", &words]);
    let mut running = Running::start(command.current_dir(&home));
    running.stdout.wait_for("success: a");
    for _ in 0..40 {
        // He sends an empty line too many, which nobody reads.
        assert_eq!(follow(&home, "/logtail/a").head().0, "HTTP/1.1 200 OK");
    }
    assert_eq!(follow(&home, "/nope").answer().status, "HTTP/1.1 404 Not Found");
    stop(&mut running);
}

#[test]
fn a_missing_log_cannot_be_followed() {
    let (home, mut running) = started("logtail-404");
    for path in
        ["/logtail/nope", "/logtail/a/nope", "/logtail/a/stderr", "/logtail/a:*", "/logtail"]
    {
        let answer = follow(&home, path).answer();
        assert_eq!(answer.status, "HTTP/1.1 404 Not Found", "{path}");
        assert!(answer.body.contains("<p>Message: Not Found.\r\n"), "{answer:?}");
    }
    let answer = Client::unix(&home.path("s.sock"))
        .send("POST /logtail/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        .answer();
    assert_eq!(answer.status, "HTTP/1.1 400 Bad Request");
    stop(&mut running);
}
