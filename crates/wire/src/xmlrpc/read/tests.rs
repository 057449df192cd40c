use super::*;

fn call(inside: &str) -> Result<Call, ReadError> {
    read_call(format!("<methodCall>{inside}</methodCall>").as_bytes())
}

/// A call with one parameter and this content of its `<value>`.
fn param(value: &str) -> Result<Value, ReadError> {
    let params = format!("<params><param><value>{value}</value></param></params>");
    call(&format!("<methodName>m</methodName>{params}")).map(|call| call.params[0].clone())
}

fn why<T: std::fmt::Debug>(result: Result<T, ReadError>) -> String {
    match result.unwrap_err() {
        ReadError::Unmarshallable(why) => why,
        ReadError::NoMethodName => "no method name".to_owned(),
    }
}

#[test]
fn every_type_is_read() {
    let text = |text: &str| Value::String(text.to_owned());
    for (written, value) in [
        ("<int>5</int>", Value::Int(5)),
        (" <i4> -5 </i4>\n", Value::Int(-5)),
        ("<i8>5</i8>", text("5")),
        ("<boolean>1</boolean>", Value::Bool(true)),
        ("<boolean>true</boolean>", Value::Bool(false)),
        ("<double>1.5</double>", Value::Double(1.5)),
        ("<string> a </string>", text(" a ")),
        ("<string/>", text("")),
        ("", text("")),
        (" a b ", text(" a b ")),
        ("<![CDATA[<&]]>;", text("<&;")),
        ("a&amp;&lt;&gt;&apos;&quot;&#65;&#x42;", text("a&<>'\"AB")),
        ("<string>a\r\nb\rc&#13;</string>", text("a\nb\nc\r")),
        ("<string>a<!-- b -->c</string>", text("ac")),
        ("\x1b[1m&#27;\0", text("\x1b[1m\x1b\0")),
        ("<base64>\nw7xi\n</base64>", text("üb")),
        ("<base64>/w</base64>", text("\u{fffd}")),
        ("<nil/>", Value::Nil),
        (
            "<dateTime.iso8601>20261122T21:27:12</dateTime.iso8601>",
            Value::DateTime("20261122T21:27:12".to_owned()),
        ),
        (
            "<array> <data> <value>a</value> <value><int>1</int></value> </data> </array>",
            Value::Array(vec![text("a"), Value::Int(1)]),
        ),
        ("<array><data/></array>", Value::Array(vec![])),
        (
            "<struct><member><name>a&amp;b</name><value/></member></struct>",
            Value::Struct(vec![("a&b".to_owned(), text(""))]),
        ),
    ] {
        assert_eq!(param(written), Ok(value), "{written}");
    }
}

#[test]
fn a_call_may_omit_its_parameters_but_not_its_method() {
    let named = |method: &str| Call { method: method.to_owned(), params: vec![] };
    assert_eq!(call("<methodName>a.b</methodName>"), Ok(named("a.b")));
    assert_eq!(call("<methodName>a</methodName><params/>"), Ok(named("a")));
    assert_eq!(call("<id x='1'><y/>z</id><methodName>a</methodName>"), Ok(named("a")));
    let declared = b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<methodCall a='b'>\
        <methodName>a</methodName></methodCall>\n";
    assert_eq!(read_call(declared), Ok(named("a")));
    for nameless in ["", "<params/>", "<methodName></methodName>"] {
        assert_eq!(call(nameless), Err(ReadError::NoMethodName), "{nameless}");
    }
    assert_eq!(read_call(b"<html><p/></html>"), Err(ReadError::NoMethodName));
}

#[test]
fn a_response_is_one_value_or_a_fault() {
    let answer = |inside: &str| {
        read_response(format!("<methodResponse>{inside}</methodResponse>").as_bytes())
    };
    let one = "<params><param><value><int>1</int></value></param></params>";
    assert_eq!(answer(one), Ok(Ok(Value::Int(1))));
    let member = |name: &str, value: &str| {
        format!("<member><name>{name}</name><value>{value}</value></member>")
    };
    let fault = |members: &str| {
        answer(&format!("<fault><value><struct>{members}</struct></value></fault>"))
    };
    let (code, text) = (member("faultCode", "<int>10</int>"), member("faultString", "BAD"));
    let expected = Fault { code: 10, text: "BAD".to_owned() };
    assert_eq!(fault(&format!("{text}{code}")), Ok(Err(expected)));
    let needs = "<fault> needs a faultCode of 32 bits and a faultString";
    assert!(why(fault(&code)).starts_with(needs));
    assert!(why(fault(&format!("{}{text}", member("faultCode", "9999999999")))).contains(needs));
    let two = one.replace("</params>", "<param><value/></param></params>");
    assert!(why(answer(&two)).starts_with("a response has exactly one <param>"));
    assert!(why(answer("<params/>")).starts_with("a response has exactly one <param>"));
    assert!(why(answer(&format!("{one}<x/>"))).starts_with("<x> where the end of"));
    assert!(why(answer("<x/>")).starts_with("<x> where <params> or <fault> is expected"));
    assert!(why(answer("")).starts_with("<methodResponse> is empty"));
    assert!(why(read_response(b"<html/>")).starts_with("<html> where <methodResponse>"));
}

