//! The rows of `top`: the state and resource usage of each program, in an order that a key changes.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::answer::Info;

/// A program.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) state: String,
    /// Only our own daemon returns this and the fields that follow.
    health: Option<String>,
    uptime: Option<f64>,
    cpu_seconds: Option<f64>,
    memory: Option<u64>,
    restarts: Option<u64>,
    /// Requests in progress. Only a server whose metrics the supervisor reads has these two.
    requests: Option<u64>,
    tokens_per_second: Option<f64>,
    /// A remark that adds to the state.
    pub(super) remark: String,
    /// CPU usage since the last update; 1.0 is one processor.
    cpu: Option<f64>,
}

/// The sort key of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Name,
    Cpu,
    Memory,
    Restarts,
    Requests,
    Tokens,
}

impl Order {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Cpu => "CPU",
            Self::Memory => "memory",
            Self::Restarts => "restarts",
            Self::Requests => "requests",
            Self::Tokens => "tokens/s",
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Name => Self::Cpu,
            Self::Cpu => Self::Memory,
            Self::Memory => Self::Restarts,
            Self::Restarts => Self::Requests,
            Self::Requests => Self::Tokens,
            Self::Tokens => Self::Name,
        }
    }

    /// Whether a row has a value to sort by. Only these two values can be unknown for all rows of
    /// our own daemon.
    fn is_known(self, rows: &[Row]) -> bool {
        match self {
            Self::Requests => rows.iter().any(|row| row.requests.is_some()),
            Self::Tokens => rows.iter().any(|row| row.tokens_per_second.is_some()),
            Self::Name | Self::Cpu | Self::Memory | Self::Restarts => true,
        }
    }
}

/// All rows, and which of them is selected.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Row>,
    pub(super) order: Order,
    /// The name of the selected row, because rows move when they are sorted.
    selected: Option<String>,
    /// The time of the last update.
    taken: Option<Duration>,
}

/// A column after the name.
pub(super) struct Column {
    title: &'static str,
    width: usize,
    /// The table has it only if a row has its value and the terminal is wide enough.
    is_optional: bool,
    is_text: bool,
    value: fn(&Row) -> Option<String>,
}

const fn text(title: &'static str, width: usize, value: fn(&Row) -> Option<String>) -> Column {
    Column { title, width, is_optional: false, is_text: true, value }
}

const fn number(title: &'static str, width: usize, value: fn(&Row) -> Option<String>) -> Column {
    Column { title, width, is_optional: false, is_text: false, value }
}

const fn optional(title: &'static str, width: usize, value: fn(&Row) -> Option<String>) -> Column {
    Column { title, width, is_optional: true, is_text: false, value }
}

/// All columns after the name. If the terminal is too narrow, the last optional one goes first.
const COLUMNS: [Column; 8] = [
    text("STATE", 8, |row| Some(row.state.clone())),
    text("HEALTH", 9, |row| row.health.clone().filter(|health| health != "none")),
    number("UPTIME", 10, |row| row.uptime.map(uptime)),
    number("CPU", 6, |row| row.cpu.map(percent)),
    number("MEMORY", 9, |row| row.memory.map(memory)),
    number("RESTARTS", 8, |row| row.restarts.map(|restarts| restarts.to_string())),
    optional("REQUESTS", 8, |row| row.requests.map(|requests| requests.to_string())),
    optional("TOKENS/S", 8, |row| row.tokens_per_second.map(|tokens| format!("{tokens:.1}"))),
];

/// Columns of a table, and the width of the names before them.
pub(super) struct Layout {
    name: usize,
    columns: Vec<&'static Column>,
}

impl Layout {
    /// The line with the titles.
    pub(super) fn titles(&self) -> String {
        self.line("NAME", |column| Some(column.title.to_owned()))
    }

    /// The line of a program.
    pub(super) fn row(&self, row: &Row) -> String {
        self.line(&row.name, |column| (column.value)(row))
    }

    /// A line: the name, texts on the left of their columns, numbers on the right.
    fn line(&self, name: &str, cell: impl Fn(&Column) -> Option<String>) -> String {
        let (short, width): (String, _) = (name.chars().take(self.name).collect(), self.name);
        let mut line = format!("{short:width$}");
        for column in &self.columns {
            let (cell, width) = (cell(column).unwrap_or_else(|| "-".to_owned()), column.width);
            let padded =
                if column.is_text { format!(" {cell:width$}") } else { format!(" {cell:>width$}") };
            line.push_str(&padded);
        }
        line
    }
}

impl Row {
    /// From an object of the API.
    pub(super) fn of_api(program: &Value) -> Self {
        let text = |name: &str| program[name].as_str().unwrap_or_default().to_owned();
        let remarks = ["remark", "health_reason", "error", "waits_for", "last_exit"];
        let remark = remarks.into_iter().find_map(|name| program[name].as_str());
        Self {
            name: text("name"),
            state: text("state"),
            health: program["health"].as_str().map(str::to_owned),
            uptime: program["uptime_seconds"].as_f64(),
            cpu_seconds: program["cpu_seconds"].as_f64(),
            memory: program["memory_bytes"].as_u64(),
            restarts: program["restarts"].as_u64(),
            requests: program["requests_running"].as_u64(),
            tokens_per_second: program["work_per_second"]
                .as_f64()
                .filter(|_| program["work_unit"] == "tokens"),
            remark: remark.unwrap_or_default().to_owned(),
            cpu: None,
        }
    }

