//! The environment of a program: the supervisor's own, overridden by environment files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;

use supervisor_core::input::{SpawnError, SpawnErrorKind};
use supervisor_core::spec::EnvFile;
use supervisor_wire::env_file::{LARGEST, parse};

use crate::io::bounded_read::read_regular;
use crate::io::errno;

/// `inherited`, overridden by the variables of `files`.
///
/// # Errors
///
/// If a file cannot be read or is malformed. A later start may succeed.
pub fn with_files(
    mut inherited: Vec<(OsString, OsString)>,
    files: &[EnvFile],
) -> Result<Vec<(OsString, OsString)>, SpawnError> {
    let mut variables = BTreeMap::new();
    for EnvFile { path, optional } in files {
        let failed = |why: String| {
            let message = format!("env_file {}: {why}", path.display());
            SpawnError::new(SpawnErrorKind::Transient, message)
        };
        match read_regular(path, LARGEST) {
            Ok(file) => {
                variables.extend(parse(&file.content).map_err(|why| failed(why.to_string()))?);
            }
            Err(error) if *optional && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(errno::words(&error))),
        }
    }
    if !variables.is_empty() {
        inherited.retain(|(name, _)| !variables.contains_key(name));
        inherited.extend(variables);
    }
    Ok(inherited)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn later_env_files_override_earlier_ones_and_inherited_variables() {
        let folder = std::env::temp_dir().join(format!("env-file-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, optional| EnvFile { path: folder.join(name), optional };
        fs::write(folder.join("a"), "A=1\nB=1\n").unwrap();
        fs::write(folder.join("b"), "B=2\nC=2\n").unwrap();
        fs::write(folder.join("bad"), "A=1\ns3cret\n").unwrap();
        let inherited = || vec![("A".into(), "0".into()), ("X".into(), "0".into())];
        let flat = |files: &[EnvFile]| match with_files(inherited(), files) {
            Ok(all) => {
                all.iter().map(|(n, v)| format!("{}{} ", n.display(), v.display())).collect()
            }
            Err(error) => error.message.replace(&*folder.to_string_lossy(), ""),
        };
        let ordered = [file("a", false), file("none", true), file("b", false)];
        assert_eq!(flat(&ordered), "X0 A1 B2 C2 ");
        assert_eq!(flat(&[]), "A0 X0 ");
        assert_eq!(flat(&[file("none", false)]), "env_file /none: No such file or directory");
        assert_eq!(flat(&[file("bad", true)]), "env_file /bad: line 2: expected KEY=VALUE");
        fs::remove_dir_all(folder).unwrap();
    }
}
