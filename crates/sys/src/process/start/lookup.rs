//! Finds the file to execute for a command.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use supervisor_core::input::{SpawnError, SpawnErrorKind};
use supervisor_core::spec::{Command, Launch};

/// The directories to search if `PATH` is not set, as in supervisord.
const DEFAULT_PATH: &str = "/bin:/usr/bin:/usr/local/bin";

/// The variable with the directories in which commands are searched.
const PATH: &str = "PATH";

/// The command line of a program, and the file to execute. Variables in `launch` override
/// `environment`.
pub fn command<'a>(
    launch: &'a Launch,
    environment: &[(OsString, OsString)],
) -> Result<(&'a [OsString], PathBuf), SpawnError> {
    let argv = match &launch.command {
        Command::Argv(argv) => argv,
        Command::Unparsable(message) => {
            let (kind, message) = (SpawnErrorKind::NotExecutable, message.clone());
            return Err(SpawnError::new(kind, message));
        }
    };
    let word = argv.first().map(OsString::as_os_str).unwrap_or_default();
    Ok((argv, find(word, path(launch, environment), launch.directory.as_deref())?))
}

/// The `PATH` in which the commands of a program are searched.
pub fn path<'a>(launch: &'a Launch, environment: &'a [(OsString, OsString)]) -> Option<&'a OsStr> {
    let own = launch.environment.iter().rfind(|(name, _)| name == PATH);
    own.map(|(_, path)| path.as_os_str()).or_else(|| inherited_path(environment))
}

/// The `PATH` of an environment. If a name occurs twice, its first value counts.
pub fn inherited_path(environment: &[(OsString, OsString)]) -> Option<&OsStr> {
    environment.iter().find(|(name, _)| name == PATH).map(|(_, path)| path.as_os_str())
}

/// Finds the file to execute for `word`.
///
/// A word with a slash is a path, relative to `directory` if that is given. Any other word is
/// searched in the directories of `path`; the first executable file counts.
pub fn find(
    word: &OsStr,
    path: Option<&OsStr>,
    directory: Option<&Path>,
) -> Result<PathBuf, SpawnError> {
    if word.as_bytes().contains(&b'/') {
        let seen_from_there = directory.map_or_else(|| word.into(), |dir| dir.join(word));
        return match obstacle(&seen_from_there) {
            None => Ok(word.into()),
            Some(obstacle) => Err(obstacle),
        };
    }
    let path = path.map_or_else(|| OsString::from(DEFAULT_PATH), OsStr::to_owned);
    let mut first = None;
    for folder in std::env::split_paths(&path) {
        let candidate = folder.join(word);
        match obstacle(&candidate) {
            None => return Ok(candidate),
            Some(SpawnError { kind: SpawnErrorKind::NotFound, .. }) => {}
            Some(obstacle) => first = first.or(Some(obstacle)),
        }
    }
    Err(first.unwrap_or_else(|| {
        let (word, path) = (word.display(), path.display());
        SpawnError {
            searched: Some(path.to_string()),
            ..not_found(format!("can't find command '{word}'"))
        }
    }))
}

/// The reason why this file cannot be executed, if there is one.
fn obstacle(path: &Path) -> Option<SpawnError> {
    let shown = path.display();
    let Ok(metadata) = fs::metadata(path) else {
        return Some(not_found(format!("can't find command '{shown}'")));
    };
    let message = if metadata.is_dir() {
        format!("command at '{shown}' is a directory")
    } else if metadata.permissions().mode() & 0o111 == 0 {
        format!("command at '{shown}' is not executable")
    } else if rustix::fs::access(path, Access::EXEC_OK).is_err() {
        format!("no permission to run command '{shown}'")
    } else {
        return None;
    };
    Some(SpawnError::new(SpawnErrorKind::NotExecutable, message))
}

const fn not_found(message: String) -> SpawnError {
    SpawnError::new(SpawnErrorKind::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_the_name_of_a_command_is_skipped() {
        let folder = std::env::temp_dir().join(format!("lookup-{}", std::process::id()));
        fs::create_dir_all(folder.join("sh")).unwrap();
        let path = std::env::join_paths([folder.as_path(), Path::new("/bin")]).unwrap();
        assert_eq!(find("sh".as_ref(), Some(&path), None).unwrap(), Path::new("/bin/sh"));

        let alone = find("sh".as_ref(), Some(folder.as_os_str()), None).unwrap_err();
        assert_eq!(alone.kind, SpawnErrorKind::NotExecutable);
        assert!(alone.message.ends_with("is a directory"), "{}", alone.message);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_missing_command_is_reported_with_the_searched_path() {
        let error = find("no-such".as_ref(), Some("/bin:/opt/x".as_ref()), None).unwrap_err();
        assert_eq!(error.to_string(), "can't find command 'no-such' in PATH '/bin:/opt/x'");
        assert_eq!(error.kind, SpawnErrorKind::NotFound);
    }

    #[test]
    fn a_relative_command_is_found_in_its_working_directory() {
        assert!(find("./sh".as_ref(), None, Some(Path::new("/bin"))).is_ok());
        assert!(find("./sh".as_ref(), None, Some(Path::new("/proc"))).is_err());
    }
}
