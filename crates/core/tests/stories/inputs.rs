//! Parses the inputs of a story.

use std::collections::BTreeMap;
use std::time::Duration;

use supervisor_core::command::Command as Order;
use supervisor_core::device::{Device, DevicesSeen, Inventory, Source, Trouble};
use supervisor_core::event::Channel;
use supervisor_core::failure::{Found, SIGNS};
use supervisor_core::health::{
    Block, CheckAnswer, CheckFailure, Comm, Depth, Listener, Load, Progress, ProgressSample,
    Stranger, TreeCount,
};
use supervisor_core::ids::{Delivery, Member, Pid, RequestId};
use supervisor_core::input::{
    Circumstances, Claim, Death, Exit, Job, Notification, OomCounter, OomKills, SpawnError,
    SpawnErrorKind, Traits, TreeProcess,
};
use supervisor_core::port::Holder;
use supervisor_core::signal::Signal;
use supervisor_core::spec::GroupSpec;
use supervisor_core::{Answer, Input, Unreached};

use crate::programs::host_port;
use crate::stage::{Stage, seconds};

impl Stage {
    pub(crate) fn input(&self, words: &[&str]) -> Input {
        if let Some(answer) = answer(words).or_else(|| health_answer(words)) {
            let (proc, run) = self.run(words[1]);
            return Input::answer(proc, run, answer);
        }
        let input = self.end(words).or_else(|| self.of_program(words));
        input.or_else(|| self.of_outside(words)).unwrap_or_else(|| panic!("unknown {words:?}"))
    }

