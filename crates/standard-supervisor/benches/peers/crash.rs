//! From the death of a running program to the first instruction of its replacement.

use std::time::Duration;

use crate::options::Options;
use crate::places::Places;
use crate::rounds::alternate;
use crate::session::{Role, Session};
use crate::table::Table;
use crate::tools::Tool;

/// Past the `startsecs=1` of all tools. Supervisord looks once a second, so it calls a program
/// RUNNING up to two seconds after its start; a death before that is a failed start, which it
/// treats otherwise.
const UPTIME: Duration = Duration::from_millis(2500);

/// One crash for each start of a tool: a second one soon after the first meets a back-off.
pub(crate) fn measure(tools: &[&Tool], places: &Places, options: &Options) -> Vec<Table> {
    let outcomes = alternate(tools, places, options.rounds(5, 3), 1, |tool| {
        let mut session = Session::start(tool, places, Role::Crash { after: UPTIME })?;
        session.expect("exec")?;
        session.expect("first")?;
        let dying = session.expect("dying")?;
        let replacement = session.expect("first")?;
        Ok([replacement.at.since(dying.at).as_secs_f64() * 1000.0])
    });
    let unit = "Milliseconds; less is better. SIGKILL after 2.5 s of uptime. Goal: at most 5 ms.";
    vec![Table::new(
        "Crash of a running program to the first instruction of its replacement",
        unit,
        &outcomes,
        0,
    )]
}
