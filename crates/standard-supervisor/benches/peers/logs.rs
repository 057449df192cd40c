//! How fast a program's output goes through a tool, and what the tool's share of the work is.

use std::collections::BTreeSet;

use crate::clock::Moment;
use crate::idle::total;
use crate::options::Options;
use crate::places::Places;
use crate::processes;
use crate::rounds::alternate;
use crate::session::{Role, Session};
use crate::table::Table;
use crate::tools::Tool;

pub(crate) fn measure(tools: &[&Tool], places: &Places, options: &Options) -> Vec<Table> {
    let outcomes = alternate(tools, places, options.rounds(7, 2), 1, |tool| {
        let bytes = options.log_bytes;
        let mut session = Session::start(tool, places, Role::Flood { bytes })?;
        session.expect("exec")?;
        let program = BTreeSet::from([session.expect("first")?.pid]);

        let own = session.own_processes(&program)?;
        let cpu_before = total(&own, processes::cpu_seconds)?;
        let start = Moment::now();
        session.go()?;
        session.read_stdout(bytes)?;
        let elapsed = Moment::now().since(start).as_secs_f64();
        let cpu = total(&own, processes::cpu_seconds)? - cpu_before;

        #[expect(clippy::cast_precision_loss, reason = "a few digits are all that is shown")]
        let gigabytes = bytes as f64 / 1e9;
        Ok([gigabytes * 1000.0 / elapsed, cpu / gigabytes])
    });
    let speed = "MB/s, from a writer of 64 KiB at a time to a reader of 128 KiB at a time; \
                 more is better. Goal: at least cat's.";
    let cpu =
        "CPU seconds of the tool's own processes per GB; less is better. Goal: at most cat's.";
    vec![
        Table::new("Log bytes: throughput", speed, &outcomes, 0),
        Table::new("Log bytes: CPU", cpu, &outcomes, 1),
    ]
}
