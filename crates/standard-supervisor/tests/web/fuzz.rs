//! Schemathesis makes requests out of the API's description, valid and invalid ones, and compares the
//! responses with it.

use std::path::Path;
use std::process::Command;

use crate::harness::{python, skip};
use crate::site::Site;

const PROGRAMS: &str = "[program:app]\ncommand=cat\nstartsecs=0\n\
                        [program:crashes]\ncommand=sh -c 'echo no weights; exit 3'\nstartretries=0\n";

/// Streams, which do not end, and operations after which the other ones find nothing.
const LEFT_OUT: &str = "(stream|events|remove|supervisor/restart|supervisor/shutdown)$";

/// What must hold for each response. A request that the description forbids must be rejected.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,\
                      allow_header_conformance,unsupported_method,negative_data_rejection,\
                      missing_required_header";

#[test]
fn no_request_gets_a_response_that_the_description_does_not_have() {
    let Some(python) = python() else {
        return skip("SUPERVISOR_PYTHON names no Python with schemathesis", "REQUIRE_PYTHON");
    };
    let site = Site::with("fuzz", PROGRAMS);
    // Names that exist: those that are made up get 404 alone. The random seed is fixed.
    let config = format!(
        "base-url = \"{}\"\nseed = 1\ncontinue-on-failure = true\nwarnings = false\n\
         request-timeout = 60\n[parameters]\n\"path.name\" = \"app\"\n\"path.group\" = \"app\"\n\
         \"path.run\" = 1\n[generation]\nmax-examples = 5\n[cache]\nenabled = false\n",
        site.url("api/v1")
    );
    std::fs::write(site.folder().join("schemathesis.toml"), config).unwrap();
    let mut fuzzing = Command::new(Path::new(&python).with_file_name("schemathesis"));
    fuzzing.args(["--no-color", "run", &site.url("api/v1/openapi.json"), "--workers", "2"]);
    fuzzing.args(["--checks", CHECKS, "--exclude-path-regex", LEFT_OUT]);
    fuzzing.args(["--phases", "coverage,fuzzing"]);
    let output = fuzzing.current_dir(site.folder()).output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}{}", String::from_utf8_lossy(&output.stderr));
    assert!(report.contains("No issues found"), "{report}");
    assert_eq!(site.program("app")["name"], "app");
}
