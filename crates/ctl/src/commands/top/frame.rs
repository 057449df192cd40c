//! One screen of `top`, as text and escape sequences for a terminal.

use std::fmt::Write as _;

use rustix::termios;

use super::table::Table;
use crate::screen::Plain;

/// Switches to the alternate screen and hides the cursor.
pub(super) const ENTER: &str = "\x1b[?1049h\x1b[?25l";

/// Switches back to the main screen and shows the cursor.
pub(super) const LEAVE: &str = "\x1b[?1049l\x1b[?25h";

/// Starts a screen that overwrites the previous one. Terminals that support mode 2026 show nothing
/// before [`END`].
const BEGIN: &str = "\x1b[?2026h\x1b[H";
const END: &str = "\x1b[J\x1b[?2026l";

/// Clears the rest of a line and starts the next.
const NEXT: &str = "\x1b[K\r\n";

const REVERSE: &str = "\x1b[7m";
const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// Lines that are not rows: two heads above, remark and keys below.
const OTHER_LINES: usize = 4;

const KEYS: &str = "up/down select  r restart  s stop or start  t tail  o sort  q quit";

/// The area to draw on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    columns: usize,
    lines: usize,
    colors: bool,
}

impl Frame {
    /// The size of the terminal now.
    pub(super) fn of_terminal() -> Self {
        let size = termios::tcgetwinsize(rustix::stdio::stdout()).ok();
        let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
        let (columns, lines) =
            size.map_or((80, 24), |size| (size.ws_col.into(), size.ws_row.into()));
        Self { columns, lines, colors: std::env::var_os("NO_COLOR").is_none() }
    }

    /// The whole screen; a `notice` that is not empty replaces the list of keys.
    pub(super) fn draw(self, table: &Table, url: &str, notice: &str) -> String {
        let mut out = BEGIN.to_owned();
        let layout = table.layout(Some(self.columns));
        let troubled = table.rows().iter().filter(|row| row.is_in_trouble()).count();
        let count = table.rows().len();
        let order = table.order.name();
        let head = format!("{url}  programs: {count}, in trouble: {troubled}, sorted by {order}");
        self.put(&mut out, BOLD, &head);
        self.put(&mut out, REVERSE, &layout.titles());
        let room = self.lines.saturating_sub(OTHER_LINES).max(1);
        let place = table.place().unwrap_or_default();
        let first = place.saturating_sub(room - 1);
        let shown = table.rows().iter().enumerate().skip(first).take(room);
        for (at, row) in shown {
            let style = match (at == place, row.is_in_trouble() && self.colors) {
                (true, _) => REVERSE,
                (false, true) => RED,
                (false, false) => "",
            };
            self.put(&mut out, style, &layout.row(row));
        }
        let remark = table.selected().filter(|row| !row.remark.is_empty());
        let remark = remark.map(|row| format!("{}: {}", row.name, row.remark));
        self.put(&mut out, "", &remark.unwrap_or_default());
        self.end(&mut out, if notice.is_empty() { KEYS } else { notice });
        out + END
    }

    /// Adds a line, cut to fit, with visible control characters.
    fn put(self, out: &mut String, style: &str, text: &str) {
        self.cut(out, style, text);
        out.push_str(NEXT);
    }

    /// Adds the last line, without a line break, because the screen would scroll.
    fn end(self, out: &mut String, text: &str) {
        self.cut(out, BOLD, text);
        out.push_str("\x1b[K");
    }

