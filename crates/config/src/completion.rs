//! What shells need to complete our command lines.

use crate::tools::{Operand, Tool, ToolOption, tools};

/// All completions: paths below a folder of completions, and contents.
#[must_use]
pub fn completions() -> Vec<(String, String)> {
    let of_tool = |tool: &Tool| {
        let name = tool.name;
        [
            (format!("bash/{name}"), bash(tool)),
            (format!("zsh/_{name}"), zsh(tool)),
            (format!("fish/{name}.fish"), fish(tool)),
        ]
    };
    tools().iter().flat_map(of_tool).collect()
}

/// What an option's argument is.
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

const MADE: &str = "Made from the tables in crates/config/src; see tests/documents.rs there.";

/// `-o` and `--output`.
fn spellings(option: &ToolOption) -> Vec<String> {
    let short = option.short.map(|short| format!("-{short}"));
    short.into_iter().chain([format!("--{}", option.long)]).collect()
}

fn bash(tool: &Tool) -> String {
    let name = tool.name;
    let function = format!("_{}", name.replace('-', "_"));
    let all: Vec<String> = tool.options.iter().flat_map(spellings).collect();
    let with_argument = |option: &&ToolOption| option.argument.is_some();
    let waiting: Vec<String> =
        tool.options.iter().filter(with_argument).flat_map(spellings).collect();
    let skip = if waiting.is_empty() {
        String::new()
    } else {
        format!("        {}) at=$((at + 2)) ;;\n", waiting.join(" | "))
    };
    let mut arguments = String::new();
    for option in tool.options.iter().filter(with_argument) {
        let words = match Argument::of(option) {
            Argument::File => "compgen -f -- \"$current\"".to_owned(),
            Argument::Folder => "compgen -d -- \"$current\"".to_owned(),
            Argument::User => "compgen -u -- \"$current\"".to_owned(),
            Argument::Words(words) => format!("compgen -W \"{words}\" -- \"$current\""),
            Argument::None | Argument::Other => "true".to_owned(),
        };
        let names = spellings(option).join(" | ");
        arguments.push_str(&format!("    {names}) _complete {words}; return ;;\n"));
    }
    let arguments = if arguments.is_empty() {
        String::new()
    } else {
        format!("    case $previous in\n{arguments}    esac\n")
    }
    .replace("_complete ", &format!("{function}_take "));
    let (files, rest) = match tool.operand {
        Operand::Nothing => ("", "    return".to_owned()),
        Operand::OwnCommand => (
            "",
            format!("    {function}_take compgen -W \"{}\" -- \"$current\"", own(tool).join(" ")),
        ),
        Operand::Command => ("", format!("    {function}_take compgen -c -- \"$current\"")),
        Operand::FileAndCommand => {
            ("    at=$((at + 1))\n", format!("    {function}_take compgen -f -- \"$current\""))
        }
    };
    let behind = behind_the_command(tool, &function);
    let options = if all.is_empty() {
        String::new()
    } else {
        let all = all.join(" ");
        format!(
            "    case $current in\n    -*) {function}_take compgen -W \"{all}\" -- \"$current\"; return ;;\n    esac\n"
        )
    };
    format!(
        "# {MADE}\n
{function}_take() {{
    mapfile -t COMPREPLY < <(\"$@\")
}}

{function}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} at=1
    COMPREPLY=()
    while [ \"$at\" -lt \"$COMP_CWORD\" ]; do
        case ${{COMP_WORDS[at]}} in
        --) at=$((at + 1)); break ;;
{skip}        -*) at=$((at + 1)) ;;
        *) break ;;
        esac
    done
{files}{behind}{arguments}{options}{rest}
}}

complete -F {function} {name}
"
    )
}

/// What is offered once the command is there: that is for the command itself to say.
fn behind_the_command(tool: &Tool, function: &str) -> String {
    let offered = match tool.operand {
        Operand::Nothing => return String::new(),
        Operand::OwnCommand => format!(
            "        [ \"${{COMP_WORDS[at]}}\" != help ] || {function}_take compgen -W \"{}\" -- \"$current\"\n",
            own(tool).join(" ")
        ),
        Operand::Command | Operand::FileAndCommand => format!(
            "        if declare -F _command_offset >/dev/null; then\n            \
             _command_offset \"$at\"\n        else\n            \
             {function}_take compgen -f -- \"$current\"\n        fi\n"
        ),
    };
    format!("    if [ \"$at\" -lt \"$COMP_CWORD\" ]; then\n{offered}        return\n    fi\n")
}

/// The names of its own commands that are typed before a shell's prompt, too.
fn own(tool: &Tool) -> Vec<&'static str> {
    tool.commands.iter().map(|command| command.name).filter(|name| *name != "EOF").collect()
}

fn zsh(tool: &Tool) -> String {
    let mut words = Vec::new();
    for option in &tool.options {
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
        words.push(match &names[..] {
            [one] => format!("'{one}[{doc}]{argument}'"),
            [..] => {
                format!("'({})'{{{}}}'[{doc}]{argument}'", names.join(" "), names.join(","))
            }
        });
    }
    match tool.operand {
        Operand::Nothing => {}
        Operand::OwnCommand => {
            words.push(format!("'1:command:({})'", own(tool).join(" ")));
            words.push("'*::arguments: '".to_owned());
        }
        Operand::Command => {
            words.extend(
                ["'(-)1:command:_command_names -e'", "'*::arguments:_normal'"].map(str::to_owned),
            );
        }
        Operand::FileAndCommand => words.extend(
            ["'1:pidfile:_files'", "'2:command:_command_names -e'", "'*::arguments:_normal'"]
                .map(str::to_owned),
        ),
    }
    format!(
        "#compdef {}\n# {MADE}\n\n_arguments -s -S \\\n    {}\n",
        tool.name,
        words.join(" \\\n    ")
    )
}

fn fish(tool: &Tool) -> String {
    let name = tool.name;
    let mut out = format!("# {MADE}\n\n");
    match tool.operand {
        Operand::OwnCommand => {
            let unless = format!("not __fish_seen_subcommand_from {}", own(tool).join(" "));
            out.push_str(&format!("complete -c {name} -f\n"));
            for command in tool.commands.iter().filter(|command| command.name != "EOF") {
                let does = command.usage.first().map_or("", |(_, does)| does);
                let does = does.replace('\'', "\\'");
                let word = command.name;
                out.push_str(&format!("complete -c {name} -n '{unless}' -a {word} -d '{does}'\n"));
            }
        }
        Operand::Nothing => out.push_str(&format!("complete -c {name} -f\n")),
        Operand::Command => {
            out.push_str(&format!("complete -c {name} -x -a '(__fish_complete_subcommand)'\n"));
        }
        Operand::FileAndCommand => {}
    }
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
        let doc = option.doc.replace('\\', "\\\\").replace('\'', "\\'");
        out.push_str(&format!(
            "complete -c {name}{short} -l {}{argument} -d '{doc}'\n",
            option.long
        ));
    }
    out
}
