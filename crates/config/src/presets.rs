//! Presets for known servers: the health check, the metrics that show progress, and the
//! requirements of a stop. Each server has a file of its own, with a public source next to each
//! rule.
//!
//! A preset analyzes the server's command. It does not restart a server because of an uncertain
//! fact or a default address. It lists only counters that increase while a long request is
//! processed, not those that increase at its end.

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
    /// Value of the option that selects the preset.
    pub name: &'static str,
    /// Name of the server in texts.
    pub title: &'static str,
    /// Programs, scripts and Python modules that start the server. The arguments after one of them
    /// are the server's options.
    pub programs: &'static [&'static str],
    /// Address on which the server listens.
    pub listens: Listens,
    /// Path of the health check.
    pub path: &'static str,
    /// The server's metrics.
    pub metrics: Option<Metrics>,
    /// Time limit for a response, unless the server is very busy.
    pub timeout: Duration,
    /// Time between two health checks.
    pub interval: Duration,
    /// Time without progress in the counters after which the server is stalled.
    pub stalled: Duration,
    /// Text in the output when the server is ready; `None`: the health check decides.
    pub ready: Option<&'static str>,
    /// A text in the command lines of the server's processes. Each process must have a different
    /// command line.
    pub tree: Option<&'static str>,
    /// Prefixes of the names of the server's files in `/dev/shm`.
    pub shared_memory: &'static [&'static str],
    /// Adapts the plan to the command.
    pub(crate) adapt: fn(&Command<'_>, &mut Plan),
    /// Notes for the reference, with links to their sources.
    pub notes: &'static [&'static str],
}

impl PartialEq for Preset {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// The address on which a server listens: the settings that define it, and the default.
#[derive(Debug)]
pub struct Listens {
    /// Settings of the address.
    pub host: Named,
    /// Settings of the port.
    pub port: Named,
    /// The default port.
    pub usual_port: u16,
    /// Programs for which variables override options. Other programs of the server ignore the
    /// variables.
    pub variables_win: &'static [&'static str],
    /// The server uses TLS if all of these settings exist.
    pub tls: &'static [Named],
    /// Whether the server accepts an unambiguous prefix of an option's name.
    pub abbreviates: bool,
    /// Options that name a file with more options in lines `key: value`.
    pub file: &'static [&'static str],
}

/// The settings of one value: options, of which the last one in the command counts, and variables.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// Options of the command.
    pub options: &'static [&'static str],
    /// Variables of the environment.
    pub variables: &'static [&'static str],
}

/// A page of metrics.
#[derive(Debug)]
pub struct Metrics {
    /// The path of the page.
    pub path: &'static str,
    /// Address of the metrics; `None`: the address of the health check.
    pub place: Option<OwnPlace>,
    /// Gauges of requests in flight.
    pub running: &'static [&'static str],
    /// Gauges of waiting requests, which may wait without progress.
    pub waiting: &'static [&'static str],
    /// Whether the server is idle when all of these are 0.
    pub tells_idle: bool,
    /// Counters of work done.
    pub done: &'static [&'static str],
}

/// A separate address for metrics.
#[derive(Debug)]
pub struct OwnPlace {
    /// The default port.
    pub usual_port: u16,
    /// Settings of the port.
    pub port: Named,
    /// Settings of the address.
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
    /// All names, options first.
    pub fn all(&self) -> impl Iterator<Item = &'static str> {
        self.options.iter().chain(self.variables).copied()
    }
}

impl Listens {
    /// A server that listens on the port of `--port` and the address of `--host`.
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

/// Default time limit for a response.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// Default time between two health checks.
pub(crate) const INTERVAL: Duration = Duration::from_secs(10);

/// Default time without progress, while requests are in flight, after which a server is stalled.
pub(crate) const STALLED: Duration = Duration::from_secs(120);

/// Default time limit for a start, which may load a large model from a slow disk.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(1800);

/// All presets.
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

/// The names of all presets, for error messages.
pub(crate) const NAMES: &str = "vllm, sglang, tensorrt-llm, triton, tgi, llama.cpp, \
     llama-cpp-python, ollama, lmdeploy, tei, infinity, ray-serve, ray or sagemaker";

/// The type of values that name a preset.
pub(crate) static PRESET: ValueType<&'static Preset> = ValueType {
    what: NAMES,
    parse: |text, _| {
        let found = PRESETS.iter().find(|preset| preset.name.eq_ignore_ascii_case(text));
        found.ok_or_else(|| format!("unknown preset {}", repr(text)))
    },
};

/// A preset with defaults, except for its name, title and path.
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
        shared_memory: &[],
        adapt: |_, _| {},
        notes: &[],
    }
}

#[cfg(test)]
mod tests;
