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
//! `next` is the next deadline, shown when an input changed it. The wall clock shows
//! whole hours when the other shows zero. `later` before a program keeps it out of the
//! first configuration; `request N reread NAME...` reads one with these programs.

#![expect(clippy::unwrap_used, reason = "a story that cannot be read is a failed test")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::command::{Command as Order, Which};
use supervisor_core::event::{Channel, Entered, Event, EventType};
use supervisor_core::health::{
    Block, CheckAnswer, CheckFailure, Comm, Depth, Listener, Load, Progress, ProgressSample,
    Stranger, TreeCount,
};
use supervisor_core::ids::{Member, Pid, ProcId, RequestId, RunId};
use supervisor_core::input::{
    Circumstances, Death, Exit, Job, Notification, SpawnError, SpawnErrorKind, Traits, TreeProcess,
};
use supervisor_core::signal::Signal;
use supervisor_core::spec::health::{
    Action, CheckSpec, HealthSpec, HttpGet, HttpServer, HttpUrl, ListenerRule, Probe, ProgressSpec,
    Ready, Scheme, TreeSpec,
};
use supervisor_core::spec::start::{Dependency, HostPort, StartSpec, Until, WaitSpec};
use supervisor_core::spec::{
    Autorestart, Command, GroupSpec, Launch, PoolSpec, ProcessSpec, RemoveLeftovers, ResultHandler,
    RetryRule, SignalRule, Sink, Spec, Stdio, StopTarget, TidySpec, WhenDone,
};
use supervisor_core::time::{Mono, Now, Wall};
use supervisor_core::{Effect, Input, Occasion, Reply, SignalTarget, Supervisor, Unreached};

/// What the wall clock shows when the other shows zero, in seconds.
const WALL_ZERO: u64 = 1_800_000_000;

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
    let mut spec = Spec {
        groups: Vec::new(),
        signals: SignalRule::StopOrForward,
        when_done: WhenDone::Exit,
        prestop_delay: Duration::ZERO,
        prestop_idle: None,
        stop_budget: None,
    };
    let mut known = Vec::new();
    let mut stage: Option<Stage> = None;
    let mut played = String::new();
    for line in story.lines() {
        if line.starts_with("  ") {
            continue;
        }
        writeln!(played, "{line}").unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        match *words {
            [] | ["#", ..] => {}
            ["later", ref words @ ..] => known.push(group(words)),
            ["program" | "listener", ..] => {
                known.push(group(&words));
                spec.groups.push(group(&words));
            }
            ["prestop", secs] => {
                spec.prestop_delay = Duration::from_secs(secs.parse().unwrap());
            }
            ["until-idle", secs] => {
                spec.prestop_idle = Some(Duration::from_secs(secs.parse().unwrap()));
            }
            ["budget", secs] => {
                spec.stop_budget = Some(Duration::from_secs(secs.parse().unwrap()));
            }
            ["run-once"] => spec.signals = SignalRule::ForwardAll,
            ["proceed-within", seconds] => {
                let within = Duration::from_secs(seconds.parse().unwrap());
                spec.when_done = WhenDone::Proceed { within };
            }
            ["file-mode"] => {
                (spec.signals, spec.when_done) = (SignalRule::Supervisord, WhenDone::Stay);
            }
            [time, ref words @ ..] => {
                let stage = stage.get_or_insert_with(|| {
                    // As the configuration has them.
                    spec.groups.sort_by_key(|group| group.priority);
                    Stage::new(spec.clone(), known.clone())
                });
                played.push_str(&stage.act(seconds(time), words));
            }
        }
    }
    played
}

struct Stage {
    core: Supervisor,
    known: Vec<GroupSpec>,
    names: BTreeMap<ProcId, String>,
    deadline: Option<Mono>,
}

impl Stage {
    fn new(spec: Spec, known: Vec<GroupSpec>) -> Self {
        Self { core: Supervisor::new(spec), known, names: BTreeMap::new(), deadline: None }
    }

