//! Tests the table of failure texts with the output of failed servers, paraphrased.
//!
//! `failures/known.txt` has an output for each sign. `failures/ordinary.txt` has outputs that must
//! not get a class with any preset: unknown failures, and harmless lines that look like a failure.
//! An output begins with `== TITLE`; in the first file, the title is the name of its sign. `ready`
//! after the title means that the server had been ready.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read is a failed test")]

use std::collections::BTreeSet;
use std::path::Path;

use supervisor_core::failure::{Evidence, Preset, SIGNS, Sign, judge, read};
use supervisor_core::input::Exit;

struct Output {
    title: String,
    was_ready: bool,
    lines: Vec<String>,
}

#[test]
fn each_failure_sign_is_found_in_its_example_output() {
    let outputs = outputs("known.txt");
    let mut wrong = Vec::new();
    for Output { title, was_ready, lines } in &outputs {
        let sign = sign(title);
        let found = read(lines.iter().map(String::as_str), sign.of.unwrap_or(Preset::Cuda));
        let verdict = judge(&evidence(found.as_ref(), *was_ready));
        let told = verdict.as_ref().map(|verdict| (verdict.cause.as_str(), verdict.class));
        if told != Some((title.as_str(), sign.class)) {
            wrong.push(format!("{title}: {found:?} {told:?}"));
        }
    }
    let shown: BTreeSet<&str> = outputs.iter().map(|output| output.title.as_str()).collect();
    let missing: Vec<_> = SIGNS.iter().filter(|sign| !shown.contains(sign.name)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(missing.is_empty(), "no output shows {missing:#?}");
}

#[test]
fn ordinary_failures_get_no_class() {
    let outputs = outputs("ordinary.txt");
    assert!(outputs.len() >= 200, "only {} outputs", outputs.len());
    let titles: BTreeSet<&str> = outputs.iter().map(|output| output.title.as_str()).collect();
    assert_eq!(titles.len(), outputs.len(), "two outputs have one title");
    let mut wrong = Vec::new();
    for Output { title, was_ready, lines } in &outputs {
        for preset in Preset::ALL {
            let found = read(lines.iter().map(String::as_str), preset);
            if let Some(verdict) = judge(&evidence(found.as_ref(), *was_ready)) {
                wrong.push(format!("{title}, {}: {verdict:?}", preset.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_failure_preset_finds_only_failures_of_its_own_devices() {
    for Output { title, lines, .. } in outputs("known.txt") {
        let Some(own) = sign(&title).of else { continue };
        for preset in Preset::ALL.into_iter().filter(|preset| *preset != own) {
            let found = read(lines.iter().map(String::as_str), preset);
            assert_ne!(found.map(|found| found.sign), Some(sign(&title).name));
        }
    }
}

fn sign(name: &str) -> &'static Sign {
    SIGNS.iter().find(|sign| sign.name == name).unwrap_or_else(|| panic!("no sign {name}"))
}

fn evidence(found: Option<&supervisor_core::failure::Found>, was_ready: bool) -> Evidence<'_> {
    let was_ready = Some(was_ready);
    Evidence { exit: Exit::Code(1), found, shared_memory_full: false, was_ready }
}

fn outputs(file: &str) -> Vec<Output> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/failures");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let mut outputs: Vec<Output> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("== ") {
            let (title, was_ready) = match title.strip_suffix(" (ready)") {
                Some(title) => (title, true),
                None => (title, false),
            };
            outputs.push(Output { title: title.to_owned(), was_ready, lines: Vec::new() });
        } else if let Some(output) = outputs.last_mut() {
            output.lines.push(line.to_owned());
        }
    }
    outputs
}
