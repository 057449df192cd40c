//! What signals do, to the program and to what it inherits of them.

use crate::harness::{Running, supervise};

/// Says `up` and then the name of each signal that it gets; TERM ends it.
const LISTENER: &str = "for s in HUP USR1 USR2 WINCH CONT RTMIN; do trap \"echo got $s\" $s; done; \
                        trap 'echo got TERM; exit 0' TERM; echo up; while :; do sleep 0.05; done";

#[test]
fn signals_without_a_meaning_are_forwarded_to_the_program() {
    let mut running = Running::start(&mut supervise(["bash", "-c", LISTENER]));
    running.stdout.wait_for("up");
    for signal in ["HUP", "USR1", "USR2", "WINCH", "CONT", "RTMIN"] {
        running.signal(signal);
        running.stdout.wait_for(&format!("got {signal}"));
    }
    running.signal("TERM");
    running.stdout.wait_for("got TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn other_signals_have_no_effect() {
    let mut running = Running::start(supervise(["bash", "-c", LISTENER]).env("LOG_LEVEL", "debug"));
    running.stdout.wait_for("up");
    for signal in ["ALRM", "VTALRM", "PROF", "PWR", "IO", "URG", "TSTP", "TTIN"] {
        running.signal(signal);
        running.stderr.wait_for("ignored SIG");
    }
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn the_program_gets_default_dispositions_and_an_empty_mask() {
    // Also if the supervisor itself was started with signals ignored.
    let script = format!(
        "trap '' HUP PIPE USR1 XFSZ CHLD; exec {} grep -E '^Sig(Blk|Ign)' /proc/self/status",
        crate::harness::BINARY
    );
    let mut command = crate::harness::clean("sh", ["-c", &script]);
    let mut running = Running::start(command.env("PROCESS_MAX_START_RETRIES", "0"));
    for field in ["SigBlk:", "SigIgn:"] {
        let line = running.stdout.wait_for(field);
        assert!(line.ends_with("0000000000000000"), "{line}");
    }
    assert_eq!(running.exit_code(), 1);
}
