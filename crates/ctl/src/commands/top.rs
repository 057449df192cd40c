//! `top`: all programs in a table that updates every second, and keys that act on one program.
//!
//! ```text
//!   API, or getAllProcessInfo ─> table: rows, sorted ─> frame: a screen ─> the terminal
//!                                  ^ keys: select, sort, restart, stop, tail
//! ```
//!
//! Each screen is one write that overwrites the previous screen, so nothing flickers. Without a
//! terminal the table is printed once.

mod frame;
mod table;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use supervisor_sys::clock::Clock;
use supervisor_wire::xmlrpc::Value;

use self::frame::{ENTER, Frame, LEAVE};
use self::table::{Row, Table};
use super::{Done, help, logs};
use crate::answer;
use crate::client::Followed;
use crate::error::{CtlError, shown};
use crate::fault;
use crate::session::{GENERIC, Session};

/// Time from one update to the next.
const EVERY: Duration = Duration::from_secs(1);

/// Time between the two samples from which a table that is printed once computes the CPU usage.
const ONCE_OVER: Duration = Duration::from_millis(500);

/// The API's path of the list of all programs.
const PROGRAMS: &str = "/api/v1/programs";

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;

/// The table that is shown, and the clock.
struct View {
    table: Table,
    clock: Clock,
}

impl View {
    fn look(&mut self, session: &mut Session<'_>) -> Done {
        let rows = look(session)?;
        self.table.take(self.clock.mono().since_zero(), rows);
        Ok(())
    }
}

/// The action of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Up,
    Down,
    Restart,
    /// Stops a running program, and starts a stopped one.
    Stop,
    Tail,
    Sort,
    Quit,
    Yes,
    Other,
}

pub(super) fn top(session: &mut Session<'_>, words: &str) -> Done {
    if !words.is_empty() {
        return help::no_arguments(session, "top");
    }
    if !session.is_up()? {
        return Ok(());
    }
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let live = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !dumb;
    let mut view = View { table: Table::default(), clock: Clock::start() };
    view.look(session)?;
    if !live {
        pause(ONCE_OVER);
        view.look(session)?;
        return view.table.lines().iter().try_for_each(|line| session.say(line));
    }
    session.out.flush().map_err(CtlError::StdoutClosed)?;
    let raw = session.input.keys_at_once();
    let done = write(ENTER).and_then(|()| follow(session, &mut view));
    session.input.show(raw);
    write(LEAVE)?;
    done
}

/// All programs as they are now. Other daemons return fewer fields.
fn look(session: &mut Session<'_>) -> Result<Vec<Row>, CtlError> {
    let mut answer = Vec::new();
    if let Ok(Followed::Ended) = session.remote.follow(PROGRAMS, &mut answer)
        && let Ok(all) = serde_json::from_slice::<serde_json::Value>(&answer)
        && let Some(programs) = all["programs"].as_array()
    {
        return Ok(programs.iter().map(Row::of_api).collect());
    }
    let infos = answer::infos(session.call("getAllProcessInfo", &[])?)?;
    Ok(infos.iter().map(Row::of_info).collect())
}

/// Draws the screen and runs the actions of keys until a key quits.
fn follow(session: &mut Session<'_>, view: &mut View) -> Done {
    let mut notice = String::new();
    loop {
        write(&Frame::of_terminal().draw(&view.table, session.remote.url(), &notice))?;
        let Some(keys) = session.input.keys(EVERY) else { return Ok(()) };
        if keys.is_empty() {
            view.look(session)?;
            continue;
        }
        for key in read(&keys) {
            notice.clear();
            match key {
                Key::Up => view.table.select(-1),
                Key::Down => view.table.select(1),
                Key::Sort => view.table.sort_by_next(),
                Key::Quit => return Ok(()),
                Key::Restart | Key::Stop => notice = act(session, view, key)?,
                Key::Tail => tail(session, &view.table)?,
                Key::Yes | Key::Other => {}
            }
        }
    }
}

