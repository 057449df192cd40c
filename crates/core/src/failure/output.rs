//! Finds the error that explains an exit in the last lines of output.
//!
//! The last line is usually not the cause: a client's traceback, a launcher's summary and shutdown
//! warnings come after it. The cause is the **first error of the final burst**. A burst is a
//! sequence of error lines with few other lines in between, up to the end of the output, after the
//! last sign that the server worked. An error that the server survived is followed by such signs,
//! or by many other lines, and is therefore not part of the burst.
//!
//! Chained Python exceptions ("During handling of the above exception…") count as one error; the
//! first known one decides. If the first error of the burst is unknown, the run has no sign,
//! whatever follows.

use super::log_line::{Level, LogLine};
use super::signs::{self, Preset, Sign};

/// The sign found in the output of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name of the sign.
    pub sign: &'static str,
    /// The line that contains it, without prefixes and with a limited length.
    pub line: String,
}

impl Found {
    /// The sign's row in the table.
    #[must_use]
    pub fn sign(&self) -> Option<&'static Sign> {
        signs::SIGNS.iter().find(|sign| sign.name == self.sign)
    }
}

/// Maximum number of other lines between two error lines of a burst, and after it.
const CALM_LINES: usize = 20;

/// Characters of the line to keep.
const LINE: usize = 300;

/// Lines that only a working server writes.
const SIGNS_OF_LIFE: [&str; 10] = [
    "Application startup complete",
    "Avg prompt throughput",
    "Decode batch",
    "Prefill batch",
    "The server is fired up and ready to roll",
    "server is listening on",
    "Started GRPCInferenceService",
    "Started HTTPService",
    "slot release",
    "\" 200",
];

/// Requests that a server answers without using its model.
const QUIET_REQUESTS: [&str; 7] =
    ["/metrics", "/health", "/live", "/ready", "/ping", "/v1/models", "/v2/"];

/// A traceback after one of these lines does not end the server: it belongs to a request, a thread,
/// a task, or an object's destructor.
const SURVIVED: [&str; 7] = [
    "Exception in ASGI application",
    "Error handling request",
    "Exception occurred during processing of request",
    "Exception on /",
    "Exception in thread",
    "Exception ignored in",
    "exception was never retrieved",
];

/// Python writes these lines between chained exceptions.
const CHAINED: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

/// The role of a line.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// It shows that the server works.
    Alive,
    /// `Traceback (most recent call last):`.
    Traceback,
    /// It connects two chained exceptions.
    Chained,
    /// The last line of a traceback, or an exception without one.
    Exception,
    /// It contains the text of a sign and is not an exception.
    Printed(&'static Sign),
    /// It belongs to an error but identifies none.
    Part,
    /// It is empty.
    Blank,
    /// None of these.
    Calm,
}

/// Finds the sign in the last lines of output, among those of a preset.
#[must_use]
pub fn read<'a>(lines: impl IntoIterator<Item = &'a str>, preset: Preset) -> Option<Found> {
    let mut burst = Burst::default();
    for line in lines {
        burst.add(&LogLine::new(line), preset);
    }
    burst.errors.into_iter().next().flatten()
}

/// The errors since the last sign of life.
#[derive(Debug, Default)]
struct Burst {
    /// The sign of each error, if it is known.
    errors: Vec<Option<Found>>,
    /// Other lines since the last error line.
    calm: usize,
    /// The server survives the traceback that may follow.
    survived: bool,
    /// How the next exception relates to the previous lines.
    next: Next,
}

/// How the next exception relates to the previous lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    /// It is a new error.
    #[default]
    Own,
    /// The server survives it.
    Survived,
    /// It belongs to the current chain.
    Chained,
    /// The server survived the previous exception, and survives those that are chained to it.
    AfterSurvived,
}

impl Burst {
    fn add(&mut self, line: &LogLine<'_>, preset: Preset) {
        let kind = kind(line, preset);
        match kind {
            Kind::Blank => return,
            Kind::Alive => *self = Self::default(),
            Kind::Calm => {
                self.calm += 1;
                if self.calm > CALM_LINES {
                    *self = Self::default();
                }
            }
            Kind::Traceback if self.survived => self.next = Next::Survived,
            Kind::Traceback if self.next == Next::AfterSurvived => self.next = Next::Own,
            Kind::Traceback | Kind::Part => {}
            Kind::Chained => {
                self.next = match self.next {
                    Next::AfterSurvived => Next::Survived,
                    Next::Own | Next::Chained | Next::Survived => Next::Chained,
                };
            }
            Kind::Exception => {
                let found = signs::find(line, preset).map(|sign| found(sign, line));
                self.exception(found);
            }
            Kind::Printed(sign) => self.errors.push(Some(found(sign, line))),
        }
        if !matches!(kind, Kind::Calm) {
            self.calm = 0;
        }
        self.survived = is_survived(line, self.survived);
    }

    fn exception(&mut self, found: Option<Found>) {
        match (std::mem::take(&mut self.next), self.errors.last_mut()) {
            (Next::Survived, _) => self.next = Next::AfterSurvived,
            (Next::Chained, Some(last)) => *last = last.take().or(found),
            (Next::Chained | Next::Own | Next::AfterSurvived, _) => self.errors.push(found),
        }
    }
}

