//! Random configurations.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::event::EventType;
use supervisor_core::failure::{Class, Preset};
use supervisor_core::signal::{Signal, SignalMap};
use supervisor_core::spec::failure::{RuleAction, RuleSpec};
use supervisor_core::spec::health::{
    Action, CheckSpec, EvidenceSpec, HealthSpec, HttpGet, HttpServer, HttpUrl, ListenerRule,
    MemorySpec, Probe, ProgressSpec, Ready, Scheme, TreeSpec,
};
use supervisor_core::spec::hook::{HookEvent, HookFormat, HookSpec, HookTarget};
use supervisor_core::spec::start::{Dependency, HostPort, StartSpec, Until, WaitSpec};
use supervisor_core::spec::{
    Autorestart, Backoff, FailureSpec, GroupSpec, Launch, PoolSpec, ProcessSpec, RemoveLeftovers,
    ResultHandler, RetryRule, SignalRule, Sink, Spec, Stdio, StopTarget, TidySpec, WhenDone,
};

use crate::random::Random;

/// The initial configuration of a supervisor.
pub(crate) fn spec(random: &mut Random) -> Spec {
    if random.one_in(20) {
        return run_once(random);
    }
    let within = random.secs(5, 40);
    let (signals, when_done) = random.pick(&[
        (SignalRule::StopOrForward, WhenDone::Exit),
        (SignalRule::StopOrForward, WhenDone::Stay),
        (SignalRule::Supervisord, WhenDone::Stay),
        (SignalRule::Supervisord, WhenDone::Stay),
        (SignalRule::Supervisord, WhenDone::Stay),
        (SignalRule::StopOrForward, WhenDone::Proceed { within }),
    ]);
    let mut groups: Vec<_> =
        (0..random.between(1, 4)).map(|number| group(random, &format!("g{number}"))).collect();
    sort(&mut groups);
    let prestop_delay = if random.one_in(4) { random.secs(1, 6) } else { Duration::ZERO };
    let stop_budget = random.one_in(3).then(|| random.secs(1, 25));
    let prestop_idle = random.one_in(2).then(|| random.secs(0, 2));
    let hooks = (0..random.pick(&[0, 0, 1, 2])).map(|number| Rc::new(hook(random, number)));
    let hooks = hooks.collect();
    Spec { groups, signals, when_done, prestop_delay, prestop_idle, stop_budget, hooks }
}

/// A changed configuration: some groups stay, some are removed, some are new.
pub(crate) fn changed(random: &mut Random, groups: &[Rc<GroupSpec>]) -> Vec<GroupSpec> {
    let mut changed = Vec::new();
    for number in 0..6 {
        let name = format!("g{number}");
        let known = groups.iter().find(|group| group.name == name);
        match (known, random.below(4)) {
            (Some(known), 0 | 1) => changed.push((**known).clone()),
            (_, 2) => changed.push(group(random, &name)),
            (None, _) | (Some(_), _) => {}
        }
    }
    sort(&mut changed);
    changed
}

/// The same groups, one of them with new rules for the same execution.
pub(crate) fn other_rules(
    random: &mut Random,
    groups: &[Rc<GroupSpec>],
    name: &str,
) -> Vec<GroupSpec> {
    let mut groups: Vec<GroupSpec> = groups.iter().map(|group| (**group).clone()).collect();
    let group = groups.iter_mut().find(|group| group.name == name);
    for spec in group.into_iter().flat_map(|group| &mut group.processes) {
        if random.one_in(4) {
            continue;
        }
        let spec = Rc::make_mut(spec);
        spec.startretries = u32::try_from(random.below(4)).unwrap();
        spec.startsecs = random.secs(0, 3);
        spec.autorestart = random.pick(&[Autorestart::Never, Autorestart::Always]);
        spec.exitcodes = random.pick(&[vec![0], vec![0, 7]]);
        spec.stopsignal = random.pick(&[Signal::TERM, Signal::INT]);
        spec.stopwaitsecs = random.secs(0, 12);
        spec.health.action = random.pick(&[Action::Observe, Action::Restart]);
        if let Some(check) = &mut spec.health.check {
            check.interval = random.secs(1, 4);
            check.failures = u32::try_from(random.between(1, 3)).unwrap();
        }
        if let Some(wait) = &mut spec.start.wait_for {
            // Not drawn, so that seeds that found bugs go on playing the same cases.
            wait.timeout = spec.stopwaitsecs.max(Duration::from_secs(1));
        }
        if spec.startretries == 3 {
            spec.start.wait_for = None;
        }
    }
    groups
}

