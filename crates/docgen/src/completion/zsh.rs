//! Functions for [zsh](https://zsh.sourceforge.io/Doc/Release/Completion-System.html).

use super::{Argument, MADE, Offer, Position, offers, own, spellings, states};
use supervisor_config::tables::{Operand, Tool, ToolOption};

pub(super) fn script(tool: &Tool) -> String {
    let name = tool.name;
    let mut specs: Vec<String> = tool.options.iter().map(option).collect();
    let operands: &[&str] = match tool.operand {
        Operand::Nothing => &[],
        Operand::Command => &["(-)1:command:_command_names -e", COMMAND],
        Operand::FileAndCommand => {
            &["(-)1:pidfile:_files", "2:command:_command_names -e", BEHIND_FILE]
        }
        Operand::OwnCommand => &["(-)1:command:->command", "*::arguments:->arguments"],
    };
    specs.extend(operands.iter().map(|spec| format!("'{spec}'")));
    let arguments = format!("_arguments -s -S \\\n    {}", specs.join(" \\\n    "));
    let body = match tool.operand {
        Operand::OwnCommand => own_commands(tool, &arguments),
        Operand::Nothing | Operand::Command | Operand::FileAndCommand => arguments,
    };
    format!("#compdef {name}\n# {MADE}\n\n{body}\n")
}

/// The command completes its own line. `--` as the very first word would be left in front.
const COMMAND: &str =
    "*::arguments:{ [[ $words[1] != -- ]] || { shift words; (( CURRENT-- )) }; _normal }";

/// The same, without the file in front.
const BEHIND_FILE: &str = "*::arguments:{ shift words; (( CURRENT-- )); _normal }";

fn option(option: &ToolOption) -> String {
    let doc = option.doc.replace('\'', "'\\''").replace('[', "\\[").replace(']', "\\]");
    let label = option.argument.unwrap_or_default();
    let argument = match Argument::of(option) {
        Argument::None => String::new(),
        Argument::File => format!(":{label}:_files"),
        Argument::Folder => format!(":{label}:_files -/"),
        Argument::User => format!(":{label}:_users"),
        Argument::Words(words) => format!(":{label}:({words})"),
        Argument::Other => format!(":{label}: "),
    };
    let names = spellings(option);
    // The argument may be a word of its own, or stand in the same one.
    let joined = |name: &String| match (option.argument, name.starts_with("--")) {
        (None, _) => name.clone(),
        (Some(_), true) => format!("{name}="),
        (Some(_), false) => format!("{name}+"),
    };
    let written: Vec<String> = names.iter().map(joined).collect();
    match &written[..] {
        [one] => format!("'{one}[{doc}]{argument}'"),
        [..] => format!("'({})'{{{}}}'[{doc}]{argument}'", names.join(" "), written.join(",")),
    }
}

/// The daemon is asked as the command line says. Without a needed password the
/// client fails at once, because it asks for one only in its shell.
const NAMES: &str = r#"# Offers names that the daemon knows, if it answers at once.
_SELF_names() {
    local name state rest asked
    local -aU names
    while read -r name state rest; do
        [[ $state == (STATES) ]] || continue
        for asked; do
            case $asked:$name in
            processes:*) names+=("$name") ;;
            wildcards:*:*) names+=("${name%%:*}:*") ;;
            groups:*) names+=("${name%%:*}") ;;
            esac
        done
    done < <(timeout 1 "${(@)${(@Q)called}/#\~\//$HOME/}" status </dev/null 2>/dev/null)
    compadd -a names
}
"#;

fn own_commands(tool: &Tool, arguments: &str) -> String {
    let described = own(tool).map(|command| {
        let does = command.usage.first().map_or("", |(_, does)| does).replace('\'', "'\\''");
        format!("        '{}:{does}'\n", command.name)
    });
    let cases = own(tool).flat_map(|command| {
        let offers = offers(command, tool).into_iter();
        offers.map(|(place, offer)| case(command.name, place, &offer))
    });
    format!(
        "{}
local curcontext=$curcontext state state_descr line
local -a called=(\"${{words[@]}}\") commands
local -A opt_args
{arguments} && return

case $state in
command)
    commands=(
{}    )
    _describe command commands
    ;;
arguments)
    shift -p $#words called
    [[ $words[1] != -- ]] || {{ shift words; (( CURRENT-- )) }}
    case $words[1]:$CURRENT in
{}    esac
    ;;
esac
(( compstate[nmatches] ))",
        NAMES.replace("STATES", &states("|")),
        described.collect::<String>(),
        cases.collect::<String>()
    )
    .replace("_SELF", &format!("_{}", tool.name))
}

fn case(command: &str, place: Position, offer: &Offer) -> String {
    let place = match place {
        Position::First => "2",
        Position::Later | Position::Any => "*",
    };
    let mut does = String::new();
    if !offer.fixed.is_empty() {
        does.push_str(&format!(" compadd -- {};", offer.fixed.join(" ")));
    }
    if !offer.asked.is_empty() {
        does.push_str(&format!(" _SELF_names {};", offer.asked.join(" ")));
    }
    format!("    {command}:{place}){does};\n")
}
