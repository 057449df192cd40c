//! FastCGI programs.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;

use crate::harness::{Running, free_port, python, skip};
use crate::home::{Home, stop};

/// Says its word to the first that connects to its stdin, and then ends or serves
/// nobody any more.
const SERVER: &str = "import os, signal, socket, sys\n\
    listening = socket.socket(fileno=0)\n\
    connection, _ = listening.accept()\n\
    connection.sendall(sys.argv[1].encode())\n\
    connection.close()\n\
    os._exit(0) if sys.argv[1] == 'once' else signal.pause()\n";

fn answer(mut stream: impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// A home with that server; `None`: there is no Python.
fn home(name: &str, text: &str) -> Option<Home> {
    let Some(python) = python() else {
        skip("SUPERVISOR_PYTHON names no Python", "REQUIRE_PYTHON");
        return None;
    };
    let home = Home::new(name, &text.replace("PYTHON", &python));
    home.write("server.py", SERVER);
    Some(home)
}

#[test]
fn all_processes_of_a_program_accept_on_one_socket() {
    let Some(home) = home(
        "unix-socket",
        "[fcgi-program:web]\ncommand=PYTHON %(here)s/server.py %(process_num)d\nsocket=unix://%(here)s/web.sock\nsocket_mode=0660\n\
         numprocs=2\nprocess_name=%(program_name)s%(process_num)d\n[group:all]\nprograms=web\n",
    ) else {
        return;
    };
    let mut running = home.start();
    running
        .stdout
        .wait_for(&format!("INFO Creating socket unix://{}", home.path("web.sock").display()));
    running.stdout.wait_for("success: web0");
    running.stdout.rewind().wait_for("success: web1");
    let mode = std::fs::metadata(home.path("web.sock")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o660);
    // Each process serves one, so the second connection is the other process's.
    let connect = || UnixStream::connect(home.path("web.sock")).unwrap();
    let mut answers = [answer(connect()), answer(connect())];
    answers.sort();
    assert_eq!(answers, ["0", "1"]);
    stop(&mut running);
    // Whether it can be made is tried before anything starts; what counts comes after.
    let lines = running.stdout.rest().iter();
    let after = lines.skip_while(|line| !line.contains("supervisord started with pid"));
    let about: Vec<&str> = after
        .filter_map(|line| line.split_once(" INFO ")?.1.split_once(" socket unix://"))
        .map(|(verb, _)| verb)
        .collect();
    assert_eq!(about, ["Creating", "Closing"]);
}

#[test]
fn a_socket_stays_open_while_its_only_process_is_replaced() {
    let port = free_port();
    let Some(home) = home(
        "tcp-socket",
        &format!(
            "[fcgi-program:web]\ncommand=PYTHON %(here)s/server.py once\nsocket=tcp://localhost:{port}\nstartsecs=0\nautorestart=true\n"
        ),
    ) else {
        return;
    };
    let mut running = home.start();
    running.stdout.wait_for("success: web");
    for _ in 0..3 {
        // Who connects while nobody accepts is served by the next process.
        assert_eq!(answer(std::net::TcpStream::connect(("127.0.0.1", port)).unwrap()), "once");
    }
    running.stdout.wait_for("exited: web (exit status 0; expected)");
    stop(&mut running);
}

#[test]
fn a_socket_that_cannot_be_created_is_a_configuration_error() {
    let home = Home::new(
        "no-socket",
        "[fcgi-program:web]\ncommand=cat\nsocket=unix://%(here)s/precious\n",
    );
    home.write("precious", "data");
    let mut running: Running = home.start();
    assert_eq!(running.exit_code(), 2);
    let complaint = running.stderr.rest().join("\n");
    assert!(complaint.contains("Error: Could not create FastCGI socket unix://"), "{complaint}");
    assert!(complaint.contains("it exists and is not a socket"), "{complaint}");
    assert_eq!(home.read("precious"), "data");
}

#[test]
fn a_socket_has_its_mode_before_its_owner_changes() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root may give a file away", "REQUIRE_ROOT");
    }
    let text = "[fcgi-program:f]\ncommand=sleep 1000\nsocket=unix://%(here)s/f.sock\n\
                socket_mode=0660\nsocket_owner=nobody\n";
    let home = Home::new("fcgi-given", text);
    // Later its owner may put a link to something else there. Who may give away files but not
    // change those of others, as in a container, could not change the mode then.
    let words = ["--bounding-set=-fowner", crate::home::supervisord(), "-c", "t.conf", "-n"];
    let mut command = crate::harness::clean("setpriv", words);
    let mut running = Running::start(command.current_dir(&home));
    running.stdout.wait_for("spawned: 'f'");
    let about = std::fs::metadata(home.path("f.sock")).unwrap();
    assert_eq!(about.mode() & 0o777, 0o660);
    assert_ne!(about.uid(), 0);
}
