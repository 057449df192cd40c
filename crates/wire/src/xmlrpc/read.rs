//! Parses XML-RPC documents.
//!
//! The parser is strict where a document could cost more than its length: it rejects document types
//! and custom entities, and limits the depth and the number of values. It is as tolerant as
//! supervisord otherwise: it ignores attributes, comments, text between elements and unknown parts
//! of a call, and reads a value of an unknown type as a text. Unlike supervisord, it accepts
//! control characters, because input for a program may need them and supervisord's responses
//! contain them.

use std::borrow::Cow;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{Call, Fault, ReadError, Value};
use crate::supervisord::python;

/// Maximum nesting of elements. An array in an array adds three.
pub const MAX_DEPTH: usize = 100;

/// Maximum number of values in a call, including those in arrays and structs. It allows more than a
/// thousand calls in one `multicall`.
pub const MAX_CALL_VALUES: usize = 10_000;

/// Maximum number of values in a response: thirty for each of a hundred thousand processes.
pub const MAX_RESPONSE_VALUES: usize = 4_000_000;

/// Maximum length of the reason for a rejection. It may quote the document, and is part of a log
/// line.
pub const MAX_REASON: usize = 200;

/// Parses a call.
///
/// # Errors
///
/// The reason for which it is invalid. supervisord answers each with status 400.
pub fn read_call(body: &[u8]) -> Result<Call, ReadError> {
    let mut document = Document::new(body, MAX_CALL_VALUES)?;
    let (mut method, mut params) = (String::new(), Vec::new());
    match document.root()?.as_str() {
        "methodCall" => {
            while let Some(tag) = document.child()? {
                match tag.as_str() {
                    "methodName" => method = document.text()?,
                    "params" => params = document.params()?,
                    _ => document.skip()?,
                }
            }
        }
        _ => document.skip()?,
    }
    document.end()?;
    if method.is_empty() {
        return Err(ReadError::NoMethodName);
    }
    Ok(Call { method, params })
}

/// Parses a response.
///
/// # Errors
///
/// The reason for which it is invalid; always [`ReadError::Unmarshallable`].
pub fn read_response(body: &[u8]) -> Result<Result<Value, Fault>, ReadError> {
    let mut document = Document::new(body, MAX_RESPONSE_VALUES)?;
    let root = document.root()?;
    if root != "methodResponse" {
        return Err(document.unexpected(&root, "<methodResponse>"));
    }
    let result = match document.child()?.as_deref() {
        Some("params") => {
            let mut params = document.params()?;
            match (params.pop(), params.is_empty()) {
                (Some(value), true) => Ok(value),
                _ => return Err(document.wrong("a response has exactly one <param>")),
            }
        }
        Some("fault") => Err(document.fault()?),
        Some(other) => return Err(document.unexpected(other, "<params> or <fault>")),
        None => return Err(document.wrong("<methodResponse> is empty")),
    };
    document.close()?;
    document.end()?;
    Ok(result)
}

/// A document that is read from beginning to end.
struct Document<'a> {
    reader: Reader<&'a [u8]>,
    /// The number of open elements.
    depth: usize,
    /// The number of values that may follow.
    values_left: usize,
}

