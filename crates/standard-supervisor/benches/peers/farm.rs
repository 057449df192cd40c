//! A thousand programs of one configuration file: how long until all run, what each costs,
//! how long until all have stopped.

use std::collections::BTreeSet;

use crate::idle::total;
use crate::options::Options;
use crate::places::Places;
use crate::processes;
use crate::rounds::alternate;
use crate::session::{Role, Session};
use crate::table::Table;
use crate::tools::Tool;

pub(crate) const COPIES: u32 = 1000;

pub(crate) fn measure(tools: &[&Tool], places: &Places, options: &Options) -> Vec<Table> {
    let outcomes = alternate(tools, places, options.rounds(5, 1), 1, |tool| {
        let mut session = Session::start(tool, places, Role::Farm { copies: COPIES })?;
        let exec = session.expect("exec")?;
        let mut last = exec;
        let mut programs = BTreeSet::new();
        for _ in 0..COPIES {
            last = session.expect("first")?;
            programs.insert(last.pid);
        }
        let started = last.at.since(exec.at).as_secs_f64() * 1000.0;
        let own = session.own_processes(&programs)?;
        let memory = total(&own, processes::pss_kib)? / f64::from(COPIES);
        let stopped = session.stop()?.as_secs_f64() * 1000.0;
        Ok([started, memory, stopped])
    });
    let start = "Milliseconds from the exec of the tool to the first instruction of the last of \
                 1,000 programs; less is better. Goal: at most a tenth of supervisord's.";
    let memory = "PSS of the tool in KiB, divided by the 1,000 programs it runs; less is better. \
                  Goal: at most a tenth of supervisord's.";
    let stop = "Milliseconds from SIGTERM to the end of the tool, which stops its 1,000 programs \
                before; less is better. Goal: at most a tenth of supervisord's.";
    vec![
        Table::new("A thousand programs: start", start, &outcomes, 0),
        Table::new("A thousand programs: memory of each", memory, &outcomes, 1),
        Table::new("A thousand programs: stop", stop, &outcomes, 2),
    ]
}
