//! A configuration, and what to do while it runs.
//!
//! A scenario is one file. Its first lines that start with `;` are directives, those
//! with `#` say why it is there; the configuration follows. A line `;;; NAME` starts a
//! further file of that name. Each supervisor gets all of them in a fresh folder, the
//! first one as `supervisord.conf`, and runs there. The directives:
//!
//! ```text
//! ; args: -e debug             more words for the command line
//! ; command line: -c x.conf    these words, instead of -n -c supervisord.conf
//! ; env: NAME=VALUE            in the environment of the supervisor
//! ; before: mkdir logs         shell commands that run first, in the same process
//! ; stand-ins: nginx redis     programs on the PATH that say their command line and wait
//! ; root                       only root can run it
//! ; together: a b              one group: they stop in any order
//! ; allow: ID                  differs as `allowed.rs` describes
//! ; only ours: TEXT            and that shows in these lines (or `only theirs`)
//! ; exit theirs: 138           and in this exit code
//! ; files theirs: a b          and in these files
//! ; error: TEXT                a bad one: what both have to say (`bad.rs`)
//!
//! ; until: TEXT                a line with TEXT, as whole words, is on stdout
//! ; until 3: TEXT              the third such line is
//! ; send: TERM
//! ; move: a.log b.log
//! ; write: FIFO TEXT
//! ; ours send: TERM            a step of one of the two only
//! ```
//!
//! After the last step the supervisor has to end by itself. What is compared must be
//! there by then: the start of each program is waited for, and all that a program says
//! or does before it stays, which is why most of them run at debug level.

use std::fmt;
use std::path::Path;

/// One of the two that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The supervisord that Python runs.
    Theirs,
    /// The one that this repository builds.
    Ours,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Theirs => "theirs",
            Self::Ours => "ours",
        })
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Wait until this many lines contain a text.
    Until { text: String, times: usize },
    /// Send the supervisor a signal.
    Send(String),
    /// Rename a file.
    Move { from: String, to: String },
    /// Put a line into a FIFO, whether somebody reads it yet or not.
    Write { fifo: String, text: String },
}

/// One file of this folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// Names and contents.
    pub(crate) files: Vec<(String, String)>,
    pub(crate) args: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) before: Vec<String>,
    pub(crate) needs_root: bool,
    pub(crate) together: Vec<Vec<String>>,
    pub(crate) allowed: Vec<String>,
    /// Lines that one of the two must have, and that then don't count.
    pub(crate) only: Vec<(Side, String)>,
    /// Files that one of the two must have, and that then don't count.
    pub(crate) only_files: Vec<(Side, String)>,
    pub(crate) exits: Vec<(Side, i32)>,
    pub(crate) errors: Vec<String>,
    steps: Vec<(Option<Side>, Step)>,
}

impl Scenario {
    /// Understands the text of a scenario, or says which directive it doesn't.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut scenario = Self {
            name: name.to_owned(),
            args: words("-n -c supervisord.conf"),
            files: parts("supervisord.conf", text),
            ..Self::default()
        };
        for line in directives(text) {
            scenario.directive(line).ok_or_else(|| format!("{name}: what is {line:?}?"))?;
        }
        if scenario.only.is_empty() && scenario.exits.is_empty() || !scenario.allowed.is_empty() {
            return Ok(scenario);
        }
        Err(format!("{name}: a difference needs an `allow:` that says why"))
    }

    /// What to do with one of the two.
    pub(crate) fn steps(&self, side: Side) -> impl Iterator<Item = &Step> {
        let meant = move |only: &Option<Side>| only.is_none_or(|only| only == side);
        self.steps.iter().filter(move |(only, _)| meant(only)).map(|(_, step)| step)
    }

    /// Whether the two are expected to do different things.
    pub(crate) fn has_sides(&self) -> bool {
        let steps = self.steps.iter().any(|(side, _)| side.is_some());
        steps || !self.only.is_empty() || self.allowed.iter().any(|id| id == "all-mistakes")
    }

    fn directive(&mut self, line: &str) -> Option<()> {
        let (word, rest) = match line.split_once(": ") {
            Some((word, rest)) => (word, rest.trim()),
            None => (line, ""),
        };
        match word {
            "args" => self.args.extend(words(rest)),
            "command line" => self.args = words(rest),
            "env" => self.environment.push(pair(rest.split_once('=')?)),
            "before" => self.before.push(rest.to_owned()),
            "stand-ins" => self.stand_ins(&words(rest)),
            "root" => self.needs_root = true,
            "together" => self.together.push(words(rest)),
            "allow" => self.allowed.push(rest.to_owned()),
            "only theirs" => self.only.push((Side::Theirs, rest.to_owned())),
            "only ours" => self.only.push((Side::Ours, rest.to_owned())),
            "files theirs" => self.only_files.extend(files(Side::Theirs, rest)),
            "files ours" => self.only_files.extend(files(Side::Ours, rest)),
            "error" => self.errors.push(rest.to_owned()),
            "exit theirs" => self.exits.push((Side::Theirs, rest.parse().ok()?)),
            "exit ours" => self.exits.push((Side::Ours, rest.parse().ok()?)),
            _ => self.steps.push(step(word, rest)?),
        }
        Some(())
    }
}

