//! Value types of paths, and of the destination of output.

use std::path::{Component, Path, PathBuf};

use crate::sources::Context;
use supervisor_wire::supervisord::python;

use supervisor_core::spec::EnvFile;

use super::{ValueType, list};

/// The destination of a program's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogTarget {
    None,
    Auto,
    Syslog,
    Path(PathBuf),
}

pub(crate) static EXISTING_DIRECTORY: ValueType<PathBuf> =
    ValueType { what: "an existing directory", parse: existing_directory };

pub(crate) static FILE_PATH: ValueType<PathBuf> =
    ValueType { what: "a path in an existing directory", parse: file_path };

pub(crate) static NORMAL_PATH: ValueType<PathBuf> = ValueType {
    what: "a path",
    parse: |text, context| Ok(absolute(&with_home(python::strip(text), context), context)),
};

pub(crate) static PATH_OR_OFF: ValueType<Option<PathBuf>> = ValueType {
    what: "a path, or off",
    parse: |text, context| match python::strip(text) {
        text if text.eq_ignore_ascii_case("off") => Ok(None),
        "" => Err("an empty path".to_owned()),
        text => Ok(Some(absolute(&with_home(text, context), context))),
    },
};

pub(crate) static ENV_FILES: ValueType<Vec<EnvFile>> = ValueType {
    what: "comma-separated paths; a - before a path makes the file optional",
    parse: |text, context| {
        let file = |word: &str| match word.strip_prefix('-').unwrap_or(word) {
            "" => Err("an empty path".to_owned()),
            path => Ok(EnvFile {
                path: absolute(&with_home(python::strip(path), context), context),
                optional: word.starts_with('-'),
            }),
        };
        list(text).map(file).collect()
    },
};

pub(crate) static LOG_TARGET: ValueType<LogTarget> = ValueType {
    what: "a path in an existing directory, AUTO, NONE, off or syslog",
    parse: log_target,
};

/// Makes a path absolute, relative to the working directory. As in
/// [`os.path.abspath`](https://docs.python.org/3/library/os.path.html#os.path.abspath), `..`
/// removes the preceding name without resolving links.
pub(crate) fn absolute(path: &Path, context: &Context<'_>) -> PathBuf {
    let mut absolute = PathBuf::new();
    for component in context.sources.cwd.join(path).components() {
        match component {
            Component::ParentDir => {
                absolute.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                absolute.push(component);
            }
        }
    }
    absolute
}

fn existing_directory(text: &str, context: &Context<'_>) -> Result<PathBuf, String> {
    let path = with_home(text, context);
    if context.host.is_dir(&absolute(&path, context)) {
        Ok(path)
    } else {
        Err(format!("{text} is not an existing directory"))
    }
}

fn file_path(text: &str, context: &Context<'_>) -> Result<PathBuf, String> {
    let path = with_home(text, context);
    let directory = path.to_str().and_then(|p| p.rsplit_once('/')).map(|(directory, _)| directory);
    let exists = match directory {
        _ if is_stream(text) => true,
        None | Some("") => true,
        Some(directory) => context.host.is_dir(&absolute(Path::new(directory), context)),
    };
    if exists {
        Ok(path)
    } else {
        Err(format!("The directory named as part of the path {text} does not exist"))
    }
}

/// Expands `~/x` and `~user/x` as
/// [`os.path.expanduser`](https://docs.python.org/3/library/os.path.html#os.path.expanduser) does.
fn with_home(text: &str, context: &Context<'_>) -> PathBuf {
    let Some(rest) = text.strip_prefix('~') else { return PathBuf::from(text) };
    let (user, rest) = rest.split_once('/').map_or((rest, None), |(user, rest)| (user, Some(rest)));
    let home = if user.is_empty() {
        context.sources.variable("HOME").map(PathBuf::from).or_else(|| context.host.home(None))
    } else {
        context.host.home(Some(user))
    };
    match (home, rest) {
        (None, _) => PathBuf::from(text),
        (Some(home), None) => home,
        (Some(home), Some(rest)) => home.join(rest.trim_start_matches('/')),
    }
}

fn log_target(text: &str, context: &Context<'_>) -> Result<LogTarget, String> {
    match text.to_lowercase().as_str() {
        "" | "none" | "off" => Ok(LogTarget::None),
        "auto" => Ok(LogTarget::Auto),
        "syslog" => Ok(LogTarget::Syslog),
        _ => file_path(text, context).map(LogTarget::Path),
    }
}

/// Paths that are never opened, because the supervisor has inherited the stream.
fn is_stream(text: &str) -> bool {
    STDOUT.contains(&text) || STDERR.contains(&text) || text == NULL
}

/// Paths of the supervisor's own stdout.
pub(crate) const STDOUT: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
/// Paths of the supervisor's own stderr.
pub(crate) const STDERR: [&str; 3] = ["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"];
/// The path that discards output.
pub(crate) const NULL: &str = "/dev/null";
