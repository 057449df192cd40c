//! What is known of servers: where they say that they are well, which of their metrics tell
//! whether they get on with their work, and what a stop of them needs. One file a server;
//! each rule has its public source beside it.
//!
//! A preset reads the server's command. Where a fact is unsure, or a place is a guess, it
//! leaves the server alone rather than restart it. Counters are listed where they move while
//! a long request is worked on, not only when it is done.

mod command;
mod place;
mod plan;
mod servers;

use std::time::Duration;

use supervisor_wire::supervisord::python::repr;

pub(crate) use command::{Command, Surroundings, is_no};
pub(crate) use plan::{Asks, Plan};

use crate::values::ValueType;

/// A server.
#[derive(Debug)]
pub struct Preset {
    /// The name by which it is chosen.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Programs, scripts and Python modules that start it: what stands behind one of them in
    /// a command are its options.
    pub programs: &'static [&'static str],
    /// Where it listens.
    pub listens: Listens,
    /// The page that says whether it is well.
    pub path: &'static str,
    /// Where its metrics are.
    pub metrics: Option<Metrics>,
    /// Time within which it answers unless it is very busy.
    pub timeout: Duration,
    /// Time from one check to the next.
    pub interval: Duration,
    /// Time for which it may do nothing that its counters show.
    pub stalled: Duration,
    /// Text of its output that says that it is ready; otherwise its check does.
    pub ready: Option<&'static str>,
    /// Text in the command lines of the processes that it is made of, each of which has a
    /// command line of its own.
    pub tree: Option<&'static str>,
    /// What it decides by itself.
    pub(crate) adapt: fn(&Command<'_>, &mut Plan),
    /// What its users should know, for the reference; with links to where it is from.
    pub notes: &'static [&'static str],
}

impl PartialEq for Preset {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Where a server listens: what says so, and the place if nothing does.
#[derive(Debug)]
pub struct Listens {
    /// What sets the address.
    pub host: Named,
    /// What sets the port.
    pub port: Named,
    /// The port if nothing sets it.
    pub usual_port: u16,
    /// Programs for which variables count more than options. Others that may serve the same
    /// don't read them.
    pub variables_win: &'static [&'static str],
    /// It speaks TLS if all of these are given.
    pub tls: &'static [Named],
    /// Whether an unambiguous beginning of an option's name is enough.
    pub abbreviates: bool,
    /// Options that a file of `key: value` lines may hold as well.
    pub file: &'static [&'static str],
}

/// What sets a value: options, of which the last one in the command counts, and variables.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// Options of its command.
    pub options: &'static [&'static str],
    /// Variables of its environment.
    pub variables: &'static [&'static str],
}

/// A page of metrics.
#[derive(Debug)]
pub struct Metrics {
    /// The path of the page.
    pub path: &'static str,
    /// `None`: where its health is asked for.
    pub place: Option<OwnPlace>,
    /// Gauges of requests for which something should be done.
    pub running: &'static [&'static str],
    /// Gauges of requests that may wait though nothing is done for them.
    pub waiting: &'static [&'static str],
    /// Nothing is under way when all of these are 0.
    pub tells_idle: bool,
    /// Counters of what was done.
    pub done: &'static [&'static str],
}

/// The place of metrics that have one of their own.
#[derive(Debug)]
pub struct OwnPlace {
    /// The port if nothing sets it.
    pub usual_port: u16,
    /// What sets the port.
    pub port: Named,
    /// What sets the address.
    pub host: Named,
}

impl Named {
    pub(crate) const NOTHING: Self = Self { options: &[], variables: &[] };

    const fn option(options: &'static [&'static str]) -> Self {
        Self { options, variables: &[] }
    }

    const fn either(options: &'static [&'static str], variables: &'static [&'static str]) -> Self {
        Self { options, variables }
    }
}

impl Named {
    /// All of its names: options first.
    pub fn all(&self) -> impl Iterator<Item = &'static str> {
        self.options.iter().chain(self.variables).copied()
    }
}

impl Listens {
    /// At a port that `--port` sets, at the address of `--host`.
    const fn at(usual_port: u16) -> Self {
        Self {
            host: Named::option(&["--host"]),
            port: Named::option(&["--port"]),
            usual_port,
            variables_win: &[],
            tls: &[],
            abbreviates: false,
            file: &[],
        }
    }
}

/// Time that an answer may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// Time from one check to the next.
pub(crate) const INTERVAL: Duration = Duration::from_secs(10);

/// Time without anything done, while requests are under way, that is a stall.
pub(crate) const STALLED: Duration = Duration::from_secs(120);

/// Time that loading a large model from a slow disk may take.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(1800);

/// All of them.
pub static PRESETS: [Preset; 14] = [
    servers::vllm::VLLM,
    servers::sglang::SGLANG,
    servers::tensorrt_llm::TENSORRT_LLM,
    servers::triton::TRITON,
    servers::tgi::TGI,
    servers::llama_cpp::LLAMA_CPP,
    servers::llama_cpp_python::LLAMA_CPP_PYTHON,
    servers::ollama::OLLAMA,
    servers::lmdeploy::LMDEPLOY,
    servers::tei::TEI,
    servers::infinity::INFINITY,
    servers::ray_serve::RAY_SERVE,
    servers::ray::RAY,
    servers::sagemaker::SAGEMAKER,
];

/// What there is, for a message.
pub(crate) const NAMES: &str = "vllm, sglang, tensorrt-llm, triton, tgi, llama.cpp, \
     llama-cpp-python, ollama, lmdeploy, tei, infinity, ray-serve, ray or sagemaker";

/// The value that names a preset.
pub(crate) static PRESET: ValueType<&'static Preset> = ValueType {
    what: NAMES,
    parse: |text, _| {
        let found = PRESETS.iter().find(|preset| preset.name.eq_ignore_ascii_case(text));
        found.ok_or_else(|| format!("unknown preset {}", repr(text)))
    },
};

/// A preset to begin with: only a place and a path are its own.
const fn preset(name: &'static str, title: &'static str, path: &'static str) -> Preset {
    Preset {
        name,
        title,
        programs: &[],
        listens: Listens::at(80),
        path,
        metrics: None,
        timeout: TIMEOUT,
        interval: INTERVAL,
        stalled: STALLED,
        ready: None,
        tree: None,
        adapt: |_, _| {},
        notes: &[],
    }
}

#[cfg(test)]
mod tests;
