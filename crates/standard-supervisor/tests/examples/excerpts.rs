//! Excerpts of logs in the documents: each line is one that the built binary writes. Numbers
//! and lists of them may differ, and `…` stands for anything.

use crate::pages::{Block, blocks, root};
use crate::scenarios;

/// Blocks of text that are no log.
const NO_LOG: [(&str, &str); 4] = [
    ("docs/concepts/shutdown.md", "a diagram"),
    ("docs/how-to/hooks.md", "notifications; see `notifications`"),
    ("docs/reference/commands.md", "usages, made from the table of commands"),
    ("docs/reference/troubleshooting.md", "made from the lines of the core themselves"),
];

#[test]
fn every_log_excerpt_in_the_documents_matches_the_supervisors_log() {
    let written: Vec<String> = scenarios::lines().iter().map(|line| shape(line)).collect();
    let (mut lines, mut wrong) = (0, Vec::new());
    for block in blocks().iter().filter(|block| is_log(block)) {
        for line in block.text.lines().filter(|line| !line.trim().is_empty()) {
            lines += 1;
            if !written.iter().any(|real| matches(&shape(line), real)) {
                wrong.push(format!("{}: {line}", block.place()));
            }
        }
    }
    wrong.extend(drawn().into_iter().filter(|line| {
        lines += 1;
        !written.iter().any(|real| matches(&shape(line), real))
    }));
    assert!(lines > 40, "only {lines} lines");
    assert!(
        wrong.is_empty(),
        "nothing writes\n{}\nWritten was\n{}",
        wrong.join("\n"),
        written.join("\n")
    );
}

/// The log lines in the picture that `scripts/record-session` makes.
fn drawn() -> Vec<String> {
    let picture = std::fs::read_to_string(root().join("docs/images/session.svg")).unwrap();
    let texts = picture.lines().filter_map(|line| line.split_once('>')?.1.strip_suffix("</text>"));
    // 11:57:17,096 INFO
    let lines = texts.filter_map(|text| text.split_once(",")?.1.get(4..));
    let is_level = |line: &&str| ["INFO ", "WARN ", "ERRO "].iter().any(|l| line.starts_with(l));
    lines.filter(is_level).map(|line| line.replace("&gt;", ">").replace("&amp;", "&")).collect()
}

fn is_log(block: &Block) -> bool {
    matches!(&*block.language, "text" | "json" | "console")
        && !NO_LOG.iter().any(|(page, _)| *page == block.page)
        // A part of an ECS task definition.
        && !block.text.contains("ignoredExitCodes")
}

/// A line with `#` for each number, and one for each list of them.
pub fn shape(line: &str) -> String {
    let mut shape = String::new();
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        if !c.is_ascii_digit() {
            shape.push(c);
            continue;
        }
        while characters.next_if(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).is_some() {}
        if !shape.ends_with('#') {
            shape.push('#');
        }
    }
    while shape.contains("#, #") {
        shape = shape.replace("#, #", "#");
    }
    shape
}

/// Whether a line is what a pattern says, in which `…` stands for anything.
fn matches(pattern: &str, line: &str) -> bool {
    let pieces: Vec<&str> = pattern.split('…').collect();
    let [first, middle @ .., last] = &pieces[..] else { return pattern == line };
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn a_log_excerpt_may_differ_in_numbers_and_be_shortened() {
    let real = "WARN killing 2 processes left behind by 'app' (31, 32) with SIGTERM";
    let cut = "WARN killing 3 processes … (1, 2, 3) with …";
    assert!(matches(&shape(cut), &shape(real)));
    assert!(!matches(&shape("WARN killing 3 workers … with SIGTERM"), &shape(real)));
    assert!(!matches(&shape("WARN killing"), &shape(real)));
}
