//! From the exec of the tool to the first instruction of its program.

use crate::options::Options;
use crate::places::Places;
use crate::rounds::alternate;
use crate::session::{Role, Session};
use crate::table::Table;
use crate::tools::Tool;

/// Slow tools take a thousand times as long; every eighth round is enough to know them.
const SLOW_EVERY: u32 = 8;

pub(crate) fn measure(tools: &[&Tool], places: &Places, options: &Options) -> Vec<Table> {
    let rounds = options.rounds(48, 12);
    let outcomes = alternate(tools, places, rounds, SLOW_EVERY, |tool| {
        let mut session = Session::start(tool, places, Role::Stay)?;
        let exec = session.expect("exec")?;
        let first = session.expect("first")?;
        Ok([first.at.since(exec.at).as_secs_f64() * 1000.0])
    });
    let unit = "Milliseconds; less is better. Goal: not slower than tini.";
    vec![Table::new("Exec of the tool to the first instruction of its program", unit, &outcomes, 0)]
}
