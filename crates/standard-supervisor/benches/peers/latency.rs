//! How late a line comes that a program writes now and then: alone, and while another program
//! floods the same stdout.

use crate::options::Options;
use crate::places::Places;
use crate::rounds::{Outcome, alternate};
use crate::session::{Role, Session};
use crate::table::Table;
use crate::tools::Tool;

pub(crate) fn measure(tools: &[&Tool], places: &Places, options: &Options) -> Vec<Table> {
    let alone = lone_lines(tools, places, options, false);
    let flooded = lone_lines(tools, places, options, true);
    let unit = "Milliseconds from before a line's write, one every 3 to 7 ms, to its arrival at the \
                reader of stdout; less is better. Goal: at most 1 ms in the median.";
    let beside = "The same while a second program writes lines of 100 bytes to the same stdout as fast \
                  as it can. Goal: at most 1 ms in the median.";
    vec![
        Table::new("A lone line: median", unit, &alone, 0),
        Table::new("A lone line: 99 %", unit, &alone, 1),
        Table::new("A lone line beside a flood: median", beside, &flooded, 0),
        Table::new("A lone line beside a flood: 99 %", beside, &flooded, 1),
    ]
}

/// The median of each session, and what 99 % of its lines stay below.
fn lone_lines<'a>(
    tools: &[&'a Tool],
    places: &Places,
    options: &Options,
    beside_flood: bool,
) -> Vec<(&'a Tool, Outcome<2>)> {
    let lines = if options.quick { 400 } else { 1000 };
    alternate(tools, places, options.rounds(7, 3), 1, |tool| {
        let mut session = Session::start(tool, places, Role::Lone { lines, beside_flood })?;
        session.expect("exec")?;
        let programs = if beside_flood { 2 } else { 1 };
        for _ in 0..programs {
            session.expect("first")?;
        }
        session.go(programs)?;
        let mut took = session.read_lone_lines(lines)?;
        took.sort();
        let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
        Ok([at(50), at(99)])
    })
}