    fn act(&mut self, since_zero: Duration, words: &[&str]) -> String {
        if words == ["waits?"] {
            let infos = self.core.processes();
            let waiting = infos.filter_map(|info| Some((&info.named.name, info.waits_for?)));
            return waiting.map(|(name, what)| format!("  {name}: {what}\n")).collect();
        }
        if words == ["ready?"] {
            let readiness = self.core.readiness().to_string();
            let started = if self.core.has_started() { "  has started\n" } else { "" };
            let lines = readiness.lines().map(|line| format!("  {line}\n"));
            return lines.chain([started.to_owned()]).collect();
        }
        let mono = Mono::from_zero(since_zero);
        let wall = Wall::from_epoch(Duration::from_secs(WALL_ZERO) + since_zero);
        let input = self.input(words);
        let ticked = input == Input::Tick;
        let effects = self.core.handle(Now::new(mono, wall), input);
        let mut shown = String::new();
        for effect in effects {
            if let Effect::AddGroup { group, first } = &effect {
                let numbers = (first.0..).map(ProcId);
                let names = group.processes.iter().map(|process| process.name.clone());
                self.names.extend(numbers.zip(names));
            } else {
                writeln!(shown, "  {}", self.show(&effect)).unwrap();
            }
        }
        let deadline = self.core.next_deadline();
        if deadline != self.deadline {
            let text = deadline.map_or_else(|| "never".to_owned(), |at| at.to_string());
            writeln!(shown, "  next {text}").unwrap();
            self.deadline = deadline;
        }
        if ticked && deadline.is_some_and(|at| at <= mono) {
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
            ["reaped", pid, exit, found @ ..] => {
                let (oom, said) = match found {
                    ["oom", said @ ..] => (true, said),
                    said => (false, said),
                };
                let last_line = (!said.is_empty()).then(|| said.join(" "));
                Input::Reaped {
                    pid: Pid(pid.parse().unwrap()),
                    exit: self::exit(exit),
                    found: Circumstances { oom, last_line },
                }
            }
            ["descendant", name, main, pid, exit] => {
                let exit = (*exit != "unknown").then(|| self::exit(exit));
                let pid = Pid(pid.parse().unwrap());
                Input::DescendantEnded {
                    proc: self.proc(name),
                    main: Pid(main.parse().unwrap()),
                    death: Death { name: "worker".to_owned(), pid, exit },
                }
            }
            // `busy`: its tree was, while it timed out.
            ["suspended", pid, job] => {
                let job = match *job {
                    "controlled" => Job::Controlled,
                    "alone" => Job::Alone,
                    "unattended" => Job::Unattended,
                    _ => panic!("{job}"),
                };
                Input::Suspended { pid: Pid(pid.parse().unwrap()), job }
            }
            ["checked", run, result] => {
                let (proc, run) = self.run(run);
                let over = Duration::from_secs(2);
                let load = (*result == "busy").then_some(Load { cpu: over, over });
                let stranger = Stranger { pid: Pid(99), name: Comm::new(b"other") };
                let result = match *result {
                    "well" => Ok(CheckAnswer::default()),
                    // It wants a client certificate.
                    "connects" => {
                        Ok(CheckAnswer { depth: Depth::Connection, ..CheckAnswer::default() })
                    }
                    "stranger" => Ok(CheckAnswer {
                        from: Listener::Stranger(stranger),
                        ..CheckAnswer::default()
                    }),
                    "refused" => Err(CheckFailure::Refused),
                    "late" | "busy" => Err(CheckFailure::TimedOut),
                    status => Err(CheckFailure::Status(status.parse().unwrap())),
                };
                Input::Checked { proc, run, result, load }
            }
            ["progressed", run, look @ ..] => {
                let (proc, run) = self.run(run);
                let look = match look {
                    [] => ProgressSample::Nothing,
                    ["late"] => ProgressSample::Late,
                    ["404"] => ProgressSample::Failed(CheckFailure::Status(404)),
                    // Under way, or under way and waiting.
                    [running, done] => ProgressSample::Seen(Progress {
                        running: running.split('+').next().unwrap().parse().unwrap(),
                        waiting: running.split('+').nth(1).map_or(0, |n| n.parse().unwrap()),
                        done: done.parse().unwrap(),
                    }),
                    other => panic!("not a look at progress: {other:?}"),
                };
                Input::Progressed { proc, run, look }
            }
            // How many, and with how many different command lines: all, if that isn't told.
            ["tree", run, count] => {
                let (proc, run) = self.run(run);
                let (alive, distinct) = count.split_once('/').unwrap_or((count, count));
                let (alive, distinct) = (alive.parse().unwrap(), distinct.parse().unwrap());
                Input::TreeCounted { proc, run, count: TreeCount { alive, distinct } }
            }
            ["notified", name, said @ ..] => {
                let mut notification = Notification::default();
                for said in said {
                    match said.split_once('=').unwrap_or((said, "")) {
                        ("ready", _) => notification.ready = true,
                        ("stopping", _) => notification.stopping = true,
                        ("watchdog", _) => notification.watchdog = true,
                        ("extend", secs) => {
                            notification.extend = Some(Duration::from_secs(secs.parse().unwrap()));
                        }
                        other => panic!("unknown notification {other:?}"),
                    }
                }
                Input::Notified { proc: self.proc(name), said: notification }
            }
            ["ready", name, pid] => {
                Input::ReadyLogged { proc: self.proc(name), pid: Pid(pid.parse().unwrap()) }
            }
            // STREAM SECONDS BYTES of a reader that stands still, or nothing.
            ["output", run, block @ ..] => {
                let (proc, run) = self.run(run);
                let block = match block {
                    [] => None,
                    [channel, since, waiting] => Some(Block {
                        channel: if *channel == "stdout" {
                            Channel::Stdout
                        } else {
                            Channel::Stderr
                        },
                        since: seconds(since),
                        waiting: waiting.parse().unwrap(),
                    }),
                    other => panic!("not a look at output: {other:?}"),
                };
                Input::OutputSeen { proc, run, block }
            }
            ["collected", run] => {
                let (proc, run) = self.run(run);
                Input::Collected { proc, run }
            }
            ["tidied", run] => {
                let (proc, run) = self.run(run);
                Input::Tidied { proc, run }
            }
            ["connected", run] => {
                let (proc, run) = self.run(run);
                Input::Connected { proc, run, result: Ok(()) }
            }
            ["unreached", run, target, failure] => {
                let (proc, run) = self.run(run);
                let failure = match *failure {
                    "refused" => CheckFailure::Refused,
                    "late" => CheckFailure::TimedOut,
                    other => panic!("unknown failure {other}"),
                };
                let unreached = Unreached { target: host_port(target), failure };
                Input::Connected { proc, run, result: Err(unreached) }
            }
            ["census", run, found @ ..] => {
                let (proc, run) = self.run(run);
                let (main, members) = match found {
                    [main, members @ ..] if main.starts_with("main") => {
                        (Some(traits(main)), members)
                    }
                    members => (None, members),
                };
                let members = members.iter().map(|word| tree_process(word)).collect();
                Input::Census { proc, run, main, members }
            }
            ["load", run, requests] => {
                let (proc, run) = self.run(run);
                Input::LoadSeen { proc, run, requests: requests.parse().ok() }
            }
            ["tree-ended", run] => {
                let (proc, run) = self.run(run);
                Input::TreeEnded { proc, run }
            }
            ["signal", name] => Input::Signalled(Signal::from_name(name).unwrap()),
            ["request", id, order @ ..] => {
                Input::Request { id: RequestId(id.parse().unwrap()), command: self.order(order) }
            }
            ["gone", id] => Input::RequestGone { id: RequestId(id.parse().unwrap()) },
            ["said", name, pid, text @ ..] => Input::ListenerSaid {
                proc: self.proc(name),
                pid: Pid(pid.parse().unwrap()),
                data: text.join(" ").replace("\\n", "\n").into_bytes(),
            },
            ["deaf", name, serial] => {
                Input::TellFailed { proc: self.proc(name), serial: serial.parse().unwrap() }
            }
            ["wrote", name, pid, text] => Input::Logged {
                proc: self.proc(name),
                pid: Pid(pid.parse().unwrap()),
                channel: Channel::Stdout,
                data: text.as_bytes().to_vec(),
            },
            other => panic!("unknown input {other:?}"),
        }
    }

