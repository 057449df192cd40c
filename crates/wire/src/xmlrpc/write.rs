//! Writes XML-RPC documents with the line breaks of Python's `xmlrpc.client`.

use std::fmt::Write as _;
use std::slice::Iter;

use super::{Fault, Value};

const DECLARATION: &str = "<?xml version='1.0'?>\n";

/// Approximate number of bytes that [`Writer::step`] writes.
pub const WRITTEN_AT_ONCE: usize = 1 << 18;

/// Writes a call of `method`.
#[must_use]
pub fn write_call(method: &str, params: &[Value]) -> String {
    let mut out = String::from(DECLARATION);
    out.push_str("<methodCall>\n<methodName>");
    push_text(&mut out, method);
    out.push_str("</methodName>\n<params>\n");
    let mut writer = Writer { out, todo: vec![Todo::Markup("</params>\n</methodCall>\n")] };
    for param in params.iter().rev() {
        writer.param(param);
    }
    writer.finish()
}

/// Writes a response.
#[must_use]
pub fn write_response(result: &Result<Value, Fault>) -> String {
    Writer::response(result).finish()
}

/// Writes a document in steps, so that a long one does not delay other work.
#[derive(Clone, Debug)]
pub struct Writer<'a> {
    out: String,
    /// The remaining parts; the last element is the next one.
    todo: Vec<Todo<'a>>,
}

