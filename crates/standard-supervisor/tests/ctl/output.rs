//! Output that is the same: as it is kept, as it comes, and with an answer.

use crate::compatibility::PROGRAMS;
use crate::harness::{Running, clean, python};
use crate::outcome::Outcome;
use crate::place::{Client, DAEMONS, Place};

#[test]
fn utf_8_is_printed_in_any_locale() {
    for daemon in DAEMONS {
        let Some(mut place) = Place::with(daemon, PROGRAMS) else { return };
        place.has_said("success: test_öäü entered RUNNING");
        place.has_said("'talk' stdout output");
        for line in ["status test_öäü", "tail talk"] {
            let told = [Client::Python, Client::Native]
                .map(|client| Outcome::run(place.client(client, line).env("LANG", "oops"), &place));
            assert_eq!(told[0], told[1]);
            assert!(told[1].stdout.contains("äö") || told[1].stdout.contains("öä"), "{told:?}");
        }
    }
}

#[test]
fn tail_f_continues_until_ctrl_c() {
    let wanted = ["==> Press Ctrl-C to exit <==", "hello äöü", "more … of it", ""];
    for daemon in DAEMONS {
        for client in [Client::Python, Client::Native] {
            let Some(mut place) = Place::with(daemon, PROGRAMS) else { return };
            place.has_said("'talk' stderr output");
            let mut command = place.client(client, "tail -f talk");
            let mut tail = Running::start(command.env("LANG", "oops"));
            tail.stdout.wait_for("hello äöü");
            type_to(&place, "talk", "more … of it\n");
            tail.stdout.wait_for("more … of it");
            match client {
                Client::Native => {
                    tail.signal("INT");
                    assert_eq!(tail.exit_code(), 0);
                    assert_eq!(tail.stdout.rest(), wanted);
                    assert!(tail.stderr.rest().is_empty());
                }
                // The Python client misses a Ctrl-C that comes while it prints, or takes it for a failed
                // connection.
                Client::Python => {
                    tail.signal("KILL");
                    assert_eq!(tail.stdout.rest()[..3], wanted[..3]);
                }
            }
        }
    }
}

#[test]
fn maintail_prints_the_daemons_log() {
    for daemon in DAEMONS {
        for client in [Client::Python, Client::Native] {
            let Some(place) = Place::with(daemon, "[program:cat]\ncommand=/bin/cat\n") else {
                return;
            };
            let told = Outcome::run(&mut place.client(client, "maintail"), &place);
            assert!(told.stdout.contains("supervisord started with pid"), "{told:?}");
            let output = place.client(client, "maintail -5").output().unwrap();
            // With a line's end in it, or without, and one that the client adds.
            assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 6), "{output:?}");
            let mut tail = Running::start(&mut place.client(client, "maintail -f"));
            tail.stdout.wait_for("supervisord started with pid");
            let told = Outcome::run(&mut place.client(client, "stop cat"), &place);
            assert_eq!(told.stdout, "cat: stopped");
            tail.stdout.wait_for("stopped: cat");
            // The daemon's end is the end of its log.
            Outcome::run(&mut place.client(client, "shutdown"), &place);
            assert_eq!(tail.exit_code(), 0);
        }
    }
}

/// Sends a line to a program, by a client that is known to work: Python's library.
fn type_to(place: &Place, program: &str, text: &str) {
    let script = "import sys; from supervisor.xmlrpc import SupervisorTransport as T; \
                  from xmlrpc.client import ServerProxy as S; \
                  s = S('http://127.0.0.1', T('', '', sys.argv[1])); \
                  s.supervisor.sendProcessStdin(sys.argv[2], sys.argv[3])";
    let url = format!("unix://{}", place.path("sock"));
    let python = python().unwrap();
    let words = ["-c", script, &url, program, text];
    let output = clean(&python, words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn fg_sends_typed_lines_and_prints_the_output() {
    for daemon in DAEMONS {
        for client in [Client::Python, Client::Native] {
            let Some(mut place) = Place::with(daemon, "[program:cat]\ncommand=/bin/cat\n") else {
                return;
            };
            place.wait_for("success: cat entered RUNNING");
            let (from, mut to) = std::io::pipe().unwrap();
            let mut fg = Running::start(place.client(client, "fg cat").stdin(from));
            std::io::Write::write_all(&mut to, "hällo\n".as_bytes()).unwrap();
            fg.stdout.wait_for("hällo");
            drop(to);
            fg.stdout.wait_for("Exiting foreground");
            // Python's thread may go on; that it has said so is what counts.
            if client == Client::Native {
                assert_eq!(fg.exit_code(), 0);
                assert_eq!(
                    fg.stdout.rest(),
                    ["==> Press Ctrl-C to exit <==", "hällo", "Exiting foreground"]
                );
            }
        }
    }
}

#[test]
fn a_program_that_is_removed_and_added_again_keeps_its_logs() {
    for daemon in DAEMONS {
        let program = "[program:hello]\ncommand=/bin/sh -c 'echo begun; exec cat'\n";
        let Some(mut place) = Place::with(daemon, program) else { return };
        place.has_said("success: hello entered RUNNING");
        let logs = || {
            let entries = std::fs::read_dir(place.folder()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut logs: Vec<_> = names.filter(|name| name.starts_with("hello-")).collect();
            logs.sort();
            logs
        };
        let before = logs();
        assert_eq!(before.len(), 2, "{before:?}");
        for order in ["stop hello", "remove hello", "add hello"] {
            let told = Outcome::run(&mut place.client(Client::Native, order), &place);
            assert_eq!(told.code, 0, "{daemon:?} {order}: {told:?}");
        }
        assert_eq!(logs(), before, "{daemon:?}");
        place.wait_for("success: hello entered RUNNING");
        let tail = Outcome::run(&mut place.client(Client::Native, "tail hello"), &place);
        assert_eq!(tail.stdout.trim_end(), "begun\nbegun", "{daemon:?}");
    }
}
