//! What needs somebody at a keyboard.

use crate::harness::Running;
use crate::place::{Client, DAEMONS, Place};
use crate::screen::Screen;

const CAT: &str = "[program:cat]\ncommand=/bin/cat\n[program:stopped]\ncommand=/bin/cat\n\
                   autostart=false\n[program:web]\ncommand=/bin/cat\n\
                   process_name=web-%(process_num)d\nnumprocs=2\n";

/// What a terminal sends for Ctrl-C, Ctrl-D, Tab and the arrow upwards.
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const TAB: &str = "\t";
const UP: &str = "\x1b[A";

#[test]
fn the_shell_shows_status_completes_words_and_keeps_a_history() {
    for daemon in DAEMONS {
        let Some(mut place) = Place::with(daemon, CAT) else { return };
        place.wait_for("success: web-1 entered RUNNING");
        place.write("history", "pid cat\n");
        let mut screen = Screen::start(&place.client(Client::Native, "-r FOLDER/history"));
        screen.wait_for("RUNNING");
        screen.wait_for("supervisor> ");
        screen.type_in(&format!("vers{TAB}"));
        screen.wait_for("version ");
        screen.type_in("\r");
        screen.wait_for("4.3.0");
        screen.wait_for("supervisor> ");
        // Two upwards is what the file remembers.
        screen.type_in(&format!("{UP}{UP}"));
        screen.wait_for("pid cat");
        screen.type_in("\r");
        screen.wait_for("supervisor> ");
        screen.type_in(&format!("status web{TAB}{TAB}"));
        screen.wait_for("web:web-1");
        screen.type_in(&format!("web-0{TAB}"));
        screen.wait_for("web:web-0 ");
        screen.type_in("\r");
        screen.wait_for("RUNNING");
        screen.wait_for("supervisor> ");
        screen.type_in("quit\r");
        let (code, _) = screen.end();
        assert_eq!(code, 0);
        let history = std::fs::read_to_string(place.path("history")).unwrap();
        assert_eq!(history, "pid cat\nversion \npid cat\nstatus web:web-0 \nquit\n");
    }
}

#[test]
fn ctrl_d_and_ctrl_c_exit_the_shell() {
    for daemon in DAEMONS {
        let Some(place) = Place::with(daemon, "") else { return };
        for key in [CTRL_D, CTRL_C] {
            let mut screen = Screen::start(&place.client(Client::Native, ""));
            screen.wait_for("supervisor> ");
            screen.type_in(key);
            assert_eq!(screen.end().0, 0, "{key:?}");
        }
    }
}

#[test]
fn ctrl_c_stops_a_tail_and_not_the_shell() {
    for daemon in DAEMONS {
        let Some(mut place) = Place::with(daemon, CAT) else { return };
        place.has_said("success: cat entered RUNNING");
        let mut screen = Screen::start(&place.client(Client::Native, ""));
        screen.wait_for("supervisor> ");
        screen.type_in("maintail -f\r");
        screen.wait_for("supervisord started with pid");
        screen.type_in(CTRL_C);
        screen.wait_for("supervisor> ");
        screen.type_in("version\r");
        screen.wait_for("4.3.0");
        screen.wait_for("supervisor> ");
        screen.type_in(CTRL_D);
        assert_eq!(screen.end().0, 0);
    }
}

#[test]
fn lines_that_are_typed_ahead_or_pasted_all_run() {
    for daemon in DAEMONS {
        let Some(mut place) = Place::with(daemon, CAT) else { return };
        place.has_said("success: cat entered RUNNING");
        let mut screen = Screen::start(&place.client(Client::Native, ""));
        screen.wait_for("supervisor> ");
        // At once, a question and its answer among them, and the rest while a command runs.
        screen.type_in("version\rshutdown\rno\ravail\rrestart cat\rhelp quit\r");
        screen.wait_for("4.3.0");
        screen.wait_for("process down y/N? ");
        screen.wait_for("web:web-1");
        screen.wait_for("cat: started");
        screen.wait_for("leave the shell");
        screen.type_in("restart cat\n");
        screen.type_in("version\nhelp avail\n");
        screen.wait_for("cat: started");
        screen.wait_for("4.3.0");
        screen.wait_for("list the processes in the configuration");
        // Between two lines the terminal itself would take an end of input.
        screen.wait_for("supervisor> ");
        screen.type_in(CTRL_D);
        assert_eq!(screen.end().0, 0);
    }
}

#[test]
fn the_shell_asks_before_it_stops_the_daemon() {
    for daemon in DAEMONS {
        let Some(mut place) = Place::with(daemon, "") else { return };
        let mut screen = Screen::start(&place.client(Client::Native, ""));
        screen.wait_for("supervisor> ");
        screen.type_in("reload\r");
        screen.wait_for("Really restart the remote supervisord process y/N? ");
        screen.type_in("n\n");
        screen.wait_for("supervisor> ");
        screen.type_in("shutdown\r");
        screen.wait_for("Really shut the remote supervisord process down y/N? ");
        screen.type_in("Yes\n");
        screen.wait_for("Shut down");
        screen.wait_for("supervisor> ");
        place.wait_for_end();
        screen.type_in("status\r");
        screen.wait_for("no such file");
        screen.wait_for("supervisor> ");
        screen.type_in(CTRL_D);
        assert_eq!(screen.end().0, 0);
    }
}

