//! Where we differ from supervisord 4.3.0 on purpose. COMPATIBILITY.md says the same.
//!
//! A difference is taken out of both transcripts before they are compared, no more of
//! it than the rule says; where a rule can't tell, the scenario does, line by line.

use std::collections::BTreeSet;

use crate::bad::{in_our_words, message};
use crate::scenario::{Scenario, Side};
use crate::transcript::{Record, Transcript};

/// A difference and why it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    pub(crate) id: &'static str,
    pub(crate) reason: &'static str,
    rule: Rule,
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    /// We say lines with one of these texts, at this level, and they don't.
    OursSays(&'static str, &'static [&'static str]),
    /// The transcripts are made the same; says whether there was something to do.
    Always(fn(&mut Transcript, &mut Transcript) -> bool),
    /// The same, where a scenario asks for it.
    Asked(fn(&mut Transcript, &mut Transcript) -> bool),
    /// A scenario says which lines, files or exit codes.
    Declared,
}

/// The table.
pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed {
        id: "exec-failure",
        reason: "If a program cannot be executed, or its user or directory cannot be \
                 used, its start fails, and the main log has the reason. supervisord \
                 starts a child, which writes the reason to the program's log and exits \
                 with 127.",
        rule: Rule::Always(exec_failure),
    },
    Allowed {
        id: "path-shown",
        reason: "If a command is not found, the log shows the PATH that was searched.",
        rule: Rule::Always(path_shown),
    },
    Allowed {
        id: "command-not-repeated",
        reason: "If a command cannot be parsed, the log shows only its first word and the \
                 position of the open quote, because the rest may be a password.",
        rule: Rule::Always(command_not_repeated),
    },
    Allowed {
        id: "dependencies",
        reason: "depends_on, which supervisord ignores, orders starts, and the log names \
                 the programs that wait.",
        rule: Rule::Asked(dependencies),
    },
    Allowed {
        id: "command-lookup",
        reason: "A command is searched as it will be executed: a relative path from the \
                 program's directory, and a name beyond files in the PATH that cannot be \
                 executed.",
        rule: Rule::Declared,
    },
    Allowed {
        id: "which-program",
        reason: "A line after that of the start says that this is standard-supervisor, \
                 because a Python package may have replaced its commands.",
        rule: Rule::OursSays("INFO", &["this is standard-supervisor "]),
    },
    Allowed {
        id: "unknown-names",
        reason: "Unknown options and sections cause a warning, because most of them are \
                 typing errors.",
        rule: Rule::OursSays(
            "WARN",
            &["is ignored: unknown ", "ignoring options of other programs: "],
        ),
    },
    Allowed {
        id: "more-warnings",
        reason: "Values that are probably not intended cause a warning. Their effect is \
                 that of supervisord.",
        rule: Rule::OursSays(
            "WARN",
            &[
                "is negative; using 0",
                "only the one that starts first is kept",
                "; ignoring it",
                "it controls Python's profiler",
            ],
        ),
    },
    Allowed {
        id: "log-cannot-be-opened",
        reason: "If the log of a program cannot be opened, the program runs without it, \
                 after a warning. supervisord does not start the program.",
        rule: Rule::Declared,
    },
    Allowed {
        id: "other-signals",
        reason: "Signals without a meaning are ignored. supervisord exits and leaves its \
                 programs running.",
        rule: Rule::Declared,
    },
    Allowed {
        id: "orphans",
        reason: "Orphans of a program become children of the supervisor with any process \
                 id, and the log shows their exit. supervisord gets them only as process \
                 id 1.",
        rule: Rule::OursSays("INFO", &["reaped unknown pid"]),
    },
    Allowed {
        id: "stdout-once",
        reason: "With logfile=/dev/stdout in the foreground, the log has each line once. \
                 supervisord writes it twice.",
        rule: Rule::Asked(stdout_once),
    },
    Allowed {
        id: "all-mistakes",
        reason: "All errors in a configuration are reported, each with its file and line. \
                 supervisord reports the first.",
        rule: Rule::Asked(all_mistakes),
    },
    Allowed {
        id: "up-at-once",
        reason: "With startsecs=0, a program is RUNNING as soon as it is started, and the \
                 log says so. supervisord may not log it for a program that exits at \
                 once.",
        rule: Rule::Always(up_at_once),
    },
    Allowed {
        id: "searched-as-root",
        reason: "The warning about a configuration that supervisord searched as root has \
                 other words and no line of Python.",
        rule: Rule::Always(searched_as_root),
    },
    Allowed {
        id: "pidfile-failure",
        reason: "If a pidfile cannot be written, the log has the reason and still the \
                 line that the supervisor has started, because people wait for that line.",
        rule: Rule::Declared,
    },
    Allowed {
        id: "own-descriptors",
        reason: "supervisord's debug lines about its own file descriptors and Python \
                 objects have no counterpart.",
        rule: Rule::Always(own_descriptors),
    },
    Allowed {
        id: "below-debug",
        reason: "The levels trace and blather show the internals of supervisord.",
        rule: Rule::Always(below_debug),
    },
];