    fn order(&self, words: &[&str]) -> Order {
        match words {
            ["start", name, rest @ ..] => {
                let missing = rest.iter().filter_map(|word| word.strip_prefix("missing="));
                let unstartable = missing.map(|name| {
                    let message = format!("can't find command '{name}'");
                    (self.proc(name), SpawnError { kind: SpawnErrorKind::NotFound, message })
                });
                Order::Start {
                    which: self.which(name),
                    wait: !rest.contains(&"nowait"),
                    unstartable: unstartable.collect(),
                }
            }
            ["stop", name, rest @ ..] => {
                Order::Stop { which: self.which(name), wait: !rest.contains(&"nowait") }
            }
            ["signal", signal, name] => Order::Signal {
                which: self.which(name),
                signal: Signal::from_name(signal).unwrap(),
            },
            ["shutdown"] => Order::Shutdown,
            ["restart"] => Order::Restart,
            ["reread", names @ ..] => {
                let meant = |group: &&GroupSpec| names.contains(&group.name.as_str());
                // Of two with one name the one told last counts.
                let found: BTreeMap<_, _> =
                    self.known.iter().filter(meant).map(|group| (&group.name, group)).collect();
                Order::Reread(found.into_values().cloned().collect())
            }
            ["add", name] => Order::AddGroup((*name).to_owned()),
            ["remove", name] => Order::RemoveGroup((*name).to_owned()),
            ["event", kind, data] => {
                Order::RemoteEvent { kind: (*kind).to_owned(), data: (*data).to_owned() }
            }
            other => panic!("unknown order {other:?}"),
        }
    }

