//! `start`, `stop`, `restart` and `signal`.

use supervisor_wire::xmlrpc::Value;

use super::{Done, help};
use crate::answer::{self, Outcome};
use crate::command_line;
use crate::error::CtlError;
use crate::fault;
use crate::render::{namespec, split_namespec};
use crate::session::{GENERIC, Session};

/// Exit status of a command with a missing argument.
const INVALID_ARGUMENTS: u8 = 2;

/// Exit status if a process that should run does not.
const DEAD: u8 = 7;

/// Process name that means all processes of a group.
const WHOLE_GROUP: &str = "*";

/// An action on processes: its calls and its messages.
struct Deed {
    one: &'static str,
    /// Method for a whole group; `None`: there is no such method.
    group: Option<&'static str>,
    all: &'static str,
    /// Word for success.
    done: &'static str,
    /// Fault code of an action that was not necessary, which is not a failure.
    needless: Option<i32>,
    /// Exit status if the group does not exist.
    no_such_group: u8,
    /// Whether a failure is reported only in the supervisor's own words.
    bare: bool,
}

const START: Deed = Deed {
    one: "startProcess",
    group: Some("startProcessGroup"),
    all: "startAllProcesses",
    done: "started",
    needless: Some(fault::ALREADY_STARTED),
    no_such_group: INVALID_ARGUMENTS,
    bare: false,
};

const STOP: Deed = Deed {
    one: "stopProcess",
    group: Some("stopProcessGroup"),
    all: "stopAllProcesses",
    done: "stopped",
    needless: Some(fault::NOT_RUNNING),
    no_such_group: GENERIC,
    bare: true,
};

/// The argument that restarts one process after the other.
const ROLLING: &str = "--rolling";

const RESTART_ROLLING: Deed = Deed {
    one: "standard.restartRolling",
    group: Some("standard.restartRolling"),
    all: "standard.restartRolling",
    done: "restarted",
    needless: None,
    no_such_group: GENERIC,
    bare: false,
};

const SIGNAL: Deed = Deed {
    one: "signalProcess",
    group: Some("signalProcessGroup"),
    all: "signalAllProcesses",
    done: "signalled",
    needless: None,
    no_such_group: GENERIC,
    bare: true,
};

const CLEAR: Deed = Deed {
    one: "clearProcessLogs",
    group: None,
    all: "clearAllProcessLogs",
    done: "cleared",
    needless: None,
    no_such_group: GENERIC,
    bare: false,
};

pub(super) fn start(session: &mut Session<'_>, words: &str) -> Done {
    begin(session, words, "start", INVALID_ARGUMENTS, |session, names| {
        session.do_to(&START, names, None)
    })
}

pub(super) fn stop(session: &mut Session<'_>, words: &str) -> Done {
    begin(session, words, "stop", GENERIC, |session, names| session.do_to(&STOP, names, None))
}

pub(super) fn restart(session: &mut Session<'_>, words: &str) -> Done {
    begin(session, words, "restart", GENERIC, |session, names| {
        if let [ROLLING, names @ ..] = names {
            return session.restart_rolling(names);
        }
        session.do_to(&STOP, names, None)?;
        session.do_to(&START, names, None)
    })
}

pub(super) fn clear(session: &mut Session<'_>, words: &str) -> Done {
    begin(session, words, "clear", GENERIC, |session, names| session.do_to(&CLEAR, names, None))
}

pub(super) fn signal(session: &mut Session<'_>, words: &str) -> Done {
    if !session.is_up()? {
        return Ok(());
    }
    match command_line::words(words)[..] {
        [signal, ref names @ ..] if !names.is_empty() => {
            session.do_to(&SIGNAL, names, Some(signal))
        }
        [] | [..] => {
            let complaint = "Error: signal requires a signal name and a process name";
            session.fail(GENERIC, complaint)?;
            help::usage(session, "signal")
        }
    }
}