/// The next part of a document.
enum Piece<'a> {
    Open(BytesStart<'a>),
    Text(Cow<'a, str>),
    Close,
}

impl<'a> Document<'a> {
    /// Accepts only UTF-8, whatever the XML declaration says, as supervisord does.
    fn new(body: &'a [u8], max_values: usize) -> Result<Self, ReadError> {
        let text = std::str::from_utf8(body)
            .map_err(|why| ReadError::Unmarshallable(format!("it is not UTF-8: {why}")))?;
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Ok(Self { reader, depth: 0, values_left: max_values })
    }

    /// Reads the name of the root element.
    fn root(&mut self) -> Result<String, ReadError> {
        loop {
            match self.piece()? {
                Some(Piece::Open(tag)) => return Ok(tag.name().0.to_owned()),
                Some(Piece::Text(text)) if python::strip(&text).is_empty() => {}
                Some(Piece::Text(_) | Piece::Close) | None => {
                    return Err(self.wrong("it contains no element"));
                }
            }
        }
    }

    /// Checks that nothing follows the root element.
    fn end(&mut self) -> Result<(), ReadError> {
        loop {
            match self.piece()? {
                None => return Ok(()),
                Some(Piece::Text(text)) if python::strip(&text).is_empty() => {}
                Some(_) => return Err(self.wrong("unexpected text after the end of the document")),
            }
        }
    }

    /// Reads the name of the next child of the current element; `None` at its end.
    fn child(&mut self) -> Result<Option<String>, ReadError> {
        loop {
            match self.inside()? {
                Piece::Open(tag) => return Ok(Some(tag.name().0.to_owned())),
                Piece::Text(_) => {}
                Piece::Close => return Ok(None),
            }
        }
    }

    /// Checks that the current element ends here.
    fn close(&mut self) -> Result<(), ReadError> {
        match self.child()? {
            None => Ok(()),
            Some(tag) => Err(self.unexpected(&tag, "the end of the element around it")),
        }
    }

    /// Whether the current element has another child, whose name must be `wanted`.
    fn another(&mut self, wanted: &str) -> Result<bool, ReadError> {
        match self.child()? {
            None => Ok(false),
            Some(tag) if tag == wanted => Ok(true),
            Some(tag) => Err(self.unexpected(&tag, &format!("<{wanted}>"))),
        }
    }

    /// Reads the text of the current element up to its end.
    fn text(&mut self) -> Result<String, ReadError> {
        let mut text = String::new();
        loop {
            match self.inside()? {
                Piece::Text(more) => text.push_str(&more),
                Piece::Close => return Ok(text),
                Piece::Open(tag) => return Err(self.unexpected(tag.name().0, "text")),
            }
        }
    }

    /// Skips the rest of the current element.
    fn skip(&mut self) -> Result<(), ReadError> {
        let around = self.depth.saturating_sub(1);
        while self.depth > around {
            self.inside()?;
        }
        Ok(())
    }

    fn params(&mut self) -> Result<Vec<Value>, ReadError> {
        let mut params = Vec::new();
        while self.another("param")? {
            params.push(self.only_value()?);
        }
        Ok(params)
    }

    fn fault(&mut self) -> Result<Fault, ReadError> {
        let fault = self.only_value()?;
        let code = fault.field("faultCode").and_then(Value::as_int);
        let text = fault.field("faultString").and_then(Value::as_str);
        match (code.map(i32::try_from), text) {
            (Some(Ok(code)), Some(text)) => Ok(Fault { code, text: text.to_owned() }),
            _ => Err(self.wrong("<fault> needs a faultCode of 32 bits and a faultString")),
        }
    }

    /// Reads the `<value>` that must be the only child of the current element.
    fn only_value(&mut self) -> Result<Value, ReadError> {
        if !self.another("value")? {
            return Err(self.wrong("a <value> is missing"));
        }
        let value = self.value()?;
        self.close()?;
        Ok(value)
    }

    /// Reads the content of a `<value>`: a text or one element.
    fn value(&mut self) -> Result<Value, ReadError> {
        let left = self.values_left.checked_sub(1);
        self.values_left = left.ok_or_else(|| self.wrong("it contains too many values"))?;
        let mut text = String::new();
        loop {
            match self.inside()? {
                Piece::Text(more) => text.push_str(&more),
                Piece::Close => return Ok(Value::String(text)),
                Piece::Open(tag) => {
                    let value = self.typed(tag.name().0)?;
                    self.close()?;
                    return Ok(value);
                }
            }
        }
    }

    fn typed(&mut self, tag: &str) -> Result<Value, ReadError> {
        match tag {
            "array" => self.array(),
            "struct" => self.members(),
            _ => {
                let text = self.text()?;
                scalar(tag, text).map_err(|why| self.wrong(&why))
            }
        }
    }

    fn array(&mut self) -> Result<Value, ReadError> {
        let mut values = Vec::new();
        while self.another("data")? {
            while self.another("value")? {
                values.push(self.value()?);
            }
        }
        Ok(Value::Array(values))
    }

    fn members(&mut self) -> Result<Value, ReadError> {
        let mut members = Vec::new();
        while self.another("member")? {
            members.push(self.member()?);
        }
        Ok(Value::Struct(members))
    }

    fn member(&mut self) -> Result<(String, Value), ReadError> {
        let (mut name, mut value) = (None, None);
        while let Some(tag) = self.child()? {
            match tag.as_str() {
                "name" => name = Some(self.text()?),
                "value" => value = Some(self.value()?),
                other => return Err(self.unexpected(other, "<name> or <value>")),
            }
        }
        name.zip(value).ok_or_else(|| self.wrong("a <member> needs a <name> and a <value>"))
    }

    /// Reads the next part. The current element must not be incomplete.
    fn inside(&mut self) -> Result<Piece<'a>, ReadError> {
        self.piece()?.ok_or_else(|| self.wrong("it ends inside an element"))
    }

    /// Reads the next part; `None` at the end of the document.
    fn piece(&mut self) -> Result<Option<Piece<'a>>, ReadError> {
        loop {
            let event = self.reader.read_event();
            return Ok(Some(match event.map_err(|why| self.wrong(&why.to_string()))? {
                // The reader expands empty elements, so it never reports them.
                Event::Start(tag) | Event::Empty(tag) => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(self.wrong(&format!("more than {MAX_DEPTH} elements deep")));
                    }
                    Piece::Open(tag)
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Piece::Close
                }
                Event::Text(text) => Piece::Text(text.xml_content(XmlVersion::Implicit1_0)),
                Event::CData(text) => Piece::Text(text.xml_content(XmlVersion::Implicit1_0)),
                Event::GeneralRef(reference) => Piece::Text(self.referred(&reference)?),
                Event::DocType(_) => return Err(self.wrong("document types are not accepted")),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => continue,
                Event::Eof => return Ok(None),
            }));
        }
    }

    /// Resolves numeric references and the five predefined entities.
    fn referred(&self, reference: &BytesRef<'_>) -> Result<Cow<'a, str>, ReadError> {
        let name = reference.borrow().into_inner();
        if reference.is_char_ref() {
            let c = reference.resolve_char_ref().ok().flatten();
            let c = c.ok_or_else(|| self.wrong(&format!("&{name}; is not a character")))?;
            return Ok(Cow::Owned(c.to_string()));
        }
        Ok(Cow::Borrowed(match name.as_ref() {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "apos" => "'",
            "quot" => "\"",
            other => return Err(self.wrong(&format!("unknown entity &{other};"))),
        }))
    }

    fn unexpected(&self, tag: &str, wanted: &str) -> ReadError {
        self.wrong(&format!("<{tag}> where {wanted} is expected"))
    }

    fn wrong(&self, why: &str) -> ReadError {
        let why = python::shown(why, MAX_REASON);
        ReadError::Unmarshallable(format!("{why}, at byte {}", self.reader.buffer_position()))
    }
}

/// Parses the value of an element that contains only text.
fn scalar(tag: &str, text: String) -> Result<Value, String> {
    let no = |kind: &str| format!("'{text}' is not {kind}");
    Ok(match tag {
        "int" | "i4" => Value::Int(python::int(&text).map_err(|_| no("a whole number"))?),
        "boolean" => Value::Bool(text == "1"),
        "double" => Value::Double(python::strip(&text).parse().map_err(|_| no("a number"))?),
        "dateTime.iso8601" => Value::DateTime(text),
        "base64" => {
            let bytes = python::from_base64(&text).ok_or_else(|| no("base64"))?;
            Value::String(String::from_utf8_lossy(&bytes).into_owned())
        }
        "nil" | "ex:nil" => Value::Nil,
        // Usually `string`. Also `i8`, which supervisord does not know.
        _ => Value::String(text),
    })
}

#[cfg(test)]
mod tests;
