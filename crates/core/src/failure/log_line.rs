//! Splits a line of output into the prefixes of loggers and launchers, and the message.

/// The severity that a line states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// No severity.
    Unknown,
    /// DEBUG or INFO: never the reason for an exit.
    Calm,
    /// WARNING: not the reason itself, but a traceback may follow.
    Warning,
    /// ERROR and above.
    Error,
}

/// A line without its prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogLine<'a> {
    pub(super) level: Level,
    /// The message with its indentation.
    pub(super) text: &'a str,
}

/// At most this many prefixes are removed: of launchers, ranks and loggers.
const PREFIXES: usize = 6;

impl<'a> LogLine<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        let mut found = Self { level: Level::Unknown, text: line };
        for _ in 0..PREFIXES {
            let text = found.text;
            if let Some((level, rest)) = level_prefix(text).or_else(|| glog_prefix(text)) {
                found = Self { level, text: rest };
            } else if let Some(rest) = process_prefix(text)
                .or_else(|| bracket_prefix(text))
                .or_else(|| compose_prefix(text))
                .or_else(|| time_prefix(text))
            {
                found.text = rest;
            } else {
                break;
            }
        }
        found
    }

    /// The name and message of an exception, if Python printed the line for one:
    /// `torch.OutOfMemoryError: CUDA out of memory`, not indented.
    pub(super) fn exception(&self) -> Option<(&'a str, &'a str)> {
        let (name, message) = match self.text.split_once(": ") {
            Some((name, message)) => (name, message),
            None => (self.text.trim_end().trim_end_matches(':'), ""),
        };
        let last = name.rsplit('.').next()?;
        let word = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let raised =
            ["Error", "Exception", "Exit", "Interrupt"].iter().any(|end| last.ends_with(end));
        let is_one = raised
            && last.starts_with(|c: char| c.is_ascii_uppercase())
            && name.split('.').all(word);
        is_one.then_some((name, message))
    }

    /// Like [`Self::exception`], but also accepts an uncaught C++ exception, which has no name.
    pub(super) fn raised(&self) -> Option<(&'a str, &'a str)> {
        let what = || self.text.trim_start().strip_prefix("what():").map(|what| ("", what.trim()));
        self.exception().or_else(what)
    }
}

/// `INFO:     `, `ERROR 05-12 01:48:42 [core.py:72] `, `WARNING:root:`, ` ERROR shard-manager: `.
fn level_prefix(text: &str) -> Option<(Level, &str)> {
    let text = text.strip_prefix(' ').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_uppercase())?;
    let level = match &text[..end] {
        "DEBUG" | "INFO" | "TRACE" => Level::Calm,
        "WARNING" | "WARN" => Level::Warning,
        "ERROR" | "CRITICAL" | "FATAL" => Level::Error,
        _ => return None,
    };
    let rest = &text[end..];
    if let Some(rest) = rest.strip_prefix(':') {
        // uvicorn pads the level; Python's logging puts the logger's name after it.
        let logger = rest.split_once(':').filter(|(name, _)| is_logger(name));
        return Some((level, logger.map_or_else(|| padded(rest), |(_, rest)| rest)));
    }
    let rest = rest.strip_prefix(' ')?;
    Some((level, dated(rest).unwrap_or(rest)))
}

/// Removes the padding of uvicorn, which writes the level in a column of ten characters.
fn padded(rest: &str) -> &str {
    let blanks = rest.len() - rest.trim_start_matches(' ').len();
    &rest[blanks.min(5)..]
}