/// Takes what is allowed out of both. Returns what was used, or a difference that a
/// scenario announced and that isn't there.
pub(crate) fn take_out(
    scenario: &Scenario,
    theirs: &mut Transcript,
    ours: &mut Transcript,
) -> Result<Vec<&'static str>, String> {
    let known = |id: &String| ALLOWED.iter().any(|allowed| allowed.id == id);
    if let Some(id) = scenario.allowed.iter().find(|id| !known(id)) {
        return Err(format!("{id} is not in the table of what is allowed"));
    }
    declared(scenario, theirs, ours)?;
    let mut used = Vec::new();
    for allowed in ALLOWED {
        let asked = scenario.allowed.iter().any(|id| id == allowed.id);
        let applied = match allowed.rule {
            Rule::OursSays(level, texts) => retain(ours, |record| {
                record.level != level || !texts.iter().any(|text| record.text.contains(text))
            }),
            Rule::Always(rule) => rule(theirs, ours),
            Rule::Asked(rule) => asked && rule(theirs, ours),
            Rule::Declared => asked,
        };
        if applied {
            used.push(allowed.id);
        } else if asked {
            return Err(format!("{} is allowed and not needed", allowed.id));
        }
    }
    Ok(used)
}

fn declared(
    scenario: &Scenario,
    theirs: &mut Transcript,
    ours: &mut Transcript,
) -> Result<(), String> {
    fn of<'a>(
        side: Side,
        theirs: &'a mut Transcript,
        ours: &'a mut Transcript,
    ) -> &'a mut Transcript {
        match side {
            Side::Theirs => theirs,
            Side::Ours => ours,
        }
    }
    for (side, text) in &scenario.only {
        let transcript = of(*side, theirs, ours);
        if !retain(transcript, |record| !line(record).contains(text)) {
            return Err(format!("{side}: no line with {text:?}: {:#?}", transcript.logs));
        }
    }
    for (side, name) in &scenario.only_files {
        let transcript = of(*side, theirs, ours);
        if transcript.files.remove(name).is_none() {
            return Err(format!("{side}: no file {name:?}: {:#?}", transcript.files.keys()));
        }
    }
    for (side, code) in &scenario.exits {
        let transcript = of(*side, theirs, ours);
        if std::mem::take(&mut transcript.exit) != *code {
            return Err(format!("{side}: the exit code is not {code}"));
        }
    }
    Ok(())
}

/// What a scenario sees of a message.
fn line(record: &Record) -> String {
    format!("{} {}", record.level, record.text)
}

/// Drops lines from all logs; says whether there were such.
fn retain(transcript: &mut Transcript, keep: impl Fn(&Record) -> bool) -> bool {
    let count = |transcript: &Transcript| transcript.logs.values().map(Vec::len).sum::<usize>();
    let before = count(transcript);
    transcript.logs_mut().for_each(|log| log.retain(&keep));
    count(transcript) < before
}

fn path_shown(_: &mut Transcript, ours: &mut Transcript) -> bool {
    let mut applied = false;
    for record in ours.logs_mut().flatten() {
        if record.text.starts_with("spawnerr: can't find command '")
            && let Some(at) = record.text.find("' in PATH '")
        {
            record.text.truncate(at + 1);
            applied = true;
        }
    }
    applied
}

fn command_not_repeated(theirs: &mut Transcript, ours: &mut Transcript) -> bool {
    const START: &str = "spawnerr: can't parse command ";
    let mut applied = false;
    for record in theirs.logs_mut().flatten().chain(ours.logs_mut().flatten()) {
        let unparsable = [": No closing quotation", ": No escaped character"];
        if record.text.starts_with(START) && unparsable.iter().any(|why| record.text.contains(why))
        {
            record.text.truncate(START.len());
            applied = true;
        }
    }
    applied
}

/// Who waited says so, and is not first: that of starts is then no common order.
fn dependencies(theirs: &mut Transcript, ours: &mut Transcript) -> bool {
    let mut applied = false;
    for log in ours.logs_mut() {
        let before = log.len();
        log.retain(|record| !record.text.starts_with("waiting: "));
        applied |= log.len() < before;
    }
    for log in theirs.logs_mut().chain(ours.logs_mut()) {
        let is_start = |record: &Record| record.text.starts_with("spawned: ");
        let Some(first) = log.iter().position(is_start) else { continue };
        let mut starts: Vec<Record> = log.extract_if(.., |record| is_start(record)).collect();
        starts.sort_by(|one, other| one.text.cmp(&other.text));
        // In front of what follows from them, such as the success of another program.
        log.splice(first..first, starts);
    }
    applied
}

