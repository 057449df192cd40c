//! The tutorial, command by command, as a reader types it.

use std::path::PathBuf;
use std::process::Command;

use crate::harness::skip;
use crate::pages::{blocks, root};
use crate::stand_in::{BASE, base_is_there};

const PAGE: &str = "docs/start/first-container.md";

#[test]
fn every_command_of_the_tutorial_works_as_described() {
    let binaries = std::env::var_os("STANDARD_SUPERVISOR_STATIC").map(PathBuf::from);
    let binary = binaries.map(|folder| folder.join("standard-supervisor"));
    let Some(binary) = binary.filter(|binary| binary.is_file() && base_is_there()) else {
        return skip("there is no container engine, or no static binary", "REQUIRE_DOCKER");
    };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let folder = folder.join(format!("tutorial-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("dist/bin")).unwrap();
    std::fs::copy(binary, folder.join("dist/bin/standard-supervisor")).unwrap();
    let output = Command::new("timeout")
        .args(["300", "bash", "-c", &script()])
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(!folder.join("first").exists(), "the page leaves its folder behind");
    std::fs::remove_dir_all(folder).unwrap();
}

/// All blocks of the page, one after the other. A comment behind a command contains the output that
/// the command must print.
fn script() -> String {
    // A name of its own; what the page publishes is asked from within.
    let name = format!("first-{}", std::process::id());
    let mut script = String::from("set -u; ");
    script.push_str("want() { [ \"$1\" = \"$2\" ] || { echo \"$3: $1, not $2\"; exit 1; }; }\n");
    for block in blocks().iter().filter(|block| block.page == PAGE && block.language == "sh") {
        for line in block.text.lines() {
            if line.starts_with("scripts/dist") {
                continue;
            }
            let line = line.replace("FROM busybox", &format!("FROM {BASE}"));
            let line = line.replace(" --publish 8080:8080", "");
            let line = line.replace("curl localhost:8080", ASK).replace("name first", "name FIRST");
            let line = ["exec first", "logs first", "stop first", "}}' first", "rm first"]
                .iter()
                .fold(line, |line, old| line.replace(old, &old.replace("first", "FIRST")));
            let line = line.replace("FIRST", &name);
            match line.split_once("  #") {
                Some((command, wanted)) => {
                    let (command, wanted) = (command.trim(), wanted.trim());
                    script.push_str(&format!(
                        "want \"$({command})\" '{wanted}' {PAGE}:{}\n",
                        block.line
                    ));
                }
                None => script.push_str(&format!("{line}\n")),
            }
        }
    }
    script
}

/// Asks until an answer comes: the server has just been started.
const ASK: &str = "docker exec FIRST sh -c \
                   'until wget -q -O - http://127.0.0.1:8080; do sleep 1; done'";

#[test]
fn the_tutorial_shows_the_output_of_its_commands() {
    assert!(root().join(PAGE).is_file());
    assert!(script().matches("want \"").count() > 3, "{}", script());
}
