//! The interactive shell: on a terminal with a line editor, otherwise line by line.

use std::io::IsTerminal;
use std::path::Path;

use super::editor::Editor;
use super::error::CtlError;
use super::session::{Next, Session};

/// Runs `first` and then the typed commands, until the user exits.
pub(super) fn run(
    session: &mut Session<'_>,
    prompt: &str,
    history_file: Option<&Path>,
    first: &str,
) -> Result<(), CtlError> {
    let prompt = format!("{prompt}> ");
    if let Some(client) = session.remote.client() {
        client.watch_interrupts().map_err(CtlError::Io)?;
    }
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    session.editor = terminal.then(|| Editor::new(history_file)).flatten().map(Box::new);
    let done = converse(session, &prompt, first);
    if let Some(editor) = session.editor.take() {
        editor.end();
    }
    match done {
        Err(CtlError::Interrupted) => session.say(""),
        other => other,
    }
}

fn converse(session: &mut Session<'_>, prompt: &str, first: &str) -> Result<(), CtlError> {
    let mut line = first.to_owned();
    loop {
        if session.carry_out(&line)? == Next::Leave {
            return Ok(());
        }
        // A server may have been restarted by the time of the next line.
        let server = session.remote.client().map(|client| {
            client.hang_up();
            client.server()
        });
        session.out.flush().map_err(CtlError::StdoutClosed)?;
        let next = match &mut session.editor {
            Some(editor) => editor.command_line(prompt, server)?,
            None => session.ask(prompt)?,
        };
        match next {
            Some(next) => line = next,
            None => return session.say(""),
        }
    }
}
