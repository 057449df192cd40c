//! Completions for shells. This module finds the possible words for each position in the tables;
//! each shell's script has a module of its own.

mod bash;
mod fish;
mod zsh;

use supervisor_core::StateName;
use supervisor_core::signal::Signal;

use supervisor_config::tables::CtlCommand;
use supervisor_config::tables::{Tool, ToolOption, tools};

/// All completions: paths below a folder of completions, and contents.
#[must_use]
pub fn completions() -> Vec<(String, String)> {
    let of_tool = |tool: &Tool| {
        let name = tool.name;
        [
            (format!("bash/{name}"), bash::script(tool)),
            (format!("zsh/_{name}"), zsh::script(tool)),
            (format!("fish/{name}.fish"), fish::script(tool)),
        ]
    };
    tools().iter().flat_map(of_tool).collect()
}

const MADE: &str = "Made from the tables in crates/config/src; see crates/docgen.";

/// The type of an option's argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Argument {
    None,
    File,
    Folder,
    User,
    Words(&'static str),
    Other,
}

impl Argument {
    fn of(option: &ToolOption) -> Self {
        match (option.argument, option.long) {
            (None, _) => Self::None,
            (Some("FILENAME" | "OUT"), _) => Self::File,
            (Some("DIRECTORY"), _) => Self::Folder,
            (Some("USER"), _) => Self::User,
            (Some(_), "loglevel") => Self::Words("critical error warn info debug trace blather"),
            (Some(_), "log-level") => Self::Words("ERROR INFO DEBUG"),
            (Some(_), _) => Self::Other,
        }
    }
}

/// `-o` and `--output`.
fn spellings(option: &ToolOption) -> Vec<String> {
    let short = option.short.map(|short| format!("-{short}"));
    short.into_iter().chain([format!("--{}", option.long)]).collect()
}

/// The spellings of all options behind which an argument may stand as a word of its own.
fn with_argument(tool: &Tool) -> Vec<String> {
    tool.options.iter().filter(|option| option.argument.is_some()).flat_map(spellings).collect()
}

/// The commands of its own that are typed before a shell's prompt, too.
fn own(tool: &Tool) -> impl Iterator<Item = &'static CtlCommand> {
    tool.commands.iter().filter(|command| command.name != "EOF")
}

fn own_names(tool: &Tool) -> String {
    own(tool).map(|command| command.name).collect::<Vec<_>>().join(" ")
}

/// Which of the words behind one of `supervisorctl`'s commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    First,
    Later,
    Any,
}

/// The possible words at a position after one of `supervisorctl`'s commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Offer {
    fixed: Vec<String>,
    /// The lists that the daemon is asked for, by the names of the scripts' functions.
    asked: Vec<&'static str>,
}

impl Offer {
    fn add(&mut self, word: &str, tool: &Tool) {
        match word.trim_end_matches("...") {
            "NAME" => self.ask("processes"),
            "GROUP:*" => self.ask("wildcards"),
            "GROUP" => self.ask("groups"),
            "SIGNAL" => Signal::names().for_each(|name| self.fix(name)),
            "COMMAND" => own(tool).for_each(|command| self.fix(command.name)),
            "[...]" => {}
            choice if choice.starts_with('[') => {
                choice.trim_matches(['[', ']']).split('|').for_each(|word| self.fix(word));
            }
            word if word.contains(|c: char| c.is_ascii_uppercase()) => {}
            word => self.fix(word),
        }
    }

    fn fix(&mut self, word: &str) {
        if !self.fixed.iter().any(|known| known == word) {
            self.fixed.push(word.to_owned());
        }
    }

    fn ask(&mut self, what: &'static str) {
        if !self.asked.contains(&what) {
            self.asked.push(what);
        }
    }
}

/// The possible words after a command, with their positions.
fn offers(command: &CtlCommand, tool: &Tool) -> Vec<(Position, Offer)> {
    let (first, later) = first_and_later(command, tool);
    let offers = if first == later {
        vec![(Position::Any, first)]
    } else {
        vec![(Position::First, first), (Position::Later, later)]
    };
    let last = offers.iter().rposition(|(_, offer)| *offer != Offer::default());
    offers.into_iter().take(last.map_or(0, |last| last + 1)).collect()
}

/// The possible first words and further words after a command, from its usage.
fn first_and_later(command: &CtlCommand, tool: &Tool) -> (Offer, Offer) {
    let (mut first, mut later) = (Offer::default(), Offer::default());
    // A group that is yet to be added is not in the daemon's list.
    if command.name == "add" {
        return (first, later);
    }
    for (usage, _) in command.usage {
        let mut words = usage.split(' ').skip(1);
        if let Some(word) = words.next() {
            first.add(word, tool);
            if word.ends_with("...") || word == "GROUP:*" {
                later.add(word, tool);
            }
        }
        for word in words {
            later.add(word, tool);
        }
    }
    (first, later)
}

/// The states that distinguish a line of `status` from an error message.
fn states(between: &str) -> String {
    StateName::ALL.map(StateName::name).join(between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use supervisor_config::tables::tools;

    /// `fixed… +asked…`, first and later.
    fn offered(name: &str) -> [String; 2] {
        let tools = tools();
        let tool = tools.iter().find(|tool| !tool.commands.is_empty()).unwrap();
        let command = own(tool).find(|command| command.name == name).unwrap();
        let (first, later) = first_and_later(command, tool);
        [first, later].map(|offer| {
            let asked = offer.asked.iter().map(|asked| format!("+{asked}"));
            offer.fixed.iter().cloned().chain(asked).collect::<Vec<_>>().join(" ")
        })
    }

    #[test]
    fn the_completions_of_a_command_come_from_its_usage() {
        for (name, first, later) in [
            ("start", "all +processes +wildcards", "+processes +wildcards"),
            ("status", "--json +processes +wildcards", "+processes +wildcards"),
            ("tail", "-f +processes", "stdout stderr +processes"),
            ("remove", "+groups", "+groups"),
            ("add", "", ""),
            ("open", "", ""),
            ("maintail", "-f", ""),
        ] {
            assert_eq!(offered(name), [first, later], "{name}");
        }
        assert!(offered("signal")[0].starts_with("HUP INT "));
        assert_eq!(offered("signal")[1], "all +processes +wildcards");
        assert!(offered("help")[0].starts_with("add avail "));
    }
}