/// The same groups, one of them with a process more, a process less, or both. Nothing is drawn, so
/// that seeds that found bugs go on playing the same cases.
pub(crate) fn scaled(groups: &[Rc<GroupSpec>], name: &str, number: usize) -> Vec<GroupSpec> {
    let mut groups: Vec<GroupSpec> = groups.iter().map(|group| (**group).clone()).collect();
    let Some(group) = groups.iter_mut().find(|group| group.name == name) else { return groups };
    let Some(first) = group.processes.first().cloned() else { return groups };
    if first.retry == RetryRule::Once {
        return groups;
    }
    let less = number % 3 != 1 && group.processes.len() > 1;
    if less {
        group.processes.remove(number % group.processes.len());
    }
    if !less || !number.is_multiple_of(3) {
        let name = format!("{name}p{}", 10 + number);
        let program = if first.program == group.name { group.name.clone() } else { name.clone() };
        let spec =
            ProcessSpec { name: name.clone(), program, launch: launch(name), ..(*first).clone() };
        group.processes.push(Rc::new(spec));
    }
    group.processes.sort_by_key(|process| process.priority);
    groups
}

/// Sorts groups into start order.
pub(crate) fn sort(groups: &mut [GroupSpec]) {
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
}

fn run_once(random: &mut Random) -> Spec {
    let mut process = process(random, "g0".to_owned(), false);
    process.autostart = true;
    process.startsecs = Duration::ZERO;
    process.startretries = 0;
    process.autorestart = Autorestart::Never;
    process.exitcodes = Vec::new();
    process.retry = RetryRule::Once;
    process.main = true;
    process.essential = true;
    process.health = HealthSpec::default();
    process.tidy = None;
    process.failure.await_devices = false;
    process.failure.rules.clear();
    let group = GroupSpec {
        name: "g0".to_owned(),
        priority: 999,
        processes: vec![Rc::new(process)],
        pool: None,
    };
    Spec {
        groups: vec![group],
        signals: SignalRule::ForwardAll,
        when_done: if random.one_in(4) {
            WhenDone::Proceed { within: random.secs(5, 40) }
        } else {
            WhenDone::Exit
        },
        prestop_delay: Duration::ZERO,
        prestop_idle: None,
        stop_budget: None,
        hooks: Vec::new(),
    }
}

fn hook(random: &mut Random, number: usize) -> HookSpec {
    let mut events = BTreeSet::from([random.pick(&HookEvent::ALL)]);
    events.extend(HookEvent::ALL.into_iter().filter(|_| random.one_in(2)));
    HookSpec {
        name: format!("h{number}"),
        events,
        target: HookTarget::Command(vec!["h".into()]),
        format: HookFormat::Json,
        output_lines: 0,
    }
}

fn group(random: &mut Random, name: &str) -> GroupSpec {
    let pool = random.one_in(3).then(|| pool(random));
    let listens = pool.is_some();
    let shared = random.one_in(4);
    let mut processes: Vec<_> = (0..random.pick(&[0, 1, 1, 1, 2, 3]))
        .map(|number| {
            let mut process = process(random, format!("{name}p{number}"), listens);
            if !listens {
                process.start = start(random, name, number);
            }
            if shared {
                process.program = name.to_owned();
            }
            process
        })
        .collect();
    if shared {
        // Not drawn, so that seeds that found bugs go on playing the same cases.
        let retries: u32 = processes.iter().map(|process| process.startretries).sum();
        let ready_processes = [None, Some(1), Some(2)][retries as usize % 3];
        processes.iter_mut().for_each(|process| process.start.ready_processes = ready_processes);
    }
    processes.sort_by_key(|process| process.priority);
    let processes = processes.into_iter().map(Rc::new).collect();
    let priority = if listens { -1 } else { random.pick(&[1, 2, 999, 999]) };
    GroupSpec { name: name.to_owned(), priority, processes, pool }
}

