//! A folder of its own for each run, and what is in it in the end.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What a run left of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// Its kind and permissions, and whose it is.
    pub(crate) kind: String,
    pub(crate) content: String,
}

/// A folder that goes when the value does.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new one. All paths have the same length, which shows in the sizes of logs.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1000);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("compare-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        // Programs of other users have to get in, too.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and the folders that lead to it.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// All that is in it, by path.
    pub(crate) fn contents(&self) -> BTreeMap<String, Left> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&self.0).unwrap().to_string_lossy().into_owned();
                found.insert(name, left(&path));
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
        found
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn left(path: &Path) -> Left {
    let about = fs::symlink_metadata(path).unwrap();
    let what = about.file_type();
    let kind = match () {
        () if what.is_file() => "file",
        () if what.is_dir() => "folder",
        () if what.is_socket() => "socket",
        () if what.is_fifo() => "FIFO",
        () => "other",
    };
    let content = if what.is_file() {
        String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
    } else {
        String::new()
    };
    let mode = about.mode() & 0o7777;
    Left { kind: format!("{kind} {mode:04o} of {}:{}", about.uid(), about.gid()), content }
}
