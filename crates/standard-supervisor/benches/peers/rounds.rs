//! Tools taking turns, and what came of it.

use std::io;

use crate::places::Places;
use crate::tools::Tool;

/// What one tool gave, `K` values at a time.
#[derive(Debug)]
pub(crate) enum Outcome<const K: usize> {
    Measured(Vec<[f64; K]>),
    NotInstalled,
    Failed(String),
}

/// A, B, C, A, B, C … Slow tools sit out all rounds but each `slow_every`th. A tool that fails once
/// is out: half a measurement of it would look like a whole one.
pub(crate) fn alternate<'a, const K: usize>(
    tools: &[&'a Tool],
    places: &Places,
    rounds: u32,
    slow_every: u32,
    mut measure: impl FnMut(&Tool) -> io::Result<[f64; K]>,
) -> Vec<(&'a Tool, Outcome<K>)> {
    let present = |tool: &Tool| tool.executable(places).is_some();
    let mut outcomes: Vec<(&Tool, Outcome<K>)> = tools
        .iter()
        .map(|tool| match present(tool) {
            true => (*tool, Outcome::Measured(Vec::new())),
            false => (*tool, Outcome::NotInstalled),
        })
        .collect();

    for round in 0..rounds {
        for (tool, outcome) in &mut outcomes {
            if tool.slow && round % slow_every != 0 {
                continue;
            }
            let Outcome::Measured(values) = outcome else { continue };
            match measure(tool) {
                Ok(value) => values.push(value),
                Err(error) => *outcome = Outcome::Failed(error.to_string()),
            }
        }
    }
    outcomes
}
