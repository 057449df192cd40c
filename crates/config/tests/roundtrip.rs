//! Reads generated files with supervisord.
//!
//! `SUPERVISOR_PYTHON` names a Python with supervisor 4.3.0. Without it, these tests are skipped,
//! or fail if `REQUIRE_PYTHON` is `1`.

use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Stdio};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use supervisor_config::generate;
use supervisor_core::level::Level;

const COMMANDS: usize = 400;

#[test]
fn supervisord_executes_the_words_of_a_generated_file() {
    let Some(python) = python() else {
        println!("skipped: SUPERVISOR_PYTHON names no Python with supervisor 4.3.0");
        return;
    };
    let commands = commands();
    let files: Vec<String> = commands.iter().map(|words| file(words)).collect();
    let answers = ask(&python, &files);
    assert_eq!(answers.len(), commands.len());
    for ((words, file), answer) in commands.iter().zip(&files).zip(&answers) {
        let expected: Vec<String> = words.iter().map(|word| format!("w{}", hex(word))).collect();
        assert_eq!(*answer, expected.join(","), "{words:?}\n{file}");
    }
}

fn python() -> Option<OsString> {
    let python = std::env::var_os("SUPERVISOR_PYTHON").filter(|python| !python.is_empty());
    if python.is_none() {
        let required = std::env::var_os("REQUIRE_PYTHON").is_some_and(|value| value == "1");
        assert!(!required, "REQUIRE_PYTHON=1, but SUPERVISOR_PYTHON names no Python");
    }
    python
}

/// Typical commands, and hundreds of unusual ones.
fn commands() -> Vec<Vec<String>> {
    let fixed = [
        "date +%s",
        "%(message)s %% %(ENV_HOME)s",
        "{\"prompt\": \"a ; b # c\"}",
        "; rm",
        "def f():\n    return 1\n\n  \nf() ",
        "\n ;x\n#y\n",
        "[program:x]\ncommand=y",
        "\u{feff}\u{85};\u{2028}#\x1c ;\x0b",
        "",
        "'\"\\",
    ];
    let mut all: Vec<Vec<String>> = fixed
        .iter()
        .map(|word| vec!["sh".to_owned(), "-c".to_owned(), (*word).to_owned()])
        .collect();
    let word = "([a-z;#%'\"\\\\ \t\n=:\\[\\]\\x01\\x0b\\x0c\\x1c\\x1f\u{85}\u{a0}\u{2028}\u{3000}\u{feff}]|[^\0\r]){0,12}";
    let strategy = proptest::collection::vec(word, 1..4);
    let mut runner = TestRunner::deterministic();
    while all.len() < COMMANDS {
        all.push(strategy.new_tree(&mut runner).expect("a command").current());
    }
    all
}

fn file(words: &[String]) -> String {
    let command: Vec<OsString> = words.iter().map(OsString::from).collect();
    let generated = generate(&command, "app", Level::Info).expect("a file");
    assert!(generated.warnings.is_empty(), "{:?}", generated.warnings);
    generated.text
}

/// The script's output for each file.
fn ask(python: &OsString, files: &[String]) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/roundtrip.py");
    let mut questions = tempfile();
    for file in files {
        writeln!(questions.0, "{}", hex(file)).expect("questions are written");
    }
    let input = std::fs::File::open(&questions.1).expect("questions are there");
    let output = Command::new(python).arg(script).stdin(Stdio::from(input)).output();
    let output = output.expect("python runs");
    std::fs::remove_file(&questions.1).expect("questions are removed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("answers are text");
    text.lines().map(str::to_owned).collect()
}

fn tempfile() -> (std::fs::File, std::path::PathBuf) {
    let path = std::env::temp_dir().join(format!("roundtrip-{}", std::process::id()));
    let options = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    (options.expect("a new temporary file"), path)
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}