/// Checks that the supervisor can be reached and that names are given.
fn begin(
    session: &mut Session<'_>,
    words: &str,
    command: &str,
    status: u8,
    go_on: impl FnOnce(&mut Session<'_>, &[&str]) -> Done,
) -> Done {
    if !session.is_up()? {
        return Ok(());
    }
    let names = command_line::words(words);
    if !names.is_empty() {
        return go_on(session, &names);
    }
    session.fail(status, &format!("Error: {command} requires a process name"))?;
    help::usage(session, command)
}

impl Session<'_> {
    fn do_to(&mut self, deed: &Deed, names: &[&str], signal: Option<&str>) -> Done {
        let with = |name: Option<&str>| -> Vec<Value> {
            name.into_iter().chain(signal).map(|word| Value::String(word.to_owned())).collect()
        };
        if names.contains(&"all") {
            let outcomes = answer::outcomes(&self.call(deed.all, &with(None))?)?;
            return outcomes.iter().try_for_each(|outcome| self.tell(deed, outcome));
        }
        for name in names {
            let (group, process) = split_namespec(name);
            match (process, deed.group) {
                (None, Some(call)) => match self.call(call, &with(Some(group))) {
                    Ok(results) => {
                        for outcome in answer::outcomes(&results)? {
                            self.tell(deed, &outcome)?;
                        }
                    }
                    Err(trouble) if trouble.is_fault(fault::BAD_NAME) => {
                        let complaint = format!("{group}: ERROR (no such group)");
                        self.fail(deed.no_such_group, &complaint)?;
                    }
                    Err(trouble) => return Err(trouble),
                },
                (process, _) => {
                    let result = self.call(deed.one, &with(Some(name)));
                    let process = process.unwrap_or(WHOLE_GROUP);
                    self.tell(deed, &outcome(result, group, process)?)?;
                }
            }
        }
        Ok(())
    }

    /// Restarts processes one after the other, up to the first that does not become ready.
    fn restart_rolling(&mut self, names: &[&str]) -> Done {
        if names.is_empty() {
            self.fail(GENERIC, "Error: restart --rolling requires a process name")?;
            return help::usage(self, "restart");
        }
        let deed = &RESTART_ROLLING;
        for name in names {
            let (group, process) = split_namespec(name);
            match self.call(deed.one, &[Value::String((*name).to_owned())]) {
                Ok(results) => {
                    for outcome in answer::outcomes(&results)? {
                        self.tell(deed, &outcome)?;
                        if outcome.status != fault::SUCCESS {
                            return self
                                .say("rolling restart stopped; the others run on as they are");
                        }
                    }
                }
                result @ Err(_) => {
                    let process = process.unwrap_or(WHOLE_GROUP);
                    return self.tell(deed, &outcome(result, group, process)?);
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self, deed: &Deed, outcome: &Outcome) -> Done {
        if let Some(status) = status(outcome.status, deed.needless) {
            self.status = status;
        }
        self.say(&told(deed, outcome))
    }
}

/// The result for one process.
fn outcome(result: Result<Value, CtlError>, group: &str, name: &str) -> Result<Outcome, CtlError> {
    let (status, description) = match result {
        Ok(_) => (fault::SUCCESS, String::new()),
        Err(trouble) => match trouble.fault() {
            Some(fault) => (fault.code, fault.text.clone()),
            None => return Err(trouble),
        },
    };
    Ok(Outcome { name: name.to_owned(), group: group.to_owned(), status, description })
}

/// The exit status for a result.
fn status(code: i32, needless: Option<i32>) -> Option<u8> {
    if code == fault::SUCCESS || Some(code) == needless {
        return None;
    }
    let dead = [fault::SPAWN_ERROR, fault::ABNORMAL_TERMINATION, fault::NOT_RUNNING];
    Some(if dead.contains(&code) { DEAD } else { GENERIC })
}

fn told(deed: &Deed, outcome: &Outcome) -> String {
    let name = namespec(&outcome.group, &outcome.name);
    let reason = match outcome.status {
        fault::SUCCESS => return format!("{name}: {}", deed.done),
        fault::FAILED if deed.bare => return outcome.description.clone(),
        fault::FAILED if deed.done == CLEAR.done => "failed",
        fault::BAD_NAME => "no such process",
        fault::BAD_SIGNAL => "bad signal name",
        fault::NO_FILE => "no such file",
        fault::NOT_EXECUTABLE => "file is not executable",
        fault::ABNORMAL_TERMINATION => "abnormal termination",
        fault::SPAWN_ERROR => "spawn error",
        fault::ALREADY_STARTED => "already started",
        fault::NOT_RUNNING => "not running",
        _ => &outcome.description,
    };
    format!("{name}: ERROR ({reason})")
}
