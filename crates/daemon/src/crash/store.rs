//! The directory in which reports and diagnostics are kept.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use supervisor_core::time::Wall;
use supervisor_wire::date;

use supervisor_sys::io::files::OwnFile;
use supervisor_sys::io::guarded::Place;

/// The number of bytes that all files together may have.
const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// The kinds of files, by their extensions.
pub(crate) const REPORT: &str = "json";
pub(crate) const EVIDENCE: &str = "txt";

/// The directory of this supervisor's files. Files of other programs in it are left alone.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    /// The number of files of each kind that are kept.
    keep: usize,
    /// The user configured the directory, and is responsible for other writers.
    trusted: bool,
}

impl Store {
    pub(crate) const fn new(directory: PathBuf, keep: usize, trusted: bool) -> Self {
        Self { directory, keep, trusted }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a file about a run and removes the oldest files; returns its path.
    pub(crate) fn put(
        &self,
        (name, run): (&str, u64),
        at: Wall,
        kind: &str,
        content: &[u8],
    ) -> io::Result<PathBuf> {
        self.make()?;
        let at = date::compact(at.secs());
        let path = self.directory.join(format!("{at}-{}-{run}.{kind}", plain(name)));
        OwnFile::put(&path, 0o600, content)?;
        self.prune(kind);
        Ok(path)
    }

    /// In a directory that every user may write to, the name may belong to another user.
    fn make(&self) -> io::Result<()> {
        if let Some(parent) = self.directory.parent() {
            fs::create_dir_all(parent)?;
        }
        match fs::DirBuilder::new().mode(0o700).create(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made,
        }
        if self.trusted {
            return Ok(());
        }
        let there = fs::symlink_metadata(&self.directory)?;
        let ours = there.uid() == rustix::process::geteuid().as_raw();
        let private = there.mode() & 0o022 == 0;
        if there.is_dir() && ours && private {
            return Ok(());
        }
        let message = "it is not a directory that only the supervisor's user can write to";
        Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
    }

    /// Removes the oldest files. Names start with the time, so their order is the order of age.
    fn prune(&self, kind: &str) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let ours = |name: &str| is_ours(name).filter(|found| *found == kind).is_some();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| ours(name))
            .collect();
        names.sort_unstable();
        let mut bytes = 0;
        for (newer, name) in names.iter().rev().enumerate() {
            let path = self.directory.join(name);
            bytes += fs::symlink_metadata(&path).map_or(0, |there| there.len());
            if newer >= self.keep || (newer > 0 && bytes > MOST_BYTES / 2) {
                // Another instance may have removed it already.
                let _ = Place::of(&path).and_then(|place| place.remove());
            }
        }
    }
}

/// The kind of a file, if [`Store::put`] could have created its name.
fn is_ours(name: &str) -> Option<&str> {
    let (stem, kind) = name.rsplit_once('.')?;
    let (time, rest) = stem.split_once('-')?;
    let (_, run) = rest.rsplit_once('-')?;
    let like_time = time.len() == 16 && time.ends_with('Z') && time.as_bytes()[8] == b'T';
    (like_time && run.parse::<u64>().is_ok()).then_some(kind)
}

/// Makes a name safe for use in a file name.
fn plain(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
    name.chars().take(100).map(|letter| if plain(letter) { letter } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("store-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn the_newest_reports_and_foreign_files_are_kept() {
        let folder = folder("keep");
        let store = Store::new(folder.join("crashes"), 2, false);
        for run in 1..=4 {
            let at = Wall::from_epoch(Duration::from_secs(951_868_800 + run));
            store.put(("a/b:c", run), at, REPORT, b"{}").unwrap();
            store.put(("a/b:c", run), at, EVIDENCE, b"").unwrap();
            fs::write(folder.join("crashes/0.json"), "").unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(store.directory())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "0.json",
                "20000301T000003Z-a_b_c-3.json",
                "20000301T000003Z-a_b_c-3.txt",
                "20000301T000004Z-a_b_c-4.json",
                "20000301T000004Z-a_b_c-4.txt",
            ]
        );
        let mode = |path: &str| fs::metadata(folder.join("crashes").join(path)).unwrap().mode();
        assert_eq!(mode("20000301T000004Z-a_b_c-4.json") & 0o777, 0o600);
        assert_eq!(mode(".") & 0o777, 0o700);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_directory_that_others_may_write_is_used_only_if_it_was_configured() {
        let folder = folder("other");
        fs::create_dir_all(folder.join("real")).unwrap();
        std::os::unix::fs::symlink("real", folder.join("link")).unwrap();
        let open = folder.join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        for name in ["link", "open"] {
            let put = |trusted| {
                let store = Store::new(folder.join(name), 2, trusted);
                store.put(("app", 1), Wall::default(), REPORT, b"{}")
            };
            assert!(put(false).is_err(), "{name}");
            assert!(put(true).is_ok(), "{name}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
