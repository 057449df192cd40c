//! Many clients, and programs that don't stop talking: supervision is not delayed, and
//! what they cost is bounded.

use std::time::{Duration, Instant};

use crate::client::{Client, call, post};
use crate::harness::kill;
use crate::home::{Home, stop};

/// Connections that are open at once.
const CLIENTS: usize = 1000;

/// Calls that each of them makes.
const CALLS: usize = 10;

/// How long a replacement may take meanwhile. An idle machine needs about 2 ms; this is
/// for one whose two processors are shared with the clients, two programs that flood their
/// logs, and other tests.
const REPLACED_WITHIN: Duration = Duration::from_secs(2);

/// Memory that may be added by all of this, in KiB.
const MORE_MEMORY: u64 = 64 * 1024;

#[expect(clippy::disallowed_methods, reason = "how long a replacement takes is the question")]
#[test]
fn a_thousand_clients_and_two_floods_delay_no_restart() {
    let flood = "command=sh -c 'exec yes a line of a log that is not short at all'\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=0\n";
    let home = Home::new(
        "load",
        &format!(
            "minfds=4096\n[unix_http_server]\nfile=%(here)s/s.sock\n\
             [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
             [program:flood1]\n{flood}stdout_logfile=%(here)s/1\n[program:flood2]\n{flood}stdout_logfile=%(here)s/2\n\
             [program:app]\ncommand=sleep 1000\nstartsecs=0\nautorestart=true\n"
        ),
    );
    let mut running = home.start();
    let mut pid = running.stdout.number_after("spawned: 'app' with pid ");
    running.stdout.wait_for("success: app");
    let before = memory(running.pid());
    raise_own_limit();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Client::unix(&home.path("s.sock"))).collect();
    let request = post("/RPC2", "", &call("supervisor.getAllProcessInfo", ""));
    let mut delays = Vec::new();
    for _ in 0..CALLS {
        // All ask before anybody listens to an answer.
        for client in &mut clients {
            client.send(&request);
        }
        let crashed = Instant::now();
        kill(pid, "KILL");
        pid = running.stdout.number_after("spawned: 'app' with pid ");
        delays.push(crashed.elapsed());
        for client in &mut clients {
            let answer = client.answer();
            assert_eq!(answer.status, "HTTP/1.1 200 OK");
            assert!(answer.body.contains("flood2"), "{answer:?}");
        }
    }
    let grown = memory(running.pid()).saturating_sub(before);
    delays.sort();
    println!("crash to replacement: {delays:?}; {grown} KiB more for {CLIENTS} clients");
    assert!(delays.iter().all(|delay| *delay < REPLACED_WITHIN), "{delays:?}");
    assert!(grown < MORE_MEMORY, "{grown} KiB");
    drop(clients);
    stop(&mut running);
}

/// Memory that a process has in use, in KiB.
fn memory(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

pub(crate) fn raise_own_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}