/// Waits, so that programs use some CPU time.
#[expect(clippy::disallowed_methods, reason = "there is no event to wait for: time is measured")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The keys in the bytes of a terminal.
fn read(mut bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    while let Some((first, rest)) = bytes.split_first() {
        let (key, length) = match (first, rest) {
            (0x1b, [b'[' | b'O', b'A', ..]) => (Key::Up, 3),
            (0x1b, [b'[' | b'O', b'B', ..]) => (Key::Down, 3),
            (b'k', _) => (Key::Up, 1),
            (b'j', _) => (Key::Down, 1),
            (b'r', _) => (Key::Restart, 1),
            (b's', _) => (Key::Stop, 1),
            (b't', _) => (Key::Tail, 1),
            (b'o', _) => (Key::Sort, 1),
            (b'y' | b'Y', _) => (Key::Yes, 1),
            (b'q' | &CTRL_C | &CTRL_D, _) => (Key::Quit, 1),
            (_, _) => (Key::Other, 1),
        };
        keys.push(key);
        bytes = bytes.get(length..).unwrap_or_default();
    }
    keys
}

/// Asks the user to confirm the action of a key and runs it. Returns the notice to show.
fn act(session: &mut Session<'_>, view: &mut View, key: Key) -> Result<String, CtlError> {
    let Some(row) = view.table.selected() else { return Ok(String::new()) };
    let (name, runs) = (row.name.clone(), row.runs());
    let (verb, calls): (_, &[&str]) = match (key, runs) {
        (Key::Restart, true) => ("restart", &["standard.restartProcess"]),
        (Key::Restart, false) | (_, false) => ("start", &["startProcess"]),
        (_, true) => ("stop", &["stopProcess"]),
    };
    let question = format!("{verb} {name}? y/N");
    write(&Frame::of_terminal().draw(&view.table, session.remote.url(), &question))?;
    let answer = loop {
        match session.input.keys(EVERY) {
            None => return Ok(String::new()),
            Some(keys) if keys.is_empty() => {}
            Some(keys) => break read(&keys).contains(&Key::Yes),
        }
    };
    if !answer {
        return Ok(format!("{name}: nothing done"));
    }
    let parameters = [Value::String(name.clone()), Value::Bool(false)];
    for call in calls {
        match session.call(call, &parameters) {
            Ok(_) => {}
            // Python's supervisord does not have this method.
            Err(trouble) if trouble.is_fault(fault::UNKNOWN_METHOD) => {
                session.call("stopProcess", &parameters[..1])?;
                session.call("startProcess", &parameters)?;
            }
            Err(trouble) => match trouble.fault() {
                Some(fault) => return Ok(format!("{name}: {}", shown(fault))),
                None => return Err(trouble),
            },
        }
    }
    view.look(session)?;
    Ok(format!("{name}: {verb} requested"))
}

/// Follows the output of the selected program until Ctrl-C.
fn tail(session: &mut Session<'_>, table: &Table) -> Done {
    let Some(row) = table.selected() else { return Ok(()) };
    let name = row.name.clone();
    let cooked = session.input.lines_again();
    write(LEAVE)?;
    let done = logs::tail(session, &format!("-f {name}"));
    session.out.flush().map_err(CtlError::StdoutClosed)?;
    session.input.show(cooked);
    write(ENTER)?;
    match done {
        Ok(()) | Err(CtlError::Interrupted) => Ok(()),
        Err(trouble) => session.fail(GENERIC, &format!("error: {trouble}")),
    }
}

fn write(text: &str) -> Done {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(CtlError::StdoutClosed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_keys_are_read_from_one_piece_of_input() {
        use Key::{Down, Other, Quit, Restart, Sort, Stop, Tail, Up, Yes};
        let keys = read(b"\x1b[A\x1bOBkjrstoyx\x03");
        assert_eq!(keys, [Up, Down, Up, Down, Restart, Stop, Tail, Sort, Yes, Other, Quit]);
        assert_eq!(read(b"\x1b"), [Other]);
        assert_eq!(read(b""), []);
    }
}