fn pool(random: &mut Random) -> PoolSpec {
    use EventType as T;
    use ResultHandler as H;
    let choices: [&[EventType]; 6] = [
        &[T::Event],
        &[T::ProcessState],
        &[T::ProcessStateExited, T::ProcessStateRunning, T::SupervisorStateChange],
        &[T::Tick5, T::Tick3600, T::ProcessStateFatal],
        &[T::RemoteCommunication, T::ProcessLog, T::ProcessCommunicationStderr],
        &[T::Tick60, T::ProcessGroup, T::ProcessState],
    ];
    let events: BTreeSet<_> = random.pick(&choices).iter().copied().collect();
    let handler = random.pick(&[H::Verdict, H::Verdict, H::Output]);
    PoolSpec { events, buffer_size: random.between(1, 5), handler }
}

pub(crate) fn process(random: &mut Random, name: String, listens: bool) -> ProcessSpec {
    let consecutive = RetryRule::Consecutive { reset_after: random.secs(0, 8) };
    let rules = [Autorestart::Always, Autorestart::Unexpected, Autorestart::Never];
    let killtree = random.below(3) > 0;
    ProcessSpec {
        name: name.clone(),
        program: name.clone(),
        priority: random.pick(&[1, 1, 5, 999]),
        autostart: random.below(6) > 0,
        startsecs: random.secs(0, 3),
        startretries: u32::try_from(random.below(4)).unwrap(),
        autorestart: random.pick(&rules),
        exitcodes: random.pick(&[vec![0], vec![0, 7], Vec::new()]),
        stopsignal: random.pick(&[Signal::TERM, Signal::TERM, Signal::INT, Signal::KILL]),
        signal_map: if random.one_in(4) { signal_map(random) } else { SignalMap::default() },
        stopwaitsecs: random.secs(0, 12),
        stop_target: random.pick(&[StopTarget::Main, StopTarget::Group]),
        kill_target: random.pick(&[StopTarget::Main, StopTarget::Group]),
        leftover_grace: random.secs(0, 3),
        health_stop: random.secs(0, 8),
        retry: random.pick(&[RetryRule::FailedStarts, consecutive]),
        backoff: backoff(random),
        main: !listens && random.one_in(2),
        essential: !listens && random.one_in(5),
        killtree,
        tidy: (killtree && random.one_in(2)).then(|| tidy(random)),
        start: StartSpec::default(),
        health: if random.one_in(2) { health(random, listens) } else { HealthSpec::default() },
        failure: failure(random, killtree),
        launch: launch(name),
        settings: Rc::default(),
    }
}

fn backoff(random: &mut Random) -> Backoff {
    if random.one_in(2) {
        return Backoff::Linear;
    }
    Backoff::Exponential {
        first: random.secs(0, 2),
        factor: random.pick(&[1000, 1500, 2000, 4000]),
        most: random.secs(2, 9),
        jitter: random.pick(&[0, 0, 500, 1000]),
    }
}

fn signal_map(random: &mut Random) -> SignalMap {
    let from = [Signal::HUP, Signal::TERM, Signal::USR1];
    let to = [None, Some(Signal::QUIT), Some(Signal::USR2)];
    from.into_iter().map(|signal| (signal, random.pick(&to))).collect()
}

fn failure(random: &mut Random, killtree: bool) -> FailureSpec {
    let preset = random.one_in(2).then_some(Preset::Cuda);
    let codes = [
        (Class::Config, 78),
        (Class::Exit, 9),
        (Class::Health, 80),
        (Class::GpuLost, 71),
        (Class::Unkillable, 81),
    ];
    let exit_codes = if random.one_in(3) { codes.into() } else { BTreeMap::new() };
    let await_devices = killtree && random.one_in(3);
    let rules = (0..random.below(3)).map(|number| Rc::new(rule(random, number))).collect();
    FailureSpec { preset, await_devices, exit_codes, rules }
}

fn rule(random: &mut Random, number: usize) -> RuleSpec {
    use RuleAction::{Exit, Restart, Stop};
    RuleSpec {
        name: format!("r{number}"),
        output: random.one_in(2).then(|| "text".to_owned()),
        exitcodes: random.pick(&[Vec::new(), vec![0], vec![1, 7]]),
        signals: random.pick(&[Vec::new(), vec![Signal::KILL]]),
        action: random.pick(&[Restart, Restart, Stop, Exit(44)]),
    }
}

