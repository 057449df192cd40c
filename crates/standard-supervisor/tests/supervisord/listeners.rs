//! Event listeners: who is told what, in which order, and what becomes of what they
//! don't take.

#![expect(clippy::disallowed_methods, reason = "how long a pause is must be seen")]

use std::path::Path;

use crate::harness::{Running, python, skip, supervise};
use crate::home::{Home, stop};

/// What a listener was told of one event.
#[derive(Debug)]
struct Heard {
    header: String,
    payload: String,
}

impl Heard {
    fn token(&self, name: &str) -> &str {
        let mut tokens = self.header.split(' ').filter_map(|token| token.split_once(':'));
        tokens.find(|(known, _)| *known == name).unwrap().1
    }
}

/// A folder with a supervisord whose configuration has this listener, named `ear`.
fn with_listener(name: &str, events: &str, answers: &str, more: &str) -> Option<(Home, Running)> {
    let Some(python) = python() else {
        skip("SUPERVISOR_PYTHON names no Python", "REQUIRE_PYTHON");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/supervisord/python/listener.py");
    let home = Home::new(
        name,
        &format!(
            "logfile=log\npidfile=pid\nloglevel=debug\n\
             [eventlistener:ear]\nevents={events}\nstartsecs=0\n\
             command={python} {} %(here)s/heard {answers}\n{more}",
            script.display()
        ),
    );
    let running = home.start();
    Some((home, running))
}

fn heard(home: &Home) -> Vec<Heard> {
    let all = home.read("heard");
    let mut events = all.split("\n.\n").filter(|event| !event.is_empty());
    let cut = |event: &str| {
        let (header, payload) = event.split_once('\n').unwrap();
        Heard { header: header.to_owned(), payload: payload.to_owned() }
    };
    events.by_ref().map(cut).collect()
}

#[test]
fn each_event_is_sent_once_despite_a_double_subscription() {
    let more = "[program:a]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=false\n";
    let events = "PROCESS_STATE,PROCESS_STATE_EXITED,PROCESS_STATE_EXITED";
    let Some((home, mut running)) = with_listener("once", events, "ok", more) else { return };
    running.stdout.wait_for("exited: a (exit status 3; not expected)");
    // STARTING and RUNNING of the listener, STARTING, RUNNING and EXITED of the program.
    for _ in 0..5 {
        running.stdout.wait_for("ear: event was processed");
    }
    stop(&mut running);
    let heard = heard(&home);
    let names: Vec<_> = heard.iter().map(|event| event.token("eventname")).collect();
    assert_eq!(
        names.iter().filter(|name| **name == "PROCESS_STATE_EXITED").count(),
        1,
        "{heard:#?}"
    );
    let exited = heard.iter().find(|event| event.token("eventname").ends_with("EXITED")).unwrap();
    assert!(
        exited.payload.starts_with("processname:a groupname:a from_state:RUNNING expected:0 pid:"),
        "{exited:?}"
    );
    let serials: Vec<u64> =
        heard.iter().map(|event| event.token("serial").parse().unwrap()).collect();
    assert!(serials.is_sorted_by(|a, b| a < b), "{serials:?}");
    let of_pool: Vec<_> = heard.iter().map(|event| event.token("poolserial")).collect();
    assert_eq!(of_pool[..5], ["0", "1", "2", "3", "4"]);
}

#[test]
fn the_length_counts_characters_and_a_large_payload_arrives_complete() {
    // More than a pipe holds, in characters of three bytes.
    let more = "[program:a]\nstdout_capture_maxbytes=1MB\nstartsecs=0\nautorestart=false\n\
                command=sh -c 'printf \"<!--XSUPERVISOR:BEGIN-->\"; \
                yes … | head -n 60000; printf \"<!--XSUPERVISOR:END-->\"'\n";
    let Some((home, mut running)) = with_listener("large", "PROCESS_COMMUNICATION", "ok", more)
    else {
        return;
    };
    running.stdout.wait_for("ear: event was processed");
    stop(&mut running);
    let heard = heard(&home);
    let [event] = &heard[..] else { panic!("{} events", heard.len()) };
    assert_eq!(event.token("eventname"), "PROCESS_COMMUNICATION_STDOUT");
    let (front, data) = event.payload.split_once('\n').unwrap();
    assert!(front.starts_with("processname:a groupname:a pid:"), "{front}");
    assert_eq!(data.chars().filter(|char| *char == '…').count(), 60_000);
    assert_eq!(event.token("len").parse(), Ok(event.payload.chars().count()));
}

#[test]
fn a_rejected_event_is_sent_again_only_to_its_own_pool() {
    let more = "[eventlistener:other]\nevents=TICK_3600\ncommand=cat\n\
                [program:a]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=false\n";
    let Some((home, mut running)) =
        with_listener("rejected", "PROCESS_STATE_EXITED", "fail ok", more)
    else {
        return;
    };
    running.stdout.wait_for("ear: event was rejected");
    running.stdout.wait_for("ear: event was processed");
    stop(&mut running);
    let heard = heard(&home);
    assert_eq!(heard.len(), 2, "{heard:#?}");
    assert_eq!(heard[0].header, heard[1].header);
    let log = home.read("log");
    assert!(!log.contains("for pool other"), "{log}");
}

#[test]
fn the_event_of_a_listener_that_died_is_sent_to_its_successor() {
    let more = "[program:a]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=false\n";
    let Some((home, mut running)) = with_listener("died", "PROCESS_STATE_EXITED", "die", more)
    else {
        return;
    };
    running.stdout.wait_for("exited: ear (exit status 1; not expected)");
    running.stdout.wait_for("exited: ear (exit status 1; not expected)");
    stop(&mut running);
    let heard = heard(&home);
    assert!(heard.len() >= 2, "{heard:#?}");
    let serials = heard.iter().map(|event| event.token("serial"));
    assert!(serials.clone().filter(|serial| Some(*serial) == serials.clone().next()).count() >= 2);
}

#[test]
fn a_listener_that_breaks_the_protocol_gets_no_more_events() {
    let more = "[program:a]\ncommand=sh -c 'exit 3'\nstartsecs=0\nautorestart=false\n";
    let Some((home, mut running)) = with_listener("garbage", "PROCESS_STATE", "garbage", more)
    else {
        return;
    };
    running.stdout.wait_for("ear: bad result line: 'what?'");
    running.stdout.wait_for("ear: has entered the UNKNOWN state");
    stop(&mut running);
    assert_eq!(heard(&home).len(), 1);
}

#[test]
fn tick_events_come_at_multiples_of_five_seconds() {
    let Some((home, mut running)) = with_listener("ticks", "TICK_5", "ok", "") else { return };
    running.stdout.wait_for("ear: event was processed");
    stop(&mut running);
    let heard = heard(&home);
    let when: u64 = heard[0].payload.strip_prefix("when:").unwrap().parse().unwrap();
    assert_eq!(when % 5, 0);
    assert_eq!(heard[0].token("eventname"), "TICK_5");
}

#[test]
fn event_listeners_in_command_mode_do_not_prevent_the_exit() {
    let Some(python) = python() else {
        return skip("SUPERVISOR_PYTHON names no Python", "REQUIRE_PYTHON");
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/supervisord/python/listener.py");
    let home = Home::new("beside", "");
    let mut running = Running::start(
        supervise(["sh", "-c", "exit 7"])
            .current_dir(&home)
            .env("SUPERVISOR_PROGRAM__APP_AUTORESTART", "false")
            .env("SUPERVISOR_PROGRAM__APP_STARTSECS", "0")
            .env("SUPERVISOR_EVENTLISTENER__EAR_EVENTS", "PROCESS_STATE_EXITED")
            .env("SUPERVISOR_EVENTLISTENER__EAR_STARTSECS", "0")
            .env(
                "SUPERVISOR_EVENTLISTENER__EAR_COMMAND",
                format!("{python} {} heard", script.display()),
            ),
    );
    running.stderr.wait_for("stopped: ear");
    assert_eq!(running.exit_code(), 7);
}

/// As supervisor-stdout does it: a listener gives back what it was told, and that is output.
#[test]
fn results_for_supervisor_stdout_are_printed_as_lines_of_their_program() {
    let home = Home::new(
        "supervisor-stdout",
        "logfile=log\npidfile=pid\n\
         [eventlistener:stdout]\nevents=PROCESS_LOG\nbuffer_size=100\nstartsecs=0\n\
         result_handler=supervisor_stdout:event_handler\ncommand=sh %(here)s/listener\n\
         [program:web]\nstdout_events_enabled=true\nstderr_events_enabled=true\nstartsecs=0\n\
         command=sh -c 'sleep 0.5;echo hello;sleep 0.5;echo why >&2;exec sleep 1000'\n",
    );
    let listener = "printf 'READY\\n'\nwhile read -r head; do\n  length=${head##*len:}\n\
                    data=$(head -c $length; echo .)\n\
                    printf 'RESULT %s\\n%sREADY\\n' $length \"${data%.}\"\ndone\n";
    home.write("listener", listener);
    let mut running = home.start();
    assert_eq!(running.stdout.wait_for("web stdout | "), "web stdout | hello");
    assert_eq!(running.stdout.wait_for("web stderr | "), "web stderr | why");
    stop(&mut running);
}

#[test]
fn waiting_events_are_sent_before_the_listener_stops() {
    let programs: String = (0..7)
        .map(|n| format!("[program:p{n}]\ncommand=sleep 1000\nstartsecs=0\nstopsignal=KILL\n"))
        .collect();
    let events = "PROCESS_STATE_STOPPED\nbuffer_size=20";
    let Some((home, mut running)) = with_listener("last", events, "slow", &programs) else {
        return;
    };
    running.stdout.wait_for("ear: ACKNOWLEDGED -> READY");
    stop(&mut running);
    let stopped = heard(&home);
    assert_eq!(stopped.len(), 7, "{stopped:#?}");
}

#[test]
fn a_rejected_event_is_sent_again_after_a_pause() {
    let more = "[program:a]\ncommand=sleep 1000\nstartsecs=0\n";
    let Some((home, mut running)) = with_listener("rejects", "PROCESS_STATE_RUNNING", "fail", more)
    else {
        return;
    };
    let began = std::time::Instant::now();
    for _ in 0..2 {
        running.stdout.wait_for("ear: event was rejected");
    }
    assert!(began.elapsed() >= std::time::Duration::from_millis(900), "{:?}", began.elapsed());
    stop(&mut running);
    // A few, and not thousands.
    assert!(heard(&home).len() < 10);
}
