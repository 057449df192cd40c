//! Real shells complete our command lines by the scripts that are made from the tables.
//! With `REQUIRE_SHELLS=1` a shell that isn't there is a failure.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Where bash-completion is installed.
const BASH_COMPLETION: &str = "/usr/share/bash-completion/bash_completion";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shell {
    Bash,
    /// With bash-completion.
    FullBash,
    Zsh,
    Fish,
}

const ALL: [Shell; 4] = [Shell::Bash, Shell::FullBash, Shell::Zsh, Shell::Fish];

/// A folder with files to complete, a home in it, and daemon's client that knows four
/// processes if it is called as it should be.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("complete-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(folder.join("docs/inner")).unwrap();
        std::fs::create_dir_all(folder.join("home")).unwrap();
        std::fs::write(folder.join("two words"), "").unwrap();
        std::fs::write(folder.join("home/mine.conf"), "").unwrap();
        let client = folder.join("supervisorctl");
        let script = "#!/bin/sh\nstate='RUNNING   pid 1, uptime 0:00:01'\ncase $* in\n\
                      status | '-s unix:///x status' | '--serverurl=http://h:1 status') ;;\n\
                      \"-c $HOME/mine.conf status\") ;;\n\
                      '-s slow status') exec sleep 1000 ;;\n\
                      *) echo 'unix:///x no such file'; exit 4 ;;\nesac\n\
                      echo \"cat $state\"; echo \"web:web-0 $state\"; echo \"web:web-1 $state\"\n\
                      echo 'unix:///x refused connection'; echo 'batch EXITED Nov 26'\nexit 3\n";
        std::fs::write(&client, script).unwrap();
        std::fs::set_permissions(&client, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    /// What could stand in the last word's place, each once and in order. `None`: that shell
    /// isn't here.
    fn offered(&self, shell: Shell, line: &str) -> Option<Vec<String>> {
        let mut words = self.typed(shell, line, "\x1b*")?;
        let last = line.rsplit(' ').next().unwrap();
        // The part up to the last of these stays in bash and comes in front of one word only.
        let kept = last.rfind([':', '=']).map_or(0, |at| at + 1);
        let option = last.find('=').map_or(0, |at| at + 1);
        for word in &mut words {
            if !word.starts_with(&last[..kept]) && shell != Shell::Zsh {
                word.insert_str(0, &last[..kept]);
            }
            // What zsh inserts in front, or quotes, is no part of what it says.
            *word = word.strip_prefix(&last[..option]).unwrap_or(word).replace('\\', "");
        }
        // Where bash has nothing to offer it leaves what was typed.
        words.retain(|word| *word != last[option..]);
        words.sort();
        words.dedup();
        Some(words)
    }

    /// What is in the last words' place once `line` and keys behind it have been typed. Only
    /// bash minds the keys: the others tell what they would offer.
    fn typed(&self, shell: Shell, line: &str, keys: &str) -> Option<Vec<String>> {
        let (program, script) = match shell {
            Shell::Bash => ("bash", self.bash(line, keys, false)),
            Shell::FullBash if !Path::new(BASH_COMPLETION).exists() => {
                return skip("there is no bash-completion");
            }
            Shell::FullBash => ("bash", self.bash(line, keys, true)),
            Shell::Zsh => ("zsh", self.zsh(line)),
            Shell::Fish => ("fish", self.fish(line)),
        };
        let path = std::env::var_os("PATH").unwrap();
        if !std::env::split_paths(&path).any(|folder| folder.join(program).exists()) {
            return skip(&format!("there is no {program}"));
        }
        // An interactive shell would take the terminal away from whoever runs the tests.
        let mut command = Command::new("setsid");
        command.args(["--wait", program]);
        match shell {
            Shell::Bash | Shell::FullBash => command.args(["--rcfile", "/dev/null", "-i"]),
            Shell::Zsh => command.arg("-f"),
            Shell::Fish => command.arg("-N"),
        };
        command
            .current_dir(&self.0)
            .env_clear()
            .env("PATH", format!("{}:{}", self.0.display(), path.display()))
            .env("HOME", self.0.join("home"))
            .env("TERM", "dumb")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        running.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = running.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let words = text.lines().filter_map(|line| line.strip_prefix("offered "));
        let words: Vec<_> = words.map(str::to_owned).collect();
        Some(words)
    }

    /// Alt-* puts all that there is into the line, and a function of that name prints it.
    fn bash(&self, line: &str, keys: &str, full: bool) -> String {
        let tool = line.split(' ').next().unwrap();
        let source = if full { format!("source {BASH_COMPLETION}\n") } else { String::new() };
        let before = line.split(' ').count() - 2;
        format!(
            "{source}for script in {}/*; do source \"$script\"; done\n\
             {tool}() {{ shift {before}; printf 'offered %s\\n' \"$@\"; }}\n{line}{keys}\n\n",
            scripts("bash").display(),
        )
    }

    fn zsh(&self, line: &str) -> String {
        let scripts = scripts("zsh");
        format!(
            r#"zmodload zsh/zpty
zpty z zsh -f -i
say() {{ zpty -w z "$1" }}
say 'PS1= PS2=; unsetopt zle_bracketed_paste 2>/dev/null; stty -echo 2>/dev/null'
say 'fpath=({scripts} $fpath); autoload -Uz compinit; compinit -u -d {dump}'
say 'compadd() {{ if [[ " $* " == *" -"[OAD]" "* ]]; then builtin compadd "$@"; return; fi
    local -a hits; builtin compadd -A hits "$@"; local hit; for hit in $hits; do print -r -- "offered $hit" >>{out}; done
    builtin compadd "$@" }}'
say 'done_() {{ print -r -- end >>{out}; exit }}; zle -N done_; bindkey "^G" done_; bindkey "^I" complete-word'
zpty -w -n z "{line}"$'\t\x07'
for i in {{1..400}}; do [[ -f {out} && "$(<{out})" == *end ]] && break; sleep 0.05; done
cat {out}; rm {out}; zpty -d z
"#,
            scripts = scripts.display(),
            // Made once: which functions there are takes a moment to find out.
            dump = Path::new(env!("CARGO_TARGET_TMPDIR")).join("zcompdump").display(),
            out = self.0.join("out").display(),
        )
    }

    /// Fish is asked itself, and names all that it would offer, descriptions behind a tab.
    fn fish(&self, line: &str) -> String {
        format!(
            "for script in {}/*; source $script; end\ncomplete -C '{line}' | \
             string replace -r '\\t.*' '' | string replace -r '^' 'offered '\n",
            scripts("fish").display()
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn scripts(shell: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../completions").join(shell)
}

/// Says that a shell can't be asked here, or fails where it must.
#[track_caller]
fn skip<T>(why: &str) -> Option<T> {
    assert!(std::env::var_os("REQUIRE_SHELLS").is_none(), "{why}, and REQUIRE_SHELLS is set");
    println!("skipped: {why}");
    None
}

/// Whether each of these shells offers just these words, or says that it isn't here.
#[track_caller]
fn check(shells: &[Shell], line: &str, wanted: &str) {
    let place = Place::new();
    let mut wanted: Vec<_> = wanted.split_whitespace().collect();
    wanted.sort_unstable();
    for shell in shells {
        if let Some(offered) = place.offered(*shell, line) {
            assert_eq!(offered, wanted, "{shell:?}: {line}");
        }
    }
}

#[test]
fn options_are_offered_only_before_the_command() {
    check(&ALL, "standard-supervisor --", "--as --check --help --port --probe --version");
    check(&ALL, "standard-supervisor --check --v", "--version");
    check(&ALL, "standard-supervisor bash --chec", "");
    check(&ALL, "generate-supervisor-config -o x --pro", "--program-name");
    check(&ALL, "supervisorctl start --conf", "");
    check(&ALL, "pidproxy --", "--help --version");
}

#[test]
fn words_after_a_command_are_completed_as_that_commands() {
    let shells = [Shell::FullBash, Shell::Zsh, Shell::Fish];
    check(&shells, "standard-supervisor supervisord -e b", "blather");
    check(&shells, "standard-supervisor -- supervisord -e b", "blather");
    check(&shells, "generate-supervisor-config -o x supervisord --pro", "--profile_options");
    check(&shells, "generate-supervisor-config --output=x supervisord --pro", "--profile_options");
    check(&shells, "pidproxy file supervisord --nod", "--nodaemon");
    check(&shells, "pidproxy file supervisorctl help mai", "maintail");
    check(&shells, "standard-supervisor supervisorctl -s unix:///x pid c", "cat");
}

#[test]
fn commands_are_completed_where_one_is_expected() {
    for line in [
        "standard-supervisor super",
        "standard-supervisor --check -- super",
        "generate-supervisor-config -o x super",
        "generate-supervisor-config -o x --log-level=INFO -p y super",
        "pidproxy file super",
    ] {
        let place = Place::new();
        for shell in ALL {
            let Some(offered) = place.offered(shell, line) else { continue };
            assert!(offered.contains(&"supervisorctl".to_owned()), "{shell:?}: {line} {offered:?}");
        }
    }
    // No program has the name of these: they are words of the shell.
    check(&[Shell::Bash, Shell::FullBash], "standard-supervisor whil", "");
    check(&[Shell::Bash, Shell::FullBash], "standard-supervisor comp", "");
}

#[test]
fn the_argument_of_an_option_is_completed_by_its_kind() {
    check(&ALL, "supervisord -e b", "blather");
    check(&ALL, "supervisord --loglevel b", "blather");
    check(&ALL, "supervisord --loglevel=b", "blather");
    check(&ALL, "generate-supervisor-config --log-level=", "ERROR INFO DEBUG");
    check(&ALL, "generate-supervisor-config --log-level ", "ERROR INFO DEBUG");
    check(&ALL, "supervisord --dir", "--directory");
    check(&ALL, "supervisord -u roo", "root");
}

#[test]
fn file_names_are_completed() {
    let place = Place::new();
    for shell in [Shell::Bash, Shell::FullBash] {
        // No blank stands behind a folder: what comes next is in it.
        for (line, keys, wanted) in [
            ("supervisord -c doc", "\tinn\t", "docs/inner/"),
            ("supervisord --configuration=doc", "\tinn\t", "--configuration=docs/inner/"),
            ("supervisord -q do", "\t", "docs/"),
            ("generate-supervisor-config -o doc", "\t", "docs/"),
            ("generate-supervisor-config --output=doc", "\t", "--output=docs/"),
            ("pidproxy doc", "\t", "docs/"),
            ("supervisorctl -c ~/min", "\t", "HOME/mine.conf"),
            ("supervisorctl -r two", "\t", "two words"),
        ] {
            let Some(typed) = place.typed(shell, line, keys) else { continue };
            let home = place.0.join("home");
            let wanted = wanted.replace("HOME", &home.to_string_lossy());
            assert_eq!(typed, [wanted], "{shell:?}: {line}");
        }
    }
    check(&[Shell::Zsh], "supervisord -c doc", "docs");
    check(&[Shell::Zsh], "generate-supervisor-config --output=doc", "docs");
    check(&[Shell::Zsh], "pidproxy doc", "docs");
    check(&[Shell::Fish], "supervisord -c doc", "docs/");
    check(&[Shell::Fish], "generate-supervisor-config --output=doc", "docs/");
    check(&[Shell::Fish], "pidproxy doc", "docs/");
}

#[test]
fn commands_of_supervisorctl_are_offered_with_any_address() {
    for options in ["", "-s unix:///x ", "-s http://h:1 ", "--serverurl=http://h:1 ", "-u a -p b "]
    {
        check(&ALL, &format!("supervisorctl {options}rel"), "reload");
    }
    check(&ALL, "supervisorctl help mai", "maintail");
    check(&ALL, "supervisorctl -- help mai", "maintail");
    check(&ALL, "supervisorctl signal SEG", "SEGV");
    check(&ALL, "supervisorctl status --j", "--json");
    check(&ALL, "supervisorctl start al", "all");
    check(&ALL, "supervisorctl tail cat std", "stderr stdout");
    check(&ALL, "supervisorctl tail -", "-f");
    check(&ALL, "supervisorctl version ", "");
}

#[test]
fn names_are_offered_if_the_daemon_answers_at_once() {
    check(&ALL, "supervisorctl start ", "all batch cat web:* web:web-0 web:web-1");
    check(&ALL, "supervisorctl stop cat web:web-", "web:web-0 web:web-1");
    check(&ALL, "supervisorctl -s unix:///x signal HUP web:web-", "web:web-0 web:web-1");
    check(&ALL, "supervisorctl --serverurl=http://h:1 fg c", "cat");
    check(&ALL, "supervisorctl -c ~/mine.conf fg c", "cat");
    check(&ALL, "supervisorctl update ", "batch cat web");
    check(&ALL, "supervisorctl -s wrong start ", "all");
    check(&ALL, "supervisorctl -s slow start ", "all");
    check(&ALL, "supervisorctl add ", "");
}
