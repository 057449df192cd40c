//! Commands of supervisorctl whose output and exit code match the Python client.

use std::process::Stdio;

use crate::harness::kill;
use crate::outcome::Outcome;
use crate::place::{Client, DAEMONS, Daemon, Place};

pub(crate) const PROGRAMS: &str = "\
[program:cat]
command=/bin/cat
priority=5
[program:stopped]
command=/bin/cat
autostart=false
[program:web]
command=/bin/cat
process_name=web-%(process_num)d
numprocs=2
[program:nofile]
command=/nope
autostart=false
[program:directory]
command=/tmp
autostart=false
[program:quick]
command=/bin/false
autostart=false
startretries=0
[program:talk]
command=/bin/sh -c \"echo 'hello äöü'; echo oops >&2; exec cat\"
stdout_logfile=FOLDER/talk.log
stderr_logfile=FOLDER/talk.err
[program:mute]
command=/bin/cat
stdout_logfile=NONE
stderr_logfile=NONE
[program:test_öäü]
command=/bin/cat
[program:ga]
command=/bin/cat
[program:gb]
command=/bin/cat
autostart=false
[group:gr]
programs=ga,gb
";

/// One thing that happens.
enum Step {
    /// Both clients are given this line.
    Ask(&'static str),
    /// The same, and the lines of the answer come in the order of what happens first.
    AskMany(&'static str),
    /// The daemon has written this to its log.
    Said(&'static str),
    /// From now on this is the configuration.
    Configure(&'static str),
}
use Step::{Ask, AskMany, Configure, Said};

/// Gives each client a daemon of its own, carries out the steps, and says where they
/// differ.
fn compare(programs: &'static str, steps: &[Step]) {
    for daemon in DAEMONS {
        let both = std::thread::scope(|scope| {
            let python = scope.spawn(|| carry_out(daemon, Client::Python, programs, steps));
            let native = carry_out(daemon, Client::Native, programs, steps);
            (python.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), native)
        });
        let (Some(python), Some(native)) = both else { return };
        let differ = |((line, python), (_, native)): (&(&str, Outcome), &(&str, Outcome))| {
            (python != native)
                .then(|| format!("supervisorctl {line}\npython: {python:#?}\nnative: {native:#?}"))
        };
        let differences: Vec<_> = python.iter().zip(&native).filter_map(differ).collect();
        assert!(differences.is_empty(), "with {daemon:?}:\n{}", differences.join("\n"));
        assert_eq!(python.len(), native.len());
    }
}

fn carry_out<'a>(
    daemon: Daemon,
    client: Client,
    programs: &str,
    steps: &'a [Step],
) -> Option<Vec<(&'a str, Outcome)>> {
    let mut place = Place::with(daemon, programs)?;
    let mut told = Vec::new();
    for step in steps {
        match step {
            Ask(line) => told.push((*line, Outcome::run(&mut place.client(client, line), &place))),
            AskMany(line) => {
                let mut all = Outcome::run(&mut place.client(client, line), &place);
                let mut lines: Vec<_> = all.stdout.lines().collect();
                lines.sort_unstable();
                all.stdout = lines.join("\n");
                told.push((*line, all));
            }
            Said(text) => drop(place.has_said(text)),
            Configure(programs) => place.configure(programs),
        }
    }
    Some(told)
}

/// The first thing to wait for: everything that starts by itself runs.
const UP: [Step; 8] = [
    Said("success: cat entered RUNNING"),
    Said("success: web-0 entered RUNNING"),
    Said("success: web-1 entered RUNNING"),
    Said("success: talk entered RUNNING"),
    Said("success: mute entered RUNNING"),
    Said("success: ga entered RUNNING"),
    Said("success: test_öäü entered RUNNING"),
    Said("'talk' stderr output"),
];

fn with_up(steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    UP.into_iter().chain(steps).collect()
}

#[test]
fn status_matches_the_python_client() {
    let lines = [
        "status",
        "status all",
        "status cat",
        "status cat web:* gr:",
        "status gr:ga cat:cat",
        "status web",
        "status nope",
        "status nope cat",
        "status nope:* gr:nope web:web-1",
        "status web:* cat",
        "status test_öäü",
    ];
    compare(PROGRAMS, &with_up(lines.map(Ask)));
}

#[test]
fn starting_and_stopping_match_the_python_client() {
    let one_by_one = [
        "start",
        "start stopped",
        "start stopped",
        "start nofile",
        "start directory",
        "start quick",
        "start nope",
        "start nope:*",
        "start gr:nope",
        "start cat nofile gr:gb",
        "stop",
        "stop stopped",
        "stop stopped",
        "stop nope",
        "stop nope:*",
        "stop cat web:web-0",
        "restart",
        "restart cat",
        "restart web:web-1 nope",
        "restart gr:ga nope:*",
        "start test_öäü",
        "stop test_öäü",
        "status",
    ];
    let many = [
        "start gr:*",
        "start gr:*",
        "stop gr:* cat",
        "start web:*",
        "restart web:*",
        "stop web:*",
        "stop all",
        "stop all",
        "status all",
        "pid cat talk",
    ];
    compare(PROGRAMS, &with_up(one_by_one.map(Ask).into_iter().chain(many.map(AskMany))));
}

#[test]
fn signals_pids_and_versions_match_the_python_client() {
    compare(
        PROGRAMS,
        &with_up(
            [
                "signal",
                "signal HUP",
                "signal CONT cat",
                "signal CONT stopped",
                "signal NOPE cat",
                "signal CONT nope web:web-0",
                "signal CONT nope:*",
                "signal SIGCONT gr:*",
                "signal 18 all",
                "pid",
                "pid cat stopped",
                "pid cat",
                "pid nope",
                "pid nope cat",
                "pid all",
                "version",
                "version x",
                "avail",
                "avail x",
                "open foo",
                "open https://x",
                "open unix://FOLDER/sock",
                "open http://127.0.0.1:1",
                "open unix://FOLDER/nothing",
            ]
            .map(Ask),
        ),
    );
}

#[test]
fn logs_match_the_python_client() {
    compare(
        PROGRAMS,
        &with_up(
            [
                "tail talk",
                "tail talk stdout",
                "tail talk STDERR",
                "tail -5 talk stderr",
                "tail -0 talk",
                "tail -100000 talk stdout",
                "tail gr:ga",
                "tail mute",
                "tail nope",
                "tail",
                "tail a b c d",
                "tail -f",
                "tail -x talk",
                "tail talk nope",
                "tail talk it's",
                "tail -f nope",
                "tail -f mute stderr",
                "maintail x",
                "maintail -x",
                "maintail a b",
                "clear",
                "clear talk",
                "clear nope",
                "clear gr:ga cat:nope",
                "tail talk",
                "fg",
                "fg a b",
                "fg nope",
                "fg stopped",
            ]
            .map(Ask),
        ),
    );
}

/// Python's daemon counts the characters of this answer where it should count bytes, so
/// that a name with others than ASCII breaks it.
#[test]
fn clearing_all_logs_matches_the_python_client() {
    const TWO: &str = "[program:a]\ncommand=/bin/cat\n[program:b]\ncommand=/bin/cat\n";
    let up = [Said("success: a entered RUNNING"), Said("success: b entered RUNNING")];
    compare(TWO, &up.into_iter().chain([Ask("clear all")]).collect::<Vec<_>>());
}

#[test]
fn changing_the_configuration_matches_the_python_client() {
    const BEFORE: &str = "[program:a]\ncommand=/bin/cat\n[program:b]\ncommand=/bin/cat\n\
                          [program:c]\ncommand=/bin/cat\n";
    const AFTER: &str = "[program:a]\ncommand=/bin/cat\n[program:b]\ncommand=/bin/cat -u\n\
                         [program:d]\ncommand=/bin/cat\n[program:e]\ncommand=/bin/cat\n";
    compare(
        BEFORE,
        &[
            Said("success: a entered RUNNING"),
            Said("success: b entered RUNNING"),
            Said("success: c entered RUNNING"),
            Ask("reread"),
            Ask("reread x"),
            Ask("update"),
            Ask("add"),
            Ask("add a"),
            Ask("add nope a"),
            Ask("remove"),
            Ask("remove nope"),
            Ask("remove a"),
            Configure(AFTER),
            Ask("reread"),
            Ask("avail"),
            Ask("add d"),
            Ask("update nope"),
            Ask("update nope e"),
            Ask("update all"),
            Ask("avail"),
            Ask("update"),
            Ask("stop a"),
            Ask("remove a"),
            Ask("add a"),
            Configure("[program:a]\ncommand=%(nope)s\n"),
            Ask("reread"),
        ],
    );
}

#[test]
fn the_same_options_count_as_a_change() {
    const BEFORE: &str = "[program:a]\ncommand=/bin/cat\n[program:b]\ncommand=/bin/cat\n\
                          [program:c]\ncommand=/bin/cat\n\
                          [program:d]\ncommand=/bin/cat\nstdout_logfile=%(here)s/d\n\
                          [program:e]\ncommand=/bin/cat\nstdout_logfile=%(here)s/e\n\
                          [program:f]\ncommand=/bin/cat\nenvironment=A=1,B=2\n";
    const AFTER: &str = "[program:a]\ncommand=/bin/cat\nstdout_logfile=%(here)s/a\n\
                         [program:b]\ncommand=/bin/cat\nstdout_logfile_maxbytes=1MB\n\
                         [program:c]\ncommand=/bin/cat\nstderr_logfile=NONE\n\
                         [program:d]\ncommand=/bin/cat\n\
                         [program:e]\ncommand=/bin/cat\nstdout_logfile_backups=3\n\
                         [program:f]\ncommand=/bin/cat\nenvironment=B=2,A=1\n";
    let up = [Said("success: a entered RUNNING"), Said("success: f entered RUNNING")];
    let asked = [Ask("reread"), Configure(AFTER), Ask("reread")];
    compare(BEFORE, &up.into_iter().chain(asked).collect::<Vec<_>>());
}

#[test]
fn the_message_about_a_stopping_daemon_matches_the_python_client() {
    const STUBBORN: &str = "[program:stub]\nstopwaitsecs=600\n\
                            command=/bin/sh -c \"trap '' TERM; echo ready; while read x; do :; done\"\n";
    for daemon in DAEMONS {
        let mut sides = Vec::new();
        for client in [Client::Python, Client::Native] {
            let Some(mut place) = Place::with(daemon, STUBBORN) else { return };
            let spawned = place.has_said("spawned: 'stub' with pid");
            let pid: i32 = spawned.rsplit(' ').next().unwrap().parse().unwrap();
            place.has_said("'stub' stdout output");
            let mut told = Vec::new();
            for line in ["shutdown x", "reload x", "shutdown"] {
                told.push(Outcome::run(&mut place.client(client, line), &place));
            }
            place.wait_for("waiting for stub to");
            for line in ["status", "start stub", "reload", "reread", "update", "add x", "remove x"]
            {
                // A start that can't be is told by Python as a mistake of its own.
                let is_start = line == "start stub";
                let said = Outcome::run(&mut place.client(client, line), &place);
                told.push(if is_start { Outcome { stdout: String::new(), ..said } } else { said });
            }
            told.push(Outcome::run(&mut place.client(client, "avail"), &place));
            kill(pid, "KILL");
            place.wait_for_end();
            told.push(Outcome::run(&mut place.client(client, "shutdown"), &place));
            sides.push(told);
        }
        let native = sides.pop().unwrap();
        assert_eq!(sides, [native]);
    }
}

#[test]
fn reload_restarts_the_daemon() {
    const CAT: &str = "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n";
    for daemon in DAEMONS {
        for client in [Client::Python, Client::Native] {
            let Some(mut place) = Place::with(daemon, CAT) else { return };
            place.wait_for("success: cat entered");
            let told = Outcome::run(&mut place.client(client, "reload"), &place);
            assert_eq!((told.code, told.stdout.as_str()), (0, "Restarted supervisord"));
            place.wait_for("supervisord started with pid");
        }
    }
}

const TRIED_AGAIN: &str = "\nerror: <class 'xmlrpc.client.ProtocolError'>, <ProtocolError for \
                           127.0.0.1/RPC2: 401 Unauthorized>";

#[test]
fn the_message_about_an_unreachable_server_matches_the_python_client() {
    for daemon in DAEMONS {
        let Some(place) = Place::with(daemon, "") else { return };
        drop(std::os::unix::net::UnixListener::bind(place.path("stale")).unwrap());
        let mut differences = Vec::new();
        for server in [
            "http://127.0.0.1:1",
            "unix://FOLDER/nothing",
            "unix://FOLDER/stale",
            "unix://FOLDER/t.conf",
            "foo://bar",
            "http://127.0.0.1:PORT",
            "http://localhost:PORT/RPC2 -u ann -p admin",
            "http://127.0.0.1:PORT -u ann -p wrong",
            "http://127.0.0.1:PORT -u bob -p admin",
            "http://127.0.0.1:PORT -u ann",
            "unix://FOLDER/locked",
            "unix://FOLDER/locked -u ann -p admin",
            "unix://FOLDER/locked -u ann -p wrong",
            "unix://FOLDER/sock -u any -p thing",
        ] {
            for action in ["status", "avail", "tail x"] {
                let line = format!("-s {server} {action}");
                let [mut python, native] = [Client::Python, Client::Native]
                    .map(|client| Outcome::run(&mut place.client(client, &line), &place));
                // The Python client tries once more and takes the same answer for a mistake of its own.
                if let Some((first, _)) = python.stdout.split_once(TRIED_AGAIN) {
                    python.stdout = first.to_owned();
                }
                if python != native {
                    differences.push(format!("{line}\npython {python:#?}\nnative {native:#?}"));
                }
            }
        }
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

#[test]
fn command_lines_are_read_like_the_python_clients() {
    let Some(place) = Place::with(DAEMONS[0], "[program:cat]\ncommand=/bin/cat\n") else { return };
    let mut differences = Vec::new();
    for line in [
        "-x",
        "--nope",
        "--h",
        "-s",
        "-s foo status",
        "-s http:// status",
        "-c a -c b",
        "--interactive=1 status",
        "--server=unix://FOLDER/sock version",
        "-unobody -pnothing version",
        "-- version",
        "nope",
        "nope x",
        "!ls",
        "-",
        "?x",
        "? nope",
        "help nope",
        "help",
        "EOF",
        "quit",
        "exit",
        "quit x",
        "version  ",
        "pid-all",
        "Status",
    ] {
        let [python, native] = [Client::Python, Client::Native]
            .map(|client| Outcome::run(&mut place.client(client, line), &place));
        if python != native {
            differences.push(format!("{line}\npython {python:#?}\nnative {native:#?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_script_in_the_shell_gets_the_same_output() {
    let script = "status\n\n  \nnope\nversion\nstop cat\nstart cat\nopen foo\nhelp\nquit\n";
    for daemon in DAEMONS {
        for script in [script, "version\n", ""] {
            let mut sides = Vec::new();
            for client in [Client::Python, Client::Native] {
                let programs = "[program:cat]\ncommand=/bin/cat\n";
                let Some(mut place) = Place::with(daemon, programs) else { return };
                place.wait_for("success: cat entered");
                place.write("script", script);
                let file = std::fs::File::open(place.path("script")).unwrap();
                sides.push(Outcome::run(place.client(client, "").stdin(Stdio::from(file)), &place));
            }
            assert_eq!(sides[0], sides[1]);
        }
    }
}