fn stdout_once(theirs: &mut Transcript, _: &mut Transcript) -> bool {
    let Some(stdout) = theirs.logs.get_mut("stdout") else { return false };
    // What programs print to the same place is there once.
    let is_said = |record: &&Record| !record.level.is_empty();
    let said: Vec<&Record> = stdout.iter().filter(is_said).collect();
    let twice = !said.is_empty() && said.chunks(2).all(|pair| pair.first() == pair.get(1));
    if twice {
        let mut is_second = true;
        stdout.retain(|record| {
            if !record.level.is_empty() {
                is_second = !is_second;
            }
            record.level.is_empty() || !is_second
        });
    }
    twice
}

fn all_mistakes(theirs: &mut Transcript, ours: &mut Transcript) -> bool {
    let (theirs, ours) = (&mut theirs.stderr, &mut ours.stderr);
    let Some(message) = message(&in_our_words(&theirs.join("\n"))) else { return false };
    let same = ours.iter().any(|line| line.contains(&message));
    if same {
        theirs.clear();
        ours.clear();
    }
    same
}

fn searched_as_root(theirs: &mut Transcript, ours: &mut Transcript) -> bool {
    let theirs_warns = theirs.stderr.first().is_some_and(|line| {
        line.contains("UserWarning: Supervisord is running as root and it is searching")
    });
    let ours_warns = ours
        .stderr
        .first()
        .is_some_and(|line| line.contains("runs as root and looks for its configuration file"));
    if theirs_warns && ours_warns {
        // Python shows the line of code as well.
        theirs.stderr.drain(..theirs.stderr.len().min(2));
        ours.stderr.remove(0);
    }
    theirs_warns && ours_warns
}

fn own_descriptors(theirs: &mut Transcript, _: &mut Transcript) -> bool {
    retain(theirs, |record| {
        let about = record.text.starts_with("fd ") && record.text.contains("stopped monitoring");
        record.level != "DEBG" || !about
    })
}

fn below_debug(theirs: &mut Transcript, ours: &mut Transcript) -> bool {
    let keep = |record: &Record| record.level != "TRAC" && record.level != "BLAT";
    let applied = retain(theirs, keep);
    retain(ours, keep) || applied
}

/// Nothing once ours says the same: then there is nothing to allow.
/// Puts in `success` where they left it out and startsecs is 0, as the same line
/// elsewhere shows.
fn up_at_once(theirs: &mut Transcript, ours: &mut Transcript) -> bool {
    let ends = " entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)";
    let said = ours.logs.values().chain(theirs.logs.values()).flatten();
    let lines: BTreeSet<String> = said
        .filter(|record| record.text.ends_with(ends))
        .map(|record| record.text.clone())
        .collect();
    let mut applied = false;
    for line in &lines {
        let name = line.trim_start_matches("success: ").trim_end_matches(ends);
        let (spawned, exited) =
            (format!("spawned: '{name}' with pid PID"), format!("exited: {name} ("));
        for log in theirs.logs.values_mut() {
            let mut up = true;
            let mut whole = Vec::with_capacity(log.len());
            for record in log.drain(..) {
                if record.text == spawned {
                    up = false;
                } else if record.text == *line {
                    up = true;
                } else if record.text.starts_with(&exited) && !up {
                    whole.push(Record { level: "INFO".to_owned(), text: line.clone() });
                    applied = true;
                }
                whole.push(record);
            }
            *log = whole;
        }
    }
    applied
}

/// What their child writes where it fails before it is the program.
const IN_VAIN: &str = "supervisor: child process was not spawned\n";

/// Makes `spawned` and `exited … 127` in their logs what it would be with us: the
/// failed start that the program's log tells.
fn exec_failure(theirs: &mut Transcript, _: &mut Transcript) -> bool {
    let mut applied = false;
    let names: Vec<String> = theirs.files.keys().cloned().collect();
    for name in names {
        let Some(file) = theirs.files.get_mut(&name) else { continue };
        let Some((first, _)) = file.content.split_once(IN_VAIN) else { continue };
        let Some(reason) = first.strip_prefix("supervisor: ") else { continue };
        let reason = reason.trim_end().to_owned();
        file.content = file.content.replace(&format!("{first}{IN_VAIN}"), "");
        // A program's log has the program's name here, whatever follows it.
        let program = name.rsplit('/').next().unwrap_or(&name);
        let program = program.split(['-', '.']).next().unwrap_or(program);
        for log in theirs.logs.values_mut() {
            not_spawned(log, program, &reason);
        }
        applied = true;
    }
    applied
}

fn not_spawned(log: &mut Vec<Record>, program: &str, reason: &str) {
    let spawned = format!("spawned: '{program}' with pid PID");
    let exited = format!("exited: {program} (exit status 127; not expected)");
    log.retain(|record| record.text != exited);
    for record in log.iter_mut().filter(|record| record.text == spawned) {
        record.text = format!("spawnerr: {reason}");
    }
}
