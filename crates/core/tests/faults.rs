//! Checks that each seeded fault in `faults.txt` still fits the core's sources, which
//! `scripts/faults` would otherwise report only much later.

use std::path::Path;

struct Fault<'a> {
    name: &'a str,
    file: &'a str,
    /// The lines that the fault replaces, without indentation.
    old: Vec<&'a str>,
}

fn faults(text: &str) -> Vec<Fault<'_>> {
    let mut faults: Vec<Fault<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fault ") {
            faults.push(Fault { name, file: "", old: Vec::new() });
        } else if let Some(fault) = faults.last_mut() {
            if let Some(file) = line.strip_prefix("file ") {
                fault.file = file;
            } else if let Some(old) = line.strip_prefix('-') {
                fault.old.push(old.trim());
            }
        }
    }
    faults
}

#[test]
fn each_fault_replaces_lines_that_occur_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("tests/faults.txt")).unwrap();
    let faults = faults(&text);
    assert!(faults.len() > 200, "only {} faults", faults.len());
    let mut misfits = Vec::new();
    for Fault { name, file, old } in faults {
        let source = std::fs::read_to_string(root.join("src").join(file)).unwrap();
        let lines: Vec<&str> = source.lines().map(str::trim).collect();
        let found = lines.windows(old.len()).filter(|window| *window == old).count();
        if found != 1 {
            misfits.push(format!("fault '{name}': its lines occur {found} times in {file}"));
        }
    }
    assert!(misfits.is_empty(), "{}", misfits.join("\n"));
}