impl Scenario {
    /// Makes programs with these names, and puts them first on the PATH.
    fn stand_ins(&mut self, names: &[String]) {
        let script = "#!/bin/sh\necho \"${0##*/}: $*\"\nexec sleep 300\n";
        let files = names.iter().map(|name| (format!("bin/{name}"), script.to_owned()));
        self.files.extend(files);
        self.before.push("chmod 755 bin bin/*; PATH=$PWD/bin:$PATH".to_owned());
    }
}

fn step(word: &str, rest: &str) -> Option<(Option<Side>, Step)> {
    let (side, word) = match word.split_once(' ') {
        Some(("theirs", word)) => (Some(Side::Theirs), word),
        Some(("ours", word)) => (Some(Side::Ours), word),
        Some(_) | None => (None, word),
    };
    if rest.is_empty() {
        return None;
    }
    let step = match word {
        "send" => Step::Send(rest.to_owned()),
        "move" => {
            let (from, to) = pair(rest.split_once(' ')?);
            Step::Move { from, to }
        }
        "write" => {
            let (fifo, text) = pair(rest.split_once(' ')?);
            Step::Write { fifo, text }
        }
        "until" => Step::Until { text: rest.to_owned(), times: 1 },
        _ => {
            let times = word.strip_prefix("until ")?.parse().ok()?;
            Step::Until { text: rest.to_owned(), times }
        }
    };
    Some((side, step))
}

/// The directives of a scenario, without the `; `: those before the first line that is
/// neither a comment nor empty.
pub(crate) fn directives(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| line.is_empty() || line.starts_with([';', '#']))
        .filter(|line| !line.starts_with(";;;"))
        .filter_map(|line| line.strip_prefix("; "))
        .map(str::trim)
}

/// The pieces of a text that lines `;;; NAME` separate; the first has the name `first`.
pub(crate) fn parts(first: &str, text: &str) -> Vec<(String, String)> {
    let mut parts = vec![(first.to_owned(), String::new())];
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix(";;; ") {
            parts.push((name.trim().to_owned(), String::new()));
        } else if let Some((_, content)) = parts.last_mut() {
            content.push_str(line);
        }
    }
    parts
}

/// All scenarios of a folder, by name.
pub(crate) fn read_all(folder: &Path) -> Vec<Scenario> {
    let mut scenarios: Vec<Scenario> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            Scenario::parse(&name, &text).unwrap_or_else(|why| panic!("{why}"))
        })
        .collect();
    scenarios.sort_by(|a, b| a.name.cmp(&b.name));
    scenarios
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn pair((a, b): (&str, &str)) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

fn files(side: Side, names: &str) -> impl Iterator<Item = (Side, String)> {
    names.split_whitespace().map(move |name| (side, name.to_owned()))
}

#[test]
fn a_scenario_may_have_steps_for_one_side() {
    let text = "# Why.\n; args: -e debug\n; allow: x\n; until 2: spawned\n; ours send: TERM\n\
                [supervisord]\n; no directive\n;;; more.conf\n[program:x]\n";
    let scenario = Scenario::parse("x", text).unwrap();
    assert_eq!(scenario.args, ["-n", "-c", "supervisord.conf", "-e", "debug"]);
    assert_eq!(scenario.files[1], ("more.conf".to_owned(), "[program:x]\n".to_owned()));
    let until = Step::Until { text: "spawned".to_owned(), times: 2 };
    let send = Step::Send("TERM".to_owned());
    assert!(scenario.steps(Side::Theirs).eq([&until]));
    assert!(scenario.steps(Side::Ours).eq([&until, &send]));
}

#[test]
fn a_scenario_may_create_stand_in_programs() {
    let scenario = Scenario::parse("x", "; stand-ins: nginx redis\n[supervisord]\n").unwrap();
    let names: Vec<&str> = scenario.files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["supervisord.conf", "bin/nginx", "bin/redis"]);
    assert_eq!(scenario.before.len(), 1);
}

#[test]
fn a_misspelled_directive_is_rejected() {
    for line in ["; utnil: x", "; until two: x", "; send:", "; sned", "; only ours: x"] {
        assert!(Scenario::parse("x", line).is_err(), "{line}");
    }
}
