//! Parses the programs at the beginning of a story.

use std::rc::Rc;
use std::time::Duration;

use supervisor_core::event::EventType;
use supervisor_core::failure::{Class, Preset};
use supervisor_core::signal::{Signal, SignalMap};
use supervisor_core::spec::failure::{RuleAction, RuleSpec};
use supervisor_core::spec::health::{
    Action, CheckSpec, HealthSpec, HttpGet, HttpServer, HttpUrl, ListenerRule, MemorySpec, Probe,
    ProgressSpec, Ready, Scheme, TreeSpec,
};
use supervisor_core::spec::hook::{HookEvent, HookFormat, HookSpec, HookTarget};
use supervisor_core::spec::start::{Dependency, HostPort, StartSpec, Until, WaitSpec};
use supervisor_core::spec::{
    Autorestart, Backoff, FailureSpec, GroupSpec, Launch, PoolSpec, ProcessSpec, RemoveLeftovers,
    ResultHandler, RetryRule, Sink, Stdio, StopTarget,
};

/// `program NAME KEY=VALUE...` or `listener NAME events=TYPE,... buffer=N KEY=VALUE...`.
pub(crate) fn group(words: &[&str]) -> GroupSpec {
    let [kind, name, options @ ..] = words else { panic!("a program has a name") };
    let mut pool = PoolSpec { events: [].into(), buffer_size: 10, handler: ResultHandler::Verdict };
    let (mut group, mut rest) = (*name, Vec::new());
    for option in options {
        match option.split_once('=').unwrap() {
            ("events", types) => {
                let types = types.split(',').map(|name| EventType::from_name(name).unwrap());
                pool.events = types.collect();
            }
            ("group", name) => group = name,
            ("buffer", size) => pool.buffer_size = size.parse().unwrap(),
            ("answers", "output") => pool.handler = ResultHandler::Output,
            _ => rest.push(*option),
        }
    }
    let process = program(name, rest.into_iter());
    GroupSpec {
        name: group.to_owned(),
        priority: process.priority,
        processes: vec![Rc::new(process)],
        pool: (*kind == "listener").then_some(pool),
    }
}

/// `hook NAME EVENT,...`.
pub(crate) fn hook(name: &str, events: &str) -> HookSpec {
    HookSpec {
        name: name.to_owned(),
        events: events.split(',').map(|name| HookEvent::of(name).unwrap()).collect(),
        target: HookTarget::Command(vec![name.into()]),
        format: HookFormat::Json,
        output_lines: 0,
    }
}

/// A program with the defaults of command mode and the options in `words`.
fn program<'a>(name: &str, words: impl Iterator<Item = &'a str>) -> ProcessSpec {
    let mut spec = by_default(name);
    for word in words {
        let (key, value) = word.split_once('=').unwrap();
        let known = set_basics(&mut spec, key, value)
            || set_restarts(&mut spec, key, value)
            || set_stop(&mut spec, key, value)
            || set_readiness(&mut spec, key, value)
            || set_health(&mut spec, key, value);
        assert!(known, "unknown key {key}");
    }
    spec
}

fn by_default(name: &str) -> ProcessSpec {
    ProcessSpec {
        name: name.to_owned(),
        program: name.to_owned(),
        priority: 999,
        autostart: true,
        startsecs: Duration::from_secs(1),
        startretries: 3,
        autorestart: Autorestart::Always,
        exitcodes: vec![255],
        stopsignal: Signal::TERM,
        signal_map: SignalMap::default(),
        stopwaitsecs: Duration::from_secs(30),
        stop_target: StopTarget::Main,
        kill_target: StopTarget::Group,
        leftover_grace: Duration::from_secs(2),
        health_stop: Duration::from_secs(10),
        retry: RetryRule::Consecutive { reset_after: Duration::from_secs(600) },
        backoff: Backoff::Linear,
        main: true,
        essential: true,
        killtree: true,
        tidy: None,
        start: StartSpec::default(),
        health: HealthSpec::default(),
        failure: FailureSpec::default(),
        launch: Launch {
            stdio: Stdio::Captured { stdout: Sink::Stdout.into(), stderr: None },
            shown: name.to_owned(),
            ..Launch::as_supervisor(vec![name.into()])
        },
        settings: Rc::default(),
    }
}

