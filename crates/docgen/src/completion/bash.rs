//! Scripts for [bash](https://www.gnu.org/software/bash/manual/html_node/Programmable-Completion.html),
//! with bash-completion or without it.

use super::{
    Argument, MADE, Offer, Position, offers, own, own_names, spellings, states, with_argument,
};
use supervisor_config::tables::{Operand, Tool};

pub(super) fn script(tool: &Tool) -> String {
    let parts = [helpers(tool), completing(tool)];
    let text = format!("# {MADE}\n\n{}\ncomplete -F _SELF {}\n", parts.join("\n"), tool.name);
    text.replace("_SELF", &format!("_{}", tool.name.replace('-', "_")))
}

/// The words as the program gets them: bash parts them at `=` and `:`, and what it replaces
/// is only what stands behind the last of these.
const WORDS: &str = r#"# Bash parts words at `=` and `:`. words: whole ones, up to the cursor; at: where bash has
# them; cut: the part of the last one that bash will leave as it is.
_SELF_words() {
    local line=${COMP_LINE:0:COMP_POINT} i word bare last
    words=() at=() cut=
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]} bare=${line#"${line%%[![:space:]]*}"}
        [ "$i" -lt "$COMP_CWORD" ] || word=$bare
        last=$((${#words[@]} - 1))
        if [ "$last" -ge 0 ] && [ "$bare" = "$line" ] &&
            [[ $word == [:=]* || ${words[last]} == *[:=] ]]; then
            cut=${words[last]} words[last]+=$word
            [[ $word != [:=]* ]] || cut+=$word
        else
            words+=("$word") at+=("$i") cut=
        fi
        line=${bare#"$word"}
    done
}
"#;

const OFFER: &str = r#"
# Offers those of the words that begin with what is typed.
_SELF_offer() {
    local word
    for word; do
        if [[ $word == "$current"* ]]; then
            word=$prefix$word
            COMPREPLY+=("${word#"$cut"}")
        fi
    done
}
"#;

/// `compgen -c` has keywords and functions, too, which no program can run.
const COMMANDS: &str = r#"
# Offers programs: only what is a file can be run.
_SELF_commands() {
    local word
    while read -r word; do
        ! type -P -- "$word" >/dev/null || COMPREPLY+=("$word")
    done < <(compgen -c -- "$current")
    if [[ $current == */* ]]; then
        compopt -o filenames
        mapfile -O "${#COMPREPLY[@]}" -t COMPREPLY < <(compgen -d -- "$current")
    fi
}

# The rest of the line is for the command itself to complete.
_SELF_behind() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "${at[n]}"
    else
        compopt -o default
    fi
}
"#;

/// The daemon is asked as the command line says. Without a needed password the
/// client fails at once, because it asks for one only in its shell.
const NAMES: &str = r#"
# Offers names that the daemon knows, if it answers at once.
_SELF_names() {
    local name state asked called=("${words[@]:0:n}")
    while read -r name state _; do
        case $state in STATES) ;; *) continue ;; esac
        # A name that means something to the shell is not for being typed so.
        case $name in *[![:alnum:]_.:@%+=,/-]*) continue ;; esac
        for asked; do
            case $asked:$name in
            processes:*) _SELF_offer "$name" ;;
            wildcards:*:*) _SELF_offer "${name%%:*}:*" ;;
            groups:*) _SELF_offer "${name%%:*}" ;;
            esac
        done
    done < <(timeout 1 "${called[@]/#\~\//$HOME/}" status </dev/null 2>/dev/null)
}
"#;

fn helpers(tool: &Tool) -> String {
    let mut out = WORDS.to_owned() + OFFER;
    match tool.operand {
        Operand::Nothing => {}
        Operand::Command | Operand::FileAndCommand => out.push_str(COMMANDS),
        Operand::OwnCommand => out.push_str(&NAMES.replace("STATES", &states(" | "))),
    }
    out
}

fn completing(tool: &Tool) -> String {
    let waiting = with_argument(tool);
    let skip = if waiting.is_empty() {
        String::new()
    } else {
        format!("        {}) n=$((n + 2)) ;;\n", waiting.join(" | "))
    };
    format!(
        "_SELF() {{
    local words at cut prefix='' current previous n=1 last
    _SELF_words
    last=$((${{#words[@]}} - 1))
    current=${{words[last]}} previous=${{words[last - 1]}}
    COMPREPLY=()
    while [ \"$n\" -lt \"$last\" ]; do
        case ${{words[n]}} in
        --) n=$((n + 1)); break ;;
{skip}        -*) n=$((n + 1)) ;;
        *) break ;;
        esac
    done
{}{}{}}}
",
        operands(tool),
        arguments(tool),
        options_and_rest(tool)
    )
}

/// The words after the options.
fn operands(tool: &Tool) -> String {
    match tool.operand {
        Operand::Nothing => "    [ \"$n\" -ge \"$last\" ] || return 0\n".to_owned(),
        Operand::Command => {
            "    [ \"$n\" -ge \"$last\" ] || { _SELF_behind; return; }\n".to_owned()
        }
        Operand::FileAndCommand => "    if [ \"$n\" -lt \"$last\" ]; then\n        \
             n=$((n + 1))\n        \
             if [ \"$n\" = \"$last\" ]; then _SELF_commands; else _SELF_behind; fi\n        \
             return\n    fi\n"
            .to_owned(),
        Operand::OwnCommand => {
            let cases: String = own(tool)
                .flat_map(|command| {
                    let offers = offers(command, tool).into_iter();
                    offers.map(|(place, offer)| case(command.name, place, &offer))
                })
                .collect();
            format!(
                "    if [ \"$n\" -lt \"$last\" ]; then\n        \
                 case ${{words[n]}}:$((last - n)) in\n{cases}        esac\n        \
                 return\n    fi\n"
            )
        }
    }
}

fn case(command: &str, place: Position, offer: &Offer) -> String {
    let place = match place {
        Position::First => "1",
        Position::Later | Position::Any => "*",
    };
    let mut does = String::new();
    if !offer.fixed.is_empty() {
        does.push_str(&format!(" _SELF_offer {};", offer.fixed.join(" ")));
    }
    if !offer.asked.is_empty() {
        does.push_str(&format!(" _SELF_names {};", offer.asked.join(" ")));
    }
    format!("        {command}:{place}){does};\n")
}

/// The arguments of options, after a space or after `=`.
fn arguments(tool: &Tool) -> String {
    let mut cases = String::new();
    for option in tool.options.iter().filter(|option| option.argument.is_some()) {
        let does = match Argument::of(option) {
            Argument::File => "compopt -o default; return ;;",
            Argument::Folder => "compopt -o dirnames; return ;;",
            Argument::User => "_SELF_offer $(compgen -u); return ;;",
            Argument::Words(words) => {
                cases.push_str(&format!(
                    "    {}) _SELF_offer {words}; return ;;\n",
                    spellings(option).join(" | ")
                ));
                continue;
            }
            Argument::None | Argument::Other => "return ;;",
        };
        cases.push_str(&format!("    {}) {does}\n", spellings(option).join(" | ")));
    }
    if cases.is_empty() {
        return String::new();
    }
    format!(
        "    # Where no argument is due, this is no option's.
    [ \"$n\" -gt \"$last\" ] || previous=
    case $current in
    --*=*) previous=${{current%%=*}} prefix=${{current%%=*}}= current=${{current#*=}} ;;
    esac
    case $previous in
{cases}    esac
"
    )
}

fn options_and_rest(tool: &Tool) -> String {
    let options: Vec<String> = tool.options.iter().flat_map(spellings).collect();
    let options = format!(
        "    case $current in\n    -*) _SELF_offer {}; return ;;\n    esac\n",
        options.join(" ")
    );
    let rest = match tool.operand {
        Operand::Nothing => String::new(),
        Operand::OwnCommand => format!("    _SELF_offer {}\n", own_names(tool)),
        Operand::Command => "    _SELF_commands\n".to_owned(),
        Operand::FileAndCommand => "    compopt -o default\n".to_owned(),
    };
    options + &rest
}
