//! `fg`: prints a process's output, and sends typed lines to the process.

use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::pin;
use std::task::Poll;

use hyper::body::Bytes;
use supervisor_wire::xmlrpc::Value;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::logs::{PRESS_CTRL_C, cannot_read, log_path};
use super::{Done, help};
use crate::answer;
use crate::client::{Opened, Server, next_piece};
use crate::command_line;
use crate::error::{CtlError, cannot_connect, shown};
use crate::fault;
use crate::input::Input;
use crate::screen::Plain;
use crate::session::{GENERIC, Session};

/// Maximum number of output pieces that wait to be printed.
const WAITING: usize = 16;

/// A message about one of the process's streams.
enum Heard {
    Output(Bytes),
    /// The stream cannot be read, and the reason.
    Nothing(String),
}

/// The event that occurred first.
enum Happened {
    Heard(Heard),
    CommandLine(Option<String>),
}

pub(super) fn fg(session: &mut Session<'_>, words: &str) -> Done {
    if !session.is_up()? {
        return Ok(());
    }
    let name = match command_line::words(words)[..] {
        [name] => name,
        [] => {
            session.fail(GENERIC, "ERROR: no process name supplied")?;
            return help::usage(session, "fg");
        }
        [..] => return session.fail(GENERIC, "ERROR: too many process names supplied"),
    };
    match session.call("getProcessInfo", &named(name)) {
        Ok(info) if answer::info(info.clone())?.is_running() => attend(session, name),
        Ok(_) => session.fail(GENERIC, "ERROR: process not running"),
        Err(trouble) if trouble.is_fault(fault::BAD_NAME) => {
            session.fail(GENERIC, "ERROR: bad process name supplied")
        }
        Err(trouble) => match trouble.fault() {
            Some(fault) => session.say(&format!("ERROR: {}", shown(fault))),
            None => Err(trouble),
        },
    }
}

fn attend(session: &mut Session<'_>, name: &str) -> Done {
    session.say(PRESS_CTRL_C)?;
    session.out.flush().map_err(CtlError::StdoutClosed)?;
    take_typed_ahead(session)?;
    let Some(client) = session.remote.client() else { return Ok(()) };
    client.watch_interrupts().map_err(CtlError::Io)?;
    let server = client.server();
    let mut conversation = Conversation {
        server,
        name,
        input: session.input,
        out: session.out,
        complaints: session.complaints,
    };
    // Ctrl-C is the usual way to end the command.
    let last_words = client.run(conversation.go_on()).unwrap_or(Ok(None));
    if session.editor.is_some() {
        // It was meant for the process, so the shell must not run it.
        session.input.discard();
    }
    let last_words = last_words?;
    if let Some(last_words) = last_words {
        session.say(&last_words)?;
    }
    session.say("Exiting foreground")
}

/// Gives the process the lines that the shell's editor has read after the command, and shows them as
/// the terminal shows typed lines.
fn take_typed_ahead(session: &mut Session<'_>) -> Done {
    let Some(editor) = &mut session.editor else { return Ok(()) };
    let typed = editor.typed_ahead().map_err(CtlError::Io)?;
    session.input.put_back(&typed.text, typed.is_end);
    let shown = write!(session.out, "{}", Plain(&typed.text)).and_then(|()| session.out.flush());
    shown.map_err(CtlError::StdoutClosed)
}

struct Conversation<'a> {
    server: Server,
    name: &'a str,
    input: &'a mut Input,
    out: &'a mut dyn Write,
    complaints: &'a mut dyn Write,
}

impl Conversation<'_> {
    /// Passes output and input on until the input ends or the process accepts no more. Returns the
    /// message to print, if there is one.
    async fn go_on(&mut self) -> Result<Option<String>, CtlError> {
        let (sender, mut heard) = mpsc::channel(WAITING);
        for channel in ["stdout", "stderr"] {
            let path = log_path(self.name, channel);
            tokio::spawn(listen(self.server.clone(), path, sender.clone()));
        }
        let mut connection = None;
        loop {
            match happened(&mut heard, self.input).await {
                Happened::Heard(Heard::Output(piece)) => {
                    let written = self.out.write_all(&piece).and_then(|()| self.out.flush());
                    written.map_err(CtlError::StdoutClosed)?;
                }
                Happened::Heard(Heard::Nothing(why)) => {
                    writeln!(self.complaints, "{why}").map_err(CtlError::StdoutClosed)?;
                }
                Happened::CommandLine(None) => return Ok(None),
                Happened::CommandLine(Some(line)) => {
                    let told = [named(self.name), [Value::String(line + "\n")]].concat();
                    let told = self.server.call(&mut connection, "sendProcessStdin", &told).await;
                    if let Err(trouble) = told {
                        return match trouble.fault() {
                            Some(fault) if fault.code == fault::NOT_RUNNING => {
                                Ok(Some(KILLED.into()))
                            }
                            Some(fault) => Ok(Some(format!("ERROR: {}", shown(fault)))),
                            None => Err(trouble),
                        };
                    }
                    let info = named(self.name);
                    let info = self.server.call(&mut connection, "getProcessInfo", &info).await?;
                    if !answer::info(info)?.is_running() {
                        return Ok(Some(KILLED.into()));
                    }
                }
            }
        }
    }
}

const KILLED: &str = "Process got killed";

/// Passes on the output of a stream.
async fn listen(server: Server, path: String, to: Sender<Heard>) {
    let place = format!("{}{path}", server.url);
    let nothing = |why: String| Heard::Nothing(format!("{place} {why}"));
    let mut body = match server.open(&path).await {
        Ok(Opened::Stream(body)) => body,
        Ok(Opened::Refused(code)) => {
            // If the receiver is gone, the message is not needed.
            let _ = to.send(nothing(cannot_read(code.as_u16()))).await;
            return;
        }
        Err(trouble) => {
            let why = if let CtlError::Io(error) = &trouble {
                cannot_connect(error)
            } else {
                format!("Cannot read: {trouble}")
            };
            let _ = to.send(nothing(why)).await;
            return;
        }
    };
    while let Some(piece) = next_piece(&mut body).await {
        if to.send(Heard::Output(piece)).await.is_err() {
            return;
        }
    }
}

/// The first event: output, or a typed line.
async fn happened(heard: &mut Receiver<Heard>, input: &mut Input) -> Happened {
    let mut typed = pin!(input.next_line());
    poll_fn(|cx| {
        if let Poll::Ready(Some(heard)) = heard.poll_recv(cx) {
            return Poll::Ready(Happened::Heard(heard));
        }
        typed.as_mut().poll(cx).map(Happened::CommandLine)
    })
    .await
}

fn named(name: &str) -> [Value; 1] {
    [Value::String(name.to_owned())]
}
