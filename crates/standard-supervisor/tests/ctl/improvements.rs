//! Intended differences from the Python client, with their reasons.

use std::io::{BufRead, BufReader, Read, Write};

use crate::harness::{Running, clean, free_port, program};
use crate::outcome::Outcome;
use crate::place::{Client, DAEMONS, Place};

const CAT: &str = "[program:cat]\ncommand=/bin/cat\n[program:stopped]\ncommand=/bin/cat\n\
                   autostart=false\n";

/// A mistake in the file is told as such, with its line, and no traceback.
#[test]
fn an_invalid_configuration_has_the_exit_code_of_bad_usage() {
    let Some(place) = Place::without_daemon() else { return };
    for (config, words) in [
        ("[supervisorctl]\nnonsense\n", "t.conf:2: Source contains parsing errors"),
        ("nonsense\n", "File contains no section headers"),
        ("[supervisord]\n", ".ini file does not include supervisorctl section"),
        ("[supervisorctl]\nserverurl=%(nope)s\n", "contains names ('nope') which cannot be"),
    ] {
        place.write("t.conf", config);
        let told = Outcome::run(&mut place.client(Client::Native, "status"), &place);
        assert_eq!((told.code, told.stdout.as_str()), (2, ""), "{told:?}");
        assert!(told.stderr.starts_with("Error: ") && told.stderr.contains(words), "{told:?}");
    }
}

#[test]
fn status_json_is_an_array_of_process_information() {
    for daemon in DAEMONS {
        let Some(mut place) = Place::with(daemon, CAT) else { return };
        place.has_said("success: cat entered RUNNING");
        let json = |line: &str| {
            let output = place.client(Client::Native, line).output().unwrap();
            let parsed = serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();
            (output.status.code(), parsed, String::from_utf8(output.stderr).unwrap())
        };
        let (code, all, stderr) = json("status --json");
        assert_eq!((code, stderr.as_str()), (Some(3), ""));
        let [cat, stopped] = all.as_array().unwrap().as_slice() else { panic!("{all}") };
        assert_eq!((&cat["name"], &cat["statename"]), (&"cat".into(), &"RUNNING".into()));
        assert_eq!((&stopped["pid"], &stopped["state"]), (&0.into(), &0.into()));
        let help = help(&place);
        for (key, value) in cat.as_object().unwrap() {
            assert!(!value.is_array() && !value.is_object(), "{key}");
            assert!(help.contains(key.as_str()), "--help doesn't tell of {key}");
        }
        let (code, some, stderr) = json("status --json cat nope");
        assert_eq!((code, some.as_array().unwrap().len()), (Some(4), 1));
        assert_eq!(stderr, "nope: ERROR (no such process)\n");
    }
}

#[test]
fn the_help_has_examples_and_exit_codes() {
    let Some(place) = Place::without_daemon() else { return };
    let help = help(&place);
    assert!(help.contains("-i/--interactive -- start an interactive"));
    for part in ["restart web", "tail -f", "exit codes:", "status --json", "before the command"] {
        assert!(help.contains(part), "{part}");
    }
    let short = Outcome::run(&mut place.bare(Client::Native, &["-?".to_owned()]), &place);
    assert_eq!((short.code, short.stdout.trim()), (0, help.trim()));
}

