//! The comparison itself: it must see what differs, and nothing else.

use crate::allowed::{ALLOWED, take_out};
use crate::bad::judge;
use crate::difference::differences;
use crate::folder::Left;
use crate::run::Outcome;
use crate::scenario::Scenario;
use crate::transcript::Transcript;

const LOG: &str = "\
INFO supervisord started with pid 10
INFO spawned: 'a' with pid 11
INFO spawned: 'b' with pid 12
WARN exited: b (exit status 1; not expected)
INFO success: a entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
INFO spawned: 'b' with pid 13
INFO success: b entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
WARN received SIGTERM indicating exit request
INFO waiting for a, b to die
WARN stopped: b (terminated by SIGTERM)
WARN killing 'a' (11) with SIGKILL
WARN stopped: a (terminated by SIGKILL)";

/// A run that logged this on stdout and left one file.
fn run(log: &str, file: &str) -> Transcript {
    let stamp = |line: &str| format!("2026-01-02 03:04:05,678 {line}");
    let left = Left { kind: "file 0644 of 0:0".to_owned(), content: file.to_owned() };
    Transcript::of(Outcome {
        exit: 0,
        stdout: log.lines().map(stamp).collect(),
        stderr: Vec::new(),
        files: [("a.log".to_owned(), left)].into(),
        folder: "/nowhere".to_owned(),
    })
}

/// Which parts of a log differ from the one above.
fn seen(ours: &str, together: &[Vec<String>]) -> Vec<String> {
    let found = differences(&run(LOG, ""), &run(ours, ""), together);
    found.iter().filter_map(|text| text.lines().next()).map(str::to_owned).collect()
}

fn swapped(first: &str, second: &str) -> String {
    assert!(LOG.contains(first) && LOG.contains(second));
    LOG.replace(first, "(third)").replace(second, first).replace("(third)", second)
}

#[test]
fn equal_runs_have_no_difference() {
    assert!(seen(&LOG.replace("11", "21"), &[]).is_empty());
    let later = swapped(
        "WARN exited: b (exit status 1; not expected)",
        "INFO success: a entered \
         RUNNING state, process has stayed up for > than 1 seconds (startsecs)",
    );
    assert!(seen(&later, &[]).is_empty());
}

#[test]
fn every_kind_of_difference_is_noticed() {
    for line in LOG.lines() {
        let without = LOG.replace(line, "").replace("\n\n", "\n");
        assert!(!seen(without.trim(), &[]).is_empty(), "{line}");
        let other = LOG.replace(line, &line.replacen(['N', 'R'], "X", 1));
        assert!(!seen(&other, &[]).is_empty(), "{line}");
        // That somebody still waits may be said again; all else counts.
        let again = seen(&format!("{LOG}\n{line}"), &[]);
        assert_eq!(again.is_empty(), line.contains("waiting for"), "{line}");
    }
    assert!(!seen(&format!("{LOG}\nWARN more"), &[]).is_empty());
    let files = differences(&run(LOG, "a"), &run(LOG, "b"), &[]);
    assert_eq!(files.len(), 1, "{files:#?}");
    let mut ours = run(LOG, "");
    ours.exit = 1;
    ours.stderr.push("oops".to_owned());
    ours.files.get_mut("a.log").unwrap().kind = "file 0600 of 0:0".to_owned();
    assert_eq!(differences(&run(LOG, ""), &ours, &[]).len(), 3);
    ours.files.clear();
    ours.logs.clear();
    assert_eq!(differences(&run(LOG, ""), &ours, &[]).len(), 4);
}

#[test]
fn a_different_order_of_starts_and_stops_is_a_difference() {
    let started = swapped("spawned: 'a' with pid 11", "spawned: 'b' with pid 12");
    assert_eq!(seen(&started, &[]), ["stdout: order"]);
    let stopped = "WARN killing 'a' (11) with SIGKILL\nWARN stopped: a (terminated by SIGKILL)";
    let last = "WARN stopped: b (terminated by SIGTERM)";
    let stopped = LOG.replace(&format!("{last}\n{stopped}"), &format!("{stopped}\n{last}"));
    assert_eq!(seen(&stopped, &[]), ["stdout: order"]);
}

#[test]
fn processes_of_one_group_may_stop_in_any_order() {
    let together = [vec!["a".to_owned(), "b".to_owned()]];
    let killed = "WARN killing 'a' (11) with SIGKILL\n";
    let one = "WARN stopped: b (terminated by SIGTERM)\n";
    let two = "WARN stopped: a (terminated by SIGKILL)";
    let ours = LOG.replace(&format!("{one}{killed}{two}"), &format!("{killed}{two}\n{one}"));
    assert_ne!(ours, LOG);
    assert_eq!(seen(&ours, &[]), ["stdout: order"]);
    let theirs = run(&LOG.replace(killed, ""), "");
    let ours = run(&ours.replace(killed, ""), "");
    assert!(differences(&theirs, &ours, &together).is_empty());
}

/// What is left of the differences after the table was applied.
fn left(directives: &str, theirs: (&str, &str), ours: (&str, &str)) -> Result<usize, String> {
    let scenario = Scenario::parse("x", directives).unwrap();
    let (mut theirs, mut ours) = (run(theirs.0, theirs.1), run(ours.0, ours.1));
    take_out(&scenario, &mut theirs, &mut ours)?;
    Ok(differences(&theirs, &ours, &[]).len())
}

