//! XML-RPC documents between us and Python.
//!
//! `SUPERVISOR_PYTHON` names a Python that has supervisor 4.3.0. Without it these
//! tests only say that they were skipped, unless `REQUIRE_PYTHON` is `1`.

use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use supervisor_wire::xmlrpc::{
    Fault, ReadError, Value, read_call, read_response, write_call, write_response,
};

const DOCUMENTS: usize = 2000;

/// Python reads what we wrote and writes it again.
#[test]
fn python_reads_our_documents_and_would_have_written_the_same_bytes() {
    let Some(python) = python() else { return };
    let calls = generated(&proptest::collection::vec(value(), 0..4))
        .into_iter()
        .map(|params| write_call("supervisor.x", &params));
    let answers = generated(&value()).into_iter().map(|value| write_response(&Ok(value)));
    let fault = Fault { code: -3, text: "BAD_NAME: <é&>".to_owned() };
    let documents: Vec<String> =
        calls.chain(answers).chain([write_response(&Err(fault))]).collect();
    let echoed = ask(&python, "echo", &documents);
    assert_eq!(echoed.len(), documents.len());
    for (ours, pythons) in documents.iter().zip(echoed) {
        assert_eq!(*ours, pythons);
    }
}

#[test]
fn what_python_writes_is_read() {
    let Some(python) = python() else { return };
    let text = |text: &str| Value::String(text.to_owned());
    let expected = vec![
        Value::Int(-7),
        Value::Int(i32::MAX.into()),
        Value::Bool(true),
        Value::Bool(false),
        Value::Double(1.5),
        Value::Double(-1e300),
        text(" <ü&\u{1f600}>\t\n"),
        text(""),
        Value::DateTime("20261122T21:27:12".to_owned()),
        text(&"bytes é ".repeat(20)),
        Value::Array(vec![text("a"), Value::Array(vec![])]),
        Value::Struct(vec![("k".to_owned(), Value::Int(1)), (String::new(), Value::Nil)]),
    ];
    let written = ask(&python, "written", &[String::new()]);
    let [call, answer, fault] = &written[..] else { panic!("{written:?}") };
    let call = read_call(call.as_bytes()).expect("a call");
    assert_eq!(call.method, "supervisor.startProcess");
    assert_eq!(call.params, expected);
    assert_eq!(read_response(answer.as_bytes()), Ok(Ok(Value::Array(expected))));
    let expected = Fault { code: 10, text: "BAD_NAME: <x>".to_owned() };
    assert_eq!(read_response(fault.as_bytes()), Ok(Err(expected)));
}

/// Documents as careless clients write them.
#[test]
fn supervisord_reads_calls_alike() {
    let Some(python) = python() else { return };
    let mut documents = generated(&careless());
    documents.extend(
        [
            "<methodCall/>",
            "<methodCall><methodName/></methodCall>",
            "<methodCall><methodName>a</methodName></methodCall>",
            "<methodCall><methodName> a </methodName><params/></methodCall>",
            "<other/>",
            "no xml",
            "<methodCall><methodName>a</methodName></methodCall><x/>",
            "<?xml version='1.0' encoding='iso-8859-1'?><methodCall><methodName>é</methodName></methodCall>",
        ]
        .map(str::to_owned),
    );
    let answers = ask(&python, "supervisord", &documents);
    assert_eq!(answers.len(), documents.len());
    let mut read = 0;
    for (document, answer) in documents.iter().zip(answers) {
        let ours = match read_call(document.as_bytes()) {
            Ok(call) => {
                read += 1;
                write_call(&call.method, &call.params)
            }
            Err(ReadError::Unmarshallable(_)) => "unmarshallable".to_owned(),
            Err(ReadError::NoMethodName) => "no method name".to_owned(),
        };
        assert_eq!(ours, answer, "{document}");
    }
    assert!(read > DOCUMENTS / 4, "only {read} documents were good");
}

/// Without what Python writes in another way: the exponent of a large number, a name
/// that comes twice.
fn value() -> impl Strategy<Value = Value> {
    let text = "([ -~]|[\t\n\r]|[&<>\"']|]]>|[\u{a0}-\u{d7ff}]|\u{1f600}){0,8}";
    let leaf = prop_oneof![
        any::<i32>().prop_map(|number| Value::Int(number.into())),
        any::<bool>().prop_map(Value::Bool),
        (-1e9..1e9).prop_map(Value::Double),
        text.prop_map(Value::String),
        "[0-9]{8}T[0-9]{2}:[0-9]{2}:[0-9]{2}".prop_map(Value::DateTime),
        Just(Value::Nil),
    ];
    leaf.prop_recursive(4, 20, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map(text, inner, 0..4)
                .prop_map(|members| Value::Struct(members.into_iter().collect())),
        ]
    })
}

