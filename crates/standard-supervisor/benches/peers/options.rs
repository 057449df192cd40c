//! What the command line asks for.

/// A kind of measurement; it fills a table or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Start,
    Crash,
    Idle,
    Logs,
    Lines,
    Latency,
    Farm,
}

impl Row {
    pub(crate) const ALL: [Self; 7] =
        [Self::Start, Self::Crash, Self::Idle, Self::Logs, Self::Lines, Self::Latency, Self::Farm];
    /// Those of a tool that is started with a command line.
    pub(crate) const COMMAND: [Self; 6] =
        [Self::Start, Self::Crash, Self::Idle, Self::Logs, Self::Lines, Self::Latency];
    /// Those with one program.
    pub(crate) const SINGLE: [Self; 5] =
        [Self::Start, Self::Crash, Self::Idle, Self::Logs, Self::Lines];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Crash => "crash",
            Self::Idle => "idle",
            Self::Logs => "logs",
            Self::Lines => "lines",
            Self::Latency => "latency",
            Self::Farm => "farm",
        }
    }
}

#[derive(Debug)]
pub(crate) enum Asked {
    /// Not by `cargo bench`: `cargo test --all-targets` starts benches too, and nothing may be
    /// timed there.
    Nothing,
    Run(Options),
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rows: Vec<Row>,
    pub(crate) quick: bool,
    /// Bytes sent through each tool by the row `logs`; by `lines`, an eighth of that.
    pub(crate) log_bytes: u64,
}

impl Options {
    /// How often each tool is measured: `full`, or `few` with `--quick`.
    pub(crate) fn rounds(&self, full: u32, few: u32) -> u32 {
        if self.quick { few } else { full }
    }
}

/// Cargo adds `--bench` behind the arguments given after `--`.
pub(crate) fn parse(arguments: &[String]) -> Result<Asked, String> {
    const GIB: u64 = 1 << 30;
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(Asked::Nothing);
    }

    let mut rows = Vec::new();
    let mut quick = false;
    let mut gib = None;
    let mut words = arguments.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--bench" => {}
            "--quick" => quick = true,
            "--gib" => gib = Some(whole_gib(words.next().unwrap_or_default())?),
            name => rows.push(row_named(name)?),
        }
    }

    if rows.is_empty() {
        rows = Row::ALL.to_vec();
    }
    let log_bytes = gib.map_or(if quick { GIB / 4 } else { GIB }, |gib| gib * GIB);
    Ok(Asked::Run(Options { rows, quick, log_bytes }))
}

fn whole_gib(value: &str) -> Result<u64, String> {
    let gib = value.parse().ok().filter(|gib| (1..=1024).contains(gib));
    gib.ok_or_else(|| format!("--gib takes 1 to 1024, got '{value}'"))
}

fn row_named(name: &str) -> Result<Row, String> {
    let row = Row::ALL.into_iter().find(|row| row.name() == name);
    row.ok_or_else(|| {
        let rows = Row::ALL.map(Row::name).join(", ");
        format!("'{name}' is neither --quick, --gib N nor one of {rows}")
    })
}