    fn cut(self, out: &mut String, style: &str, text: &str) {
        let plain = Plain(text).to_string().replace(['\n', '\t'], " ");
        let cut: String = plain.chars().take(self.columns).collect();
        // Writing to a string cannot fail.
        let _ = if style.is_empty() {
            write!(out, "{cut}")
        } else {
            write!(out, "{style}{cut}{PLAIN}")
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::table::Row;
    use super::*;

    #[test]
    fn a_screen_fits_shows_the_selected_row_and_removes_escapes() {
        let mut table = Table::default();
        let names = (0..30).map(|number| format!("p{number:02}\x1b[2J"));
        let rows = names.map(|name| Row::of_api(&json!({"name": name, "state": "RUNNING"})));
        table.take(Duration::ZERO, rows.collect());
        table.select(25);
        let frame = Frame { columns: 80, lines: 24, colors: true };
        let screen = frame.draw(&table, "unix:///s", "");
        let lines: Vec<&str> = screen.split("\r\n").collect();
        assert_eq!(lines.len(), 24);
        assert!(screen.contains("p25") && !screen.contains("p05") && !screen.contains("\x1b[2J"));
        seen(&screen);
    }

    /// Programs in all states and conditions, as the API returns them, at two times.
    fn all_states(second: u32) -> Vec<Row> {
        let mut programs = [
            json!({"name": "vllm", "state": "RUNNING", "health": "healthy", "requests_running": 12,
                "work_per_second": 1834.26, "work_unit": "tokens", "restarts": 0,
                "uptime_seconds": 93_784.0, "memory_bytes": 96_636_764_160_u64}),
            json!({"name": "hung", "state": "RUNNING", "health": "unhealthy", "requests_running": 3,
                "work_per_second": 0.0, "work_unit": "tokens", "restarts": 2,
                "uptime_seconds": 3723.0, "memory_bytes": 1_073_000_000, "health_reason":
                "3 checks failed, last: timed out"}),
            json!({"name": "wait", "state": "STOPPED", "waits_for": "vllm: ready"}),
            json!({"name": "load", "state": "STARTING", "health": "starting", "uptime_seconds": 59.0,
                "memory_bytes": 4096, "restarts": 0}),
            json!({"name": "again", "state": "BACKOFF", "restarts": 3}),
            json!({"name": "drain", "state": "STOPPING", "health": "leaving", "restarts": 0}),
            json!({"name": "done", "state": "EXITED", "restarts": 0}),
            json!({"name": "site:web_00", "state": "FATAL", "restarts": 4, "error":
                "Exited too quickly (process log may have details)"}),
            json!({"name": "odd", "state": "UNKNOWN"}),
        ];
        programs[0]["cpu_seconds"] = (12 * second).into();
        programs.iter().map(Row::of_api).collect()
    }

    /// A screen as a person sees it, with the styles of its lines as words.
    fn seen(screen: &str) -> String {
        let styles = [(REVERSE, "reverse:"), (BOLD, "bold:"), (RED, "red:")];
        let line = |line: &str| {
            let word = styles.iter().find(|(code, _)| line.contains(code));
            let codes = [BEGIN, END, REVERSE, BOLD, RED, PLAIN, "\x1b[K"];
            let text = codes.iter().fold(line.to_owned(), |line, code| line.replace(code, ""));
            assert!(text.chars().count() <= 80 && !text.contains('\x1b'), "{text:?}");
            let line = format!("{:8} {text}", word.map_or("", |(_, word)| word));
            format!("{}\n", line.trim_end())
        };
        screen.split("\r\n").map(line).collect()
    }

    #[test]
    fn all_states_fit_into_80_columns() {
        let mut table = Table::default();
        table.take(Duration::ZERO, all_states(0));
        table.take(Duration::from_secs(1), all_states(1));
        table.select(3);
        let frame = Frame { columns: 80, lines: 14, colors: true };
        let mut screens = seen(&frame.draw(&table, "unix:///s", ""));
        for _ in 0..5 {
            table.sort_by_next();
        }
        let narrow = Frame { lines: 6, ..frame };
        screens += &seen(&narrow.draw(&table, "unix:///s", "restart hung? y/N"));
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/commands/top/screens.txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &screens).unwrap();
        }
        assert_eq!(screens, std::fs::read_to_string(path).unwrap(), "set UPDATE=1 to accept it");
    }
}