    /// Exits and suspensions of processes.
    fn end(&self, words: &[&str]) -> Option<Input> {
        Some(match words {
            ["reaped", pid, exit, found @ ..] => {
                let kills = |counter| OomKills { count: 1, counter };
                let (oom_kills, said) = match found {
                    ["oom", said @ ..] => (kills(OomCounter::Own), said),
                    ["oom-somewhere", said @ ..] => (kills(OomCounter::Shared), said),
                    said => (OomKills::default(), said),
                };
                // An optional sign precedes the last line of output.
                let (sign, said) = match said {
                    [sign, said @ ..] if sign.starts_with("sign=") => (Some(&sign[5..]), said),
                    said => (None, said),
                };
                let (shared_memory_full, said) = match said {
                    ["shm-full", said @ ..] => (true, said),
                    said => (false, said),
                };
                let last_line = (!said.is_empty()).then(|| said.join(" "));
                Input::Reaped {
                    pid: Pid(pid.parse().unwrap()),
                    exit: self::exit(exit),
                    found: Circumstances {
                        oom_kills,
                        found: sign.map(|name| self::found(name, last_line.as_deref())),
                        shared_memory_full,
                        // The first word of the line may be the name of a rule.
                        texts: last_line
                            .iter()
                            .filter_map(|line| line.split(' ').next())
                            .map(str::to_owned)
                            .collect(),
                        last_line,
                    },
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
            ["suspended", pid, job] => {
                let job = match *job {
                    "controlled" => Job::Controlled,
                    "alone" => Job::Alone,
                    "unattended" => Job::Unattended,
                    _ => panic!("{job}"),
                };
                Input::Suspended { pid: Pid(pid.parse().unwrap()), job }
            }
            _ => return None,
        })
    }

    /// Output and messages of programs and listeners.
    fn of_program(&self, words: &[&str]) -> Option<Input> {
        Some(match words {
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
            _ => return None,
        })
    }

    /// Time, signals and requests.
    fn of_outside(&self, words: &[&str]) -> Option<Input> {
        Some(match words {
            ["boot"] => Input::Boot,
            ["tick"] => Input::Tick,
            ["signal", name] => Input::Signalled(Signal::from_name(name).unwrap()),
            ["request", id, order @ ..] => {
                Input::Request { id: RequestId(id.parse().unwrap()), command: self.order(order) }
            }
            // HOOK.NUMBER
            ["delivered" | "undelivered", which] => {
                let (hook, number) = which.split_once('.').unwrap();
                let (hook, number) = (hook.parse().unwrap(), number.parse().unwrap());
                let delivery = Delivery { hook, number };
                Input::Delivered { delivery, sent: words[0] == "delivered" }
            }
            ["gone", id] => Input::RequestGone { id: RequestId(id.parse().unwrap()) },
            _ => return None,
        })
    }

    fn order(&self, words: &[&str]) -> Order {
        match words {
            ["start" | "restart-programs", name, rest @ ..] => {
                let missing = rest.iter().filter_map(|word| word.strip_prefix("missing="));
                let unstartable = missing.map(|name| {
                    let message = format!("can't find command '{name}'");
                    (self.proc(name), SpawnError::new(SpawnErrorKind::NotFound, message))
                });
                let (which, wait) = (self.which(name), !rest.contains(&"nowait"));
                let unstartable = unstartable.collect();
                if words[0] == "start" {
                    Order::Start { which, wait, unstartable }
                } else {
                    Order::RestartPrograms { which, wait, unstartable }
                }
            }
            ["restart-rolling", name] => {
                Order::RestartRolling { which: self.which(name), unstartable: Vec::new() }
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
                // If a name occurs twice, the later definition counts.
                let found: BTreeMap<_, _> =
                    self.known.iter().filter(meant).map(|group| (&group.name, group)).collect();
                Order::Reread(found.into_values().cloned().collect())
            }
            ["add", name] => Order::AddGroup((*name).to_owned()),
            ["remove", name] => Order::RemoveGroup((*name).to_owned()),
            ["update", name] => Order::UpdateGroup((*name).to_owned()),
            ["event", kind, data] => {
                Order::RemoteEvent { kind: (*kind).to_owned(), data: (*data).to_owned() }
            }
            other => panic!("unknown order {other:?}"),
        }
    }
}

/// An answer to an effect.
fn answer(words: &[&str]) -> Option<Answer> {
    Some(match words {
        ["spawned", _, pid] => Answer::Spawned { pid: Pid(pid.parse().unwrap()) },
        ["failed", _, kind, message @ ..] => {
            let kind = match *kind {
                "not-found" => SpawnErrorKind::NotFound,
                "not-executable" => SpawnErrorKind::NotExecutable,
                "transient" => SpawnErrorKind::Transient,
                other => panic!("unknown kind of failure {other}"),
            };
            Answer::SpawnFailed(SpawnError::new(kind, message.join(" ")))
        }
        ["census", _, found @ ..] => {
            let (main, members) = match found {
                [main, members @ ..] if main.starts_with("main") => (Some(traits(main)), members),
                members => (None, members),
            };
            let members = members.iter().map(|word| tree_process(word)).collect();
            Answer::Census { main, members }
        }
        ["census-failed", _] => Answer::CensusFailed,
        ["tree-ended", _] => Answer::TreeEnded,
        ["collected", _] => Answer::Collected,
        ["tidied", _] => Answer::Tidied,
        ["devices", _, seen @ ..] => Answer::DevicesSeen(devices(seen)),
        // Who listens, and after whose exit it was looked at: `free after 77`.
        ["port", _, holder @ ..] => {
            let (holder, after) = match holder {
                [holder @ .., "after", pid] => (holder, Some(Pid(pid.parse().unwrap()))),
                holder => (holder, None),
            };
            let holder = match holder {
                ["free"] => None,
                ["unseen"] => Some(Holder::Unseen),
                [pid, program] => {
                    let (pid, program) = (Pid(pid.parse().unwrap()), (*program).to_owned());
                    Some(Holder::Process { pid, program })
                }
                other => panic!("not a look at a port: {other:?}"),
            };
            Answer::PortSeen { after, holder }
        }
        ["connected", _] => Answer::Connected(Ok(())),
        ["unreached", _, target, failure] => {
            let failure = match *failure {
                "refused" => CheckFailure::Refused,
                "late" => CheckFailure::TimedOut,
                other => panic!("unknown failure {other}"),
            };
            let unreached = Unreached { target: host_port(target), failure };
            Answer::Connected(Err(unreached))
        }
        ["load", _, requests] => Answer::LoadSeen { requests: requests.parse().ok() },
        _ => return None,
    })
}

/// The answer to a health check of a run.
fn health_answer(words: &[&str]) -> Option<Answer> {
    Some(match words {
        // `busy`: the tree used the processor during a timeout.
        ["checked", _, result] => {
            let over = Duration::from_secs(2);
            let load = (*result == "busy").then_some(Load { cpu: over, over });
            let stranger = Stranger { pid: Pid(99), name: Comm::new(b"other") };
            let result = match *result {
                "passes" => Ok(CheckAnswer::default()),
                // The server requires a client certificate.
                "connects" => {
                    Ok(CheckAnswer { depth: Depth::Connection, ..CheckAnswer::default() })
                }
                "stranger" => {
                    Ok(CheckAnswer { from: Listener::Stranger(stranger), ..CheckAnswer::default() })
                }
                "refused" => Err(CheckFailure::Refused),
                "late" | "busy" => Err(CheckFailure::TimedOut),
                status => Err(CheckFailure::Status(status.parse().unwrap())),
            };
            Answer::Checked { result, load }
        }
        ["progressed", _, look @ ..] => {
            let look = match look {
                [] => ProgressSample::Nothing,
                ["late"] => ProgressSample::Late,
                ["404"] => ProgressSample::Failed(CheckFailure::Status(404)),
                // `RUNNING[+WAITING] DONE`
                [running, done] => ProgressSample::Seen(Progress {
                    running: running.split('+').next().unwrap().parse().unwrap(),
                    waiting: running.split('+').nth(1).map_or(0, |n| n.parse().unwrap()),
                    done: done.parse().unwrap(),
                }),
                other => panic!("not a look at progress: {other:?}"),
            };
            Answer::Progressed(look)
        }
        // `ALIVE[/DISTINCT]`; by default all command lines are distinct.
        ["tree", _, count] => {
            let (alive, distinct) = count.split_once('/').unwrap_or((count, count));
            let (alive, distinct) = (alive.parse().unwrap(), distinct.parse().unwrap());
            Answer::TreeCounted(TreeCount { alive, distinct })
        }
        // MiB, or nothing if the measurement failed.
        ["memory", _, used @ ..] => {
            let used = used.first().map(|used| used.parse::<u64>().unwrap() << 20);
            Answer::MemorySeen { used }
        }
        // STREAM SECONDS BYTES of a stalled reader, or nothing.
        ["output", _, block @ ..] => {
            let block = match block {
                [] => None,
                [channel, since, waiting] => Some(Block {
                    channel: if *channel == "stdout" { Channel::Stdout } else { Channel::Stderr },
                    since: seconds(since),
                    waiting: waiting.parse().unwrap(),
                }),
                other => panic!("not a look at output: {other:?}"),
            };
            Answer::OutputSeen(block)
        }
        _ => return None,
    })
}

/// Inventory of one device of 80,000 MiB: how much is used, and by which processes or other programs,
/// by the devices that each of them sees.
fn devices(words: &[&str]) -> DevicesSeen {
    let device = |used: &str| Device {
        index: 0,
        id: "GPU-0aaa".to_owned(),
        total: Some(80_000),
        used: used.parse().ok(),
        needs: None,
        parts: Vec::new(),
    };
    let mut others = Vec::new();
    let (devices, trouble, users) = match words {
        ["nothing"] => return DevicesSeen::Nothing,
        ["hangs"] => return DevicesSeen::Hangs,
        ["lost", why @ ..] => (vec![], Some(Trouble::Lost(why.join(" "))), None),
        ["gone", why @ ..] => (vec![], Some(Trouble::Gone(why.join(" "))), None),
        [used] => (vec![device(used)], None, None),
        [used, "unused"] => (vec![device(used)], None, Some(vec![])),
        [used, "others", all @ ..] => {
            others = all.iter().map(|&other| (other != "all").then(|| other.to_owned())).collect();
            (vec![device(used)], None, None)
        }
        [used, pid, name] => {
            let user = (Pid(pid.parse().unwrap()), (*name).to_owned());
            (vec![device(used)], None, Some(vec![user]))
        }
        other => panic!("not a look at devices: {other:?}"),
    };
    let source = Source::NvidiaSmi;
    let inventory = Inventory { source, devices, trouble, visible: None, users, others };
    DevicesSeen::Devices(Box::new(inventory))
}

/// Parses a process of a tree: `PID[<PARENT][@GROUP][!sh][!deaf][!orphan]`. The default parent is
/// the supervisor, the default group its own. `!sh`: a shell; `!deaf`: ignores the stop signal;
/// `!orphan`: may belong to any program.
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
        claim: if word.contains("!orphan") { Claim::Orphan } else { Claim::Linked },
        traits: traits(word),
    }
}

fn traits(word: &str) -> Traits {
    Traits { shell: word.contains("!sh"), ignores_stopsignal: word.contains("!deaf") }
}

fn found(sign: &str, line: Option<&str>) -> Found {
    let sign = SIGNS.iter().find(|known| known.name == sign).unwrap().name;
    Found { sign, line: line.unwrap_or_default().to_owned() }
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
