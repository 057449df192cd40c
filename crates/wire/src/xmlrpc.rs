//! Reads and writes XML-RPC as supervisord and its clients use it.
//!
//! [`read_call`] and [`write_response`] are for servers, [`write_call`] and [`read_response`] for
//! clients. The output equals that of Python's `xmlrpc.client` byte for byte, apart from characters
//! that XML does not allow. The parser is more tolerant, because old clients omit types and
//! parameters.

mod read;
mod write;

use std::fmt;

pub use read::{
    MAX_CALL_VALUES, MAX_DEPTH, MAX_REASON, MAX_RESPONSE_VALUES, read_call, read_response,
};
pub use write::{WRITTEN_AT_ONCE, Writer, write_call, write_response};

use crate::supervisord::python;

/// A value in a call or a response.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number. The format has 32 bits: a number outside of that range is written as the
    /// nearest valid one, because clients cannot read others.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// A floating-point number.
    Double(f64),
    /// A text. Characters that XML 1.0 does not allow, such as ESC, are written as U+FFFD.
    String(String),
    /// A date and time as received, such as `20261122T21:27:12`.
    DateTime(String),
    /// Values in order.
    Array(Vec<Self>),
    /// Named values in order.
    Struct(Vec<(String, Self)>),
    /// No value. supervisord never sends it.
    Nil,
}

impl Value {
    /// The text, if this is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Int(_)
            | Self::Bool(_)
            | Self::Double(_)
            | Self::DateTime(_)
            | Self::Array(_)
            | Self::Struct(_)
            | Self::Nil => None,
        }
    }

    /// The number, also from a text: clients that omit types send all numbers as texts.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::String(text) => python::int(text).ok(),
            Self::Bool(_)
            | Self::Double(_)
            | Self::DateTime(_)
            | Self::Array(_)
            | Self::Struct(_)
            | Self::Nil => None,
        }
    }

    /// The boolean. As in Python, any number except zero is true. Of the texts that clients without
    /// types send, `0`, `false` and the empty text are false.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(yes) => Some(*yes),
            Self::Int(number) => Some(*number != 0),
            Self::String(text) => {
                Some(!(text.is_empty() || text == "0" || text.eq_ignore_ascii_case("false")))
            }
            Self::Double(_) | Self::DateTime(_) | Self::Array(_) | Self::Struct(_) | Self::Nil => {
                None
            }
        }
    }

    /// The elements of an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(values) => Some(values),
            Self::Int(_)
            | Self::Bool(_)
            | Self::Double(_)
            | Self::String(_)
            | Self::DateTime(_)
            | Self::Struct(_)
            | Self::Nil => None,
        }
    }

    /// A member of a struct. If several have this name, the last one counts, as in Python.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(members) => {
                members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            Self::Int(_)
            | Self::Bool(_)
            | Self::Double(_)
            | Self::String(_)
            | Self::DateTime(_)
            | Self::Array(_)
            | Self::Nil => None,
        }
    }
}

/// A call of a method.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Namespace and name, such as `supervisor.getState`; not empty.
    pub method: String,
    /// The parameters in order; empty if the client omitted them.
    pub params: Vec<Value>,
}

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The fault code, such as 10.
    pub code: i32,
    /// The name of the fault and its details, such as `BAD_NAME: web`.
    pub text: String,
}

/// The reason for which a call or a response is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// Not XML, not XML-RPC, or above a limit. The text has the details.
    Unmarshallable(String),
    /// A call without a method name.
    NoMethodName,
}

/// supervisord's text, which its log shows, with a reason of our own.
impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmarshallable(why) => write!(f, "unmarshallable ({why})"),
            Self::NoMethodName => f.write_str("no method name"),
        }
    }
}

impl std::error::Error for ReadError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strings_from_clients_without_types_are_converted() {
        let text = |text: &str| Value::String(text.to_owned());
        assert_eq!(text("-12").as_int(), Some(-12));
        assert_eq!(text("web").as_int(), None);
        assert_eq!(Value::Int(7).as_int(), Some(7));
        for (value, yes) in [(text("1"), true), (text("true"), true), (text("False"), false)] {
            assert_eq!(value.as_bool(), Some(yes), "{value:?}");
        }
        assert_eq!(text("0").as_bool(), Some(false));
        assert_eq!(Value::Array(vec![]).as_bool(), None);
    }

    #[test]
    fn the_last_of_several_members_with_one_name_counts() {
        let members = [("a", 1), ("b", 2), ("a", 3)];
        let value =
            Value::Struct(members.map(|(name, n)| (name.to_owned(), Value::Int(n))).to_vec());
        assert_eq!(value.field("a"), Some(&Value::Int(3)));
        assert_eq!(value.field("c"), None);
        assert_eq!(Value::Nil.field("a"), None);
    }

    #[test]
    fn errors_have_supervisords_message_and_a_reason() {
        let error = read_call(b"<methodCall>").unwrap_err();
        assert_eq!(error.to_string(), "unmarshallable (it ends inside an element, at byte 12)");
        assert_eq!(ReadError::NoMethodName.to_string(), "no method name");
    }

    /// Texts that are the same after writing and reading. Another test covers invalid characters.
    fn text() -> impl Strategy<Value = String> {
        "([ -~]|[\t\n\r]|[&<>\"']|]]>|[\u{a0}-\u{d7ff}]|\u{1f600}){0,8}"
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i32>().prop_map(|number| Value::Int(number.into())),
            any::<bool>().prop_map(Value::Bool),
            (-1e300..1e300).prop_map(Value::Double),
            text().prop_map(Value::String),
            "[0-9]{8}T[0-9]{2}:[0-9]{2}:[0-9]{2}".prop_map(Value::DateTime),
            Just(Value::Nil),
        ];
        leaf.prop_recursive(6, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                proptest::collection::vec((text(), inner), 0..6).prop_map(Value::Struct),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_written_call_is_read_back(
            method in "[ -~]{1,20}",
            params in proptest::collection::vec(value(), 0..4),
        ) {
            let written = write_call(&method, &params);
            prop_assert_eq!(read_call(written.as_bytes()), Ok(Call { method, params }));
        }

        #[test]
        fn a_written_response_is_read_back(
            result in prop_oneof![
                value().prop_map(Ok),
                (any::<i32>(), text()).prop_map(|(code, text)| Err(Fault { code, text })),
            ],
        ) {
            prop_assert_eq!(read_response(write_response(&result).as_bytes()), Ok(result));
        }

        #[test]
        fn no_document_causes_a_panic(
            pieces in proptest::collection::vec(
                prop_oneof![
                    proptest::sample::select(vec![
                        "<methodCall>", "</methodCall>", "<methodName>", "</methodName>",
                        "<params>", "</params>", "<param>", "</param>", "<value>", "</value>",
                        "<array>", "<data>", "<struct>", "<member>", "<int>", "</int>", "<nil/>",
                        "<base64>", "<![CDATA[", "]]>", "<!--", "-->", "<?", "?>", "&", "&#", ";",
                        "&#0;", "&#x110000;", "<!DOCTYPE a>", "<methodResponse>", "<fault>", "<",
                    ]).prop_map(|text| text.as_bytes().to_vec()),
                    proptest::collection::vec(any::<u8>(), 0..4),
                ],
                0..40,
            ),
        ) {
            let bytes = pieces.concat();
            let _ = (read_call(&bytes), read_response(&bytes));
        }
    }
}
