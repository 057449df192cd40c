//! Each command line leads to these calls, and to this output of their answers.

use std::collections::VecDeque;
use std::io::{self, Write};

use supervisor_wire::xmlrpc::{Fault, Value};

use crate::client::{Client, Followed, Remote};
use crate::error::CtlError;
use crate::input::Input;
use crate::session::Session;

type Answer = Result<Value, CtlError>;

/// A daemon that returns these results and records its calls.
struct Daemon {
    answers: VecDeque<Answer>,
    asked: Vec<String>,
}

impl Remote for Daemon {
    fn url(&self) -> &'static str {
        "unix:///s"
    }

    fn set_url(&mut self, url: &str) {
        self.asked.push(format!("url {url}"));
    }

    fn set_credentials(&mut self, username: String, password: String) {
        self.asked.push(format!("as {username} {password}"));
    }

    fn call(&mut self, method: &str, params: &[Value]) -> Answer {
        if method == "getVersion" && self.asked.is_empty() {
            return Ok(text("3.0"));
        }
        let params: Vec<_> = params.iter().map(shown).collect();
        self.asked.push(format!("{method}({})", params.join(", ")));
        self.answers.pop_front().unwrap_or_else(|| panic!("{method} has no answer"))
    }

    fn follow(&mut self, path: &str, out: &mut dyn Write) -> Result<Followed, CtlError> {
        self.asked.push(path.to_owned());
        out.write_all(b"piece\n").map_err(CtlError::StdoutClosed)?;
        Ok(Followed::Interrupted)
    }

    fn client(&mut self) -> Option<&mut Client> {
        None
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.as_int().unwrap_or_default().to_string(), str::to_owned)
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn fault(code: i32, text: &str) -> Answer {
    Err(CtlError::Fault(Fault { code, text: text.to_owned() }))
}

fn done() -> Answer {
    Ok(Value::Bool(true))
}

fn list<const N: usize>(values: [Value; N]) -> Value {
    Value::Array(values.into())
}

fn outcome(group: &str, name: &str, status: i64, description: &str) -> Value {
    let members = [("name", name), ("group", group), ("description", description)];
    let mut members: Vec<_> = members.map(|(key, value)| (key.to_owned(), text(value))).into();
    members.push(("status".to_owned(), Value::Int(status)));
    Value::Struct(members)
}

fn process(group: &str, name: &str, state: i64, statename: &str) -> Value {
    let texts = [("name", name), ("group", group), ("statename", statename), ("description", "d")];
    let mut members: Vec<_> = texts.map(|(key, value)| (key.to_owned(), text(value))).into();
    members.extend([("state", state), ("pid", 7)].map(|(k, v)| (k.to_owned(), Value::Int(v))));
    Value::Struct(members)
}

/// The outcome of a line: calls, output, errors and exit status.
struct Came {
    asked: Vec<String>,
    said: String,
    complained: String,
    status: u8,
}

fn type_in<const N: usize>(line: &str, answers: [Answer; N]) -> Came {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    drop(writer);
    answered(line, answers, false, &mut Input::over(reader))
}

fn answered<const N: usize>(
    line: &str,
    answers: [Answer; N],
    interactive: bool,
    input: &mut Input,
) -> Came {
    let mut daemon = Daemon { answers: answers.into(), asked: Vec::new() };
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let mut session = Session {
        remote: &mut daemon,
        input,
        editor: None,
        out: &mut said,
        complaints: &mut complained,
        interactive,
        status: 0,
    };
    session.carry_out(line).unwrap();
    let status = session.status;
    assert!(daemon.answers.is_empty(), "{line}: {:?} was not asked for", daemon.answers);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Came { asked: daemon.asked, said: text(said), complained: text(complained), status }
}

#[test]
fn every_rejected_start_has_its_message_and_exit_status() {
    for (code, words, status) in [
        (10, "no such process", 1),
        (20, "no such file", 1),
        (21, "file is not executable", 1),
        (40, "abnormal termination", 7),
        (50, "spawn error", 7),
        (60, "already started", 0),
        (30, "FAILED: why", 1),
    ] {
        let came = type_in("start g:a", [fault(code, "FAILED: why")]);
        assert_eq!(came.said, format!("g:a: ERROR ({words})\n"));
        assert_eq!((came.status, came.asked), (status, vec!["startProcess(g:a)".to_owned()]));
    }
}

