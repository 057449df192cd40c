//! Compares XML-RPC documents with Python's.

use proptest::prelude::*;
use supervisor_wire::xmlrpc::{
    Fault, ReadError, Value, read_call, read_response, write_call, write_response,
};

use crate::{QUESTIONS, generated, oracle};

/// Python parses our documents and writes the same bytes.
#[test]
fn python_reads_written_documents_and_writes_the_same_bytes() {
    let Some(oracle) = oracle("xmlrpc_oracle.py") else { return };
    let calls = generated(&proptest::collection::vec(value(), 0..4))
        .into_iter()
        .map(|params| write_call("supervisor.x", &params));
    let answers = generated(&value()).into_iter().map(|value| write_response(&Ok(value)));
    let fault = Fault { code: -3, text: "BAD_NAME: <é&>".to_owned() };
    let documents: Vec<String> =
        calls.chain(answers).chain([write_response(&Err(fault))]).collect();
    let echoed = oracle("echo", &documents);
    assert_eq!(echoed.len(), documents.len());
    for (ours, pythons) in documents.iter().zip(echoed) {
        assert_eq!(*ours, pythons);
    }
}

#[test]
fn documents_written_by_python_are_read() {
    let Some(oracle) = oracle("xmlrpc_oracle.py") else { return };
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
    let written = oracle("written", &[String::new()]);
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
fn calls_are_read_as_by_supervisord() {
    let Some(oracle) = oracle("xmlrpc_oracle.py") else { return };
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
    let answers = oracle("supervisord", &documents);
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
    assert!(read > QUESTIONS / 4, "only {read} documents were good");
}

/// Values without those that Python writes differently: large floating-point numbers, and structs
/// with a repeated name.
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

/// Calls with parameters of all forms, some of them invalid. Empty elements of an unknown type are
/// excluded: supervisord reads no value, this parser an empty text.
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