#[derive(Clone, Debug)]
enum Todo<'a> {
    Markup(&'static str),
    Text(&'a str),
    Value(&'a Value),
    Values(Iter<'a, Value>),
    Members(Iter<'a, (String, Value)>),
}

impl<'a> Writer<'a> {
    /// A writer for a response.
    #[must_use]
    pub fn response(result: &'a Result<Value, Fault>) -> Self {
        let mut out = String::from(DECLARATION);
        out.push_str("<methodResponse>\n");
        let mut writer = Self { out, todo: vec![Todo::Markup("</methodResponse>\n")] };
        match result {
            Ok(value) => {
                writer.out.push_str("<params>\n");
                writer.todo.push(Todo::Markup("</params>\n"));
                writer.param(value);
            }
            Err(Fault { code, text }) => {
                let out = &mut writer.out;
                let _ = write!(
                    out,
                    "<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n\
                     <value><int>{code}</int></value>\n</member>\n<member>\n\
                     <name>faultString</name>\n<value><string>"
                );
                let end = "</string></value>\n</member>\n</struct></value>\n</fault>\n";
                writer.todo.extend([Todo::Markup(end), Todo::Text(text)]);
            }
        }
        writer
    }

    /// Writes about [`WRITTEN_AT_ONCE`] bytes. Returns whether more is left.
    pub fn step(&mut self) -> bool {
        let enough = self.out.len() + WRITTEN_AT_ONCE;
        while self.out.len() < enough {
            match self.todo.pop() {
                None => return false,
                Some(Todo::Markup(markup)) => self.out.push_str(markup),
                Some(Todo::Text(text)) => self.text(text),
                Some(Todo::Value(value)) => self.value(value),
                Some(Todo::Values(mut values)) => {
                    if let Some(value) = values.next() {
                        self.todo.extend([Todo::Values(values), Todo::Value(value)]);
                    }
                }
                Some(Todo::Members(mut members)) => {
                    if let Some((name, value)) = members.next() {
                        self.out.push_str("<member>\n<name>");
                        push_text(&mut self.out, name);
                        self.out.push_str("</name>\n");
                        let end = Todo::Markup("</member>\n");
                        self.todo.extend([Todo::Members(members), end, Todo::Value(value)]);
                    }
                }
            }
        }
        !self.todo.is_empty()
    }

    /// Writes the rest and returns the document.
    #[must_use]
    pub fn finish(mut self) -> String {
        while self.step() {}
        self.out
    }

    fn param(&mut self, value: &'a Value) {
        let (begin, end) = (Todo::Markup("<param>\n"), Todo::Markup("</param>\n"));
        self.todo.extend([end, Todo::Value(value), begin]);
    }

    fn value(&mut self, value: &'a Value) {
        let out = &mut self.out;
        out.push_str("<value>");
        match value {
            Value::Int(number) => {
                let number = (*number).clamp(i32::MIN.into(), i32::MAX.into());
                let _ = writeln!(out, "<int>{number}</int></value>");
            }
            Value::Bool(yes) => {
                let _ = writeln!(out, "<boolean>{}</boolean></value>", u8::from(*yes));
            }
            Value::Double(number) => {
                let _ = writeln!(out, "<double>{number:?}</double></value>");
            }
            Value::String(text) => {
                out.push_str("<string>");
                self.todo.extend([Todo::Markup("</string></value>\n"), Todo::Text(text)]);
            }
            Value::DateTime(text) => {
                out.push_str("<dateTime.iso8601>");
                let end = Todo::Markup("</dateTime.iso8601></value>\n");
                self.todo.extend([end, Todo::Text(text)]);
            }
            Value::Array(values) => {
                out.push_str("<array><data>\n");
                let end = Todo::Markup("</data></array></value>\n");
                self.todo.extend([end, Todo::Values(values.iter())]);
            }
            Value::Struct(members) => {
                out.push_str("<struct>\n");
                let end = Todo::Markup("</struct></value>\n");
                self.todo.extend([end, Todo::Members(members.iter())]);
            }
            // Python adds no line break here.
            Value::Nil => out.push_str("<nil/></value>"),
        }
    }

    fn text(&mut self, text: &'a str) {
        let (now, later) = text.split_at(text.floor_char_boundary(WRITTEN_AT_ONCE));
        push_text(&mut self.out, now);
        if !later.is_empty() {
            self.todo.push(Todo::Text(later));
        }
    }
}

/// Escapes a text. A bare CR is escaped because parsers read it as a line feed. Characters that XML
/// 1.0 does not allow become U+FFFD. Runs of other characters are copied at once.
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

/// Replaces characters that XML 1.0 does not allow: control characters, U+FFFE and U+FFFF.
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
    fn numbers_out_of_range_are_written_as_the_nearest_readable_ones() {
        assert_eq!(param(Value::Int(4 << 30)), "<int>2147483647</int>");
        assert_eq!(param(Value::Int(i64::MIN)), "<int>-2147483648</int>");
    }

    #[test]
    fn a_long_document_is_written_in_steps() {
        let long = "é<\u{ffff}".repeat(WRITTEN_AT_ONCE);
        let values = vec![Value::String(long.clone()), Value::Int(7), Value::String(long)];
        let result = Ok(Value::Array(values));
        let mut writer = Writer::response(&result);
        let (mut before, mut steps) = (writer.out.len(), 1);
        while writer.step() {
            // An escaped byte takes five bytes at most.
            assert!(writer.out.len() - before <= 6 * WRITTEN_AT_ONCE);
            (before, steps) = (writer.out.len(), steps + 1);
        }
        assert!(steps > 10, "{steps}");
        let text = "é&lt;\u{fffd}".repeat(WRITTEN_AT_ONCE);
        let string = format!("<value><string>{text}</string></value>\n");
        let inside = format!("{string}<value><int>7</int></value>\n{string}");
        assert!(writer.out.contains(&format!("<array><data>\n{inside}</data></array>")));
    }

    #[test]
    fn characters_that_xml_cannot_contain_are_replaced() {
        assert_eq!(
            param(Value::String("\x1b[1m<&>\r\n\t\0\u{ffff}é\"'".to_owned())),
            "<string>\u{fffd}[1m&lt;&amp;&gt;&#13;\n\t\u{fffd}\u{fffd}é\"'</string>"
        );
        for c in ('\0'..='\u{ff}').chain('\u{efff}'..='\u{10001}') {
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
