//! Connects the output of processes to its sinks.

use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use supervisor_core::event::Channel;
use supervisor_core::health::Block;
use supervisor_core::ids::ProcId;
use supervisor_core::level::Level;
use supervisor_core::spec::health::Ready;
use supervisor_core::spec::start::HostPort;
use supervisor_core::spec::{self, ProcessSpec, Stdio};
use supervisor_sys::io::counters::IoCounters;
use supervisor_sys::io::recent::Recent;
use supervisor_wire::ansi::Stripper;
use supervisor_wire::supervisord::communication::Separator;

use super::{Handling, Slot, World};
use crate::capture::filter::{Audience, Filter, ToServer, ToSyslog};
use crate::capture::lines::Lines;
use crate::capture::log_file::LogFile;
use crate::capture::needle::Needle;
use crate::capture::relay::{Memory, Relay};
use crate::capture::sink::Sink;
use crate::capture::syslog::Syslog;
use crate::capture::syslog_server::SyslogServer;

impl World {
    /// The sinks of a new process's streams. A log with the name AUTO gets a new file.
    pub(super) fn sinks_of(&self, spec: &ProcessSpec) -> [Option<spec::Sink>; 2] {
        let journal = &self.parts.journal;
        [Channel::Stdout, Channel::Stderr].map(|channel| {
            let output = spec.launch.stdio.output(channel)?;
            Some(match output.sink {
                spec::Sink::Auto { maxbytes, backups } => {
                    let limits = (maxbytes, backups);
                    self.parts.auto_logs.create(&spec.name, channel, limits, journal)
                }
                spec::Sink::Discard
                | spec::Sink::Stdout
                | spec::Sink::Stderr
                | spec::Sink::File(_) => output.sink.clone(),
            })
        })
    }

    /// Makes sure that relays for the process's output exist. Each run starts with the log files
    /// that exist then, as in supervisord.
    pub(super) fn connect(&mut self, proc: ProcId) {
        let Some(Stdio::Captured { .. }) = self.slots.get(&proc).map(|s| &s.spec.launch.stdio)
        else {
            return;
        };
        for channel in [Channel::Stdout, Channel::Stderr] {
            let missing = self.slots.get(&proc).is_some_and(|slot| slot.relay(channel).is_none());
            let relay = missing.then(|| self.relay(proc, channel)).flatten();
            if let (Some(relay), Some(slot)) = (relay, self.slots.get_mut(&proc)) {
                *slot.relay_mut(channel) = Some(relay);
            }
        }
        if let Some(slot) = self.slots.get(&proc) {
            [&slot.stdout, &slot.stderr].into_iter().flatten().for_each(|relay| relay.reopen());
        }
    }

    fn relay(&mut self, proc: ProcId, channel: Channel) -> Option<Rc<Relay>> {
        let wants_syslog = self.slots.get(&proc)?.spec.launch.stdio.output(channel)?.syslog;
        let syslog = wants_syslog.then(|| self.syslog()).flatten();
        let output = self.slots.get(&proc)?.spec.launch.stdio.output(channel)?;
        let server = output.syslog_server.clone().map(|target| self.syslog_server(target));
        let slot = self.slots.get(&proc)?;
        let output = slot.spec.launch.stdio.output(channel)?;
        let listens = slot.group.pool.is_some() && channel == Channel::Stdout;
        let audience = if listens {
            Audience::Core
        } else if output.events_enabled {
            Audience::Listeners
        } else {
            Audience::None
        };
        let capture = usize::try_from(output.capture_maxbytes).unwrap_or(usize::MAX);
        let journal = &self.parts.journal;
        let filter = Filter {
            proc,
            name: slot.spec.name.clone(),
            channel,
            strip_ansi: self.parts.handling.strip_ansi.then(Stripper::default),
            separator: (capture > 0).then(|| Separator::new(capture)),
            ready: match &slot.spec.health.ready {
                Ready::Logged(text) => Some(Needle::new(text.clone().into_bytes())),
                Ready::Startsecs | Ready::Checked | Ready::Notified => None,
            },
            syslog: syslog.map(|log| ToSyslog { log, complained: false }),
            server: server.map(|server| ToServer {
                server,
                host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
                lines: Lines::whole(),
                complained: false,
            }),
            syslog_lost: Rc::default(),
            echo: self.parts.handling.echo && journal.says(Level::Debug),
            lines: Lines::new(output.lines, &slot.spec.name, channel),
            audience,
            inbox: Rc::clone(&self.inbox),
            journal: Rc::clone(journal),
        };
        let sink = slot.sink(channel).map_or_else(|| Rc::new(Sink::nowhere()), |s| self.sink(s));
        let Handling { remember, recent, .. } = self.parts.handling;
        let in_file = matches!(slot.sink(channel), Some(spec::Sink::File(_)));
        // The supervisor searches the end of a run's output for the cause of its failure.
        let failure = &slot.spec.failure;
        let of_runs = remember || failure.preset.is_some() || !failure.rules.is_empty();
        let memory = Memory { of_runs, recent: recent && !in_file };
        let relay = Relay::new(sink, filter, memory);
        self.new_relays.push(Rc::clone(&relay));
        Some(relay)
    }

