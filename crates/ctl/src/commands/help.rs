//! `help`.

use super::{COMMANDS, Command, Done, find};
use crate::render::columns;
use crate::session::{GENERIC, Session};

/// The heading of the list of commands.
const HEADER: &str = "default commands (type help <topic>):";

/// Commands that supervisor's list omits or does not have.
const UNLISTED: [&str; 3] = ["EOF", "help", "top"];

/// The position of the second column.
const DOES: usize = 28;

pub(super) fn help(session: &mut Session<'_>, words: &str) -> Done {
    if !words.is_empty() {
        return match find(words) {
            Some(_) => usage(session, words),
            None => session.say(&format!("*** No help on {words}")),
        };
    }
    let listed = |command: &&Command| !UNLISTED.contains(&command.name);
    let names: Vec<_> = COMMANDS.iter().filter(listed).map(|command| command.name).collect();
    session.say("")?;
    session.say(HEADER)?;
    session.say(&"=".repeat(HEADER.len()))?;
    for line in columns(&names) {
        session.say(&line)?;
    }
    session.say("")
}

/// Prints the usage of a command.
pub(super) fn usage(session: &mut Session<'_>, command: &str) -> Done {
    let Some(command) = find(command) else { return Ok(()) };
    let line = |(usage, does): &(&str, &str)| format!("{usage:DOES$} {does}");
    command.usage().iter().map(line).try_for_each(|line| session.say(&line))
}

/// Rejects arguments of a command that takes none.
pub(super) fn no_arguments(session: &mut Session<'_>, command: &str) -> Done {
    session.fail(GENERIC, &format!("Error: {command} accepts no arguments"))?;
    usage(session, command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line;

    #[test]
    fn the_help_of_every_command_shows_its_usage_and_name() {
        for command in &COMMANDS {
            let (name, usage) = (command.name, command.usage());
            assert!(!usage.is_empty(), "{name}");
            let own = |line: &&str| command_line::words(line)[0] == name || name == "EOF";
            assert!(usage.iter().map(|(usage, _)| usage).all(own), "{name}");
        }
        assert!(COMMANDS.is_sorted_by_key(|command| command.name));
        assert_eq!(COMMANDS.len(), supervisor_config::CTL_COMMANDS.len());
    }
}