/// Sets options of the start.
fn set_basics(spec: &mut ProcessSpec, key: &str, value: &str) -> bool {
    let number = || value.parse::<u64>().unwrap();
    match key {
        "priority" => spec.priority = value.parse().unwrap(),
        "autostart" => spec.autostart = value == "true",
        "startsecs" => spec.startsecs = Duration::from_secs(number()),
        "umask" => spec.launch.umask = Some(u32::from_str_radix(value, 8).unwrap()),
        "main" => spec.main = value == "true",
        "essential" => spec.essential = value == "true",
        // PROGRAM:UNTIL,...
        "depends_on" => spec.start.depends_on = value.split(',').map(dependency).collect(),
        // HOST:PORT,.../TIMEOUT
        "wait_for" => {
            let (targets, timeout) = value.split_once('/').unwrap();
            let timeout = Duration::from_secs(timeout.parse().unwrap());
            let targets = targets.split(',').map(host_port).collect();
            spec.start.wait_for = Some(WaitSpec { targets, timeout });
        }
        "program" => spec.program = value.to_owned(),
        _ => return false,
    }
    true
}

/// Sets options of restarts.
fn set_restarts(spec: &mut ProcessSpec, key: &str, value: &str) -> bool {
    match key {
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
        "retryresetsecs" => {
            spec.retry = match value {
                "off" => RetryRule::FailedStarts,
                "once" => RetryRule::Once,
                secs => RetryRule::Consecutive {
                    reset_after: Duration::from_secs(secs.parse().unwrap()),
                },
            }
        }
        // FIRST/FACTOR/MOST/JITTER: seconds, and thousandths
        "backoff" => {
            let numbers = numbers(value);
            let [first, factor, most, jitter] = numbers[..] else { panic!("backoff={value}") };
            spec.backoff = Backoff::Exponential {
                first: Duration::from_secs(first),
                factor: factor.try_into().unwrap(),
                most: Duration::from_secs(most),
                jitter: jitter.try_into().unwrap(),
            };
        }
        "ready_processes" => spec.start.ready_processes = Some(value.parse().unwrap()),
        "retries_before_ready" => {
            spec.start.retries_before_ready = Some(value.parse().unwrap());
        }
        _ => return false,
    }
    true
}

/// Sets options of stops, cleanups and failures.
fn set_stop(spec: &mut ProcessSpec, key: &str, value: &str) -> bool {
    let number = || value.parse::<u64>().unwrap();
    match key {
        "stopsignal" => spec.stopsignal = Signal::from_name(value).unwrap(),
        // FROM:TO,...
        "signal_map" => {
            let pairs = value.split(',').map(|pair| pair.split_once(':').unwrap());
            let signals = |(from, to)| (Signal::from_name(from).unwrap(), Signal::from_name(to));
            spec.signal_map = pairs.map(signals).collect();
            spec.stopsignal = spec.signal_map.sent(spec.stopsignal).unwrap();
        }
        "stopwaitsecs" => spec.stopwaitsecs = Duration::from_secs(number()),
        "stop_target" => {
            spec.stop_target = match value {
                "main" => StopTarget::Main,
                "group" => StopTarget::Group,
                other => panic!("stop_target={other}"),
            }
        }
        "leftover_grace" => spec.leftover_grace = Duration::from_secs(number()),
        "killtree" => spec.killtree = value == "true",
        "failures" => spec.failure.preset = Preset::of(value),
        // NAME:ACTION[:exit=CODE][:signal=NAME][:text]
        "rule" => spec.failure.rules.push(Rc::new(rule(value))),
        "devices" => spec.failure.await_devices = value == "true",
        // CLASS:CODE,...
        "exit_codes" => {
            let codes = value.split(',').map(|one| one.split_once(':').unwrap());
            spec.failure.exit_codes = codes
                .map(|(class, code)| (Class::of(class).unwrap(), code.parse().unwrap()))
                .collect();
        }
        "port" => spec.tidy.get_or_insert_default().port = Some(value.parse().unwrap()),
        "tidy" => {
            let remove_leftovers = match value {
                "evidence" => RemoveLeftovers::OnEvidence,
                "all" => RemoveLeftovers::All,
                _ => panic!("tidy={value}"),
            };
            spec.tidy.get_or_insert_default().remove_leftovers = remove_leftovers;
        }
        _ => return false,
    }
    true
}

