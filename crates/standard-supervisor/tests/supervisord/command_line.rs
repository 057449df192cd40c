//! Options, usage errors, the search for a file, `--check`.

use crate::harness::{Running, clean};
use crate::home::{Home, stop, supervisord};

/// Exit code, stdout and stderr.
fn run(command: &mut std::process::Command) -> (i32, String, String) {
    let mut running = Running::start(command);
    let code = running.exit_code();
    (code, running.stdout.rest().join("\n"), running.stderr.rest().join("\n"))
}

#[test]
fn help_and_version_are_printed() {
    for word in ["-h", "--help", "-?"] {
        let (code, out, err) = run(&mut clean(supervisord(), [word]));
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.starts_with("supervisord -- run a set of applications"), "{out}");
        assert!(out.contains("\n  -l/--logfile FILENAME -- use FILENAME as"), "{out}");
    }
    let (code, out, _) = run(&mut clean(supervisord(), ["--version"]));
    assert_eq!((code, out.as_str()), (0, "4.3.0"));
}

#[test]
fn usage_errors_end_with_2_and_point_to_the_help() {
    let supervisord = supervisord();
    for (words, message) in [
        (&["-x"][..], "Error: option -x not recognized"),
        (&["--chekc"], "Error: option --chekc not recognized; did you mean --check?"),
        (&["-n", "web"], "Error: positional arguments are not supported: ['web']"),
        (&["-c", "/nowhere/x.conf"], "Error: could not find config file /nowhere/x.conf"),
        (&["-c", "/"], "Error: could not read config file /: "),
    ] {
        let (code, out, err) = run(&mut clean(supervisord, words));
        assert_eq!((code, out.as_str()), (2, ""), "{words:?}");
        assert!(err.contains(message), "{err}");
        assert!(err.ends_with(&format!("\nFor help, use {supervisord} -h")), "{err}");
    }
}

#[test]
fn all_errors_in_a_file_are_reported_at_once_and_nothing_starts() {
    let home = Home::new(
        "mistakes",
        "loglevel=loud\n[program:a]\ncommand=touch started\nautostart=maybe\n[program:b]\n",
    );
    let (code, out, err) = run(&mut home.command(&["-n", "-y", "many"]));
    assert_eq!((code, out.as_str()), (2, ""));
    for message in [
        "Error: t.conf:3: bad logging level name 'loud' in section 'supervisord'; ",
        "Error: t.conf:6: not a valid boolean value: 'maybe' in section 'program:a'; ",
        "Error: t.conf:7: program section program:b does not specify a command in section 'program:b'",
        "Error: invalid value for -y 'many': not a whole number: 'many'",
    ] {
        assert!(err.contains(message), "{message}\n{err}");
    }
    assert_eq!(home.names(), ["t.conf"]);
}

#[test]
fn check_of_a_file_prints_the_effective_configuration() {
    let home = Home::new("check", "[program:a]\ncommand=touch started\nstartsec=3\n");
    let (code, out, err) = run(&mut home.command(&["--check", "-e", "debug"]));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("[program:a]\ncommand = touch started  "), "{out}");
    assert!(out.contains("loglevel = debug") && out.contains("stopwaitsecs = 10"), "{out}");
    assert!(err.contains("WARN: t.conf:5: startsec of [program:a] is ignored"), "{err}");
    assert_eq!(home.names(), ["t.conf"]);

    home.write("t.conf", "[supervisord]\n[program:a]\n");
    assert_eq!(run(&mut home.command(&["--check"])).0, 2);

    let cut = "[supervisord]\n[program:a]\ncommand=bash -c 'while : ; do :; done'\n\
               [program:b]\ncommand=/no/such\n[program:c]\ncommand=sleep 1\n";
    home.write("t.conf", cut);
    let (code, out, err) = run(&mut home.command(&["--check"]));
    assert_eq!((code, out.contains("[program:c]")), (2, true), "{err}");
    let complaints = "Error: a: can't parse command 'bash …': No closing quotation for ' at \
                      character 9; the value ends before ' ;' in line 3, where a comment begins\n\
                      Error: b: can't find command '/no/such'";
    assert_eq!(err, complaints);
}

#[test]
fn a_file_is_searched_in_the_current_directory() {
    let home = Home::new("search", "");
    home.write(
        "supervisord.conf",
        "[supervisord]\nnodaemon=true\n[program:a]\ncommand=sleep 100\n",
    );
    let mut running = Running::start(clean(supervisord(), [""; 0]).current_dir(&home));
    running.stdout.wait_for("spawned: 'a'");
    stop(&mut running);
    let warned =
        running.stderr.rest().iter().any(|line| line.contains("set -c to an absolute path"));
    assert_eq!(warned, rustix::process::getuid().is_root());
}

#[test]
fn an_unknown_option_of_several_processes_is_reported_once() {
    let home = Home::new(
        "unknown",
        "[program:a]\ncommand=sleep 100\nnumprocs=3\nprocess_name=%(process_num)d\nstartsec=3\n",
    );
    let mut running = home.start();
    running.stdout.wait_for("spawned: '2'");
    stop(&mut running);
    let lines = running.stdout.rest();
    let said: Vec<_> =
        lines.iter().filter(|line| line.contains("startsec of [program:a]")).collect();
    assert_eq!(said.len(), 1, "{lines:#?}");
    assert!(said[0].contains("WARN t.conf:7:") && said[0].ends_with("did you mean startsecs?"));
}
