//! Restarts in place, ends, and the policies of our own.

use crate::harness::{Running, clean, is_alive};
use crate::home::{Home, stop, supervisord};

#[test]
fn a_hangup_reads_the_file_again() {
    let home = Home::new("hangup", "[program:a]\ncommand=sleep 1000\n");
    let mut running = home.start();
    running.stdout.wait_for("success: a");
    home.write(
        "t.conf",
        "[supervisord]\nnodaemon=true\nchildlogdir=%(here)s\n[program:b]\ncommand=sleep 1000\n",
    );
    running.signal("HUP");
    running.stdout.wait_for("received SIGHUP indicating restart request");
    running.stdout.wait_for("stopped: a (terminated by SIGTERM)");
    assert_eq!(running.stdout.number_after("supervisord started with pid "), running.pid());
    running.stdout.wait_for("spawned: 'b'");
    // The logs of the run before are gone.
    assert_eq!(
        home.names(),
        ["b-stderr", "b-stdout", "supervisord.log", "supervisord.pid", "t.conf"]
    );
    stop(&mut running);
}

#[test]
fn a_hangup_with_an_invalid_file_stops_everything_with_an_error() {
    let home = Home::new("broken", "[program:a]\ncommand=sleep 1000\n");
    let mut running = home.start();
    let pid = running.stdout.number_after("spawned: 'a' with pid ");
    home.write("t.conf", "[supervisord]\nloglevel=loud\n");
    running.signal("HUP");
    assert_eq!(running.exit_code(), 2);
    assert!(!is_alive(pid));
    let complaint = running.stderr.rest().join("\n");
    assert!(complaint.contains("t.conf:2: bad logging level name 'loud'"), "{complaint}");
}

#[test]
fn a_stop_exits_with_0_even_if_programs_failed() {
    let home = Home::new(
        "fatal",
        "[program:a]\ncommand=false\nstartretries=0\n[program:b]\ncommand=/no/such/thing\nstartretries=0\n",
    );
    let mut running = home.start();
    running.stdout.wait_for("gave up: a");
    running.stdout.rewind().wait_for("gave up: b");
    stop(&mut running);
}

#[test]
fn giving_up_on_an_essential_program_exits_with_1() {
    let home = Home::new(
        "essential",
        "[program:a]\ncommand=false\nstartretries=0\nessential=true\n[program:b]\ncommand=sleep 1000\n",
    );
    let mut running = home.start();
    assert_eq!(running.exit_code(), 1);
    let lines = running.stdout.rest();
    assert!(lines.iter().any(|line| line.contains("stopped: b")), "{lines:#?}");
}

#[test]
fn a_process_tree_is_stopped_only_with_killtree() {
    let tree = "command=sh -c 'sleep 1000 & echo $!; exec sleep 1000'\n";
    let home = Home::new(
        "trees",
        &format!(
            "[program:kept]\n{tree}stdout_logfile=kept\n[program:ended]\n{tree}stdout_logfile=ended\nkilltree=true\n"
        ),
    );
    let mut running = home.start();
    running.stdout.wait_for("success:");
    running.stdout.wait_for("success:");
    let child = |name: &str| home.lines(name).wait_for("").parse::<i32>().unwrap();
    let (kept, ended) = (child("kept"), child("ended"));
    stop(&mut running);
    assert!(is_alive(kept) && !is_alive(ended));
    crate::harness::kill(kept, "KILL");
}

#[test]
fn the_environment_of_a_program_matches_supervisord() {
    let home = Home::new(
        "environment",
        "environment=A=\"1\",B=\"2\"\n[program:a]\ncommand=env -0\nenvironment=B=\"3\"\nstdout_logfile=out\nserverurl=http://localhost:1\nstartsecs=0\n",
    );
    let mut command = home.command(&["-n"]);
    let mut running =
        Running::start(command.env_clear().env("PATH", "/usr/bin:/bin").env("ODD", "100%s %%"));
    running.stdout.wait_for("exited: a (exit status 0; expected)");
    stop(&mut running);
    let out = home.read("out");
    let mut variables: Vec<&str> = out.split_terminator('\0').collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        [
            "A=1",
            "B=3",
            "ODD=100%s %%",
            "PATH=/usr/bin:/bin",
            "SUPERVISOR_ENABLED=1",
            "SUPERVISOR_GROUP_NAME=a",
            "SUPERVISOR_PROCESS_NAME=a",
            "SUPERVISOR_SERVER_URL=http://localhost:1",
        ]
    );
}

#[test]
fn a_pidfile_of_a_running_supervisor_is_left_alone() {
    let home = Home::new("pidfile", "[program:a]\ncommand=sleep 1000\n");
    let mut first = home.start();
    first.stdout.wait_for("spawned: 'a'");
    let mut second = Running::start(&mut home.command(&["-n", "-l", "/dev/null"]));
    second.stdout.wait_for("belongs to another running supervisor");
    second.stdout.wait_for("spawned: 'a'");
    stop(&mut second);
    assert_eq!(home.read("supervisord.pid"), format!("{}\n", first.pid()));
    stop(&mut first);
    assert!(!home.path("supervisord.pid").exists());
}

#[test]
fn a_closed_terminal_does_not_stop_the_supervisor() {
    let home = Home::new("terminal", "[program:a]\ncommand=sleep 1000\n");
    let (ours, theirs) = crate::harness::terminal();
    let mut child = clean(supervisord(), ["-n", "-c", "t.conf"])
        .current_dir(&home)
        .stdout(std::process::Stdio::from(theirs))
        .spawn()
        .unwrap();
    let mut lines = crate::harness::Lines::of(std::fs::File::from(ours.try_clone().unwrap()));
    lines.wait_for("success: a");
    crate::harness::kill(child.id().cast_signed(), "INT");
    lines.wait_for("received SIGINT indicating exit request");
    drop((ours, lines));
    assert_eq!(crate::harness::status(crate::harness::wait(&mut child)), 0);
}
