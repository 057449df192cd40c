//! A session of a user with a daemon: one command line after the other, with the exit status so
//! far.

use std::io::Write;

use supervisor_wire::xmlrpc::Value;

use super::client::Remote;
use super::command_line::CommandLine;
use super::commands::{self, Run};
use super::editor::Editor;
use super::error::CtlError;
use super::input::Input;
use super::screen::Plain;

/// The exit status of a failure that has none of its own.
pub(crate) const GENERIC: u8 = 1;

/// A session of a user with a daemon.
pub(crate) struct Session<'a> {
    pub(crate) remote: &'a mut dyn Remote,
    pub(crate) input: &'a mut Input,
    /// The line editor of a shell on a terminal.
    pub(crate) editor: Option<Box<Editor>>,
    pub(crate) out: &'a mut dyn Write,
    pub(crate) complaints: &'a mut dyn Write,
    /// Whether a user can answer questions.
    pub(crate) interactive: bool,
    pub(crate) status: u8,
}

/// What comes after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next one.
    GoOn,
    /// The end.
    Leave,
}

impl Session<'_> {
    /// Carries out one line. Success leaves the status as it is.
    ///
    /// # Errors
    ///
    /// What makes it useless to go on.
    pub(crate) fn carry_out(&mut self, line: &str) -> Result<Next, CtlError> {
        let (name, words) = match CommandLine::read(line) {
            CommandLine::Nothing => return Ok(Next::GoOn),
            CommandLine::Nonsense(line) => {
                self.fail(GENERIC, &format!("*** Unknown syntax: {line}"))?;
                return Ok(Next::GoOn);
            }
            CommandLine::Command { name, words } => (name, words),
        };
        let Some(command) = commands::find(name) else {
            self.fail(GENERIC, &format!("*** Unknown syntax: {}", line.trim()))?;
            return Ok(Next::GoOn);
        };
        let run = match command.run {
            Run::Leave => {
                self.say("")?;
                return Ok(Next::Leave);
            }
            Run::Do(run) => run,
        };
        loop {
            match run(self, words) {
                Ok(()) => break,
                Err(error) if error.wants_authentication() => {
                    self.say("Server requires authentication")?;
                    if !self.interactive {
                        self.status = GENERIC;
                        break;
                    }
                    if !self.ask_who()? {
                        break;
                    }
                }
                Err(end @ (CtlError::StdoutClosed(_) | CtlError::Interrupted)) => return Err(end),
                Err(
                    error @ (CtlError::Fault(_)
                    | CtlError::Status { .. }
                    | CtlError::Io(_)
                    | CtlError::Disconnected
                    | CtlError::BadUrl(_)
                    | CtlError::Garbled(_)),
                ) => {
                    let place = match &error {
                        CtlError::BadUrl(_) => "expected http://HOST:PORT or unix:///PATH",
                        CtlError::Fault(_)
                        | CtlError::Status { .. }
                        | CtlError::Io(_)
                        | CtlError::Disconnected
                        | CtlError::Garbled(_)
                        | CtlError::StdoutClosed(_)
                        | CtlError::Interrupted => self.remote.url(),
                    };
                    let message = format!("error: {error}: {place}");
                    self.fail(GENERIC, &message)?;
                    break;
                }
            }
        }
        self.out.flush().map_err(CtlError::StdoutClosed)?;
        Ok(Next::GoOn)
    }

    /// Prints a message, in which nothing controls a terminal.
    pub(crate) fn say(&mut self, message: &str) -> Result<(), CtlError> {
        writeln!(self.out, "{}", Plain(message)).map_err(CtlError::StdoutClosed)
    }

    /// Prints what programs read, or wrote, as it is.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), CtlError> {
        writeln!(self.out, "{text}").map_err(CtlError::StdoutClosed)
    }

    /// Prints a line and gives the session this status.
    pub(crate) fn fail(&mut self, status: u8, line: &str) -> Result<(), CtlError> {
        self.status = status;
        self.say(line)
    }

    /// The result of `supervisor.METHOD`. What was said so far is out before it is
    /// asked for: it may take long.
    pub(crate) fn call(&mut self, method: &str, params: &[Value]) -> Result<Value, CtlError> {
        self.out.flush().map_err(CtlError::StdoutClosed)?;
        self.remote.call(method, params)
    }

    /// Asks a question, if somebody is there, and whether the answer is yes.
    pub(crate) fn confirm(&mut self, question: &str) -> Result<bool, CtlError> {
        if !self.interactive {
            return Ok(true);
        }
        let answer = self.ask(question)?;
        Ok(answer.is_some_and(|answer| answer.to_lowercase().starts_with('y')))
    }

    /// The next line that is typed; `None`: there is none.
    fn read_line(&mut self) -> Result<Option<String>, CtlError> {
        match self.remote.client() {
            Some(client) => client.run(self.input.next_line()).ok_or(CtlError::Interrupted),
            None => Ok(self.input.line()),
        }
    }

    /// Says something that a line is to follow.
    fn prompt(&mut self, question: &str) -> Result<(), CtlError> {
        write!(self.out, "{question}")
            .and_then(|()| self.out.flush())
            .map_err(CtlError::StdoutClosed)
    }

    /// The answer to this question; `None`: the input has ended.
    pub(crate) fn ask(&mut self, question: &str) -> Result<Option<String>, CtlError> {
        if let Some(editor) = &mut self.editor {
            self.out.flush().map_err(CtlError::StdoutClosed)?;
            return editor.answer(question);
        }
        self.prompt(question)?;
        self.read_line()
    }

    /// Asks for the username and password; `false` if the user enters none.
    fn ask_who(&mut self) -> Result<bool, CtlError> {
        let username = self.ask("Username:")?;
        // Input that was typed ahead is no password.
        let hidden = self.input.hide();
        let password = self.prompt("Password:").and_then(|()| self.read_line());
        self.input.show(hidden);
        self.say("\n")?;
        let (Some(username), Some(password)) = (username, password?) else {
            self.status = GENERIC;
            return Ok(false);
        };
        self.remote.set_credentials(username, password);
        Ok(true)
    }
}
