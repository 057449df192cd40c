//! The command of a program.

use std::ffi::OsString;

use crate::sources::Mode;
use supervisor_core::spec::Command;

use super::super::Lowering;
use crate::error::in_short;
use crate::options as o;
use crate::text::expand::Names;
use crate::text::ini::{Comment, Origin, Section};
use crate::text::shlex;

/// Reads the command. A command that can never be executed is an error in command mode, because it
/// cannot be meant. In config-file mode it is not, as in supervisord: the start of the program
/// fails, and the others run.
pub(super) fn command<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<(Command, String)> {
    let origin = lowering.entry(section, o::COMMAND.def.key).map(|entry| &entry.origin);
    if let (Some(argv), Some(Origin::BuiltIn)) = (lowering.mode.command(), origin) {
        return Some((Command::Argv(argv.to_vec()), shlex::shown(argv)));
    }
    let missing = format!("program section {} does not specify a command", section.name);
    let text = lowering.require(section, &o::COMMAND, names, &missing)?;
    let command = match shlex::split(&text) {
        Ok(words) if words.is_empty() => Command::Unparsable("command is empty".to_owned()),
        Ok(words) => Command::Argv(words.into_iter().map(OsString::from).collect()),
        Err(why) => Command::Unparsable(unparsable(&text, why, origin)),
    };
    match (&command, lowering.mode) {
        (Command::Unparsable(why), Mode::Command(_) | Mode::Once(_)) => {
            lowering.refuse(section, &o::COMMAND.def, origin.unwrap_or(&section.origin), why);
            None
        }
        (Command::Unparsable(_), Mode::File) | (Command::Argv(_), _) => Some((command, text)),
    }
}

/// Explains why a command line cannot be parsed. Repeats only the first word, because the others
/// may contain an API key.
fn unparsable(text: &str, why: &str, origin: Option<&Origin>) -> String {
    let word = in_short(text.split_whitespace().next().unwrap_or_default());
    let opened = shlex::unclosed(text)
        .map_or_else(String::new, |(sign, at)| format!(" for {sign} at character {at}"));
    let cut = origin.and_then(Origin::comment).map_or_else(String::new, |comment| {
        let Comment { line, sign } = comment;
        format!("; the value ends before ' {sign}' in line {line}, where a comment begins")
    });
    format!("can't parse command '{word} …': {why}{opened}{cut}")
}