fn help(place: &Place) -> String {
    let output = place.bare(Client::Native, &["--help".to_owned()]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

/// Python's prints an error and returns success.
#[test]
fn a_second_shutdown_prints_an_error_and_fails() {
    const STUBBORN: &str = "[program:stub]\nstopwaitsecs=600\n\
                            command=/bin/sh -c \"trap '' TERM; echo ready; while read x; do :; done\"\n";
    for daemon in DAEMONS {
        let Some(mut place) = Place::with(daemon, STUBBORN) else { return };
        let spawned = place.has_said("spawned: 'stub' with pid");
        place.has_said("'stub' stdout output");
        Outcome::run(&mut place.client(Client::Native, "shutdown"), &place);
        place.wait_for("waiting for stub to");
        let told = Outcome::run(&mut place.client(Client::Native, "shutdown"), &place);
        assert_eq!((told.code, told.stdout.as_str()), (1, "ERROR: already shutting down"));
        // What Python's calls a mistake of its own is the daemon's refusal.
        let told = Outcome::run(&mut place.client(Client::Native, "start stub"), &place);
        assert_eq!(told.code, 1);
        assert_eq!(
            told.stdout,
            "error: <class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>"
        );
        crate::harness::kill(spawned.rsplit(' ').next().unwrap().parse().unwrap(), "KILL");
        place.wait_for_end();
    }
}

/// Python's prints the fault as if it were a mistake of its own.
#[test]
fn update_reports_a_configuration_error_as_reread_does() {
    for daemon in DAEMONS {
        let Some(place) = Place::with(daemon, CAT) else { return };
        place.configure("[program:cat]\ncommand=%(nope)s\n");
        let [update, reread] = ["update", "reread"]
            .map(|line| Outcome::run(&mut place.client(Client::Native, line), &place));
        assert_eq!(update, reread);
        assert_eq!(update.code, 1);
        assert!(update.stdout.starts_with("ERROR: CANT_REREAD: "), "{update:?}");
    }
}

/// supervisor's help promises it.
#[test]
fn interactive_starts_a_shell_after_the_action() {
    for daemon in DAEMONS {
        let Some(place) = Place::with(daemon, CAT) else { return };
        let told = Outcome::run(&mut place.client(Client::Native, "-i version"), &place);
        assert_eq!((told.code, told.stdout.as_str()), (0, "4.3.0\nsupervisor> "));
    }
}

#[test]
fn a_python_plug_in_is_ignored_and_named() {
    let Some(place) = Place::without_daemon() else { return };
    place.configure("[ctlplugin:x]\nsupervisor.ctl_factory=a:b\n");
    let told = Outcome::run(&mut place.client(Client::Native, "help"), &place);
    assert_eq!(told.code, 0);
    assert_eq!(told.stderr, "WARN: [ctlplugin:x] is ignored, because it needs Python");
}

#[test]
fn a_tail_exits_when_its_reader_has_closed() {
    for daemon in DAEMONS {
        let Some(place) = Place::with(daemon, CAT) else { return };
        let command = place.client(Client::Native, "maintail -f");
        let program = command.get_program().to_string_lossy().into_owned();
        let script = format!("{program} -c t.conf maintail -f | head -1");
        let mut shell = clean("sh", ["-c", &script]);
        let mut shell = Running::start(shell.current_dir(place.folder()));
        shell.stdout.wait_for("==> Press Ctrl-C to exit <==");
        // A line that is logged finds no reader, at the latest the second.
        for _ in 0..2 {
            Outcome::run(&mut place.client(Client::Native, "restart cat"), &place);
        }
        assert_eq!(shell.exit_code(), 0);
    }
}

#[test]
fn an_unknown_host_is_named() {
    let Some(place) = Place::without_daemon() else { return };
    let line = format!("-s http://no.such.host.invalid:{} status", free_port());
    let told = Outcome::run(&mut place.client(Client::Native, &line), &place);
    assert_eq!(told.code, 1);
    assert!(told.stdout.starts_with("error: <class 'socket.gaierror'>, no.such.host.invalid"));
}

/// The response of a daemon that wants to control the terminal of its clients: its processes have
/// escape sequences in each text.
fn hostile(method: &str) -> String {
    let text = "a\u{9b}2Jb\u{1b}]0;c\u{7}";
    let member = |name: &str, value: &str| {
        format!("<member><name>{name}</name><value>{value}</value></member>")
    };
    let texts = ["name", "group", "statename", "description", "spawnerr", "logfile"]
        .map(|name| member(name, &format!("<string>{text}</string>")));
    let numbers = ["state", "pid", "start", "stop", "now", "exitstatus"]
        .map(|name| member(name, "<int>20</int>"));
    let info = format!("<struct>{}{}</struct>", texts.concat(), numbers.concat());
    let value = match method {
        "supervisor.getAllProcessInfo" => {
            format!("<array><data><value>{info}</value></data></array>")
        }
        "supervisor.getVersion" => "<string>3.0</string>".to_owned(),
        _ => format!("<string>{text}</string>"),
    };
    format!(
        "<?xml version='1.0'?><methodResponse><params><param><value>{value}</value></param>\
         </params></methodResponse>"
    )
}

/// Answers one request.
fn answer_hostile(mut client: std::net::TcpStream) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let method = body.split_once("<methodName>").and_then(|(_, rest)| rest.split_once('<'));
    let (status, answer) = match method {
        Some((method, _)) => ("200 OK", hostile(method)),
        // The JSON API, which this daemon does not have.
        None => ("404 Not Found", String::new()),
    };
    let length = answer.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nConnection: close\r\n");
    let _ = client.write_all(format!("{head}Content-Length: {length}\r\n\r\n{answer}").as_bytes());
}

#[test]
fn no_daemon_controls_the_terminal_of_a_client() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        listener.incoming().map_while(Result::ok).for_each(answer_hostile);
    });
    for words in [&["status"][..], &["status", "--json"], &["top"], &["version"], &["pid", "x"]] {
        let words = ["-s", &url].into_iter().chain(words.iter().copied());
        let words: Vec<&str> = words.collect();
        let output = clean(program("supervisorctl"), &words).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("2Jb") || words.contains(&"pid"), "{words:?}: {said:?}");
        let controls = |one: char| one.is_control() && one != '\n';
        assert!(!said.contains(controls), "{words:?}: {said:?}");
    }
}
