//! The whole tree goes, and nobody else.

use crate::harness::{Running, is_alive, kill, supervise, wait_gone};

/// A leader with a worker in its group and one that left it by `setsid`.
const FAMILY: &str = "sh -c 'echo member $$; exec sleep 1000' & \
                      setsid sh -c 'echo escaped $$; exec sleep 1000' & \
                      sleep 0.1; echo leader $$; exec sleep 1000";

/// A leader whose workers ignore SIGTERM.
const STUBBORN_FAMILY: &str = "setsid sh -c 'trap \"\" TERM; echo escaped $$; while :; do sleep 0.05; done' & \
     sleep 0.1; echo leader $$; exec sleep 1000";

#[test]
fn workers_of_a_crashed_leader_have_exited_before_the_restart() {
    let mut running = Running::start(&mut supervise(["sh", "-c", FAMILY]));
    let (workers, leader) = family(&mut running);
    kill(leader, "KILL");
    running.stderr.wait_for("killing 2 leftover processes of 'app'");
    running.stderr.wait_for("spawned:");
    assert!(workers.iter().all(|pid| !is_alive(*pid)), "{workers:?}");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_worker_that_ignores_sigterm_is_killed_before_the_restart() {
    let mut running = Running::start(&mut supervise(["sh", "-c", STUBBORN_FAMILY]));
    let escaped = running.stdout.number_after("escaped ");
    kill(running.stdout.number_after("leader "), "KILL");
    let line = running.stderr.wait_for("with SIGKILL");
    assert!(line.contains("leftover process") && line.contains(&escaped.to_string()), "{line}");
    running.stderr.wait_for("spawned:");
    assert!(!is_alive(escaped));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_worker_is_killed_even_without_free_descriptors() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let mut running = Running::start(&mut supervise(["sh", "-c", STUBBORN_FAMILY]));
    let escaped = running.stdout.number_after("escaped ");
    let leader = running.stdout.rewind().number_after("leader ");
    running.stderr.wait_for("entered RUNNING");
    // Fewer than are open: what the leader's end frees is beyond it, what is kept is not.
    let all = Some(8);
    let limit = Rlimit { current: all, maximum: all };
    prlimit(Pid::from_raw(running.pid()), Resource::Nofile, limit).unwrap();
    kill(leader, "KILL");
    let line = running.stderr.wait_for("with SIGKILL");
    assert!(line.contains("leftover process") && line.contains(&escaped.to_string()), "{line}");
    wait_gone(escaped);
    running.signal("TERM");
    running.exit_code();
}

#[test]
fn a_stop_stops_the_whole_process_tree() {
    for script in [FAMILY, STUBBORN_FAMILY] {
        let mut command = supervise(["sh", "-c", script]);
        let mut running = Running::start(command.env("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "2"));
        let escaped = running.stdout.number_after("escaped ");
        let leader = running.stdout.number_after("leader ");
        running.signal("TERM");
        assert_eq!(running.exit_code(), 0);
        assert!(!is_alive(escaped) && !is_alive(leader));
    }
}

#[test]
fn a_worker_without_traces_is_found_if_its_leader_was_alive_at_the_stop() {
    // Another session, another group, an empty environment: only its descent tells,
    // and after the leader's end that is gone.
    let script = "setsid env -i sh -c 'echo hidden $$; exec sleep 1000' & \
                  sleep 0.2; echo leader $$; exec sleep 1000";
    let mut running = Running::start(&mut supervise(["sh", "-c", script]));
    let hidden = running.stdout.number_after("hidden ");
    running.stdout.wait_for("leader");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!is_alive(hidden));
}

#[test]
fn a_worker_in_its_own_cgroup_is_always_found() {
    if !rustix::process::getuid().is_root() {
        return println!("skipped: needs root to mount a cgroup hierarchy");
    }
    // The worker clears all traces and its leader crashes: no other way finds it.
    let script = format!(
        "mount -t cgroup2 none /sys/fs/cgroup; exec {} sh -c \
         'setsid env -i sh -c \"trap : TERM; echo hidden \\$\\$; while :; do sleep 0.05; done\" & \
          sleep 0.3; echo leader $$; exec sleep 1000'",
        crate::harness::BINARY
    );
    let mut running =
        Running::start(&mut crate::harness::clean("unshare", ["--mount", "sh", "-c", &script]));
    let hidden = running.stdout.number_after("hidden ");
    kill(running.stdout.number_after("leader "), "KILL");
    running.stderr.wait_for("with SIGKILL");
    running.stderr.wait_for("spawned:");
    assert!(!is_alive(hidden));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_double_fork_does_not_escape() {
    let script = "(setsid sh -c '(echo daemon $(exec sh -c \"echo \\$PPID\"); exec sleep 1000) &' &) ; \
                  sleep 0.3; echo leader $$; exec sleep 1000";
    let mut running = Running::start(&mut supervise(["sh", "-c", script]));
    let daemon = running.stdout.number_after("daemon ");
    let leader = running.stdout.number_after("leader ");
    assert!(is_alive(daemon));
    kill(leader, "KILL");
    running.stderr.wait_for("leftover process");
    running.stderr.wait_for("spawned:");
    assert!(!is_alive(daemon));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

/// A leader that leaves a process which has forked twice, cleared its environment and left
/// the session, so that nothing links it to the program.
const HIDDEN: &str = "env -i setsid sh -c \"(setsid sh -c 'echo hidden \\$\\$; exec sleep 1000' &)\"; \
                      sleep 0.2; echo leader $$; exec sleep 1000";

#[test]
fn an_orphan_without_traces_is_stopped_before_the_only_program_restarts() {
    let mut running = Running::start(&mut supervise(["sh", "-c", HIDDEN]));
    let hidden = running.stdout.number_after("hidden ");
    kill(running.stdout.number_after("leader "), "KILL");
    running.stderr.wait_for("killing 1 leftover process of 'app'");
    running.stderr.wait_for("spawned:");
    assert!(!is_alive(hidden));
    let next = running.stdout.number_after("hidden ");
    running.stdout.wait_for("leader ");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!is_alive(next));
}

#[test]
fn a_supervisor_without_root_stops_an_orphan_that_is_not_dumpable() {
    if !rustix::process::getuid().is_root() {
        return println!("skipped: needs root to become another user");
    }
    // It may be executed and not read, so its environment is hidden from its own user.
    let place = std::env::temp_dir().join(format!("not-dumpable-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let sleep = place.join("sleep");
    std::fs::copy("/bin/sleep", &sleep).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(&sleep, mode).unwrap();
    let script = format!(
        "setsid sh -c \"(setsid sh -c 'echo hidden \\$\\$; exec {} 1000' &)\"; \
         sleep 0.2; echo leader $$; exec sleep 1000",
        sleep.display()
    );
    let words = ["--reuid=65534", "--regid=65534", "--clear-groups", crate::harness::BINARY];
    let mut command =
        crate::harness::clean("setpriv", words.into_iter().chain(["sh", "-c", &script]));
    let mut running = Running::start(&mut command);
    let hidden = running.stdout.number_after("hidden ");
    kill(running.stdout.number_after("leader "), "KILL");
    running.stderr.wait_for("killing 1 leftover process of 'app'");
    running.stderr.wait_for("spawned:");
    assert!(!is_alive(hidden));
    let next = running.stdout.number_after("hidden ");
    running.stdout.wait_for("leader ");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!is_alive(next));
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn an_ambiguous_orphan_is_stopped_with_the_last_program() {
    let mut running = Running::start(
        supervise(["sh", "-c", HIDDEN]).env("SUPERVISOR_PROGRAM__OTHER_COMMAND", "sleep 1000"),
    );
    let hidden = running.stdout.number_after("hidden ");
    kill(running.stdout.number_after("leader "), "KILL");
    let line = running.stderr.wait_for("cannot tell whether 'app' or another program started");
    assert!(line.contains(&format!("1 process ({hidden}); leaving it alone")), "{line}");
    running.stdout.wait_for("leader ");
    assert!(is_alive(hidden));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!is_alive(hidden));
}

#[test]
fn orphans_of_processes_that_entered_the_container_are_not_signaled() {
    if !rustix::process::getuid().is_root() {
        return println!("skipped: needs root to make a PID namespace");
    }
    let script = "echo leader $$; exec sleep 1000";
    let words = ["--pid", "--fork", "--mount-proc", crate::harness::BINARY, "sh", "-c", script];
    let mut running = Running::start(&mut crate::harness::clean("unshare", words));
    let leader = running.stdout.number_after("leader ").to_string();
    let list = format!("/proc/{0}/task/{0}/children", running.pid());
    let supervisor = std::fs::read_to_string(list).unwrap().trim().to_owned();
    let enter = |script: &str| {
        let words = ["-t", &supervisor, "--pid", "--mount", "env", "-i", "sh", "-c", script];
        crate::harness::clean("nsenter", words).output().unwrap()
    };
    let began = enter("setsid sleep 1000 >/dev/null 2>&1 & echo $!").stdout;
    let stranger = String::from_utf8(began).unwrap().trim().to_owned();
    assert!(enter(&format!("kill -KILL {leader}")).status.success());
    running.stderr.wait_for("exited: app");
    running.stdout.wait_for("leader ");
    assert!(enter(&format!("kill -0 {stranger}")).status.success());
    kill(supervisor.parse().unwrap(), "TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_process_of_another_program_is_not_signaled() {
    let mut running = Running::start(supervise(["sh", "-c", "echo app $$; exec sleep 1000"]).env(
        "SUPERVISOR_PROGRAM__OTHER_COMMAND",
        "sh -c 'setsid sh -c \"echo bystander \\$\\$; exec sleep 1000\" & exec sleep 1000'",
    ));
    let bystander = running.stdout.number_after("bystander ");
    running.stderr.wait_for("success: app");
    kill(pid_of(&mut running, "app"), "KILL");
    running.stderr.wait_for("exited: app");
    running.stderr.wait_for("spawned: 'app'");
    assert!(is_alive(bystander));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!is_alive(bystander));
}

#[test]
fn children_from_before_the_supervisors_exec_are_not_signaled() {
    // As behind an entry script that starts something and then executes us.
    let script = format!(
        "sh -c 'echo older $$; exec sleep 1000' & exec {} sh -c 'echo app $$; exec sleep 1000'",
        crate::harness::BINARY
    );
    let mut running = Running::start(&mut crate::harness::clean("sh", ["-c", &script]));
    let older = running.stdout.number_after("older ");
    let app = running.stdout.rewind().number_after("app ");
    running.stderr.wait_for("success: app");
    kill(app, "KILL");
    running.stderr.wait_for("exited: app");
    running.stderr.wait_for("spawned:");
    assert!(is_alive(older));
    running.signal("TERM");
    // The older child still holds our streams: its end is the end of the output.
    running.stderr.wait_for("stopped: app");
    assert!(is_alive(older));
    kill(older, "KILL");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn killing_the_supervisor_kills_the_program() {
    let mut running = Running::start(&mut supervise(["sh", "-c", "echo up $$; exec sleep 1000"]));
    let pid = running.stdout.number_after("up ");
    running.signal("KILL");
    // The program holds the pipe of its output; that it ends says that it is gone.
    assert_eq!(running.exit_code(), 137);
    wait_gone(pid);
}

fn family(running: &mut Running) -> ([i32; 2], i32) {
    let leader = running.stdout.number_after("leader ");
    let mut worker = |name| running.stdout.rewind().number_after(name);
    ([worker("member "), worker("escaped ")], leader)
}

fn pid_of(running: &mut Running, name: &str) -> i32 {
    running.stderr.rewind().number_after(&format!("spawned: '{name}' with pid "))
}