#[test]
fn the_shell_asks_for_credentials_and_hides_the_password() {
    for daemon in DAEMONS {
        let Some(place) = Place::with(daemon, CAT) else { return };
        let mut screen = Screen::start(&place.client(Client::Native, "-s http://localhost:PORT"));
        screen.wait_for("Server requires authentication");
        screen.wait_for("Username:");
        screen.type_in("ann\n");
        screen.wait_for("Password:");
        screen.type_in("wrong\n");
        screen.wait_for("Server requires authentication");
        screen.wait_for("Username:");
        screen.type_in("ann\n");
        screen.wait_for("Password:");
        screen.type_in("admin\n");
        screen.wait_for("STOPPED");
        screen.wait_for("supervisor> ");
        screen.type_in(CTRL_D);
        let (code, seen) = screen.end();
        assert_eq!(code, 0);
        assert!(!seen.contains("wrong") && !seen.contains("admin"), "{seen}");
    }
}

#[test]
fn fg_on_a_terminal_matches_the_python_client() {
    for daemon in DAEMONS {
        let mut sides = Vec::new();
        for client in [Client::Python, Client::Native] {
            let Some(mut place) = Place::with(daemon, CAT) else { return };
            place.has_said("success: cat entered RUNNING");
            let mut screen = Screen::start(&place.client(client, "fg cat"));
            screen.wait_for("==> Press Ctrl-C to exit <==");
            // What is typed shows twice: as it is typed, and as cat prints it.
            for line in ["one", "two äöü"] {
                screen.type_in(&format!("{line}\n"));
                screen.wait_for(&format!("{line}\r\n"));
                screen.wait_for(&format!("{line}\r\n"));
            }
            sides.push(screen.seen().to_owned());
            // The Python client sometimes misses it.
            if client == Client::Native {
                screen.type_in(CTRL_C);
                screen.wait_for("Exiting foreground");
                assert_eq!(screen.end().0, 0);
            }
        }
        assert_eq!(sides[0], sides[1]);
    }
}

#[test]
fn fg_sends_lines_that_are_typed_ahead_or_pasted() {
    let programs = "[program:repeat]\ncommand=sed -u s/^/heard:/\n";
    for daemon in DAEMONS {
        let Some(mut place) = Place::with(daemon, programs) else { return };
        place.has_said("success: repeat entered RUNNING");
        let mut screen = Screen::start(&place.client(Client::Native, ""));
        screen.wait_for("supervisor> ");
        // At once, the last line without its end.
        screen.type_in("fg repeat\rone\rtwo\rthr");
        screen.wait_for("==> Press Ctrl-C to exit <==");
        screen.wait_for("one\r\ntwo\r\nthr");
        screen.wait_for("heard:one\r\n");
        screen.wait_for("heard:two\r\n");
        screen.type_in("ee\n");
        screen.wait_for("heard:three\r\n");
        screen.type_in(CTRL_C);
        screen.wait_for("Exiting foreground");
        screen.wait_for("supervisor> ");
        screen.type_in("version\r");
        screen.wait_for("4.3.0");
        screen.wait_for("supervisor> ");
        // Ctrl-D that is typed ahead ends `fg`, and not the shell.
        screen.type_in(&format!("fg repeat\rfour\r{CTRL_D}"));
        screen.wait_for("Exiting foreground");
        screen.wait_for("supervisor> ");
        screen.type_in("tail -f repeat\r");
        screen.wait_for("heard:four");
        screen.type_in(CTRL_C);
        screen.wait_for("supervisor> ");
        screen.type_in(CTRL_D);
        assert_eq!(screen.end().0, 0);
    }
}

#[test]
fn fg_exits_when_the_program_has_stopped() {
    for daemon in DAEMONS {
        let Some(mut place) = Place::with(daemon, CAT) else { return };
        place.has_said("success: cat entered RUNNING");
        let mut screen = Screen::start(&place.client(Client::Native, "fg cat"));
        screen.wait_for("==> Press Ctrl-C to exit <==");
        let stopped = place.client(Client::Native, "stop cat").status().unwrap();
        assert!(stopped.success());
        screen.type_in("anybody?\n");
        screen.wait_for("Process got killed\r\nExiting foreground");
        assert_eq!(screen.end().0, 0);
    }
}

#[test]
fn ctrl_c_cancels_every_question() {
    for daemon in DAEMONS {
        let Some(place) = Place::with(daemon, "") else { return };
        for (server, action, question) in [
            ("unix://FOLDER/sock", "shutdown\r", "process down y/N? "),
            ("unix://FOLDER/locked", "", "Username:"),
            ("unix://FOLDER/locked", "ann\n", "Password:"),
        ] {
            let mut screen = Screen::start(&place.client(Client::Native, &format!("-s {server}")));
            if server.ends_with("sock") {
                screen.wait_for("supervisor> ");
            } else {
                screen.wait_for("Server requires authentication");
            }
            screen.type_in(action);
            screen.wait_for(question);
            screen.type_in(CTRL_C);
            assert_eq!(screen.end().0, 0, "{question}");
        }
        // The daemon is still there.
        assert!(place.client(Client::Native, "version").status().unwrap().success());
    }
}

#[test]
fn ctrl_c_exits_a_shell_that_reads_a_script() {
    let Some(place) = Place::without_daemon() else { return };
    let (script, _open) = std::io::pipe().unwrap();
    let mut shell = Running::start(place.client(Client::Native, "").stdin(script));
    shell.stdout.wait_for("no such file");
    shell.signal("INT");
    assert_eq!(shell.exit_code(), 0);
}