/// Calls with a parameter of every form, a few of which nobody can read. Without empty
/// elements of a type that isn't known: to supervisord they are no value, to us an empty text.
fn careless() -> impl Strategy<Value = String> {
    let blank = "( |\n|<!-- c -->){0,2}";
    let scalar = prop_oneof![
        "(<int>|<int a='1'>)[ ]?[-+]?[0-9_]{0,3}[ x]?</int>",
        "<i4>-?[0-9]{1,8}</i4>",
        "<i8>[0-9 ]{1,3}</i8>",
        "<boolean>[01 ]{0,2}</boolean>",
        "<double> ?[0-9]{1,2}\\.[1-9]</double>",
        "<string>( |a|é|&lt;|&#233;|<!\\[CDATA\\[<&\\]\\]>|\r\n|<!-- c -->){0,4}</string>",
        "<string/>|<nil/>",
        "<base64>(YWJj|\n){0,3}(YQ==)?</base64>",
        "<dateTime.iso8601>2026(11|12)[12][0-9]T1[0-9]:27:12</dateTime.iso8601>",
        "( |a|é|&amp;|\n|5){0,4}",
    ];
    let typed = scalar.prop_recursive(3, 8, 3, move |inner| {
        let list = proptest::collection::vec((blank, inner.clone()), 0..3).prop_map(|values| {
            let values: String =
                values.iter().map(|(b, v)| format!("{b}<value>{v}</value>")).collect();
            format!("<array><data>{values}</data></array>")
        });
        let members = proptest::collection::btree_map("[a-z]{0,2}", inner, 0..3);
        let table = (blank, members).prop_map(|(b, members)| {
            let member = |(name, value): (&String, &String)| {
                format!("<member>{b}<name>{name}</name>{b}<value>{b}{value}</value></member>{b}")
            };
            format!("<struct>{b}{}</struct>", members.iter().map(member).collect::<String>())
        });
        prop_oneof![list, table]
    });
    (blank, "[a-z.]{1,4}", proptest::collection::vec(typed, 0..3)).prop_map(|(b, name, params)| {
        let params: String = params
            .iter()
            .map(|value| format!("{b}<param>{b}<value>{value}</value>{b}</param>"))
            .collect();
        format!("<methodCall>{b}<methodName>{name}</methodName>{b}<params>{params}{b}</params></methodCall>{b}")
    })
}

fn generated<T: std::fmt::Debug>(strategy: &impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..DOCUMENTS).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect()
}

#[expect(clippy::print_stdout, reason = "a test that was skipped says so")]
fn python() -> Option<OsString> {
    let python = std::env::var_os("SUPERVISOR_PYTHON").filter(|python| !python.is_empty());
    if python.is_none() {
        let required = std::env::var_os("REQUIRE_PYTHON").is_some_and(|value| value == "1");
        assert!(!required, "REQUIRE_PYTHON=1, but SUPERVISOR_PYTHON names no Python");
        println!("skipped: SUPERVISOR_PYTHON names no Python with supervisor 4.3.0");
    }
    python
}

fn ask(python: &OsString, mode: &str, documents: &[String]) -> Vec<String> {
    let path = std::env::temp_dir().join(format!("xmlrpc-{mode}-{}", std::process::id()));
    let mut file = std::fs::File::create_new(&path).expect("a new file");
    for document in documents {
        let hex: String = document.bytes().map(|byte| format!("{byte:02x}")).collect();
        writeln!(file, "{hex}").expect("room for a line");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/xmlrpc_oracle.py");
    let input = Stdio::from(std::fs::File::open(&path).expect("the file"));
    let output = Command::new(python)
        .arg(script)
        .arg(mode)
        .stdin(input)
        .output()
        .expect("a Python that runs");
    std::fs::remove_file(&path).expect("the file goes");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).expect("lines").lines().map(from_hex).collect()
}

fn from_hex(line: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(&line[at..at + 2], 16).expect("two digits");
    String::from_utf8((0..line.len()).step_by(2).map(byte).collect()).expect("UTF-8")
}