    /// From supervisord's process info.
    pub(super) fn of_info(info: &Info) -> Self {
        let same = info.name == info.group;
        let name = if same { info.name.clone() } else { format!("{}:{}", info.group, info.name) };
        let (state, remark) = (info.statename.clone(), info.description.clone());
        Self { name, state, remark, ..Self::default() }
    }

    /// Whether it runs, starts or is retried.
    pub(super) fn runs(&self) -> bool {
        ["STARTING", "RUNNING", "BACKOFF"].contains(&self.state.as_str())
    }

    pub(super) fn is_in_trouble(&self) -> bool {
        self.health.as_deref() == Some("unhealthy")
            || ["FATAL", "BACKOFF", "UNKNOWN"].contains(&self.state.as_str())
    }
}

impl Table {
    /// Replaces the rows by those of the time `now`, by the caller's clock.
    pub(super) fn take(&mut self, now: Duration, mut rows: Vec<Row>) {
        let over = self.taken.replace(now).map(|before| now.saturating_sub(before).as_secs_f64());
        let before: BTreeMap<&str, f64> = self
            .rows
            .iter()
            .filter_map(|row| Some((row.name.as_str(), row.cpu_seconds?)))
            .collect();
        for row in &mut rows {
            let used = row.cpu_seconds.zip(before.get(row.name.as_str()));
            let over = over.filter(|over| *over > 0.0);
            row.cpu = used.zip(over).map(|((now, before), over)| ((now - before) / over).max(0.0));
        }
        self.rows = rows;
        self.sort();
        if self.selected().is_none() {
            self.selected = self.rows.first().map(|row| row.name.clone());
        }
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The selected row, on which keys act.
    pub(super) fn selected(&self) -> Option<&Row> {
        self.rows.get(self.place()?)
    }

    /// The index of the selected row.
    pub(super) fn place(&self) -> Option<usize> {
        self.rows.iter().position(|row| Some(&row.name) == self.selected.as_ref())
    }

    /// Moves the selection `by` rows down.
    pub(super) fn select(&mut self, by: isize) {
        let at = self.place().unwrap_or_default().saturating_add_signed(by);
        let at = at.min(self.rows.len().saturating_sub(1));
        self.selected = self.rows.get(at).map(|row| row.name.clone());
    }

    /// Sorts by the next key that at least one row has.
    pub(super) fn sort_by_next(&mut self) {
        self.order = self.order.next();
        while !self.order.is_known(&self.rows) {
            self.order = self.order.next();
        }
        self.sort();
    }

    fn sort(&mut self) {
        let most = |a: Option<f64>, b: Option<f64>| b.partial_cmp(&a).unwrap_or(Ordering::Equal);
        let order = self.order;
        self.rows.sort_by(|a, b| {
            let first = match order {
                Order::Name => Ordering::Equal,
                Order::Cpu => most(a.cpu, b.cpu),
                Order::Memory => b.memory.cmp(&a.memory),
                Order::Restarts => b.restarts.cmp(&a.restarts),
                Order::Requests => b.requests.cmp(&a.requests),
                Order::Tokens => most(a.tokens_per_second, b.tokens_per_second),
            };
            first.then_with(|| a.name.cmp(&b.name))
        });
    }

    /// The columns that fit into `room`, with names that are not cut if possible.
    pub(super) fn layout(&self, room: Option<usize>) -> Layout {
        let longest = self.rows.iter().map(|row| row.name.chars().count()).max();
        let longest = longest.unwrap_or_default().max("NAME".len());
        let is_known = |column: &&Column| {
            !column.is_optional || self.rows.iter().any(|row| (column.value)(row).is_some())
        };
        let mut columns: Vec<&'static Column> = COLUMNS.iter().filter(is_known).collect();
        let Some(room) = room else { return Layout { name: longest, columns } };
        let left = |columns: &[&Column]| {
            room.saturating_sub(columns.iter().map(|column| column.width + 1).sum())
        };
        // The column that the rows are sorted by goes last.
        let is_key = |column: &&Column| column.title.eq_ignore_ascii_case(self.order.name());
        while left(&columns) < longest {
            let others = columns.iter().rposition(|one| one.is_optional && !is_key(one));
            let Some(at) = others.or_else(|| columns.iter().rposition(|one| one.is_optional))
            else {
                break;
            };
            columns.remove(at);
        }
        Layout { name: left(&columns).max("NAME".len()), columns }
    }

    /// The whole table as lines, for output that is no terminal.
    pub(super) fn lines(&self) -> Vec<String> {
        let layout = self.layout(None);
        let rows = self.rows.iter().map(|row| layout.row(row));
        [layout.titles()].into_iter().chain(rows).collect()
    }
}

/// `1:02:03`, or with days in front.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an uptime is positive, and the part of a second does not count"
)]
fn uptime(seconds: f64) -> String {
    let seconds = seconds as u64;
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let clock = format!("{}:{:02}:{:02}", hours, seconds / 60 % 60, seconds % 60);
    if days == 0 { clock } else { format!("{days}d {:02}:{:02}", hours, seconds / 60 % 60) }
}

