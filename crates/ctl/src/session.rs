//! A user's session with a supervisor: carries out one command line after the other, and keeps the
//! exit status.

use std::io::Write;

use supervisor_wire::xmlrpc::Value;

use super::client::Remote;
use super::command_line::CommandLine;
use super::commands::{self, Run};
use super::editor::Editor;
use super::error::CtlError;
use super::input::Input;
use super::screen::Plain;

/// Exit status of failures without a status of their own.
pub(crate) const GENERIC: u8 = 1;

/// A user's session with a supervisor.
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

/// The action after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Read the next line.
    GoOn,
    /// End the session.
    Leave,
}

impl Session<'_> {
    /// Carries out one line. Success does not change the status.
    ///
    /// # Errors
    ///
    /// An error after which the session cannot continue.
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

    /// Prints a message, without control characters that would affect a terminal.
    pub(crate) fn say(&mut self, message: &str) -> Result<(), CtlError> {
        writeln!(self.out, "{}", Plain(message)).map_err(CtlError::StdoutClosed)
    }

    /// Prints text unchanged, such as output of programs, or text for scripts.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), CtlError> {
        writeln!(self.out, "{text}").map_err(CtlError::StdoutClosed)
    }

    /// Prints a JSON document. Control characters above 127, which JSON does not require to be
    /// escaped, are escaped as well, because the output may be a terminal.
    pub(crate) fn print_json(&mut self, value: &serde_json::Value) -> Result<(), CtlError> {
        let mut text = String::new();
        for character in format!("{value:#}").chars() {
            match character {
                '\u{7f}'..='\u{9f}' => text += &format!("\\u{:04x}", u32::from(character)),
                character => text.push(character),
            }
        }
        self.print(&text)
    }

    /// Prints a line and sets the exit status.
    pub(crate) fn fail(&mut self, status: u8, line: &str) -> Result<(), CtlError> {
        self.status = status;
        self.say(line)
    }

    /// The result of `supervisor.METHOD`. Earlier output is flushed first, because the call may
    /// take long.
    pub(crate) fn call(&mut self, method: &str, params: &[Value]) -> Result<Value, CtlError> {
        self.out.flush().map_err(CtlError::StdoutClosed)?;
        self.remote.call(method, params)
    }

    /// Asks the user a question, and returns whether the answer is yes. Without a user, the answer
    /// is yes.
    pub(crate) fn confirm(&mut self, question: &str) -> Result<bool, CtlError> {
        if !self.interactive {
            return Ok(true);
        }
        let answer = self.ask(question)?;
        Ok(answer.is_some_and(|answer| answer.to_lowercase().starts_with('y')))
    }

    /// The next line of input; `None` at its end.
    fn read_line(&mut self) -> Result<Option<String>, CtlError> {
        match self.remote.client() {
            Some(client) => client.run(self.input.next_line()).ok_or(CtlError::Interrupted),
            None => Ok(self.input.line()),
        }
    }

    /// Prints a prompt.
    fn prompt(&mut self, question: &str) -> Result<(), CtlError> {
        write!(self.out, "{question}")
            .and_then(|()| self.out.flush())
            .map_err(CtlError::StdoutClosed)
    }

    /// The answer to a question; `None`: the input has ended.
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
        // Discards input that was typed ahead, because it is not the password.
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
