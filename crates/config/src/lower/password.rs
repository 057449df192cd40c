//! Reads a password, or the file that contains it.

use supervisor_wire::supervisord::python::repr;

use super::Lowering;
use crate::options as o;
use crate::text::expand::Names;
use crate::text::ini::Section;

/// Size limit of a password file, in bytes.
const LARGEST_PASSWORD_FILE: u64 = 4096;

/// The section's password; `None`: no password is set. An error has already been reported.
pub(super) fn read<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Result<Option<String>, ()> {
    let password = lowering.try_get(section, &o::PASSWORD, names).map_err(|_| ())?;
    let path = lowering.try_get(section, &o::PASSWORD_FILE, names).map_err(|_| ())?;
    let Some(path) = path else { return Ok(password) };
    let key = o::PASSWORD_FILE.def.key;
    let read = match password {
        Some(_) => Err(format!("both {} and {key} are set; set one", o::PASSWORD.def.key)),
        None => match lowering.context.host.regular_file(&path, LARGEST_PASSWORD_FILE) {
            Ok(Some(file)) => line_of(file.content),
            Ok(None) => Err("file not found".to_owned()),
            Err(why) => Err(why),
        }
        .map_err(|why| format!("{key} {}: {why}", repr(&path.to_string_lossy()))),
    };
    read.map(Some).map_err(|why| {
        let origin = lowering.entry(section, key).map_or(&section.origin, |entry| &entry.origin);
        lowering.complain(section, origin, &why);
    })
}

/// The only line of a password file. A line break at its end is not part of the password.
fn line_of(content: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(content).map_err(|_| "it is not UTF-8 text".to_owned())?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match line {
        "" => Err("it is empty".to_owned()),
        line if line.contains(['\n', '\0']) => {
            Err("expected one line with the password".to_owned())
        }
        line => Ok(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_line_break_is_not_part_of_a_password() {
        for (content, password) in [
            ("s3cret", Ok("s3cret")),
            ("s3cret\n", Ok("s3cret")),
            (" s3 cret \r\n", Ok(" s3 cret ")),
            ("\n", Err("it is empty")),
            ("", Err("it is empty")),
            ("a\nb\n", Err("expected one line with the password")),
        ] {
            let read = line_of(content.as_bytes().to_vec());
            assert_eq!(read.as_deref().map_err(String::as_str), password, "{content:?}");
        }
    }
}
