//! The line editor of a shell on a terminal, and its Tab completion.

use std::cell::RefCell;
use std::path::Path;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Helper};
use supervisor_sys::io::stderr::to_stderr;

use super::answer;
use super::client::{Client, Remote, Server};
use super::commands::{self, COMMANDS, Takes};
use super::error::CtlError;
use super::history::{History, MOST_LINES};
use super::typed_ahead::{self, TypedAhead};

/// A line editor with a history. It buffers input that was typed ahead, so it must read all input
/// while a shell runs.
pub(crate) struct Editor {
    inner: rustyline::Editor<Completion, MemHistory>,
    history: History,
}

impl Editor {
    /// `None`: it can't be used here.
    pub(crate) fn new(history_file: Option<&Path>) -> Option<Self> {
        let config = Config::builder().completion_type(CompletionType::List);
        // A terminal then sends what is pasted as if it were typed: each line runs, as in
        // supervisor's own shell.
        let config = config.bracketed_paste(false);
        let config = config.max_history_size(MOST_LINES).ok()?.build();
        let memory = MemHistory::with_config(&config);
        let mut inner = rustyline::Editor::with_history(config, memory).ok()?;
        let history = History::load(history_file);
        for line in history.lines() {
            let _ = inner.add_history_entry(line.as_str());
        }
        Some(Self { inner, history })
    }

    /// The next command line; `None` after the last.
    pub(crate) fn command_line(
        &mut self,
        prompt: &str,
        server: Option<Server>,
    ) -> Result<Option<String>, CtlError> {
        self.inner.set_helper(server.and_then(Completion::new));
        let line = self.read(prompt)?;
        if let Some(line) = &line {
            self.history.add(line);
            let _ = self.inner.add_history_entry(line.as_str());
        }
        Ok(line)
    }

    /// The answer to a question; `None` at the end of input or if the terminal is gone.
    pub(crate) fn answer(&mut self, question: &str) -> Result<Option<String>, CtlError> {
        self.inner.set_helper(None);
        self.read(question)
    }

    /// Takes the input that was typed ahead, for a command that reads input itself.
    pub(crate) fn typed_ahead(&mut self) -> std::io::Result<TypedAhead> {
        self.inner.set_helper(None);
        typed_ahead::take(&mut self.inner)
    }

    fn read(&mut self, prompt: &str) -> Result<Option<String>, CtlError> {
        match self.inner.readline(prompt) {
            Ok(line) => Ok(Some(line)),
            Err(ReadlineError::Interrupted) => Err(CtlError::Interrupted),
            Err(_) => Ok(None),
        }
    }

    /// Saves the history.
    pub(crate) fn end(self) {
        if let Err(error) = self.history.save() {
            to_stderr(&format!("WARN: the history was not saved: {error}\n"));
        }
    }
}

/// Completions for the Tab key.
struct Completion {
    client: RefCell<Client>,
    /// Groups and names of all processes, requested on first use.
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
            // A failed request means no completions: the Tab key reports no errors.
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

/// The completions of `word` after `before`.
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
    fn the_tab_key_offers_the_arguments_of_a_command() {
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
