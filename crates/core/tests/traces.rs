//! Plays the stories in `tests/traces/*.txt` against the core and compares what it
//! does with what the story says. `UPDATE=1 cargo test` rewrites the answers; read
//! the diff before you commit it.
//!
//! A story starts with the programs, one per line, then has one input per line, each
//! followed by its effects, indented:
//!
//! ```text
//! program app startretries=1
//!
//! 0.000 boot
//!   app STOPPED -> STARTING
//!   spawn app#1
//! ```
//!
//! `next` is the next deadline, shown when an input changed it.

#![expect(clippy::unwrap_used, reason = "a story that cannot be read is a failed test")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use supervisor_core::ids::{Member, Pid, ProcId, RunId};
use supervisor_core::input::{Exit, SpawnError, SpawnErrorKind};
use supervisor_core::signal::Signal;
use supervisor_core::spec::{
    Autorestart, Command, GroupSpec, Launch, ProcessSpec, RetryRule, SignalRule, Sink, Spec, Stdio,
    WhenDone,
};
use supervisor_core::time::Mono;
use supervisor_core::{Effect, Input, Supervisor, Target};

#[test]
fn every_story_goes_as_it_is_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces");
    let mut stories: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    stories.sort();
    assert!(stories.len() >= 10, "the stories are gone");
    let update = std::env::vars_os().any(|(name, _)| name == "UPDATE");
    let mut wrong = Vec::new();
    for path in stories {
        let told = std::fs::read_to_string(&path).unwrap();
        let played = play(&told);
        if update {
            std::fs::write(&path, &played).unwrap();
        } else if told != played {
            wrong.push(format!("{}\n{}", path.display(), first_difference(&told, &played)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn first_difference(told: &str, played: &str) -> String {
    let mut line = 0;
    let (mut told, mut played) = (told.lines(), played.lines());
    loop {
        line += 1;
        let pair = (told.next(), played.next());
        if pair.0 != pair.1 {
            return format!("line {line}\n  told:   {:?}\n  played: {:?}", pair.0, pair.1);
        }
    }
}

/// The story with the effects that the core answers with in place of those told.
fn play(story: &str) -> String {
    let mut names = Vec::new();
    let mut spec =
        Spec { groups: Vec::new(), signals: SignalRule::StopOrForward, when_done: WhenDone::Exit };
    let mut stage: Option<Stage> = None;
    let mut played = String::new();
    for line in story.lines() {
        if line.starts_with("  ") {
            continue;
        }
        writeln!(played, "{line}").unwrap();
        let mut words = line.split_whitespace();
        match words.next() {
            None | Some("#") => {}
            Some("program") => {
                let name = words.next().unwrap().to_owned();
                let process = program(&name, words);
                let priority = process.priority;
                spec.groups.push(GroupSpec {
                    name: name.clone(),
                    priority,
                    processes: vec![process],
                });
                names.push(name);
            }
            Some("run-once") => spec.signals = SignalRule::ForwardAll,
            Some("file-mode") => {
                (spec.signals, spec.when_done) = (SignalRule::Supervisord, WhenDone::Stay);
            }
            Some(time) => {
                let stage = stage.get_or_insert_with(|| Stage {
                    core: Supervisor::new(spec.clone()),
                    names: names.clone(),
                    deadline: None,
                });
                played.push_str(&stage.act(seconds(time), &words.collect::<Vec<_>>()));
            }
        }
    }
    played
}

struct Stage {
    core: Supervisor,
    names: Vec<String>,
    deadline: Option<Mono>,
}

impl Stage {
    fn act(&mut self, now: Duration, words: &[&str]) -> String {
        let now = Mono::from_zero(now);
        let input = self.input(words);
        let ticked = input == Input::Tick;
        let effects = self.core.handle(now, input);
        let mut shown = String::new();
        for effect in effects {
            writeln!(shown, "  {}", self.show(&effect)).unwrap();
        }
        let deadline = self.core.next_deadline();
        if deadline != self.deadline {
            let text = deadline.map_or_else(|| "never".to_owned(), |at| at.to_string());
            writeln!(shown, "  next {text}").unwrap();
            self.deadline = deadline;
        }
        if ticked && deadline.is_some_and(|at| at <= now) {
            shown.push_str("  a deadline in the past: the caller would spin\n");
        }
        shown
    }

    fn input(&self, words: &[&str]) -> Input {
        match words {
            ["boot"] => Input::Boot,
            ["tick"] => Input::Tick,
            ["spawned", run, pid] => {
                let (proc, run) = self.run(run);
                Input::Spawned { proc, run, pid: Pid(pid.parse().unwrap()) }
            }
            ["failed", run, kind, message @ ..] => {
                let (proc, run) = self.run(run);
                let kind = match *kind {
                    "not-found" => SpawnErrorKind::NotFound,
                    "not-executable" => SpawnErrorKind::NotExecutable,
                    "transient" => SpawnErrorKind::Transient,
                    other => panic!("unknown kind of failure {other}"),
                };
                Input::SpawnFailed {
                    proc,
                    run,
                    error: SpawnError { kind, message: message.join(" ") },
                }
            }
            ["reaped", pid, exit] => {
                Input::Reaped { pid: Pid(pid.parse().unwrap()), exit: self::exit(exit) }
            }
            ["census", run, members @ ..] => {
                let (proc, run) = self.run(run);
                let member = |pid: &&str| Member { pid: Pid(pid.parse().unwrap()), start: 7 };
                Input::Census { proc, run, members: members.iter().map(member).collect() }
            }
            ["signal", name] => Input::Signalled(Signal::from_name(name).unwrap()),
            other => panic!("unknown input {other:?}"),
        }
    }

    fn run(&self, text: &str) -> (ProcId, RunId) {
        let (name, run) = text.split_once('#').unwrap();
        let proc = self.names.iter().position(|known| known == name).unwrap();
        (ProcId(proc), RunId(run.parse().unwrap()))
    }

    fn show(&self, effect: &Effect) -> String {
        let name = |proc: &ProcId| &self.names[proc.0];
        match effect {
            Effect::Spawn { proc, run } => format!("spawn {}#{}", name(proc), run.0),
            Effect::Signal { target, signal } => match target {
                Target::Process(pid) => format!("send {signal} to process {pid}"),
                Target::Group(pid) => format!("send {signal} to group {pid}"),
                Target::Member(member) => format!("send {signal} to member {}", member.pid),
            },
            Effect::Census { proc, run } => format!("census {}#{}", name(proc), run.0),
            Effect::KillTree { proc } => format!("kill tree {}", name(proc)),
            Effect::Log(line) => format!("{} {line}", line.level().tag()),
            Effect::Emit { proc, from, to } => {
                format!("{} {} -> {}", name(proc), from.name(), to.name())
            }
            Effect::ReopenLogs => "reopen logs".to_owned(),
            Effect::Exit { code } => format!("exit {code}"),
            Effect::Restart => "restart".to_owned(),
        }
    }
}

/// A program with the defaults of the command line, changed as `words` say.
fn program<'a>(name: &str, words: impl Iterator<Item = &'a str>) -> ProcessSpec {
    let mut spec = ProcessSpec {
        name: name.to_owned(),
        priority: 999,
        autostart: true,
        startsecs: Duration::from_secs(1),
        startretries: 3,
        autorestart: Autorestart::Always,
        exitcodes: vec![255],
        stopsignal: Signal::TERM,
        stopwaitsecs: Duration::from_secs(30),
        stopasgroup: true,
        killasgroup: true,
        retry: RetryRule::Consecutive { reset_after: Duration::from_secs(600) },
        essential: true,
        killtree: true,
        launch: Launch {
            command: Command::Argv(vec![name.into()]),
            environment: Vec::new(),
            directory: None,
            umask: None,
            user: None,
            stdio: Stdio::Captured { stdout: Sink::Stdout.into(), stderr: None },
            socket: None,
            die_with_supervisor: true,
        },
    };
    for word in words {
        let (key, value) = word.split_once('=').unwrap();
        let number = || value.parse::<u64>().unwrap();
        match key {
            "priority" => spec.priority = value.parse().unwrap(),
            "autostart" => spec.autostart = value == "true",
            "startsecs" => spec.startsecs = Duration::from_secs(number()),
            "startretries" => spec.startretries = value.parse().unwrap(),
            "autorestart" => {
                spec.autorestart = match value {
                    "true" => Autorestart::Always,
                    "false" => Autorestart::Never,
                    "unexpected" => Autorestart::Unexpected,
                    other => panic!("autorestart={other}"),
                }
            }
            "exitcodes" => {
                spec.exitcodes = value.split(',').map(|code| code.parse().unwrap()).collect()
            }
            "stopsignal" => spec.stopsignal = Signal::from_name(value).unwrap(),
            "stopwaitsecs" => spec.stopwaitsecs = Duration::from_secs(number()),
            "stopasgroup" => spec.stopasgroup = value == "true",
            "retryresetsecs" => {
                spec.retry = match value {
                    "off" => RetryRule::FailedStarts,
                    "once" => RetryRule::Once,
                    secs => RetryRule::Consecutive {
                        reset_after: Duration::from_secs(secs.parse().unwrap()),
                    },
                }
            }
            "essential" => spec.essential = value == "true",
            "killtree" => spec.killtree = value == "true",
            other => panic!("unknown key {other}"),
        }
    }
    spec
}

fn exit(text: &str) -> Exit {
    match text.split_once('=').unwrap() {
        ("exit", code) => Exit::Code(code.parse().unwrap()),
        ("signal", name) => {
            Exit::Signal { signal: Signal::from_name(name).unwrap(), core_dumped: false }
        }
        other => panic!("unknown exit {other:?}"),
    }
}

fn seconds(text: &str) -> Duration {
    let (secs, millis) = text.split_once('.').unwrap();
    assert_eq!(millis.len(), 3, "times have three decimals: {text}");
    Duration::from_secs(secs.parse().unwrap()) + Duration::from_millis(millis.parse().unwrap())
}
