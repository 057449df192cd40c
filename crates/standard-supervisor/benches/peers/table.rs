//! A row of measurements as a Markdown table.

use std::fmt;

use crate::rounds::Outcome;
use crate::tools::Tool;

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) title: &'static str,
    /// What the numbers are, their unit, and which way is better.
    pub(crate) unit: &'static str,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    name: &'static str,
    ours: Option<Ours>,
    cells: Result<Quartiles, String>,
}

/// The two modes of ours that peers are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ours {
    Supervised,
    RunOnce,
}

#[derive(Clone, Copy, Debug)]
struct Quartiles {
    lower: f64,
    median: f64,
    upper: f64,
    count: usize,
}

impl Table {
    /// Of the `K` values measured at a time, the table shows the one at `index`.
    pub(crate) fn new<const K: usize>(
        title: &'static str,
        unit: &'static str,
        outcomes: &[(&Tool, Outcome<K>)],
        index: usize,
    ) -> Self {
        let line = |(tool, outcome): &(&Tool, Outcome<K>)| Line {
            name: tool.name,
            ours: tool.ours(),
            cells: match outcome {
                Outcome::Measured(values) => {
                    Quartiles::of(values.iter().map(|value| value[index]).collect())
                        .ok_or_else(|| "nothing measured".to_owned())
                }
                Outcome::NotInstalled => Err("not installed".to_owned()),
                Outcome::Failed(why) => Err(format!("failed: {}", why.replace('|', "/"))),
            },
        };
        Self { title, unit, lines: outcomes.iter().map(line).collect() }
    }

    fn median_of(&self, ours: Ours) -> Option<f64> {
        let line = self.lines.iter().find(|line| line.ours == Some(ours))?;
        line.cells.as_ref().ok().map(|quartiles| quartiles.median)
    }
}

impl Quartiles {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let at = |quarter: usize| -> Option<f64> {
            let steps = values.len().checked_sub(1)? * quarter;
            let (below, above) = (values[steps / 4], values[steps.div_ceil(4)]);
            // At most three quarters of the way from one value to the next.
            Some(below + (above - below) * [0.0, 0.25, 0.5, 0.75][steps % 4])
        };
        Some(Self { lower: at(1)?, median: at(2)?, upper: at(3)?, count: values.len() })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modes = [(Ours::Supervised, "ours ÷ it"), (Ours::RunOnce, "ours once ÷ it")];
        let modes = modes.map(|(mode, heading)| (mode, heading, self.median_of(mode)));
        let shown = || modes.iter().filter(|(.., median)| median.is_some());

        writeln!(f, "### {}\n\n{}\n", self.title, self.unit)?;
        write!(f, "| tool | median | quartiles | runs |")?;
        shown().try_for_each(|(_, heading, _)| write!(f, " {heading} |"))?;
        write!(f, "\n|---|--:|--:|--:|")?;
        shown().try_for_each(|_| write!(f, "--:|"))?;
        writeln!(f)?;

        for line in &self.lines {
            match &line.cells {
                Ok(Quartiles { lower, median, upper, count }) => {
                    let (low, middle, high) = (number(*lower), number(*median), number(*upper));
                    write!(f, "| {} | {middle} | {low} – {high} | {count} |", line.name)?;
                    for (mode, _, ours) in shown() {
                        let itself = line.ours == Some(*mode);
                        let ratio =
                            ours.filter(|_| !itself && *median != 0.0).map(|ours| ours / median);
                        write!(f, " {} |", ratio.map_or_else(|| "–".to_owned(), number))?;
                    }
                }
                Err(why) => {
                    write!(f, "| {} | {why} | | |", line.name)?;
                    shown().try_for_each(|_| write!(f, " |"))?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        0.1.. => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}
