//! Configurations and command lines that both refuse.
//!
//! Each file of `configs/bad` has many, each under a line `;;; NAME`. Both must exit
//! with 2, and what they say, ours must say, too: more, and of more mistakes, is
//! welcome. `error:` names the part of the message that counts, if not all does.

use std::path::Path;
use std::process::Stdio;

use crate::folder::Folder;
use crate::harness::{status, wait};
use crate::run::Supervisors;
use crate::scenario::{Scenario, Side, parts};

/// All of them.
pub(crate) fn read_all(folder: &Path) -> Vec<Scenario> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for (name, text) in parts("", &text).into_iter().skip(1) {
            all.push(Scenario::parse(&name, &text).unwrap_or_else(|why| panic!("{why}")));
        }
    }
    all
}

/// Whether both refuse it, and how.
pub(crate) fn compare(supervisors: &Supervisors, scenario: &Scenario) -> Result<(), String> {
    let theirs = refusal(supervisors, Side::Theirs, scenario)?;
    let theirs = in_our_words(&theirs);
    let ours = refusal(supervisors, Side::Ours, scenario)?;
    judge(scenario, &theirs, &ours)
}

/// Whether ours says what theirs does.
pub(crate) fn judge(scenario: &Scenario, theirs: &str, ours: &str) -> Result<(), String> {
    let whole = message(theirs).ok_or_else(|| format!("they don't refuse it: {theirs}"))?;
    println!("{}: {whole}", scenario.name);
    let wanted = match &scenario.errors[..] {
        [] => std::slice::from_ref(&whole),
        errors => errors,
    };
    for text in wanted {
        for (side, said) in [(Side::Theirs, theirs), (Side::Ours, ours)] {
            if !said.contains(text) {
                return Err(format!("{side}: no {text:?}\n  theirs: {theirs}\n  ours: {ours}"));
            }
        }
    }
    Ok(())
}

/// What Python's runtime says is no message for a user.
pub(crate) fn in_our_words(theirs: &str) -> String {
    theirs.replace("invalid literal for int() with base 10: ", "not a whole number: ")
}

/// Their message without the words around it. We name the file in front, with the line.
pub(crate) fn message(theirs: &str) -> Option<String> {
    let (_, message) = theirs.split_once("Error: ")?;
    let (message, _) = message.split_once("\nFor help, use ")?;
    let message = message.rsplit_once(" in section '").map_or(message, |(message, _)| message);
    Some(message.to_owned())
}

/// What one of the two says on stderr.
fn refusal(supervisors: &Supervisors, side: Side, scenario: &Scenario) -> Result<String, String> {
    let folder = Folder::new();
    for (name, content) in &scenario.files {
        folder.write(name, content);
    }
    let complaints = folder.path().join("stderr");
    let mut command = supervisors.command(side, &folder, scenario);
    command.stdout(Stdio::null()).stderr(std::fs::File::create(&complaints).unwrap());
    let code = status(wait(&mut command.spawn().unwrap()));
    let said = std::fs::read_to_string(complaints).unwrap();
    let said = said.replace(&*folder.path().to_string_lossy(), "HERE");
    if code == 2 { Ok(said) } else { Err(format!("{side}: exit code {code}: {said}")) }
}