fn kind(line: &LogLine<'_>, preset: Preset) -> Kind {
    let text = line.text;
    if text.trim().is_empty() {
        return Kind::Blank;
    }
    if SIGNS_OF_LIFE.iter().any(|sign| text.contains(sign)) {
        let quiet = QUIET_REQUESTS.iter().any(|path| text.contains(path));
        return if quiet { Kind::Calm } else { Kind::Alive };
    }
    if matches!(line.level, Level::Calm | Level::Warning) {
        return Kind::Calm;
    }
    if CHAINED.contains(&text.trim()) {
        return Kind::Chained;
    }
    if text.contains("Traceback (most recent call last):") {
        return Kind::Traceback;
    }
    let indented = text.starts_with([' ', '\t']);
    if line.raised().is_some() {
        return Kind::Exception;
    }
    if indented {
        return Kind::Part;
    }
    match signs::find(line, preset) {
        Some(sign) => Kind::Printed(sign),
        None if line.level == Level::Error => Kind::Part,
        None => Kind::Calm,
    }
}

/// Whether the server survives a traceback after this line.
fn is_survived(line: &LogLine<'_>, before: bool) -> bool {
    let text = line.text;
    // asyncio prints the task between its message and the traceback.
    let between = before && text.starts_with("future: <");
    between || line.level == Level::Warning || SURVIVED.iter().any(|one| text.contains(one))
}

fn found(sign: &Sign, line: &LogLine<'_>) -> Found {
    let mut shown: String = line.text.trim().chars().take(LINE).collect();
    if shown.len() < line.text.trim().len() {
        shown.push('…');
    }
    Found { sign: sign.name, line: shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(output: &str) -> Option<&'static str> {
        read(output.lines(), Preset::Cuda).map(|found| found.sign)
    }

    const OOM: &str = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB";
    const TRACEBACK: &str = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n";

    #[test]
    fn the_first_error_of_the_final_burst_counts() {
        let wrapped = format!("{TRACEBACK}{OOM}\n{TRACEBACK}RuntimeError: Engine core failed\n");
        assert_eq!(sign(&wrapped), Some("cuda_out_of_memory"));
        let other = format!("{TRACEBACK}ValueError: no\n{TRACEBACK}{OOM}\n");
        assert_eq!(sign(&other), None);
    }

    #[test]
    fn an_error_before_a_served_request_or_many_other_lines_does_not_count() {
        let served = "INFO:     10.0.0.1:9 - \"POST /v1/completions HTTP/1.1\" 200 OK\n";
        assert_eq!(sign(&format!("{OOM}\n{served}")), None);
        let scraped = "INFO:     10.0.0.1:9 - \"GET /metrics HTTP/1.1\" 200 OK\n";
        assert_eq!(sign(&format!("{OOM}\n{scraped}")), Some("cuda_out_of_memory"));
        let lines = |n| "loading\n".repeat(n);
        assert!(sign(&format!("{OOM}\n{}", lines(CALM_LINES))).is_some());
        assert_eq!(sign(&format!("{OOM}\n{}", lines(CALM_LINES + 1))), None);
    }

    #[test]
    fn the_first_known_exception_of_a_chain_counts() {
        let chain = format!(
            "{TRACEBACK}KeyError: 'qwen9'\n\nDuring handling of the above exception, another \
             exception occurred:\n\n{TRACEBACK}{OOM}\n"
        );
        assert_eq!(sign(&chain), Some("cuda_out_of_memory"));
    }

    #[test]
    fn an_exception_that_the_server_handled_is_not_the_cause() {
        for before in
            ["WARNING 05-12 01:48:42 [a.py:1] optional", "ERROR:    Exception in ASGI application"]
        {
            let output = format!("{before}\n{TRACEBACK}{OOM}\n");
            assert_eq!(sign(&output), None, "{before}");
            let chained = format!(
                "{output}\nThe above exception was the direct cause of the following exception:\n\n\
                 {TRACEBACK}{OOM}\n"
            );
            assert_eq!(sign(&chained), None, "{before}");
            assert!(sign(&format!("{output}{TRACEBACK}{OOM}\n")).is_some(), "{before}");
        }
        let task = "ERROR:asyncio:Task exception was never retrieved\nfuture: <Task finished>\n";
        assert_eq!(sign(&format!("{task}{TRACEBACK}{OOM}\n")), None);
    }

    #[test]
    fn source_lines_of_a_traceback_are_not_searched() {
        let source = format!("{TRACEBACK}    raise OSError('cudaMalloc failed: out of memory')\n");
        assert_eq!(sign(&format!("{source}OSError: other\n")), None);
    }

    #[test]
    fn the_matching_line_is_kept_and_shortened() {
        let line = format!("(EngineCore pid=7) {OOM}{}", "x".repeat(400));
        let found = read([line.as_str()], Preset::Cuda).unwrap();
        assert!(found.line.starts_with("torch.OutOfMemoryError") && found.line.ends_with('…'));
        assert_eq!(found.line.chars().count(), LINE + 1);
    }
}
