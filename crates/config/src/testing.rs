//! An environment and a host for the tests of several modules.

#[cfg(test)]
mod against_supervisord;
#[cfg_attr(fuzzing, allow(missing_docs))]
pub mod bad_input;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use supervisor_core::spec::{Limit, User};

use crate::sources::{Host, RegularFile, Sources};

/// An environment in `/srv` on a host named `box`.
pub(crate) fn sources(pairs: &[(&str, &str)]) -> Sources {
    Sources {
        environment: pairs.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        hostname: "box".to_owned(),
        cwd: PathBuf::from("/srv"),
        temp_dir: PathBuf::from("/tmp"),
        uid: 0,
        keeper: None,
    }
}

/// A host with these files, the usual directories, and the users `root` and `me`.
#[derive(Debug, Default)]
pub(crate) struct FakeHost(pub(crate) BTreeMap<PathBuf, Vec<u8>>);

impl FakeHost {
    #[cfg(test)]
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| (path.into(), text.as_bytes().to_vec())).collect())
    }
}

impl Host for FakeHost {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        self.0.get(path).cloned().ok_or_else(|| "No such file or directory".to_owned())
    }

    /// Other users may write to a file whose name ends in `.open`.
    fn regular_file(&self, path: &Path, largest: u64) -> Result<Option<RegularFile>, String> {
        match self.0.get(path).cloned() {
            Some(content) if content.len() as u64 > largest => Err("it is too large".to_owned()),
            Some(content) => {
                let others_may_write = path.extension().is_some_and(|end| end == "open");
                Ok(Some(RegularFile { content, others_may_write }))
            }
            None if self.is_dir(path) => Err("it is not a regular file".to_owned()),
            None => Ok(None),
        }
    }

    /// Supports one star, at the end of the directory part.
    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let pattern = &*pattern.to_string_lossy();
        let (front, back) = pattern.split_once('*').unwrap_or((pattern, ""));
        let fits = |path: &&PathBuf| {
            let path = path.to_string_lossy();
            path == pattern
                || (pattern.contains('*') && path.starts_with(front) && path.ends_with(back))
        };
        self.0.keys().rev().filter(fits).cloned().collect()
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn beginning(&self, path: &Path) -> Vec<u8> {
        self.0.get(path).cloned().unwrap_or_default()
    }

    fn find_program(&self, word: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
        let folders: Vec<_> =
            std::env::split_paths(path.unwrap_or_else(|| "/bin".as_ref())).collect();
        folders.iter().map(|folder| folder.join(word)).find(|file| self.0.contains_key(file))
    }

    fn check_limit(&self, limit: Limit) -> Result<(), String> {
        let lowest = |number, least| {
            if number >= least {
                return Ok(());
            }
            Err(format!("the lowest value that the system allows is {least}"))
        };
        match limit {
            Limit::Nice(nice) => lowest(nice, 0),
            Limit::OomScoreAdj(adjustment) => lowest(adjustment, -100),
            Limit::Resource { hard: Some(0..=4096), .. } => Ok(()),
            Limit::Resource { .. } => {
                Err("the highest value that the system allows is 4096".to_owned())
            }
        }
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.0.keys().any(|file| file.parent() == Some(path))
            || ["/", "/srv", "/tmp", "/dev", "/var/log", "/home/me"]
                .iter()
                .any(|dir| path == Path::new(dir))
    }

    fn user_by_name(&self, name: &str) -> Option<User> {
        let uid = match name {
            "root" => 0,
            "me" => 1000,
            _ => return None,
        };
        self.user_by_id(uid)
    }

    fn user_by_id(&self, uid: u32) -> Option<User> {
        let (name, home) = match uid {
            0 => ("root", "/root"),
            1000 => ("me", "/home/me"),
            _ => return None,
        };
        let (name, home) = (name.to_owned(), home.into());
        Some(User { name, home, uid, gid: uid, groups: vec![uid] })
    }

    fn group_by_name(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn group_exists(&self, gid: u32) -> bool {
        gid == 0
    }

    fn has_address(&self, host: &str) -> bool {
        ["localhost", "box"].contains(&host) || host.parse::<std::net::IpAddr>().is_ok()
    }

    fn home(&self, _: Option<&str>) -> Option<PathBuf> {
        Some(PathBuf::from("/home/me"))
    }
}
