//! Workflows only call targets of the Makefile, so that anyone can run what they run.

use std::fs;
use std::path::Path;

#[test]
fn each_step_of_a_workflow_calls_one_target_of_the_makefile() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let makefile = fs::read_to_string(root.join("Makefile")).unwrap();
    let mut steps = 0;
    for entry in fs::read_dir(root.join(".github/workflows")).unwrap() {
        let path = entry.unwrap().path();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some(command) = line.trim_start().trim_start_matches("- ").strip_prefix("run: ")
            else {
                continue;
            };
            let target = command.strip_prefix("make ").unwrap_or_default();
            let rule = format!("\n{target}:");
            assert!(makefile.contains(&rule), "{}: no target of make: {command}", path.display());
            steps += 1;
        }
    }
    assert!(steps >= 5, "{steps} steps");
}