fn is_logger(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// vLLM: `05-12 01:48:42 [core.py:72] `, after the level.
fn dated(text: &str) -> Option<&str> {
    let (day, rest) = text.split_once(' ')?;
    let (time, rest) = rest.split_once(' ')?;
    let digits = |word: &str, between: char| {
        word.len() >= 4 && word.chars().all(|c| c.is_ascii_digit() || c == between || c == '.')
    };
    if !digits(day, '-') || !digits(time, ':') {
        return None;
    }
    let rest = rest.strip_prefix('[')?.split_once(']')?.1;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// Triton and other users of glog: `E0223 12:03:30.796012 120 model.cc:839] `.
fn glog_prefix(text: &str) -> Option<(Level, &str)> {
    let level = match text.as_bytes().first()? {
        b'I' => Level::Calm,
        b'W' => Level::Warning,
        b'E' | b'F' => Level::Error,
        _ => return None,
    };
    let date = text.get(1..5)?;
    if !date.chars().all(|c| c.is_ascii_digit()) || text.as_bytes().get(5) != Some(&b' ') {
        return None;
    }
    let (_, rest) = text.split_once("] ")?;
    Some((level, rest.trim_start_matches('"')))
}

/// `(EngineCore_DP0 pid=80) `, `(RayWorkerWrapper pid=336, ip=10.0.0.2) `.
fn process_prefix(text: &str) -> Option<&str> {
    let (inside, rest) = text.strip_prefix('(')?.split_once(')')?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    (inside.contains("pid=") && inside.len() < 120).then_some(rest)
}

/// `[rank0]: `, `[rank3]:[E321 02:07:08 ProcessGroupNCCL.cpp:607] `, `[2026-03-05 02:24:27 TP0] `.
fn bracket_prefix(text: &str) -> Option<&str> {
    let (inside, rest) = text.strip_prefix('[')?.split_once(']')?;
    let first = inside.bytes().next()?;
    let is_rank = inside.to_ascii_lowercase().starts_with("rank");
    let is_glog = b"IWEF".contains(&first) && inside.contains(' ') && inside.contains(':');
    let is_date = first.is_ascii_digit() && inside.contains(':') && inside.contains('-');
    if inside.len() > 120 || !(is_rank || is_glog || is_date) {
        return None;
    }
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// docker compose: `server-1  | `.
fn compose_prefix(text: &str) -> Option<&str> {
    let (name, rest) = text.split_once(" | ")?;
    let name = name.trim_end();
    let is_name = !name.is_empty()
        && name.len() < 64
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    is_name.then_some(rest)
}

/// `2026-08-07T12:00:00.000000Z `, `2026-08-07 12:00:00,123 - `.
fn time_prefix(text: &str) -> Option<&str> {
    let date = text.get(..10)?;
    let is_date = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let rest = text.get(10..)?.strip_prefix(['T', ' '])?;
    let end = rest.find(' ')?;
    let time = &rest[..end];
    let is_time = time.len() >= 5 && time.bytes().take(2).all(|byte| byte.is_ascii_digit());
    let rest = rest[end..].trim_start_matches([' ', '-']);
    (is_date && is_time).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_prefixes_are_removed_from_a_message() {
        use Level::{Calm, Error, Unknown, Warning};
        for (line, level, text) in [
            ("RuntimeError: no", Unknown, "RuntimeError: no"),
            ("(EngineCore_DP0 pid=80) ERROR 05-12 01:48:42 [core.py:7] a", Error, "a"),
            ("(APIServer pid=1) INFO:     Shutting down", Calm, "Shutting down"),
            ("ERROR:    [Errno 98] error while", Error, "[Errno 98] error while"),
            ("[rank0]: ValueError: x", Unknown, "ValueError: x"),
            ("[rank3]:[E321 02:07:08.40 ProcessGroupNCCL.cpp:607] [Rank 3] W", Unknown, "W"),
            ("[2026-03-05 02:24:27 TP0] Scheduler hit", Unknown, "Scheduler hit"),
            ("I0223 12:03:30.796012 120 a.cc:839] \"ok\"", Calm, "ok\""),
            ("server-1  | MemoryError", Unknown, "MemoryError"),
            ("2026-08-07T12:00:00.000000Z ERROR shard-manager: x", Error, "shard-manager: x"),
            ("2026-08-07 12:00:00,123 - INFO - ready", Calm, "- ready"),
            ("WARNING:root:slow", Warning, "slow"),
            ("WARNING 05-12 01:48:42 [a.py:1] RuntimeError: x", Warning, "RuntimeError: x"),
            ("INFORMATION: x", Unknown, "INFORMATION: x"),
            ("  File \"a.py\", line 1", Unknown, "  File \"a.py\", line 1"),
            ("[0] NCCL WARN x", Unknown, "[0] NCCL WARN x"),
        ] {
            assert_eq!(LogLine::new(line), LogLine { level, text }, "{line}");
        }
    }

    #[test]
    fn an_exception_is_a_dotted_name_with_a_message() {
        let name = |line| LogLine::new(line).exception();
        assert_eq!(name("torch.OutOfMemoryError: CUDA"), Some(("torch.OutOfMemoryError", "CUDA")));
        assert_eq!(name("AssertionError"), Some(("AssertionError", "")));
        assert_eq!(name("AssertionError:"), Some(("AssertionError", "")));
        for line in ["    RuntimeError: x", "an Error: x", "error: x", "Error while: x", "x.y: z"] {
            assert_eq!(name(line), None, "{line}");
        }
    }
}
