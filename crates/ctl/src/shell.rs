//! The interactive shell: on a terminal with a line editor, otherwise line by line.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::Path;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use supervisor_sys::io::stderr::to_stderr;

use super::answer;
use super::client::{Client, Remote, Server};
use super::commands::{self, COMMANDS, Takes};
use super::error::CtlError;
use super::history::{History, MOST_LINES};
use super::session::{Next, Session};

/// Carries out `first` and then what is typed, until somebody leaves.
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
    let mut lines = match terminal.then(|| Edited::new(history_file)).flatten() {
        Some(edited) => Lines::Edited(Box::new(edited)),
        None => Lines::Plain,
    };
    let done = converse(session, &prompt, &mut lines, first);
    lines.end();
    match done {
        Err(CtlError::Interrupted) => session.say(""),
        other => other,
    }
}

fn converse(
    session: &mut Session<'_>,
    prompt: &str,
    lines: &mut Lines,
    first: &str,
) -> Result<(), CtlError> {
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
        match lines.next(session, prompt, server)? {
            Some(next) => line = next,
            None => return session.say(""),
        }
    }
}

/// Where lines come from.
enum Lines {
    Plain,
    Edited(Box<Edited>),
}

impl Lines {
    fn next(
        &mut self,
        session: &mut Session<'_>,
        prompt: &str,
        server: Option<Server>,
    ) -> Result<Option<String>, CtlError> {
        match self {
            Self::Edited(edited) => edited.next(prompt, server),
            Self::Plain => {
                session.prompt(prompt)?;
                session.read_line()
            }
        }
    }

    fn end(self) {
        if let Self::Edited(edited) = self
            && let Err(error) = edited.history.save()
        {
            to_stderr(&format!("WARN: the history was not saved: {error}\n"));
        }
    }
}

/// A line editor with a memory.
struct Edited {
    editor: Editor<Completion, MemHistory>,
    history: History,
}

impl Edited {
    /// `None`: it can't be used here.
    fn new(history_file: Option<&Path>) -> Option<Self> {
        let config = Config::builder().completion_type(CompletionType::List);
        let config = config.max_history_size(MOST_LINES).ok()?.build();
        let memory = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, memory).ok()?;
        let history = History::load(history_file);
        for line in history.lines() {
            let _ = editor.add_history_entry(line.as_str());
        }
        Some(Self { editor, history })
    }

    fn next(&mut self, prompt: &str, server: Option<Server>) -> Result<Option<String>, CtlError> {
        self.editor.set_helper(server.and_then(Completion::new));
        match self.editor.readline(prompt) {
            Ok(line) => {
                self.history.add(&line);
                let _ = self.editor.add_history_entry(line.as_str());
                Ok(Some(line))
            }
            Err(ReadlineError::Interrupted) => Err(CtlError::Interrupted),
            // The terminal is gone, or said so.
            Err(_) => Ok(None),
        }
    }
}

/// What the Tab key offers.
struct Completion {
    client: RefCell<Client>,
    /// Groups and names of all processes, once they were needed.
    processes: RefCell<Option<Vec<(String, String)>>>,
}

impl Completion {
    fn new(server: Server) -> Option<Self> {
        let client = RefCell::new(Client::of(server).ok()?);
        Some(Self { client, processes: RefCell::new(None) })
    }

    fn processes(&self) -> Vec<(String, String)> {
        let mut known = self.processes.borrow_mut();
        let known = known.get_or_insert_with(|| {
            let all = self.client.borrow_mut().call("getAllProcessInfo", &[]);
            // Somebody who only presses a key isn't told what is wrong.
            let all = all.and_then(answer::infos).unwrap_or_default();
            all.into_iter().map(|info| (info.group, info.name)).collect()
        });
        known.clone()
    }
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..at).unwrap_or(line);
        let start = typed.rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
        let (before, word) = typed.split_at(start);
        Ok((start, offers(before, word, || self.processes())))
    }
}

impl Hinter for Completion {
    type Hint = String;
}
impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}

/// The words that `word` may be meant to become, behind `before`.
fn offers(
    before: &str,
    word: &str,
    processes: impl FnOnce() -> Vec<(String, String)>,
) -> Vec<String> {
    let takes = match before.split_whitespace().next() {
        None => Takes::Commands,
        Some(command) => commands::find(command).map_or(Takes::Nothing, |command| command.takes),
    };
    let mut offers: Vec<String> = match takes {
        Takes::Nothing => Vec::new(),
        Takes::Commands => COMMANDS.iter().map(|command| command.name.to_owned()).collect(),
        Takes::Groups => processes().into_iter().map(|(group, _)| group).collect(),
        Takes::Processes => {
            let names = |(group, name): (String, String)| {
                if name == group && !word.contains(':') {
                    vec![name]
                } else {
                    vec![format!("{group}:{name}"), format!("{group}:*")]
                }
            };
            processes().into_iter().flat_map(names).collect()
        }
    };
    offers.retain(|offer| offer.starts_with(word) && offer != "EOF");
    offers.sort_unstable();
    offers.dedup();
    offers.iter_mut().for_each(|offer| offer.push(' '));
    offers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tab_key_offers_what_a_command_takes() {
        let processes = || {
            [("cat", "cat"), ("web", "web-1"), ("web", "web-2")]
                .map(|(group, name)| (group.to_owned(), name.to_owned()))
                .to_vec()
        };
        for (before, word, wanted) in [
            ("", "st", "start |status |stop "),
            ("help ", "sta", "start |status "),
            ("start ", "", "cat |web:* |web:web-1 |web:web-2 "),
            ("start cat ", "web:web-1", "web:web-1 "),
            ("tail ", "cat:", "cat:* |cat:cat "),
            ("update ", "", "cat |web "),
            ("version ", "", ""),
            ("nonsense ", "", ""),
        ] {
            assert_eq!(offers(before, word, processes).join("|"), wanted, "{before}{word}");
        }
    }
}