    fn which(&self, name: &str) -> Which {
        if name == "all" { Which::All } else { self.core.find(name).unwrap() }
    }

    fn proc(&self, name: &str) -> ProcId {
        // The latest with that name: a group may have been removed and added again.
        *self.names.iter().rfind(|(_, known)| *known == name).unwrap().0
    }

    fn run(&self, text: &str) -> (ProcId, RunId) {
        let (name, run) = text.split_once('#').unwrap();
        (self.proc(name), RunId(run.parse().unwrap()))
    }

    fn show(&self, effect: &Effect) -> String {
        let name = |proc: &ProcId| &self.names[proc];
        match effect {
            Effect::Spawn { proc, run } => format!("spawn {}#{}", name(proc), run.0),
            Effect::Signal { target, signal } => match target {
                SignalTarget::Process(pid) => format!("send {signal} to process {pid}"),
                SignalTarget::Group(pid) => format!("send {signal} to group {pid}"),
                SignalTarget::Member(member) => format!("send {signal} to member {}", member.pid),
            },
            Effect::Suspend { pid } => format!("suspend with process {pid}"),
            Effect::Resume { pid } => format!("resume process {pid}"),
            Effect::Census { proc, run } => format!("census {}#{}", name(proc), run.0),
            Effect::AwaitEnd { proc, run, members } => {
                let pids: Vec<_> = members.iter().map(|member| member.pid.to_string()).collect();
                format!("await end of {} of {}#{}", pids.join(", "), name(proc), run.0)
            }
            Effect::LookAtLoad { proc, run } => {
                format!("look at load of {}#{}", name(proc), run.0)
            }
            Effect::KillTree { proc } => format!("kill tree {}", name(proc)),
            Effect::Log(line) => format!("{} {line}", line.level().tag()),
            Effect::Emit(event) => event_text(event),
            Effect::Tell { proc, envelope } => format!(
                "tell {} event {}, of {} number {}: {}",
                name(proc),
                envelope.serial,
                envelope.pool,
                envelope.pool_serial,
                event_text(&envelope.event)
            ),
            Effect::Print { data } => format!("print {:?}", String::from_utf8_lossy(data)),
            Effect::Reply { id, result: Ok(Reply::Done) } => format!("reply {} done", id.0),
            Effect::Reply { id, result: Ok(Reply::Outcomes(outcomes)) } => {
                let outcomes = outcomes.iter().map(|outcome| match &outcome.result {
                    Ok(()) => format!("{} done", outcome.name),
                    Err(refusal) => format!("{} refused, {refusal}", outcome.name),
                });
                format!("reply {} {}", id.0, outcomes.collect::<Vec<_>>().join("; "))
            }
            Effect::Reply { id, result: Ok(Reply::Difference(difference)) } => format!(
                "reply {} added {:?} changed {:?} removed {:?}",
                id.0, difference.added, difference.changed, difference.removed
            ),
            Effect::Reply { id, result: Err(refusal) } => {
                format!("reply {} refused, {refusal}", id.0)
            }
            Effect::AddGroup { .. } => String::new(),
            Effect::RemoveGroup { procs } => {
                let names: Vec<_> = procs.iter().map(|proc| name(proc).as_str()).collect();
                format!("remove {}", names.join(", "))
            }
            Effect::Check { proc, run, find_listener } => {
                let listener = if *find_listener { " and who listens" } else { "" };
                format!("check {}#{}{listener}", name(proc), run.0)
            }
            Effect::LookAtProgress { proc, run } => {
                format!("look at progress of {}#{}", name(proc), run.0)
            }
            Effect::LookAtOutput { proc, run } => {
                format!("look at output of {}#{}", name(proc), run.0)
            }
            Effect::CountTree { proc, run } => format!("count tree of {}#{}", name(proc), run.0),
            Effect::Collect { proc, run, .. } => format!("look into {}#{}", name(proc), run.0),
            Effect::Connect { proc, run } => format!("connect for {}#{}", name(proc), run.0),
            Effect::LookAtFiles { proc, run } => {
                format!("look at files of {}#{}", name(proc), run.0)
            }
            Effect::Tidy { proc, run, occasion: Occasion::Start } => {
                format!("tidy {}#{}", name(proc), run.0)
            }
            Effect::Tidy { proc, run, occasion: Occasion::End } => {
                format!("tidy {}#{} for the last time", name(proc), run.0)
            }
            Effect::Report(report) => format!(
                "report {}#{}, {} after {:.3} s: {}; {} left behind; {:?}",
                report.process.name,
                report.run.0,
                report.cause.class().name(),
                report.uptime.as_secs_f64(),
                report.why(),
                report.leftovers,
                report.next
            ),
            Effect::ReopenLogs => "reopen logs".to_owned(),
            Effect::Exit { code } => format!("exit {code}"),
            Effect::Restart => "restart".to_owned(),
            Effect::Proceed => "proceed".to_owned(),
        }
    }
}

