//! What a tool costs while its one program just runs: memory and wake-ups.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use crate::options::Options;
use crate::places::Places;
use crate::processes;
use crate::rounds::alternate;
use crate::session::{Role, Session};
use crate::table::Table;
use crate::tools::Tool;

/// By then every tool has called its program running and come to rest.
const SETTLING: Duration = Duration::from_millis(2500);
const WATCHED: Duration = Duration::from_secs(5);

pub(crate) fn measure(tools: &[&Tool], places: &Places, options: &Options) -> Vec<Table> {
    let outcomes = alternate(tools, places, options.rounds(3, 1), 1, |tool| {
        let mut session = Session::start(tool, places, Role::Stay)?;
        session.expect("exec")?;
        let program = BTreeSet::from([session.expect("first")?.pid]);
        session.stay(SETTLING)?;

        let own = session.own_processes(&program)?;
        let before = total(&own, processes::context_switches)?;
        session.stay(WATCHED)?;
        let after = total(&own, processes::context_switches)?;
        let memory = total(&own, processes::pss_kib)?;
        Ok([memory, (after - before) / WATCHED.as_secs_f64()])
    });
    let memory = "PSS of all processes of the tool, without the program's, in KiB; \
                  less is better. Goal: at most 2,500.";
    let wakeups =
        "Context switches per second of all its threads over 5 s; less is better. Goal: 0.";
    vec![
        Table::new("Memory, idle, one program", memory, &outcomes, 0),
        Table::new("Wake-ups, idle, one program", wakeups, &outcomes, 1),
    ]
}

pub(crate) fn total(
    pids: &BTreeSet<i32>,
    value: impl Fn(i32) -> io::Result<f64>,
) -> io::Result<f64> {
    pids.iter().map(|pid| value(*pid)).sum()
}