#[test]
fn a_group_takes_one_request_and_each_other_name_one() {
    let group = list([outcome("g", "a", 80, "OK"), outcome("g", "b", 70, "NOT_RUNNING: g:b")]);
    let came = type_in("stop g:* x", [Ok(group), done()]);
    assert_eq!(came.asked, ["stopProcessGroup(g)", "stopProcess(x)"]);
    assert_eq!(came.said, "g:a: stopped\ng:b: ERROR (not running)\nx: stopped\n");
    assert_eq!(came.status, 0);
}

#[test]
fn an_unexpected_failure_has_the_daemons_message() {
    let came = type_in("stop x", [fault(30, "FAILED: no permission")]);
    assert_eq!((came.said.as_str(), came.status), ("FAILED: no permission\n", 1));
}

#[test]
fn a_later_success_keeps_the_failed_exit_status() {
    let came = type_in("start a b", [fault(50, "SPAWN_ERROR: a"), done()]);
    assert_eq!((came.said.as_str(), came.status), ("a: ERROR (spawn error)\nb: started\n", 7));
}

#[test]
fn signal_sends_the_signal_to_each_name() {
    let came =
        type_in("signal HUP a g:*", [fault(11, "BAD_SIGNAL: HUP"), fault(10, "BAD_NAME: g")]);
    assert_eq!(came.asked, ["signalProcess(a, HUP)", "signalProcessGroup(g, HUP)"]);
    assert_eq!(came.said, "a: ERROR (bad signal name)\ng: ERROR (no such group)\n");
    assert_eq!(type_in("signal HUP all", [Ok(list([]))]).asked, ["signalAllProcesses(HUP)"]);
}

#[test]
fn the_log_of_a_group_cannot_be_cleared() {
    let came = type_in("clear g:*", [fault(10, "BAD_NAME: g:*")]);
    assert_eq!((came.said.as_str(), came.status), ("g:*: ERROR (no such process)\n", 1));
}

#[test]
fn status_is_3_if_something_is_stopped_and_4_if_something_is_unknown() {
    let two = || Ok(list([process("a", "a", 20, "RUNNING"), process("g", "b", 200, "FATAL")]));
    for (line, status) in
        [("status", 3), ("status a", 0), ("status x a", 4), ("status x g:*", 3), ("status all", 3)]
    {
        assert_eq!(type_in(line, [two()]).status, status, "{line}");
    }
    let wide = "n".repeat(40);
    let long = type_in("status", [Ok(list([process("g", &wide, 20, "RUNNING")]))]);
    assert_eq!(long.said, format!("g:{wide}   RUNNING   d\n"));
}

#[test]
fn status_json_prints_the_reply_and_sends_errors_to_stderr() {
    let came = type_in("status --json a x", [Ok(list([process("a", "a", 20, "RUNNING")]))]);
    let json: serde_json::Value = serde_json::from_str(&came.said).unwrap();
    assert_eq!((&json[0]["pid"], &json[0]["name"]), (&7.into(), &"a".into()));
    assert_eq!((came.complained.as_str(), came.status), ("x: ERROR (no such process)\n", 4));
    assert_eq!(type_in("status --json", [Ok(list([]))]).said, "[]\n");
}

#[test]
fn update_stops_removes_and_adds_groups_in_this_order() {
    let names = |names: &[&str]| Value::Array(names.iter().map(|name| text(name)).collect());
    let changes = || Ok(list([list([names(&["new"]), names(&["other"]), names(&["old"])])]));
    let stopped = || Ok(list([outcome("old", "old", 80, "OK")]));
    // Python's supervisord, which cannot update a group with one request.
    let cannot = || fault(1, "UNKNOWN_METHOD");
    let came = type_in(
        "update",
        [changes(), stopped(), done(), cannot(), stopped(), done(), done(), done()],
    );
    assert_eq!(
        came.asked[1..],
        [
            "stopProcessGroup(old)",
            "removeProcessGroup(old)",
            "standard.updateGroup(other)",
            "stopProcessGroup(other)",
            "removeProcessGroup(other)",
            "addProcessGroup(other)",
            "addProcessGroup(new)",
        ]
    );
    assert_eq!(
        came.said,
        "old: stopped\nold: removed process group\nother: stopped\nother: updated process group\n\
         new: added process group\n"
    );
    for (change, said) in [
        (Ok(text("live")), "other: updated without a restart\n"),
        (Ok(text("scale")), "other: added or removed processes; the others continue\n"),
        (Ok(text("restart")), "other: stopped\nother: updated process group\n"),
        (fault(30, "FAILED: x"), "other: has problems; not updated\n"),
    ] {
        let known = Ok(list([process("other", "other", 20, "RUNNING")]));
        assert_eq!(type_in("update other", [changes(), known, change]).said, said);
    }
    let stuck = Ok(list([outcome("old", "old", 30, "FAILED: x")]));
    let known = Ok(list([process("old", "old", 20, "RUNNING")]));
    let came = type_in("update old nope", [changes(), known, stuck]);
    assert_eq!(
        came.said,
        "ERROR: no such group: nope\nold: stopped\nold: has problems; not removing\n"
    );
    assert_eq!(came.status, 1);
}