/// A process of a tree, `PID[<PARENT][@GROUP][!sh][!deaf]`: without a parent one that ours
/// has become, without a group in one of its own; a shell; one that ignores the stop signal.
fn tree_process(word: &str) -> TreeProcess {
    let number = |sign: char| -> Option<i32> {
        let (_, rest) = word.split_once(sign)?;
        rest.split(['<', '@', '!']).next().unwrap().parse().ok()
    };
    let pid = word.split(['<', '@', '!']).next().unwrap().parse().unwrap();
    TreeProcess {
        member: Member { pid: Pid(pid), start: 7 },
        parent: Pid(number('<').unwrap_or(1)),
        group: Pid(number('@').unwrap_or(pid)),
        traits: traits(word),
    }
}

fn traits(word: &str) -> Traits {
    Traits { shell: word.contains("!sh"), ignores_stopsignal: word.contains("!deaf") }
}

fn event_text(event: &Event) -> String {
    match event {
        Event::State { process, from, to } => {
            let detail = match to {
                Entered::Starting { tries } | Entered::Backoff { tries } if *tries > 0 => {
                    format!(" (tries {tries})")
                }
                Entered::Stopped { .. }
                | Entered::Starting { .. }
                | Entered::Running { .. }
                | Entered::Backoff { .. }
                | Entered::Stopping { .. }
                | Entered::Exited { .. }
                | Entered::Fatal => String::new(),
            };
            format!("{} {} -> {}{detail}", process.name, from.name(), to.state_name().name())
        }
        Event::Log { process, data, .. } => {
            format!("{} wrote {}", process.name, String::from_utf8_lossy(data))
        }
        Event::Communication { process, data, .. } => {
            format!("{} has a message: {}", process.name, String::from_utf8_lossy(data))
        }
        Event::Remote { kind, data } => format!("from outside: {kind} {data}"),
        Event::Tick { period, when } => format!("tick of {}: {}", period.secs(), when.secs()),
        Event::SupervisorRunning | Event::SupervisorStopping => event.kind().name().to_owned(),
        Event::GroupAdded { group } => format!("there is group {group}"),
        Event::GroupRemoved { group } => format!("there is no group {group} any more"),
    }
}

