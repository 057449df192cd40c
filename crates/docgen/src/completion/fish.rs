//! Scripts for [fish](https://fishshell.com/docs/current/completions.html).

use super::{Argument, MADE, Offer, Position, offers, own, states, with_argument};
use supervisor_config::tables::{Operand, Tool};

pub(super) fn script(tool: &Tool) -> String {
    let operands = match tool.operand {
        Operand::Nothing => "complete -c NAME -f\n".to_owned(),
        Operand::Command => "complete -c NAME -x -a '(SELF_command)'\n".to_owned(),
        Operand::FileAndCommand => {
            "complete -c NAME -n 'not SELF_before' -x -a '(SELF_command)'\n".to_owned()
        }
        Operand::OwnCommand => "complete -c NAME -f\n".to_owned() + &own_commands(tool),
    };
    let text = format!("# {MADE}\n\n{}\n{operands}{}", functions(tool), options(tool));
    text.replace("SELF", &format!("__fish_{}", tool.name.replace('-', "_")))
        .replace("NAME", tool.name)
}

/// The words from the first one that is not an option, without the one that is being typed.
const REST: &str = "function SELF_rest
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case --
                set -e words[1]
                break
WAITING            case '-*'
                set -e words[1]
            case '*'
                break
        end
    end
    string join \\n -- $words
end

function SELF_before
    test (count (SELF_rest)) = 0
end
";

const COMMAND: &str = "
# The rest of the line is for the command itself to complete.
function SELF_command
    set -l rest (SELF_rest)
SKIP    complete -C (string join ' ' -- (string escape -- $rest) (commandline -ct))
end
";

/// The daemon is asked as the command line says. Without a needed password the
/// client fails at once, because it asks for one only in its shell.
const NAMES: &str = r#"
# Whether the next word stands at this place, first or later, behind this command.
function SELF_at
    set -l rest (SELF_rest)
    test "$rest[1]" = $argv[2]
    or return
    if test (count $rest) = 1
        contains $argv[1] first any
    else
        contains $argv[1] later any
    end
end

# Names that the daemon knows, if it answers at once.
function SELF_names
    set -l called (commandline -opc)
    set -l rest (SELF_rest)
    set called (string replace -r '^~/' $HOME/ -- $called[1..(math (count $called) - (count $rest))])
    timeout 1 $called status </dev/null 2>/dev/null \
        | string match -rg '^(\S+)\s+(?:STATES)\b' | while read -l name
        for asked in $argv
            switch $asked:$name
                case 'processes:*'
                    echo $name
                case 'wildcards:*:*'
                    echo (string replace -r ':.*' '' -- $name):\*
                case 'groups:*'
                    string replace -r ':.*' '' -- $name
            end
        end
    end
end
"#;

fn functions(tool: &Tool) -> String {
    let waiting = with_argument(tool);
    let waiting = if waiting.is_empty() {
        String::new()
    } else {
        format!(
            "            case {}\n                set -e words[1]\n                set -e words[1]\n",
            waiting.join(" ")
        )
    };
    let rest = REST.replace("WAITING", &waiting);
    match tool.operand {
        Operand::Nothing => String::new(),
        Operand::Command => rest + &COMMAND.replace("SKIP", ""),
        Operand::FileAndCommand => rest + &COMMAND.replace("SKIP", "    set -e rest[1]\n"),
        Operand::OwnCommand => rest + &NAMES.replace("STATES", &states("|")),
    }
}

fn own_commands(tool: &Tool) -> String {
    let mut out = String::new();
    for command in own(tool) {
        let does = quoted(command.usage.first().map_or("", |(_, does)| does));
        let word = command.name;
        out.push_str(&format!("complete -c NAME -n SELF_before -a {word} -d {does}\n"));
    }
    for command in own(tool) {
        for (place, offer) in offers(command, tool) {
            out.push_str(&behind(command.name, place, &offer));
        }
    }
    out
}

fn behind(command: &str, place: Position, offer: &Offer) -> String {
    let mut words = offer.fixed.clone();
    if !offer.asked.is_empty() {
        words.push(format!("(SELF_names {})", offer.asked.join(" ")));
    }
    if words.is_empty() {
        return String::new();
    }
    let place = match place {
        Position::First => "first",
        Position::Later => "later",
        Position::Any => "any",
    };
    format!("complete -c NAME -n 'SELF_at {place} {command}' -a '{}'\n", words.join(" "))
}

fn options(tool: &Tool) -> String {
    let before = match tool.operand {
        Operand::Nothing => "",
        // Words after the command belong to the command.
        Operand::Command | Operand::OwnCommand | Operand::FileAndCommand => " -n SELF_before",
    };
    let mut out = String::new();
    for option in &tool.options {
        let short = option.short.map_or_else(String::new, |short| format!(" -s {short}"));
        let argument = match Argument::of(option) {
            Argument::None => String::new(),
            Argument::File => " -r -F".to_owned(),
            Argument::Folder => " -x -a '(__fish_complete_directories)'".to_owned(),
            Argument::User => " -x -a '(__fish_complete_users)'".to_owned(),
            Argument::Words(words) => format!(" -x -a '{words}'"),
            Argument::Other => " -x".to_owned(),
        };
        let (long, doc) = (option.long, quoted(option.doc));
        out.push_str(&format!("complete -c NAME{before}{short} -l {long}{argument} -d {doc}\n"));
    }
    out
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
