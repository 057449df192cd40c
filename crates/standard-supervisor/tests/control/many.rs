//! Long responses about many programs do not delay other clients.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::client::{Client, call, post};
use crate::harness::{Running, free_port};
use crate::home::{Home, stop};
use crate::overload::{ANSWERED_WITHIN, answered, processor_time};

/// Programs that are not running, and programs that are. The response about a running program
/// takes longer because the supervisor reads the resource usage of its process tree.
const STOPPED: usize = 3000;
const RUNNING: usize = 300;

/// Processor time that one response about all programs may take. Without optimization it takes
/// about ten times as long.
const RESPONSE_WITHIN: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });

/// A supervisor with many programs, its status port and its operators' port.
fn started() -> (Home, Running, [u16; 2]) {
    let [status, operators] = [free_port(), free_port()];
    let program = |name: &str, count: usize, rest: &str| {
        format!(
            "[program:{name}]\ncommand=sleep 1000\nnumprocs={count}\n\
             process_name=%(process_num)04d\nstdout_logfile=NONE\nstderr_logfile=NONE\n{rest}\n"
        )
    };
    let home = Home::new(
        "many",
        &format!(
            "minfds=4096\nstatus_port=127.0.0.1:{status}\n\
             [inet_http_server]\nport=127.0.0.1:{operators}\n\
             [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n{}{}",
            program("stopped", STOPPED, "autostart=false"),
            program("running", RUNNING, "startsecs=0"),
        ),
    );
    let mut running = home.start();
    running.stdout.wait_for(&format!("success: {:04} entered RUNNING", RUNNING - 1));
    (home, running, [status, operators])
}

#[test]
fn responses_about_thousands_of_programs_delay_no_other_client() {
    let (_home, mut running, [status, operators]) = started();
    let pid = running.pid();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let all_info = post("/RPC2", "", &call("supervisor.getAllProcessInfo", ""));
    // Each response contains the marker once for each program.
    for (what, port, request, marker) in [
        ("the page", operators, get("/"), "<tr data-name="),
        ("the API", operators, get("/api/v1/programs"), "\"process\":"),
        ("supervisorctl status", operators, all_info, "<name>statename</name>"),
        ("the metrics", status, get("/metrics"), "\nstandard_supervisor_process_up{"),
    ] {
        let done = AtomicBool::new(false);
        let (body, took, delays) = thread::scope(|scope| {
            let prober = scope.spawn(|| {
                let mut delays = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    delays.push(answered(pid, status));
                }
                delays
            });
            let before = processor_time(pid);
            let body = Client::tcp(port).send(&request).answer().body;
            let took = processor_time(pid) - before;
            done.store(true, Ordering::Relaxed);
            (body, took, prober.join().unwrap())
        });
        let longest = delays.iter().max().unwrap();
        println!("{what}: {} bytes in {took:?}, /livez within {longest:?}", body.len());
        assert_eq!(body.matches(marker).count(), STOPPED + RUNNING, "{what}");
        assert!(*longest < ANSWERED_WITHIN, "{what}: {delays:?}");
        // A response made in one step would delay a probe by almost all of its time, however fast
        // the machine is.
        assert!(*longest * 10 < took * 6, "{what}, {took:?}: {delays:?}");
        assert!(took < RESPONSE_WITHIN, "{what}: {took:?}");
    }
    stop(&mut running);
}

/// Programs that end at once. Each is restarted five times in a second, which is more work than one
/// processor can do without optimization.
const CRASHING: usize = 300;

#[test]
fn programs_that_are_restarted_all_the_time_delay_no_client() {
    let operators = free_port();
    let home = Home::new(
        "crashing",
        &format!(
            "minfds=4096\n[inet_http_server]\nport=127.0.0.1:{operators}\n\
             [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
             [program:short]\ncommand=true\nnumprocs={CRASHING}\nprocess_name=%(process_num)d\n\
             startsecs=0\nautorestart=true\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
        ),
    );
    let mut running = home.start();
    running.stdout.wait_for(&format!("spawned: '{}' with", CRASHING - 1));
    let pid = running.pid();
    for _ in 0..5 {
        let before = processor_time(pid);
        let state = post("/RPC2", "", &call("supervisor.getState", ""));
        let answer = Client::tcp(operators).send(&state).answer();
        assert!(answer.body.contains("RUNNING"), "{}", answer.body);
        let took = processor_time(pid) - before;
        println!("answered within {took:?}");
        assert!(took < ANSWERED_WITHIN, "{took:?}");
    }
    stop(&mut running);
}