/// `program NAME KEY=VALUE...` or `listener NAME events=TYPE,... buffer=N KEY=VALUE...`.
fn group(words: &[&str]) -> GroupSpec {
    let [kind, name, options @ ..] = words else { panic!("a program has a name") };
    let mut pool = PoolSpec { events: [].into(), buffer_size: 10, handler: ResultHandler::Verdict };
    let mut rest = Vec::new();
    for option in options {
        match option.split_once('=').unwrap() {
            ("events", types) => {
                let types = types.split(',').map(|name| EventType::from_name(name).unwrap());
                pool.events = types.collect();
            }
            ("buffer", size) => pool.buffer_size = size.parse().unwrap(),
            ("answers", "output") => pool.handler = ResultHandler::Output,
            _ => rest.push(*option),
        }
    }
    let process = program(name, rest.into_iter());
    GroupSpec {
        name: (*name).to_owned(),
        priority: process.priority,
        processes: vec![Rc::new(process)],
        pool: (*kind == "listener").then_some(pool),
    }
}

/// A program with the defaults of the command line, changed as `words` say.
fn program<'a>(name: &str, words: impl Iterator<Item = &'a str>) -> ProcessSpec {
    let mut spec = ProcessSpec {
        name: name.to_owned(),
        program: name.to_owned(),
        priority: 999,
        autostart: true,
        startsecs: Duration::from_secs(1),
        startretries: 3,
        autorestart: Autorestart::Always,
        exitcodes: vec![255],
        stopsignal: Signal::TERM,
        stopwaitsecs: Duration::from_secs(30),
        stop_target: StopTarget::Main,
        kill_target: StopTarget::Group,
        leftover_grace: Duration::from_secs(2),
        health_stop: Duration::from_secs(10),
        retry: RetryRule::Consecutive { reset_after: Duration::from_secs(600) },
        main: true,
        essential: true,
        killtree: true,
        tidy: None,
        start: StartSpec::default(),
        health: HealthSpec::default(),
        launch: Launch {
            command: Command::Argv(vec![name.into()]),
            environment: Vec::new(),
            directory: None,
            umask: None,
            user: None,
            stdio: Stdio::Captured { stdout: Sink::Stdout.into(), stderr: None },
            shown: name.to_owned(),
            serverurl: None,
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
            "stop_target" => {
                spec.stop_target = match value {
                    "main" => StopTarget::Main,
                    "group" => StopTarget::Group,
                    other => panic!("stop_target={other}"),
                }
            }
            "leftover_grace" => spec.leftover_grace = Duration::from_secs(number()),
            "health_stop" => spec.health_stop = Duration::from_secs(number()),
            "retryresetsecs" => {
                spec.retry = match value {
                    "off" => RetryRule::FailedStarts,
                    "once" => RetryRule::Once,
                    secs => RetryRule::Consecutive {
                        reset_after: Duration::from_secs(secs.parse().unwrap()),
                    },
                }
            }
            "main" => spec.main = value == "true",
            "essential" => spec.essential = value == "true",
            "killtree" => spec.killtree = value == "true",
            // PROGRAM:UNTIL,...
            "depends_on" => spec.start.depends_on = value.split(',').map(dependency).collect(),
            // HOST:PORT,.../TIMEOUT
            "wait_for" => {
                let (targets, timeout) = value.split_once('/').unwrap();
                let timeout = Duration::from_secs(timeout.parse().unwrap());
                let targets = targets.split(',').map(host_port).collect();
                spec.start.wait_for = Some(WaitSpec { targets, timeout });
            }
            "retries_before_ready" => {
                spec.start.retries_before_ready = Some(value.parse().unwrap());
            }
            "program" => spec.program = value.to_owned(),
            "tidy" => {
                let remove_leftovers = match value {
                    "port" => RemoveLeftovers::No,
                    "evidence" => RemoveLeftovers::OnEvidence,
                    "all" => RemoveLeftovers::All,
                    _ => panic!("tidy={value}"),
                };
                spec.tidy = Some(TidySpec { remove_leftovers, ..TidySpec::default() });
            }
            "ready" => {
                spec.health.ready = match value {
                    "checked" => Ready::Checked,
                    "notified" => Ready::Notified,
                    text => Ready::Logged(text.to_owned()),
                }
            }
            "start_timeout" => spec.health.start_timeout = Some(Duration::from_secs(number())),
            // INTERVAL/TIMEOUT/FAILURES, and the patience with one that is busy
            "check" => {
                let numbers = numbers(value);
                spec.health.check = Some(CheckSpec {
                    probe: Probe::Tcp { host: "localhost".to_owned(), port: 80 },
                    set_by: "PROCESS_HEALTH_TCP".to_owned(),
                    listener: ListenerRule::Any,
                    interval: Duration::from_secs(numbers[0]),
                    jitter: Duration::ZERO,
                    timeout: Duration::from_secs(numbers[1]),
                    failures: numbers[2].try_into().unwrap(),
                    patience: Duration::from_secs(numbers.get(3).copied().unwrap_or(120)),
                });
            }
            // INTERVAL/STALLED
            "progress" => {
                let numbers = numbers(value);
                let server = HttpServer::Tcp { host: "localhost".to_owned(), port: 80 };
                spec.health.progress = Some(ProgressSpec {
                    page: HttpGet::new(HttpUrl {
                        scheme: Scheme::Http,
                        server,
                        path: "/metrics".to_owned(),
                    }),
                    running: Vec::new(),
                    waiting: Vec::new(),
                    tells_idle: true,
                    done: Vec::new(),
                    interval: Duration::from_secs(numbers[0]),
                    timeout: Duration::from_secs(1),
                    stalled: Duration::from_secs(numbers[1]),
                });
            }
            // INTERVAL/PATIENCE
            "tree" => {
                let numbers = numbers(value);
                spec.health.tree = Some(TreeSpec {
                    pattern: "worker".to_owned(),
                    distinct: false,
                    interval: Duration::from_secs(numbers[0]),
                    patience: Duration::from_secs(numbers[1]),
                });
            }
            // After `check`.
            "listener" => {
                assert_eq!(value, "own");
                spec.health.check.as_mut().unwrap().listener = ListenerRule::Own;
            }
            "watchdog" => spec.health.watchdog = Some(Duration::from_secs(number())),
            "action" => {
                spec.health.action = match value {
                    "observe" => Action::Observe,
                    "restart" => Action::Restart,
                    "stop" => Action::Stop,
                    code => Action::Exit(code.parse().unwrap()),
                }
            }
            other => panic!("unknown key {other}"),
        }
    }
    spec
}

fn dependency(text: &str) -> Dependency {
    let (program, until) = text.split_once(':').unwrap();
    let until = Until::ALL.into_iter().find(|known| known.name() == until).unwrap();
    Dependency { program: program.to_owned(), until }
}

fn host_port(text: &str) -> HostPort {
    let (host, port) = text.split_once(':').unwrap();
    HostPort { host: host.to_owned(), port: port.parse().unwrap() }
}

fn numbers(text: &str) -> Vec<u64> {
    text.split('/').map(|number| number.parse().unwrap()).collect()
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
