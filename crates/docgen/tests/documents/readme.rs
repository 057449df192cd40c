//! The README stays short, and its defaults are those of the tables.

use supervisor_config::tables::{SectionKind, VARIABLES, health_options, health_variable};

use crate::document;

/// The longest README that a reader still scans to the end.
const MOST_LINES: usize = 90;

#[test]
fn the_readme_is_short() {
    let lines = std::fs::read_to_string(document("README.md")).unwrap().lines().count();
    assert!(lines <= MOST_LINES, "{lines} lines, of at most {MOST_LINES}");
}

#[test]
fn the_readme_has_the_defaults_of_its_variables() {
    let readme = std::fs::read_to_string(document("README.md")).unwrap();
    let mut rows = 0;
    for row in readme.lines().filter_map(|line| line.strip_prefix("| `")) {
        let Some((name, rest)) = row.split_once("` | ") else { continue };
        let Some(default) = default_of(name) else { continue };
        rows += 1;
        assert_eq!(rest.split(" | ").next().unwrap().trim_matches('`'), default, "{name}");
    }
    assert!(rows > 4, "only {rows} variables");
}

fn default_of(name: &str) -> Option<&'static str> {
    if let Some(variable) = VARIABLES.iter().find(|variable| variable.name == name) {
        return Some(variable.default());
    }
    if let Some(key) = name.strip_prefix("SUPERVISOR_PROGRAM__APP_") {
        let key = key.to_lowercase();
        let def = SectionKind::Program.options().find(|def| def.key == key)?;
        return Some(def.default.app.unwrap_or("unset"));
    }
    let def = health_options().find(|def| health_variable(def.key) == name)?;
    Some(def.default.file.unwrap_or("unset"))
}