    pub(super) fn sink(&self, sink: &spec::Sink) -> Rc<Sink> {
        match sink {
            // A log without a chosen name has no file.
            spec::Sink::Discard | spec::Sink::Auto { .. } => Rc::new(Sink::nowhere()),
            spec::Sink::Stdout => Rc::clone(&self.stdout),
            spec::Sink::Stderr => Rc::clone(&self.stderr),
            spec::Sink::File(file) => self.log_file(file),
        }
    }

    fn log_file(&self, file: &spec::LogFile) -> Rc<Sink> {
        let mut files = self.files.borrow_mut();
        let shared = files.get(file).and_then(Weak::upgrade);
        shared.unwrap_or_else(|| {
            let file = Rc::new(file.clone());
            let sink = Rc::new(Sink::log_file(LogFile::new(Rc::clone(&file))));
            files.insert(file, Rc::downgrade(&sink));
            sink
        })
    }

    /// The connection to a syslog server, shared by all streams that go there.
    fn syslog_server(&mut self, target: HostPort) -> Rc<SyslogServer> {
        let known = self.syslog_servers.iter().find(|server| server.target == target);
        known.cloned().unwrap_or_else(|| {
            let server = Rc::new(SyslogServer::new(target));
            self.syslog_servers.push(Rc::clone(&server));
            server
        })
    }

    /// The system's log; opened at first use.
    fn syslog(&mut self) -> Option<Rc<Syslog>> {
        if self.syslog.is_none() {
            match Syslog::of_system() {
                Ok(syslog) => self.syslog = Some(Rc::new(syslog)),
                Err(error) => {
                    self.parts.journal.say(
                        Level::Warn,
                        &format!(
                            "cannot connect to syslog: \
                     {error}"
                        ),
                    );
                }
            }
        }
        self.syslog.clone()
    }
}

impl World {
    /// The latest output of a stream, if it is kept in memory.
    pub fn recent_output(&self, proc: ProcId, channel: Channel) -> Option<Rc<Recent>> {
        self.slots.get(&proc)?.relay(channel)?.recent().cloned()
    }

    /// The I/O counters of all processes.
    pub fn io_counters(&self) -> BTreeMap<ProcId, IoCounters> {
        self.slots.iter().map(|(proc, slot)| (*proc, slot.io_counters())).collect()
    }
}

impl Slot {
    /// A captured stream has counters even before it has a relay.
    fn io_counters(&self) -> IoCounters {
        let streams = [Channel::Stdout, Channel::Stderr].into_iter().filter_map(|channel| {
            self.spec.launch.stdio.output(channel)?;
            let flow = self.relay(channel).map(|relay| relay.flow()).unwrap_or_default();
            Some((channel.name(), flow))
        });
        IoCounters {
            streams: streams.collect(),
            stdin_refused: self.stdin_refused.get(),
            files_kept: self.files.kept(),
        }
    }

    /// The reason why its main process cannot write its output, if there is one. If both streams
    /// are blocked, the stream whose reader has stalled for longer.
    pub(super) fn block(&self) -> Option<Block> {
        let (pid, true) = self.main? else { return None };
        let blocks = [Channel::Stdout, Channel::Stderr].into_iter().filter_map(|channel| {
            let relay = self.relay(channel)?;
            let since = relay.blocks(pid)?;
            Some(Block { channel, since, waiting: relay.flow().waiting })
        });
        blocks.max_by_key(|block| block.since)
    }

    pub(super) fn sink(&self, channel: Channel) -> Option<&spec::Sink> {
        let [stdout, stderr] = &self.sinks;
        match channel {
            Channel::Stdout => stdout.as_ref(),
            Channel::Stderr => stderr.as_ref(),
        }
    }

    pub(super) const fn relay(&self, channel: Channel) -> Option<&Rc<Relay>> {
        match channel {
            Channel::Stdout => self.stdout.as_ref(),
            Channel::Stderr => self.stderr.as_ref(),
        }
    }

    const fn relay_mut(&mut self, channel: Channel) -> &mut Option<Rc<Relay>> {
        match channel {
            Channel::Stdout => &mut self.stdout,
            Channel::Stderr => &mut self.stderr,
        }
    }
}
