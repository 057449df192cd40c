//! Configuration files in the documents, and the languages of all blocks.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{clean, program, skip};
use crate::pages::{Block, blocks};
use crate::replicas::installed;
use crate::stubs;

/// The languages of blocks, and the test that reads them, or the reason why none does.
const LANGUAGES: &[(&str, &str)] = &[
    ("sh", "`commands`, `calls`"),
    ("text", "`excerpts`"),
    ("console", "`excerpts`"),
    ("json", "`excerpts`, `notifications`"),
    ("dockerfile", "`commands`"),
    ("yaml", "`commands`"),
    ("ini", "`configurations`"),
    ("nginx", "`configurations`"),
    ("mermaid", "the simulation draws it"),
    ("rsyslog", "needs rsyslog; the page names the version that ran it"),
    ("syslog-ng", "needs syslog-ng; the page names the version that ran it"),
    ("syslog", "written by those two"),
    ("logql", "needs Loki; the page says that it is not tested"),
];

/// What a file needs beside the sections that a page shows.
const REST: &str = "[supervisord]\nnodaemon=true\n[program:app]\ncommand=sleep 1\n";

#[test]
fn a_test_reads_every_block_of_the_documents() {
    for block in blocks() {
        let known = LANGUAGES.iter().any(|(language, _)| *language == block.language);
        assert!(known, "{}: no test reads '{}'", block.place(), block.language);
    }
}

#[test]
fn every_configuration_file_in_the_documents_is_accepted() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for block in blocks().iter().filter(|block| block.language == "ini") {
        tried += 1;
        let output = check(block, &saved(block, "ini")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() || said.contains("is ignored") {
            wrong.push(format!("{}: {said}", block.place()));
        }
    }
    assert!(tried > 3, "only {tried} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The command that checks a configuration, or a file of variables.
fn check(block: &Block, file: &Path) -> Command {
    let mut check = if block.text.contains('[') {
        if !block.text.contains("[supervisord]") {
            fs::write(file, format!("{REST}{}", block.text)).unwrap();
        }
        let mut check = clean(program("supervisord"), ["--check", "-c"]);
        check.arg(file).env("SLACK_URL", "https://hooks.slack.com/services/T000/B000/KEY");
        check
    } else {
        let mut check = clean(program("standard-supervisor"), ["--check", "sleep", "1"]);
        check.env("PROCESS_ENV_FILE", file).env("PROCESS_CRASH_DIR", "off");
        check
    };
    check.env("PATH", stubs::path());
    check
}

#[test]
fn nginx_accepts_its_configurations_in_the_documents() {
    let Some(nginx) = installed("nginx") else {
        return skip("nginx is not installed", "REQUIRE_NGINX");
    };
    for block in blocks().iter().filter(|block| block.language == "nginx") {
        let file = saved(block, "nginx");
        if !block.text.contains("http {") {
            let whole = format!("events {{}}\nhttp {{ server {{\n{}}} }}\n", block.text);
            fs::write(&file, whole).unwrap();
        }
        let output = Command::new(&nginx).arg("-t").arg("-c").arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", block.place());
    }
}

/// A block in a file of its own.
fn saved(block: &Block, extension: &str) -> PathBuf {
    let name = block.place().replace(['/', ':', '.'], "-");
    let file = stubs::folder().join(format!("{name}.{extension}"));
    fs::write(&file, &block.text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file
}