fn tidy(random: &mut Random) -> TidySpec {
    use RemoveLeftovers::{All, No, OnEvidence};
    let remove_leftovers = random.pick(&[No, OnEvidence, OnEvidence, All]);
    let port = random.one_in(2).then_some(8000);
    TidySpec { remove_leftovers, port, ..TidySpec::default() }
}

/// The conditions that process `number` of a group waits for. No process waits for a later one, so
/// neither one configuration nor two together contain a cycle.
pub(crate) fn start(random: &mut Random, group: &str, number: usize) -> StartSpec {
    let at: usize = group[1..].parse().unwrap();
    let mut before: Vec<String> = (0..number).map(|other| format!("{group}p{other}")).collect();
    before.extend((0..at).flat_map(|other| [format!("g{other}p0"), format!("g{other}")]));
    let mut depends_on = Vec::new();
    if random.one_in(3) {
        for _ in 0..random.between(1, 2) {
            let until = random.pick(&Until::ALL);
            let program = random.any(&before);
            depends_on.extend(program.map(|program| Dependency { program, until }));
        }
    }
    let target = HostPort { host: "head".to_owned(), port: 6379 };
    let timeout = random.secs(1, 12);
    let wait_for = random.one_in(6).then(|| WaitSpec { targets: vec![target], timeout });
    let retries_before_ready = random.one_in(6).then(|| u32::try_from(random.below(4)).unwrap());
    StartSpec { depends_on, wait_for, retries_before_ready, ready_processes: None }
}

pub(crate) fn health(random: &mut Random, listens: bool) -> HealthSpec {
    let ready = random.pick(&[
        Ready::Startsecs,
        Ready::Startsecs,
        Ready::Checked,
        Ready::Notified,
        Ready::Logged("up".to_owned()),
    ]);
    let asks = ready == Ready::Checked || random.one_in(2);
    let check = asks.then(|| CheckSpec {
        probe: Probe::Tcp { host: "localhost".to_owned(), port: 80 },
        set_by: String::new(),
        listener: random.pick(&[ListenerRule::Own, ListenerRule::Any]),
        interval: random.secs(1, 4),
        jitter: random.secs(0, 1),
        timeout: random.secs(1, 2),
        failures: u32::try_from(random.between(1, 3)).unwrap(),
        patience: random.secs(2, 9),
    });
    let progress = random.one_in(2).then(|| ProgressSpec {
        page: HttpGet::new(HttpUrl {
            scheme: Scheme::Http,
            server: HttpServer::Tcp { host: "localhost".to_owned(), port: 80 },
            path: "/".to_owned(),
        }),
        running: Vec::new(),
        waiting: Vec::new(),
        tells_idle: random.below(4) > 0,
        done: Vec::new(),
        interval: random.secs(1, 3),
        timeout: random.secs(1, 2),
        stalled: random.secs(3, 9),
    });
    let tree = random.one_in(4).then(|| TreeSpec {
        pattern: "worker".to_owned(),
        distinct: random.one_in(4),
        interval: random.secs(1, 3),
        patience: random.secs(2, 6),
    });
    let action = random.pick(&[Action::Observe, Action::Restart, Action::Restart, Action::Stop]);
    let action = if !listens && random.one_in(8) { Action::Exit(42) } else { action };
    HealthSpec {
        ready,
        start_timeout: random.one_in(2).then(|| random.secs(1, 8)),
        check: check.map(Box::new),
        progress: progress.map(Box::new),
        tree: tree.map(Box::new),
        memory: random.one_in(3).then_some(MemorySpec { limit: 100 << 20, warn: 90 << 20 }),
        watchdog: random.one_in(4).then(|| random.secs(2, 6)),
        action,
        evidence: EvidenceSpec { limit: random.secs(1, 4), signal: None },
    }
}

fn launch(name: String) -> Launch {
    Launch {
        stdio: Stdio::Captured { stdout: Sink::Discard.into(), stderr: None },
        shown: name.clone(),
        ..Launch::as_supervisor(vec![name.into()])
    }
}
