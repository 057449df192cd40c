//! Finds out why an existing file cannot be executed: its interpreter or loader is missing.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::Access;
use supervisor_wire::system::executable::{Needs, needs};

/// The part of a file that is searched for its interpreter. Linkers put it at the beginning.
const BEGINNING: u64 = 4096;

/// Describes the missing interpreter or loader of `file`. `directory` is the working directory of
/// the program.
pub fn obstacle(file: &Path, directory: Option<&Path>) -> Option<String> {
    let seen_from_there = |path: &Path| directory.map_or_else(|| path.into(), |dir| dir.join(path));
    let mut beginning = Vec::new();
    let opened = File::open(seen_from_there(file)).ok()?;
    opened.take(BEGINNING).read_to_end(&mut beginning).ok()?;
    let (path, what) = match needs(&beginning)? {
        Needs::Interpreter(path) => (path, "the interpreter that its first line names"),
        Needs::Loader(path) => (path, "the loader that it was linked for"),
    };
    let place = seen_from_there(Path::new(OsStr::from_bytes(&path)));
    let why = match fs::metadata(&place) {
        Err(_) if path.ends_with(b"\r") => {
            "does not exist; convert the file to Unix line ends, without carriage returns"
        }
        Err(_) => "does not exist",
        Ok(found) if found.is_dir() => "is a directory",
        Ok(_) if rustix::fs::access(&place, Access::EXEC_OK).is_err() => "is not executable",
        Ok(_) => return None,
    };
    let path = String::from_utf8_lossy(&path);
    Some(format!("'{}', {what}, {why}", path.escape_debug()))
}
