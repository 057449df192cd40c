//! How fast a program's output goes through a tool, and what the tool's share of the work is.

use std::collections::BTreeSet;
use std::io;

use crate::clock::Moment;
use crate::idle::total;
use crate::options::Options;
use crate::places::Places;
use crate::processes;
use crate::rounds::{Outcome, alternate};
use crate::session::{Role, Session};
use crate::table::Table;
use crate::tools::Tool;

/// A writer of as much at once as a pipe holds.
pub(crate) fn of_bytes(tools: &[&Tool], places: &Places, options: &Options) -> Vec<Table> {
    let flood = Role::Flood { bytes: options.log_bytes, at_once: 64 * 1024 };
    let outcomes = measure(tools, places, options, options.log_bytes, flood, Session::read_stdout);
    let speed = "MB/s, from a writer of 64 KiB at a time to a reader of 128 KiB at a time; \
                 more is better. Goal: at least cat's.";
    vec![
        Table::new("Log bytes: throughput", speed, &outcomes, 0),
        Table::new("Log bytes: CPU", CPU, &outcomes, 1),
    ]
}

/// A writer of one line after another.
pub(crate) fn of_lines(tools: &[&Tool], places: &Places, options: &Options) -> Vec<Table> {
    let lines = options.log_bytes / 8 / LINE;
    let flood = Role::Flood { bytes: lines * LINE, at_once: 100 };
    let outcomes = measure(tools, places, options, lines * LINE, flood, |session, bytes| {
        session.read_lines(bytes / LINE)
    });
    let speed = "MB/s, from a writer of lines of 100 bytes, one at a time, to a reader of 128 KiB \
                 at a time; more is better. Goal: at least cat's.";
    vec![
        Table::new("Log lines: throughput", speed, &outcomes, 0),
        Table::new("Log lines: CPU", CPU, &outcomes, 1),
    ]
}

const CPU: &str =
    "CPU seconds of the tool's own processes per GB; less is better. Goal: at most cat's.";

/// Bytes of a line that the probe writes.
const LINE: u64 = 100;

/// Megabytes a second, and seconds of CPU for each gigabyte: of what the program wrote. A tool that
/// formats lines has more to deliver.
fn measure<'a>(
    tools: &[&'a Tool],
    places: &Places,
    options: &Options,
    bytes: u64,
    flood: Role,
    read: impl Fn(&mut Session, u64) -> io::Result<()>,
) -> Vec<(&'a Tool, Outcome<2>)> {
    alternate(tools, places, options.rounds(7, 2), 1, |tool| {
        let mut session = Session::start(tool, places, flood)?;
        session.expect("exec")?;
        let program = BTreeSet::from([session.expect("first")?.pid]);

        let own = session.own_processes(&program)?;
        let cpu_before = total(&own, processes::cpu_seconds)?;
        let start = Moment::now();
        session.go(1)?;
        read(&mut session, bytes)?;
        let elapsed = Moment::now().since(start).as_secs_f64();
        // A tool may have been about to start one of its processes.
        let own = session.own_processes(&program)?;
        let cpu = total(&own, processes::cpu_seconds)? - cpu_before;

        #[expect(clippy::cast_precision_loss, reason = "a few digits are all that is shown")]
        let gigabytes = bytes as f64 / 1e9;
        Ok([gigabytes * 1000.0 / elapsed, cpu / gigabytes])
    })
}
