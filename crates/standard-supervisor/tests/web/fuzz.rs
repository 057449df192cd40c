//! Schemathesis makes requests out of the API's description, valid and invalid ones, and compares the
//! responses with it. All operations take part, also those that end the supervisor or never end.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{python, skip};
use crate::relay::{Answers, Relay};
use crate::site::Site;

/// `app` writes into its log, and `beat` changes its state, so that no stream is silent.
const PROGRAMS: &str = "[program:app]\n\
    command=sh -c 'mkdir FOLDER/failed-once || while echo line; do sleep 0.1; done; exit 3'\n\
    startsecs=0\nstopasgroup=true\nstderr_logfile=FOLDER/app.err\n\
    [program:beat]\ncommand=sleep 0.1\nstartsecs=0\nautorestart=true\n";

/// What must hold for each response. A request that the description forbids must be rejected.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,\
                      allow_header_conformance,unsupported_method,negative_data_rejection,\
                      missing_required_header";

#[test]
fn every_response_matches_the_openapi_description() {
    let Some(python) = python() else {
        return skip("SUPERVISOR_PYTHON names no Python with schemathesis", "REQUIRE_PYTHON");
    };
    let mut site = Site::with("fuzz", PROGRAMS);
    let document = site.get("api/v1/openapi.json").json();
    let mut relay = Relay::new();
    let address = ("127.0.0.1", relay.port());
    let api = format!("http://127.0.0.1:{}/api/v1", relay.port());
    // Names that exist: those that are made up get 404 alone. The random seed is fixed.
    let config = format!(
        "base-url = \"{api}\"\nseed = 1\ncontinue-on-failure = true\nwarnings = false\n\
         request-timeout = 60\n[parameters]\n\"path.name\" = \"app\"\n\"path.group\" = \"app\"\n\
         \"path.run\" = 1\n[generation]\nmax-examples = 5\n[cache]\nenabled = false\n"
    );
    std::fs::write(site.folder().join("schemathesis.toml"), config).unwrap();
    let mut fuzzing = Command::new(Path::new(&python).with_file_name("schemathesis"));
    fuzzing.args(["--no-color", "run", &format!("{api}/openapi.json"), "--workers", "1"]);
    fuzzing.args(["--checks", CHECKS, "--phases", "coverage,fuzzing"]);
    fuzzing.current_dir(site.folder());
    let output = std::thread::scope(|scope| {
        let output = scope.spawn(|| {
            let output = fuzzing.output().unwrap();
            drop(TcpStream::connect(address).unwrap());
            output
        });
        relay.serve(&mut site);
        output.join().unwrap()
    });
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}{}", String::from_utf8_lossy(&output.stderr));
    assert!(report.contains("No issues found"), "{report}");
    assert_eq!(site.program("app")["name"], "app");
    let (all, done) = (operations(&document), carried_out(&document, &relay.answers));
    assert_eq!(all, done, "each operation was carried out, of {:#?}", relay.answers);
}

/// All operations of a description, such as `GET /programs/{name}`.
fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods): (&String, &Value)| {
        let methods: Vec<_> = methods.as_object().unwrap().keys().cloned().collect();
        methods.into_iter().map(|method| format!("{} {path}", method.to_uppercase())).collect()
    };
    paths.iter().flat_map::<Vec<String>, _>(of_path).collect()
}

/// Operations that have succeeded at least once.
fn carried_out(document: &Value, answers: &Answers) -> BTreeSet<String> {
    let succeeded = answers.iter().filter(|(_, statuses)| statuses.contains(&200));
    let asked: Vec<String> = succeeded
        .map(|((method, path), _)| format!("{method} {}", path.trim_start_matches("/api/v1")))
        .collect();
    let is_asked = |operation: &String| asked.iter().any(|asked| is_of(asked, operation));
    operations(document).into_iter().filter(is_asked).collect()
}

/// Whether a request is for an operation, whose path has names in braces.
fn is_of(asked: &str, operation: &str) -> bool {
    let (asked, pattern) = (asked.split('/'), operation.split('/'));
    asked.clone().count() == pattern.clone().count()
        && asked.zip(pattern).all(|(asked, wanted)| wanted.starts_with('{') || asked == wanted)
}
