//! Reads the files that `[include] files` names.
//!
//! Spaces separate the
//! [patterns](https://supervisord.org/configuration.html#include-section-settings). The matches of
//! each pattern are read in the order of their names.

use std::path::{Path, PathBuf};

use crate::error::Report;
use crate::sources::Context;
use crate::text::expand::{Names, expand};
use crate::text::ini::Sections;
use supervisor_wire::supervisord::python;

/// Adds all files that match `patterns` to `sections`. Returns their paths. Relative patterns start
/// at `base`. An `[include]` in an included file is ignored.
pub(crate) fn read(
    sections: &mut Sections,
    patterns: &str,
    base: &Path,
    names: &Names<'_>,
    context: &Context<'_>,
    report: &mut Report,
) -> Result<Vec<PathBuf>, String> {
    let patterns = expand(patterns, names, "include.files")?;
    let mut included = Vec::new();
    for pattern in patterns.split(python::is_space).filter(|pattern| !pattern.is_empty()) {
        let pattern = base.join(pattern);
        let mut matches = context.host.glob(&pattern);
        matches.sort();
        if matches.is_empty() {
            report.warn(format!("No file matches via include \"{}\"", pattern.display()));
        }
        for path in matches {
            match context.host.read(&path) {
                Ok(bytes) => {
                    add(sections, &path, &bytes, report);
                    included.push(path);
                }
                Err(why) => report.warn(format!(
                    "cannot read included file {}: {why}; ignoring it",
                    path.display()
                )),
            }
        }
    }
    Ok(included)
}

/// Adds the sections of an included file without its `[include]`.
fn add(sections: &mut Sections, path: &Path, bytes: &[u8], report: &mut Report) {
    let here = path.parent().unwrap_or(path);
    sections.read_in(Some(here), path, bytes, report);
    sections
        .all
        .take(|s| s.name == "include" && s.origin.file().is_some_and(|(file, _)| file == path));
}