#[test]
fn entities_cannot_be_defined() {
    let laughs = "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY a 'lol'>\
        <!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><methodCall><methodName>&b;</methodName>";
    assert!(why(read_call(laughs.as_bytes())).starts_with("document types are not accepted"));
    let late = call("<methodName>a</methodName><!DOCTYPE a SYSTEM 'file:///etc/passwd'>");
    assert!(why(late).starts_with("document types are not accepted"));
    assert!(why(param("&lol;")).starts_with("unknown entity &lol;"));
    assert!(why(call("<x>&lol;</x>")).starts_with("unknown entity &lol;"));
    for reference in ["&#0;", "&#xd800;", "&#x110000;", "&#x;", "&#-1;"] {
        let expected = format!("{reference} is not a character");
        assert!(why(param(reference)).starts_with(&expected), "{reference}");
    }
}

#[test]
fn nesting_depth_is_limited() {
    let nested = |levels: usize| {
        let (open, close) = ("<array><data><value>", "</value></data></array>");
        param(&format!("{}{}", open.repeat(levels), close.repeat(levels)))
    };
    // Four elements enclose the first array, and each array adds three.
    assert!(nested((MAX_DEPTH - 4) / 3).is_ok());
    assert!(why(nested((MAX_DEPTH - 4) / 3 + 1)).starts_with("more than 100 elements deep"));
    assert!(why(nested(200_000)).starts_with("more than 100 elements deep"));
    let unknown = call(&"<x>".repeat(200_000));
    assert!(why(unknown).starts_with("more than 100 elements deep"));
}

#[test]
fn the_number_of_values_is_limited() {
    let with = |count: usize| {
        let values = "<value/>".repeat(count);
        param(&format!("<array><data>{values}</data></array>"))
    };
    // The array itself counts as a value.
    assert!(with(MAX_CALL_VALUES - 1).is_ok());
    assert!(why(with(MAX_CALL_VALUES)).starts_with("it contains too many values"));
}

#[test]
fn huge_numbers_become_the_largest_possible() {
    let digits = "9".repeat(100_000);
    assert_eq!(param(&format!("<int>{digits}</int>")), Ok(Value::Int(i64::MAX)));
    assert_eq!(param(&format!("<i4>-{digits}</i4>")), Ok(Value::Int(-i64::MAX)));
    assert_eq!(param(&format!("<double>{digits}</double>")), Ok(Value::Double(f64::INFINITY)));
}

#[test]
fn malformed_values_are_rejected() {
    for (value, reason) in [
        ("<int>x</int>", "'x' is not a whole number"),
        ("<int/>", "'' is not a whole number"),
        ("<double/>", "'' is not a number"),
        ("<base64>*</base64>", "'*' is not base64"),
        ("<int><int>1</int></int>", "<int> where text is expected"),
        ("<int>1</int><int>2</int>", "<int> where the end of the element around it"),
        ("<array><value/></array>", "<value> where <data> is expected"),
        ("<array><data><int>1</int></data></array>", "<int> where <value> is expected"),
        ("<struct><x/></struct>", "<x> where <member> is expected"),
        ("<struct><member><x/></member></struct>", "<x> where <name> or <value> is expected"),
        ("<struct><member><name/></member></struct>", "a <member> needs a <name> and a"),
    ] {
        assert!(why(param(value)).starts_with(reason), "{value}: {}", why(param(value)));
    }
    let empty = call("<methodName>a</methodName><params><param/></params>");
    assert!(why(empty).starts_with("a <value> is missing"));
}

#[test]
fn an_error_is_one_short_line_for_any_quoted_text() {
    let forged = "x\n2026-11-26 00:00:00,000 CRIT forged\x1b[2J";
    let long = "\u{1}".repeat(1_000_000);
    for said in [forged, &long] {
        for document in [
            param(&format!("<int>{said}</int>")),
            param(&format!("<double>{said}</double>")),
            param(&format!("<base64>*{said}</base64>")),
            param(&format!("&{said};")),
            param(&format!("&#{said};")),
            param(&format!("<array><{said}/></array>")),
            param(&format!("<a></{said}>")),
        ] {
            let reason = why(document);
            assert!(reason.chars().all(|c| c.is_ascii_graphic() || " …".contains(c)), "{reason}");
            assert!(reason.len() < MAX_REASON * 5, "{}", reason.len());
        }
    }
    assert!(why(param("<int>\n</int>")).starts_with(r"'\n' is not a whole number, at byte "));
}

#[test]
fn every_truncated_document_is_rejected() {
    let whole = "<?xml version='1.0'?>\n<methodCall><methodName>a</methodName><params><param>\
        <value><struct><member><name>n</name><value><int>1</int></value></member></struct>\
        </value></param></params></methodCall>";
    assert!(read_call(whole.as_bytes()).is_ok());
    for end in 0..whole.len() {
        why(read_call(&whole.as_bytes()[..end]));
    }
}

#[test]
fn input_that_is_not_one_xml_document_is_rejected() {
    for body in [
        &b""[..],
        b" ",
        b"hello",
        b"{}",
        b"<methodCall></methodcall>",
        b"</methodCall>",
        b"<methodCall/><methodCall/>",
        b"<methodCall/>x",
        b"x<methodCall/>",
        b"<methodCall>&</methodCall>",
        b"<methodCall><methodName>a</params></methodCall>",
        b"<methodCall><methodName>\xff</methodName></methodCall>",
        b"\xff\xfe<\0m\0e\0t\0h\0o\0d\0",
    ] {
        assert!(
            matches!(read_call(body), Err(ReadError::Unmarshallable(_))),
            "{:?}: {:?}",
            String::from_utf8_lossy(body),
            read_call(body)
        );
    }
}
