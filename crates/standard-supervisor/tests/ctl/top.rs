//! `top` on a terminal, and without one.

use crate::harness::{free_port, python};
use crate::outcome::Outcome;
use crate::place::{Client, DAEMONS, Daemon, Place};
use crate::screen::Screen;

const PROGRAMS: &str = "[program:cat]\ncommand=/bin/cat\n[program:bad]\ncommand=/bin/false\n\
                        startretries=0\n[program:web]\ncommand=/bin/sh -c 'echo begun; exec cat'\n\
                        process_name=web-%(process_num)d\nnumprocs=2\n";

const CTRL_C: &str = "\x03";
const DOWN: &str = "\x1b[B";

#[test]
fn top_updates_its_table_and_reacts_to_keys() {
    for daemon in DAEMONS {
        let Some(mut place) = Place::with(daemon, PROGRAMS) else { return };
        place.has_said("success: web-1 entered RUNNING");
        place.has_said("gave up: bad");
        let mut screen = Screen::start(&place.client(Client::Native, "top"));
        screen.wait_for("NAME");
        screen.wait_for("FATAL");
        screen.wait_for("cat ");
        screen.wait_for("RUNNING");
        screen.wait_for("q quit");
        // `bad`, the first row, is selected. DOWN selects `cat`; the answer `n` leaves it running.
        screen.type_in(&format!("{DOWN}s"));
        screen.wait_for("stop cat? y/N");
        screen.type_in("n");
        screen.wait_for("cat: nothing done");
        screen.type_in("s");
        screen.wait_for("stop cat? y/N");
        screen.type_in("y");
        screen.wait_for("cat: stop requested");
        place.wait_for("stopped: cat");
        screen.wait_for("STOPPED");
        screen.type_in("s");
        screen.wait_for("start cat? y/N");
        screen.type_in("y");
        place.wait_for("success: cat entered RUNNING");
        screen.type_in("r");
        screen.wait_for("restart cat? y/N");
        screen.type_in("y");
        place.wait_for("success: cat entered RUNNING");
        screen.type_in(&format!("{DOWN}t"));
        screen.wait_for("Press Ctrl-C to exit");
        screen.wait_for("begun");
        screen.type_in(CTRL_C);
        screen.wait_for("NAME");
        screen.type_in("o");
        screen.wait_for("sorted by CPU");
        screen.type_in("q");
        let (code, seen) = screen.end();
        assert_eq!(code, 0, "{daemon:?}");
        // At its exit, `top` restores the screen and the cursor.
        assert!(seen.ends_with("\x1b[?1049l\x1b[?25h"), "{seen:?}");
    }
}

/// A server that answers as vLLM does: four requests in progress, and a hundred tokens more each time.
const SERVER: &str = r"
import http.server, sys
tokens = 0
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global tokens
        tokens += 100
        page = 'vllm:num_requests_running 4.0\nvllm:num_requests_waiting 2.0\n'
        page += f'vllm:prompt_tokens_total 0.0\nvllm:generation_tokens_total {tokens}\n'
        self.send_response(200); self.end_headers(); self.wfile.write(page.encode())
    def log_message(self, *args): pass
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
";

#[test]
fn top_shows_requests_and_tokens() {
    let Some(python) = python() else { return };
    let port = free_port();
    let programs = format!(
        "[program:app]\ncommand={python} FOLDER/server.py {port}\nhealth_preset=vllm\n\
         health_port={port}\nhealth_interval=0.1\n[program:cat]\ncommand=/bin/cat\n"
    );
    let files = [("server.py", SERVER)];
    let Some(mut place) = Place::with_files(Daemon::Native, &programs, &files) else { return };
    place.has_said("success: app entered RUNNING");
    let mut screen = Screen::start(&place.client(Client::Native, "top"));
    screen.wait_for("REQUESTS TOKENS/S");
    screen.type_in("oooo");
    screen.wait_for("sorted by requests");
    screen.type_in("o");
    screen.wait_for("sorted by tokens/s");
    screen.type_in("q");
    assert_eq!(screen.end().0, 0);
    let told = Outcome::run(&mut place.client(Client::Native, "top"), &place);
    let lines: Vec<Vec<&str>> =
        told.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0][7..], ["REQUESTS", "TOKENS/S"], "{told:?}");
    let tokens = lines[1].last().unwrap().parse::<f64>().unwrap();
    assert!(lines[1][0] == "app" && lines[1].contains(&"4") && tokens > 0.0, "{told:?}");
    assert!(lines[2].ends_with(&["-", "-"]), "{told:?}");
}

#[test]
fn top_changes_the_screen_in_place() {
    let Some(mut place) = Place::with(Daemon::Native, PROGRAMS) else { return };
    place.has_said("gave up: bad");
    let mut screen = Screen::start(&place.client(Client::Native, "top"));
    for _ in 0..3 {
        screen.wait_for("q quit");
    }
    screen.type_in("q");
    let (_, seen) = screen.end();
    // Nothing is cleared as a whole: that would flicker.
    assert!(!seen.contains("\x1b[2J"), "{seen:?}");
    let begun = seen.matches("\x1b[?2026h").count();
    assert!(begun >= 3 && begun == seen.matches("\x1b[?2026l").count(), "{seen:?}");
}

#[test]
fn top_without_a_terminal_prints_the_table_once() {
    for daemon in DAEMONS {
        let Some(mut place) = Place::with(daemon, PROGRAMS) else { return };
        place.has_said("success: cat entered RUNNING");
        place.has_said("gave up: bad");
        let told = Outcome::run(&mut place.client(Client::Native, "top"), &place);
        assert_eq!(told.code, 0, "{told:?}");
        let lines: Vec<&str> = told.stdout.lines().collect();
        assert_eq!(lines.len(), 5, "{told:?}");
        let words: Vec<&str> = lines[0].split_whitespace().collect();
        assert_eq!(words, ["NAME", "STATE", "HEALTH", "UPTIME", "CPU", "MEMORY", "RESTARTS"]);
        assert!(lines[1].starts_with("bad ") && lines[1].contains("FATAL"), "{told:?}");
        assert!(!told.stdout.contains('\x1b'));
        if daemon == Daemon::Native {
            let cat: Vec<&str> = lines[2].split_whitespace().collect();
            assert!(cat[3].contains(':') && cat[4].ends_with('%'), "{cat:?}");
        }
    }
}
