//! Values to bytes, with the line breaks of Python's `xmlrpc.client`.

use std::fmt::Write as _;

use super::{Fault, Value};

const DECLARATION: &str = "<?xml version='1.0'?>\n";

/// The document that asks for `method`.
#[must_use]
pub fn write_call(method: &str, params: &[Value]) -> String {
    let mut out = String::from(DECLARATION);
    out.push_str("<methodCall>\n<methodName>");
    push_text(&mut out, method);
    out.push_str("</methodName>\n<params>\n");
    for param in params {
        push_param(&mut out, param);
    }
    out.push_str("</params>\n</methodCall>\n");
    out
}

/// The document that answers a call.
#[must_use]
pub fn write_response(result: &Result<Value, Fault>) -> String {
    let mut out = String::from(DECLARATION);
    out.push_str("<methodResponse>\n");
    match result {
        Ok(value) => {
            out.push_str("<params>\n");
            push_param(&mut out, value);
            out.push_str("</params>\n");
        }
        Err(Fault { code, text }) => {
            out.push_str("<fault>\n<value><struct>\n");
            push_member(&mut out, "faultCode", &Value::Int((*code).into()));
            push_member(&mut out, "faultString", &Value::String(text.clone()));
            out.push_str("</struct></value>\n</fault>\n");
        }
    }
    out.push_str("</methodResponse>\n");
    out
}

fn push_param(out: &mut String, value: &Value) {
    out.push_str("<param>\n");
    push_value(out, value);
    out.push_str("</param>\n");
}

fn push_member(out: &mut String, name: &str, value: &Value) {
    out.push_str("<member>\n");
    push_tagged(out, "name", name);
    out.push('\n');
    push_value(out, value);
    out.push_str("</member>\n");
}

fn push_value(out: &mut String, value: &Value) {
    out.push_str("<value>");
    match value {
        Value::Int(number) => {
            let number = (*number).clamp(i32::MIN.into(), i32::MAX.into());
            let _ = write!(out, "<int>{number}</int>");
        }
        Value::Bool(yes) => {
            let _ = write!(out, "<boolean>{}</boolean>", u8::from(*yes));
        }
        Value::Double(number) => {
            let _ = write!(out, "<double>{number:?}</double>");
        }
        Value::String(text) => push_tagged(out, "string", text),
        Value::DateTime(text) => push_tagged(out, "dateTime.iso8601", text),
        Value::Array(values) => {
            out.push_str("<array><data>\n");
            for value in values {
                push_value(out, value);
            }
            out.push_str("</data></array>");
        }
        Value::Struct(members) => {
            out.push_str("<struct>\n");
            for (name, value) in members {
                push_member(out, name, value);
            }
            out.push_str("</struct>");
        }
        Value::Nil => {
            // Python breaks no line after this one.
            out.push_str("<nil/></value>");
            return;
        }
    }
    out.push_str("</value>\n");
}

fn push_tagged(out: &mut String, tag: &str, text: &str) {
    let _ = write!(out, "<{tag}>");
    push_text(out, text);
    let _ = write!(out, "</{tag}>");
}

/// A bare CR would be read as a line feed. What XML 1.0 can't hold becomes U+FFFD:
/// leaving it out could join what it kept apart. A log of 64 MiB is written while all else
/// waits, so what needs nothing is copied in one go.
fn push_text(out: &mut String, text: &str) {
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let (instead, length) = match byte {
            b'&' => ("&amp;", 1),
            b'<' => ("&lt;", 1),
            b'>' => ("&gt;", 1),
            b'\r' => ("&#13;", 1),
            b'\t' | b'\n' => continue,
            0..=0x1f => (REPLACEMENT, 1),
            0xef if matches!(bytes[at..], [_, 0xbf, 0xbe | 0xbf, ..]) => (REPLACEMENT, 3),
            _ => continue,
        };
        out.push_str(&text[written..at]);
        out.push_str(instead);
        written = at + length;
    }
    out.push_str(&text[written..]);
}

/// For what XML 1.0 can't hold: controls, U+FFFE and U+FFFF.
const REPLACEMENT: &str = "\u{fffd}";

#[cfg(test)]
mod tests {
    use super::*;

    fn param(value: Value) -> String {
        let document = write_response(&Ok(value));
        let head = "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value>".to_owned();
        let tail = "</value>\n</param>\n</params>\n</methodResponse>\n";
        document.strip_prefix(&head).and_then(|rest| rest.strip_suffix(tail)).unwrap().to_owned()
    }

    #[test]
    fn a_fault_has_supervisords_bytes() {
        let fault = Fault { code: 10, text: "BAD_NAME: nope".to_owned() };
        assert_eq!(
            write_response(&Err(fault)),
            "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n\
             <member>\n<name>faultCode</name>\n<value><int>10</int></value>\n</member>\n\
             <member>\n<name>faultString</name>\n<value><string>BAD_NAME: nope</string></value>\n\
             </member>\n</struct></value>\n</fault>\n</methodResponse>\n"
        );
    }

    #[test]
    fn a_call_has_pythons_bytes() {
        assert_eq!(
            write_call("supervisor.getState", &[]),
            "<?xml version='1.0'?>\n<methodCall>\n<methodName>supervisor.getState</methodName>\n\
             <params>\n</params>\n</methodCall>\n"
        );
        assert_eq!(
            write_call("a", &[Value::Bool(true), Value::Bool(false)]),
            "<?xml version='1.0'?>\n<methodCall>\n<methodName>a</methodName>\n<params>\n\
             <param>\n<value><boolean>1</boolean></value>\n</param>\n\
             <param>\n<value><boolean>0</boolean></value>\n</param>\n\
             </params>\n</methodCall>\n"
        );
    }

    #[test]
    fn arrays_and_structs_have_supervisords_line_breaks() {
        let members = vec![("n".to_owned(), Value::Int(1))];
        assert_eq!(
            param(Value::Array(vec![Value::String("a".to_owned()), Value::Struct(members)])),
            "<array><data>\n<value><string>a</string></value>\n<value><struct>\n<member>\n\
             <name>n</name>\n<value><int>1</int></value>\n</member>\n</struct></value>\n\
             </data></array>"
        );
        assert_eq!(param(Value::Array(vec![])), "<array><data>\n</data></array>");
    }

    #[test]
    fn numbers_that_clients_cannot_read_are_written_as_the_nearest_that_they_can() {
        assert_eq!(param(Value::Int(4 << 30)), "<int>2147483647</int>");
        assert_eq!(param(Value::Int(i64::MIN)), "<int>-2147483648</int>");
    }

    #[test]
    fn texts_hold_only_what_xml_can() {
        assert_eq!(
            param(Value::String("\x1b[1m<&>\r\n\t\0\u{ffff}é\"'".to_owned())),
            "<string>\u{fffd}[1m&lt;&amp;&gt;&#13;\n\t\u{fffd}\u{fffd}é\"'</string>"
        );
        for c in '\0'..=char::MAX {
            let written = match c {
                '&' => "&amp;".to_owned(),
                '<' => "&lt;".to_owned(),
                '>' => "&gt;".to_owned(),
                '\r' => "&#13;".to_owned(),
                '\t' | '\n' => c.to_string(),
                '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => "\u{fffd}".to_owned(),
                c => c.to_string(),
            };
            let mut out = String::new();
            push_text(&mut out, &format!("{c}a{c}{c}é{c}"));
            assert_eq!(out, format!("{written}a{written}{written}é{written}"), "{c:?}");
        }
    }
}