/// CPU usage in at most six characters: from ten processors on without a decimal place.
fn percent(processors: f64) -> String {
    let percent = processors * 100.0;
    if percent < 999.95 { format!("{percent:.1}%") } else { format!("{percent:.0}%") }
}

/// An amount in at most nine characters: from 1000 on in the next unit.
#[expect(clippy::cast_precision_loss, reason = "one decimal place is shown")]
fn memory(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 999.95 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    if unit == "B" { format!("{value:.0} B") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(name: &str, memory: u64) -> Row {
        Row { name: name.to_owned(), memory: Some(memory), ..Row::default() }
    }

    #[test]
    fn a_selected_row_stays_selected_when_it_moves() {
        let mut table = Table::default();
        table.take(Duration::ZERO, vec![row("b", 1), row("a", 2), row("c", 3)]);
        table.select(1);
        assert_eq!(table.selected().unwrap().name, "b");
        table.sort_by_next();
        table.sort_by_next();
        let names: Vec<&str> = table.rows().iter().map(|row| row.name.as_str()).collect();
        assert_eq!((names, table.order), (vec!["c", "a", "b"], Order::Memory));
        assert_eq!(table.place(), Some(2));
        table.select(-5);
        assert_eq!(table.selected().unwrap().name, "c");
        table.take(Duration::ZERO, vec![row("a", 2)]);
        assert_eq!(table.selected().unwrap().name, "a");
        table.take(Duration::ZERO, Vec::new());
        table.select(1);
        assert_eq!(table.selected(), None);
    }

    #[test]
    fn a_row_shows_all_known_values() {
        let program = json!({
            "name": "app", "state": "RUNNING", "health": "unhealthy", "uptime_seconds": 93_784.5,
            "memory_bytes": 3_435_973_837_u64, "restarts": 2, "remark": null,
            "health_reason": "3 checks failed",
        });
        let row = Row::of_api(&program);
        assert_eq!(
            cells(&row),
            ["RUNNING", "unhealthy", "1d 02:03", "-", "3.2 GiB", "2", "-", "-"]
        );
        assert_eq!((row.remark.as_str(), row.is_in_trouble()), ("3 checks failed", true));
        assert_eq!(uptime(3723.9), "1:02:03");
        assert_eq!((memory(12), memory(2048)), ("12 B".to_owned(), "2.0 KiB".to_owned()));
        assert_eq!((memory(1_048_000), percent(16.0)), ("1.0 MiB".to_owned(), "1600%".to_owned()));
        let used = |cpu_seconds| {
            let program = json!({"name": "app", "state": "RUNNING", "cpu_seconds": cpu_seconds});
            vec![Row::of_api(&program)]
        };
        let mut table = Table::default();
        table.take(Duration::from_secs(1), used(10.0));
        table.take(Duration::from_secs(3), used(11.0));
        assert_eq!(cells(&table.rows()[0])[3], "50.0%");
        assert_eq!(table.layout(Some(80)).row(&row).len(), 80);
    }

    fn cells(row: &Row) -> Vec<String> {
        let cell = |column: &Column| (column.value)(row).unwrap_or_else(|| "-".to_owned());
        COLUMNS.iter().map(cell).collect()
    }

    #[test]
    fn requests_and_tokens_are_shown_if_they_are_known_and_names_fit() {
        let titles = |name: &str, program: Value, room| {
            let mut table = Table::default();
            let other = Row { name: name.to_owned(), ..Row::default() };
            table.take(Duration::ZERO, vec![Row::of_api(&program), other]);
            let titles = table.layout(room).titles();
            assert!(room.is_none_or(|room| titles.len() <= room), "{titles:?}");
            titles.split_whitespace().skip(7).map(str::to_owned).collect::<Vec<_>>()
        };
        let app = json!({
            "name": "app", "state": "RUNNING", "requests_running": 4, "work_per_second": 731.25,
            "work_unit": "tokens",
        });
        assert_eq!(titles("ten-letter", app.clone(), Some(80)), ["REQUESTS"]);
        assert_eq!(titles("a", app.clone(), Some(80)), ["REQUESTS", "TOKENS/S"]);
        assert_eq!(titles("a", app.clone(), None), ["REQUESTS", "TOKENS/S"]);
        assert!(titles("a-name-of-17-long", app.clone(), Some(80)).is_empty());
        let row = Row::of_api(&app);
        assert_eq!(cells(&row)[6..], ["4", "731.2"]);
        let steps = json!({"name": "app", "work_per_second": 3.0, "work_unit": "steps"});
        assert!(titles("a", steps, None).is_empty());
    }
}
