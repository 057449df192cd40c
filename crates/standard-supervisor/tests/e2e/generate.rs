//! `generate-supervisor-config`.

use crate::harness::{Running, clean, program};

fn generate() -> &'static str {
    program("generate-supervisor-config")
}

#[test]
fn options_after_the_command_belong_to_it() {
    let path = std::env::temp_dir().join(format!("generate-{}", std::process::id()));
    let out = path.to_str().unwrap();
    let words = ["-o", out, "-p", "llm", "--log-level", "DEBUG", "vllm", "serve", "m"];
    let more = ["--host", "0.0.0.0", "-o", "x", "--log-level", "loud", "50%"];
    let mut running = Running::start(&mut clean(generate(), words.into_iter().chain(more)));
    assert_eq!(running.exit_code(), 0, "{:?}", running.stderr.rest());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("[program:llm]") && text.contains("loglevel = debug"), "{text}");
    let command = "vllm serve m --host 0.0.0.0 -o x --log-level loud 50%%";
    assert!(text.contains(command), "{text}");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_missing_argument_is_reported_with_the_usage() {
    for (words, missing) in [
        (&["vllm"][..], "-o OUT is missing"),
        (&["-o", "/tmp/x"][..], "No launch command provided"),
        (&["-o", "/tmp/x", "--log-level", "loud", "vllm"][..], "loud"),
    ] {
        let mut running = Running::start(&mut clean(generate(), words));
        assert_eq!(running.exit_code(), 1);
        let said = running.stderr.rest().join("\n");
        assert!(said.contains(missing) && said.contains("usage:"), "{said}");
    }
}