/// Both ways: a row that nothing stands for would be a promise.
#[test]
fn every_allowed_difference_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../COMPATIBILITY.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, table) = text.split_once("| name | why |\n|---|---|\n").unwrap();
    let rows = ALLOWED.iter().map(|allowed| format!("| `{}` | {} |", allowed.id, allowed.reason));
    let table = table.lines().take_while(|line| line.starts_with('|'));
    assert!(table.eq(rows), "COMPATIBILITY.md and allowed.rs differ");
}

#[test]
fn only_allowed_differences_are_removed() {
    let extra = format!("{LOG}\nWARN x.conf:3: nuprocs of [program:x] is ignored: unknown ");
    assert_eq!(left("", (LOG, ""), (&extra, "")), Ok(0));
    assert_ne!(left("", (&extra, ""), (LOG, "")), Ok(0));
    let short = "INFO spawnerr: can't find command 'x'";
    let long = format!("{short} in PATH '/bin'");
    assert_eq!(left("", (short, ""), (&long, "")), Ok(0));
    assert_ne!(left("", (short, ""), (&long.replace("'x'", "'y'"), "")), Ok(0));
    let twice = LOG.lines().fold(String::new(), |all, line| format!("{all}{line}\n{line}\n"));
    assert_eq!(left("; allow: stdout-once", (&twice, ""), (LOG, "")), Ok(0));
    let once = left("; allow: stdout-once", (&format!("{twice}INFO c"), ""), (LOG, ""));
    assert_ne!(once, Ok(0));
    assert_ne!(left("", (&twice, ""), (LOG, "")), Ok(0));
}

#[test]
fn a_failed_exec_is_a_failed_start() {
    let theirs = "INFO spawned: 'a' with pid 5\nWARN exited: a (exit status 127; not expected)\n\
                  INFO gave up: a entered FATAL state";
    let why = "couldn't exec /x: ENOEXEC";
    let file = format!("supervisor: {why}\nsupervisor: child process was not spawned\n");
    let ours = format!("INFO spawnerr: {why}\nINFO gave up: a entered FATAL state");
    assert_eq!(left("", (theirs, &file), (&ours, "")), Ok(0));
    assert_ne!(left("", (theirs, &file), (&ours.replace("ENOEXEC", "EACCES"), "")), Ok(0));
    assert_ne!(left("", (theirs, &file), (theirs, &file)), Ok(0));
    assert_ne!(left("", (theirs, &file), (&format!("{ours}\n{ours}"), "")), Ok(0));
}

#[test]
fn with_startsecs_0_only_supervisord_may_omit_the_success_line() {
    let up = "INFO success: a entered RUNNING state, process has stayed up for > than 0 seconds \
              (startsecs)\n";
    let (spawned, exited) = ("INFO spawned: 'a' with pid 5\n", "INFO exited: a (exit status 0;");
    let said = format!("{spawned}{up}{exited}");
    let not_said = format!("{spawned}{exited}");
    assert_eq!(left("", (&not_said, ""), (&said, "")), Ok(0));
    assert_ne!(left("", (&said, ""), (&not_said, "")), Ok(0));
    let late = format!("{spawned}{exited}\n{up}");
    assert_ne!(left("", (&not_said, ""), (&late, "")), Ok(0));
}

#[test]
fn output_in_pieces_counts_as_one_output() {
    let whole = run("DEBG 'a' stdout output:", "");
    let with = |bodies: &[&str]| {
        let mut transcript = whole.clone();
        let log = transcript.logs.get_mut("stdout").unwrap();
        let record = log.pop().unwrap();
        log.extend(bodies.iter().map(|body| {
            let mut record = record.clone();
            record.text = format!("{}\n{body}", record.text);
            record
        }));
        transcript
    };
    let (one, two) = (with(&["a\nb\n"]), with(&["a\n", "b\n"]));
    assert!(differences(&one, &two, &[]).is_empty());
    assert!(!differences(&one, &with(&["a\n", "c\n"]), &[]).is_empty());
}

#[test]
fn an_expected_difference_must_occur() {
    let more = format!("{LOG}\nWARN more");
    let directives = "; allow: other-signals\n; only ours: WARN more";
    assert_eq!(left(directives, (LOG, ""), (&more, "")), Ok(0));
    assert!(left(directives, (LOG, ""), (LOG, "")).is_err());
    assert!(left("; allow: stdout-once", (LOG, ""), (LOG, "")).is_err());
    assert!(left("; allow: just-so", (LOG, ""), (LOG, "")).is_err());
    let exit = "; allow: other-signals\n; exit ours: 1";
    assert!(left(exit, (LOG, ""), (LOG, "")).is_err());
}

#[test]
fn a_missing_message_is_noticed() {
    let scenario = Scenario::parse("x", "").unwrap();
    let theirs = "Error: bad thing 'y' in section 'program:x' (file: 'c')\nFor help, use x -h\n";
    assert_eq!(judge(&scenario, theirs, "ERROR: c:3: bad thing 'y', because"), Ok(()));
    assert!(judge(&scenario, theirs, "ERROR: c:3: bad thing 'z'").is_err());
    assert!(judge(&scenario, "fine", "fine").is_err());
    let scenario = Scenario::parse("x", "; error: bad thing").unwrap();
    assert_eq!(judge(&scenario, theirs, "ERROR: bad thing 'z'"), Ok(()));
    assert!(judge(&scenario, theirs, "ERROR: no thing").is_err());
}
