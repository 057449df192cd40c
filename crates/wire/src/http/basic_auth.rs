//! [Basic authentication](https://www.rfc-editor.org/rfc/rfc7617). The configuration may store a
//! password as `{SHA}` and its hexadecimal SHA-1 hash.

use std::fmt;

use sha1_smol::Sha1;
use subtle::{Choice, ConstantTimeEq as _};

use crate::supervisord::python;

/// The prefix of a hashed password.
const SUM: &str = "{SHA}";

/// The configured user name and password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// The user name.
    pub username: &'a str,
    /// The password, or `{SHA}` and its hash.
    pub password: &'a str,
}

/// Hides the password, because debug output may get into logs.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The reason for rejecting a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No `Authorization` header, or another scheme. The response is 401.
    Missing,
    /// Not the base64 encoding of a user name, a colon and a password. The response is 400.
    Undecodable,
    /// A wrong user name or password. The response is 401.
    Wrong,
}

/// Checks the value of an `Authorization` header.
///
/// The comparison takes the same time for all values, so it reveals nothing about the credentials.
///
/// # Errors
///
/// The reason for the rejection.
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

/// The value of an `Authorization` header with these credentials.
#[must_use]
pub fn authorization(username: &str, password: &str) -> String {
    format!("Basic {}", python::to_base64(format!("{username}:{password}").as_bytes()))
}

/// The user name ends at the first colon. The password may contain colons.
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

/// Compares hashes, so that the time does not reveal the length either.
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
    fn the_right_user_name_and_password_are_accepted() {
        let value = authorization("user", "pass:word é");
        assert_eq!(sent(&value, PLAIN), Ok(()));
        assert_eq!(sent(&value.replace("Basic ", "bASIC   "), PLAIN), Ok(()));
        assert_eq!(sent("Basic Og==", Credentials { username: "", password: "" }), Ok(()));
    }

    #[test]
    fn any_other_user_name_or_password_is_rejected() {
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
    fn a_password_may_be_stored_as_its_hash() {
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
    fn missing_and_malformed_credentials_have_different_errors() {
        assert_eq!(check(None, PLAIN), Err(Refusal::Missing));
        for value in ["", " ", "Digest username=\"user\"", "Bearer Og==", "Basi"] {
            assert_eq!(sent(value, PLAIN), Err(Refusal::Missing), "{value:?}");
        }
        // Invalid base64, invalid UTF-8, or no colon.
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
