//! Compares this supervisor with the others found on this machine: `cargo bench --bench peers`.
//!
//! Prints one Markdown table per row of measurements. The tools take turns (A B C A B C …), so that
//! a machine that slows down half-way slows all of them, and ratios hold where absolute numbers
//! don't. `scripts/setup-bench` installs the peers; one that is missing is listed as such.
//!
//! ```text
//! cargo bench --bench peers                      every row; about eleven minutes
//! cargo bench --bench peers -- start crash       these rows only: start crash idle logs lines latency farm
//! cargo bench --bench peers -- --quick           fewer rounds, a quarter of the bytes
//! cargo bench --bench peers -- --gib 4 logs      4 GiB through each tool instead of 1
//! STANDARD_SUPERVISOR_BIN=FILE cargo bench …     this build, not the one `make dist` left
//! ```
//!
//! Nothing here is a test: no number makes it fail, and without `--bench`, which `cargo bench`
//! passes, it does nothing at all.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tables go to stdout, progress to stderr"
)]

mod clock;
mod crash;
mod farm;
mod idle;
mod latency;
mod logs;
mod machine;
mod options;
mod places;
mod processes;
mod rounds;
mod session;
mod start;
mod table;
mod tools;

use std::io;
use std::process::ExitCode;

use options::{Asked, Options, Row};
use places::Places;
use table::Table;
use tools::Tool;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match options::parse(&arguments) {
        Ok(Asked::Nothing) => ExitCode::SUCCESS,
        Ok(Asked::Run(options)) => match run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&format!("cannot measure: {error}")),
        },
        Err(mistake) => failed(&mistake),
    }
}

fn failed(message: &str) -> ExitCode {
    eprintln!("peers: {message}");
    ExitCode::FAILURE
}

fn run(options: &Options) -> io::Result<()> {
    let places = Places::new()?;
    // Whatever a tool leaves behind becomes a child of the bench, which ends it by its pid.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;

    println!("{}", machine::describe(&places));
    for row in &options.rows {
        eprintln!("peers: measuring {}", row.name());
        for table in measure(*row, &places, options) {
            println!("{table}");
        }
    }
    Ok(())
}

fn measure(row: Row, places: &Places, options: &Options) -> Vec<Table> {
    let tools: Vec<&Tool> = tools::ALL.iter().filter(|tool| tool.takes_part_in(row)).collect();
    match row {
        Row::Start => start::measure(&tools, places, options),
        Row::Crash => crash::measure(&tools, places, options),
        Row::Idle => idle::measure(&tools, places, options),
        Row::Logs => logs::of_bytes(&tools, places, options),
        Row::Lines => logs::of_lines(&tools, places, options),
        Row::Latency => latency::measure(&tools, places, options),
        Row::Farm => farm::measure(&tools, places, options),
    }
}