#[test]
fn a_foreign_daemon_and_a_missing_one_have_different_messages() {
    for (line, answer, said, status) in [
        (
            "status",
            Err(CtlError::Io(io::Error::from_raw_os_error(libc::ECONNREFUSED))),
            "refused connection\n",
            4,
        ),
        ("pid", Err(CtlError::Io(io::Error::from_raw_os_error(libc::ENOENT))), "no such file\n", 7),
        ("pid", fault(1, "UNKNOWN_METHOD"), "(see sample.conf).\n", 3),
        ("pid", Ok(text("4.0")), "but the remote version is 4.0.\n", 5),
        ("pid", fault(6, "SHUTDOWN_STATE"), "<Fault 6: 'SHUTDOWN_STATE'>: unix:///s\n", 1),
        ("pid", Ok(list([])), "expected a text, got Array([]): unix:///s\n", 1),
    ] {
        let mut daemon =
            Daemon { answers: [answer].into(), asked: vec!["no longer new".to_owned()] };
        let mut out = Vec::new();
        let (reader, _writer) = rustix::pipe::pipe().unwrap();
        let mut session = Session {
            remote: &mut daemon,
            input: &mut Input::over(reader),
            editor: None,
            out: &mut out,
            complaints: &mut io::sink(),
            interactive: false,
            status: 0,
        };
        session.carry_out(line).unwrap();
        let came = session.status;
        let out = String::from_utf8(out).unwrap();
        assert!(out.ends_with(said), "{out}");
        assert_eq!(came, status, "{out}");
    }
}

#[test]
fn shutdown_and_reload_need_a_confirmation_on_a_terminal() {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    rustix::io::write(&writer, b"no\nyes\n").unwrap();
    drop(writer);
    let mut input = Input::over(reader);
    assert!(answered("shutdown", [], true, &mut input).asked.is_empty());
    assert_eq!(answered("shutdown", [done()], true, &mut input).asked, ["shutdown()"]);
    // The end of the input is not a confirmation.
    assert!(answered("reload", [], true, &mut input).asked.is_empty());
    assert_eq!(type_in("reload", [done()]).said, "Restarted supervisord\n");
}

#[test]
fn tail_f_requests_the_path_of_the_log() {
    let came = type_in("tail -f g:ä stderr", []);
    assert_eq!(came.asked, ["/logtail/g:%C3%A4/stderr"]);
    assert_eq!(came.said, "==> Press Ctrl-C to exit <==\npiece\n\n");
}

#[test]
fn replies_are_printed_as_supervisorctl_prints_them() {
    let came = type_in("tail -12 a stderr", [Ok(text("last words"))]);
    assert_eq!(came.asked, ["readProcessStderrLog(a, -12, 0)"]);
    assert_eq!(came.said, "last words\n");
    let config = [("name", "a"), ("group", "g")].map(|(k, v)| (k.to_owned(), text(v)));
    let yes = [("inuse", true), ("autostart", false)].map(|(k, v)| (k.to_owned(), Value::Bool(v)));
    let prio = [("group_prio", 1), ("process_prio", 2)].map(|(k, v)| (k.to_owned(), Value::Int(v)));
    let config = Value::Struct(config.into_iter().chain(yes).chain(prio).collect());
    let came = type_in("avail", [Ok(list([config]))]);
    assert_eq!(came.said, format!("{:32} in use    manual    1:2\n", "g:a"));
}