/// Sets options of readiness and of the health action.
fn set_readiness(spec: &mut ProcessSpec, key: &str, value: &str) -> bool {
    let number = || value.parse::<u64>().unwrap();
    match key {
        "ready" => {
            spec.health.ready = match value {
                "checked" => Ready::Checked,
                "notified" => Ready::Notified,
                text => Ready::Logged(text.to_owned()),
            }
        }
        "start_timeout" => spec.health.start_timeout = Some(Duration::from_secs(number())),
        // Must come after `check`.
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
        "dump" => spec.health.evidence.signal = Signal::from_name(value),
        "health_stop" => spec.health_stop = Duration::from_secs(number()),
        _ => return false,
    }
    true
}

/// Sets options of health checks.
fn set_health(spec: &mut ProcessSpec, key: &str, value: &str) -> bool {
    match key {
        // INTERVAL/TIMEOUT/FAILURES, optionally followed by the time for a busy tree
        "check" => {
            let numbers = numbers(value);
            spec.health.check = Some(Box::new(CheckSpec {
                probe: Probe::Tcp { host: "localhost".to_owned(), port: 80 },
                set_by: "PROCESS_HEALTH_TCP".to_owned(),
                listener: ListenerRule::Any,
                interval: Duration::from_secs(numbers[0]),
                jitter: Duration::ZERO,
                timeout: Duration::from_secs(numbers[1]),
                failures: numbers[2].try_into().unwrap(),
                patience: Duration::from_secs(numbers.get(3).copied().unwrap_or(120)),
            }));
        }
        // INTERVAL/STALLED
        "progress" => {
            let numbers = numbers(value);
            let server = HttpServer::Tcp { host: "localhost".to_owned(), port: 80 };
            spec.health.progress = Some(Box::new(ProgressSpec {
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
            }));
        }
        // LIMIT/WARN, in MiB
        "memory" => {
            let [limit, warn] = numbers(value)[..] else { panic!("memory={value}") };
            spec.health.memory = Some(MemorySpec { limit: limit << 20, warn: warn << 20 });
        }
        // INTERVAL/PATIENCE
        "tree" => {
            let numbers = numbers(value);
            spec.health.tree = Some(Box::new(TreeSpec {
                pattern: "worker".to_owned(),
                distinct: false,
                interval: Duration::from_secs(numbers[0]),
                patience: Duration::from_secs(numbers[1]),
            }));
        }
        _ => return false,
    }
    true
}

fn rule(text: &str) -> RuleSpec {
    let mut words = text.split(':');
    let (name, action) = (words.next().unwrap(), words.next().unwrap());
    let action = match action {
        "restart" => RuleAction::Restart,
        "stop" => RuleAction::Stop,
        code => RuleAction::Exit(code.parse().unwrap()),
    };
    let mut rule = RuleSpec {
        name: name.to_owned(),
        output: None,
        exitcodes: Vec::new(),
        signals: Vec::new(),
        action,
    };
    for word in words {
        match word.split_once('=') {
            Some(("exit", code)) => rule.exitcodes.push(code.parse().unwrap()),
            Some(("signal", name)) => rule.signals.push(Signal::from_name(name).unwrap()),
            _ => rule.output = Some(word.to_owned()),
        }
    }
    rule
}

fn dependency(text: &str) -> Dependency {
    let (program, until) = text.split_once(':').unwrap();
    let until = Until::ALL.into_iter().find(|known| known.name() == until).unwrap();
    Dependency { program: program.to_owned(), until }
}

pub(crate) fn host_port(text: &str) -> HostPort {
    let (host, port) = text.split_once(':').unwrap();
    HostPort { host: host.to_owned(), port: port.parse().unwrap() }
}

fn numbers(text: &str) -> Vec<u64> {
    text.split('/').map(|number| number.parse().unwrap()).collect()
}
