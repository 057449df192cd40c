//! The example's alert rules, judged by Prometheus' own tool.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::skip;

#[test]
fn the_alert_rules_are_valid_and_pass_their_tests() {
    let Some(promtool) = promtool() else {
        return skip("PROMTOOL names no promtool", "REQUIRE_PROMTOOL");
    };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/monitoring");
    for words in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]] {
        let output = Command::new(&promtool).args(words).current_dir(&example).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said));
        assert!(String::from_utf8_lossy(&said).contains("SUCCESS"), "{words:?}");
    }
}

/// What the tests' set-up unpacked, or what is installed.
fn promtool() -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/promtool/promtool");
    let named = std::env::var_os("PROMTOOL").map(PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&paths).map(|folder| folder.join("promtool"));
    named.into_iter().chain([unpacked]).chain(installed).find(|path| path.is_file())
}
