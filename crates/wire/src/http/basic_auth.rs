//! [Basic authentication](https://www.rfc-editor.org/rfc/rfc7617), with passwords that
//! may be kept as `{SHA}` and the hexadecimal SHA-1 sum.

use std::fmt;

use sha1_smol::Sha1;
use subtle::{Choice, ConstantTimeEq as _};

use crate::supervisord::python;

/// What marks a stored password as a sum.
const SUM: &str = "{SHA}";

/// Who may enter, as the configuration says it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// The name.
    pub username: &'a str,
    /// The password, or `{SHA}` and its sum.
    pub password: &'a str,
}

/// A password doesn't belong in a log.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No `Authorization`, or one of another scheme: to be answered with 401.
    Missing,
    /// It isn't base64 of a name, a colon and a password: to be answered with 400.
    Undecodable,
    /// Not this name with this password: to be answered with 401.
    Wrong,
}

/// May who sent this value of `Authorization` enter?
///
/// How long it takes tells nothing about the name and the password that are expected.
///
/// # Errors
///
/// Why not.
pub fn check(authorization: Option<&[u8]>, expected: Credentials<'_>) -> Result<(), Refusal> {
    let value = authorization.ok_or(Refusal::Missing)?;
    let value = value.trim_ascii();
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return Err(Refusal::Missing);
    }
    let (username, password) = decoded(rest).ok_or(Refusal::Undecodable)?;
    let both = same(&username, expected.username) & is_password(&password, expected.password);
    if both.into() { Ok(()) } else { Err(Refusal::Wrong) }
}

/// The value of `Authorization` that a client sends.
#[must_use]
pub fn authorization(username: &str, password: &str) -> String {
    format!("Basic {}", python::to_base64(format!("{username}:{password}").as_bytes()))
}

/// A name can't hold a colon, a password can.
fn decoded(credentials: &[u8]) -> Option<(String, String)> {
    let bytes = python::from_base64(std::str::from_utf8(credentials).ok()?)?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

fn is_password(given: &str, stored: &str) -> Choice {
    match stored.strip_prefix(SUM) {
        Some(sum) => {
            let given = Sha1::from(given).digest().to_string();
            given.as_bytes().ct_eq(sum.to_ascii_lowercase().as_bytes())
        }
        None => same(given, stored),
    }
}

/// Sums are compared, so that not even the length shows.
fn same(given: &str, expected: &str) -> Choice {
    Sha1::from(given).digest().bytes()[..].ct_eq(&Sha1::from(expected).digest().bytes()[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Credentials<'_> = Credentials { username: "user", password: "pass:word é" };

    fn sent(value: &str, expected: Credentials<'_>) -> Result<(), Refusal> {
        check(Some(value.as_bytes()), expected)
    }

    #[test]
    fn the_right_name_and_password_enter() {
        let value = authorization("user", "pass:word é");
        assert_eq!(sent(&value, PLAIN), Ok(()));
        assert_eq!(sent(&value.replace("Basic ", "bASIC   "), PLAIN), Ok(()));
        assert_eq!(sent("Basic Og==", Credentials { username: "", password: "" }), Ok(()));
    }

    #[test]
    fn any_other_name_or_password_does_not() {
        for (username, password) in [
            ("user", "pass:word"),
            ("user", ""),
            ("User", "pass:word é"),
            ("", "pass:word é"),
            ("user", "pass:word éé"),
            ("", ""),
        ] {
            let value = authorization(username, password);
            assert_eq!(sent(&value, PLAIN), Err(Refusal::Wrong), "{username:?} {password:?}");
        }
    }

    #[test]
    fn a_password_may_be_kept_as_its_sum() {
        let sum = "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d";
        let expected = Credentials { username: "user", password: sum };
        let shouted = format!("{{SHA}}{}", sum[5..].to_uppercase());
        assert_eq!(sent(&authorization("user", "thepassword"), expected), Ok(()));
        let expected_shouted = Credentials { password: &shouted, ..expected };
        assert_eq!(sent(&authorization("user", "thepassword"), expected_shouted), Ok(()));
        for wrong in ["thepasswore", "", sum, &sum[5..]] {
            assert_eq!(sent(&authorization("user", wrong), expected), Err(Refusal::Wrong));
        }
        let cut = Credentials { password: &sum[..20], ..expected };
        assert_eq!(sent(&authorization("user", "thepassword"), cut), Err(Refusal::Wrong));
        let empty = Credentials { password: SUM, ..expected };
        assert_eq!(sent(&authorization("user", ""), empty), Err(Refusal::Wrong));
    }

    #[test]
    fn what_is_missing_differs_from_what_is_malformed() {
        assert_eq!(check(None, PLAIN), Err(Refusal::Missing));
        for value in ["", " ", "Digest username=\"user\"", "Bearer Og==", "Basi"] {
            assert_eq!(sent(value, PLAIN), Err(Refusal::Missing), "{value:?}");
        }
        // No base64; no text; no colon.
        for value in ["Basic", "Basic ***", "Basic /w==", "Basic dXNlcg==", "basic O"] {
            assert_eq!(sent(value, PLAIN), Err(Refusal::Undecodable), "{value:?}");
        }
        assert_eq!(check(Some(b"Basic \xff"), PLAIN), Err(Refusal::Undecodable));
    }

    #[test]
    fn a_password_is_not_printed() {
        assert_eq!(format!("{PLAIN:?}"), "Credentials { username: \"user\", .. }");
    }
}
