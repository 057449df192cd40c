//! Removes leftover files: finds the entries, collects the facts about each, and asks the core
//! whether to remove it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rustix::fs::FileType;
use supervisor_core::files::{Facts, Fate, Kept, is_typical, judge};
use supervisor_core::ids::Pid;
use supervisor_core::spec::RemoveLeftovers;
use supervisor_sys::deadline::Wanted;

use super::entries::{Before, Found, Places, Seen as Entry, Walk, open_folder};
use super::evidence::{Evidence, Seen, is_free};
use super::users::{Users, shares_memory_with_the_unseen};

/// The search for the leftover files of a program.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) places: Places,
    pub(crate) uid: u32,
    pub(crate) policy: RemoveLeftovers,
    /// The files that existed before the first run. `None`: no run has started yet.
    pub(crate) before: Option<Before>,
    pub(crate) evidence: Evidence,
    /// Sockets that its command line names.
    pub(crate) sockets: Vec<PathBuf>,
    /// Prefixes of the names that its server uses in shared memory.
    pub(crate) shared_memory: &'static [&'static str],
    /// Its latest main process, which has ended.
    pub(crate) main: Option<Pid>,
}

/// The result of a cleanup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) removed: Vec<PathBuf>,
    /// The number of bytes of memory that were freed.
    pub(crate) bytes: u64,
    pub(crate) kept: Vec<(PathBuf, Kept)>,
}

impl Search {
    /// Removes the files that may be removed.
    pub(crate) fn carry_out(&self, wanted: &Wanted) -> Outcome {
        let mut seen = self.evidence.all();
        seen.sockets.extend(seen.named.iter().chain(&self.sockets).cloned().collect::<Vec<_>>());
        seen.named.extend(self.sockets.iter().cloned());
        let found = self.found(&seen);
        let mut outcome = Outcome::default();
        if found.is_empty() {
            return outcome;
        }
        let users = Users::now();
        // If some processes are hidden, one of them may have the same pid.
        let mut dead: Vec<Pid> =
            seen.dead().chain(self.main.filter(|main| is_free(*main))).collect();
        if shares_memory_with_the_unseen() {
            dead.clear();
        }
        for entry in found {
            let facts = Facts {
                name: entry.name.to_bytes(),
                socket: entry.stat.kind == FileType::Socket,
                older: self.is_older(&entry),
                seen: seen.files.contains(&entry.stat.identity),
                named: seen.named.contains(&entry.path),
                typical: self.is_typical(&entry),
                dead: &dead,
                used: users.use_of(&entry),
            };
            match judge(self.policy, &facts) {
                Fate::Removed if wanted.still() && entry.remove() => {
                    outcome.bytes += entry.stat.bytes;
                    outcome.removed.push(entry.path);
                }
                Fate::Kept(why) => outcome.kept.push((entry.path, why)),
                Fate::Removed | Fate::Ignored => {}
            }
        }
        outcome
    }

    /// The entries of the user that may be leftover files.
    fn found(&self, seen: &Seen) -> Vec<Found> {
        let all = self.policy == RemoveLeftovers::All;
        let since = match &self.before {
            Some(before) if !all => before.since,
            _ => std::time::Duration::ZERO,
        };
        let mut found = Vec::new();
        for (path, kind) in &self.places.0 {
            let Ok(folder) = open_folder(path) else { continue };
            let mut note = |entry: Entry<'_>| {
                if entry.stat.uid == self.uid {
                    found.push(entry.keep());
                }
            };
            Walk::new(*kind, since, &mut note).through(path, &folder);
        }
        found.extend(seen.sockets.iter().filter_map(|path| Found::socket_at(path)));
        let mut known = BTreeSet::new();
        found.retain(|entry| {
            let linked = seen.named.contains(&entry.path) || self.is_typical(entry);
            let wanted = all || !self.is_older(entry) || linked;
            entry.stat.uid == self.uid && wanted && known.insert(entry.stat.identity)
        });
        found
    }

    fn is_typical(&self, entry: &Found) -> bool {
        entry.stat.kind == FileType::RegularFile
            && is_typical(entry.name.to_bytes(), self.shared_memory)
    }

    fn is_older(&self, entry: &Found) -> bool {
        self.before.as_ref().is_none_or(|before| before.had(&entry.stat))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use supervisor_core::ids::Member;
    use supervisor_sys::process::process_table::start_of;

    use super::super::entries::{Kind, file_time};
    use super::*;

    /// A directory in place of shared memory, with only new files in it.
    pub(crate) struct Playground(pub(crate) PathBuf);

    impl Playground {
        pub(crate) fn new(name: &str) -> Self {
            let path = PathBuf::from(format!("/dev/shm/leftovers-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, [1; 8192]).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            path
        }

        fn search(&self, kind: Kind) -> Search {
            Search {
                places: Places(vec![(self.0.clone(), kind)]),
                uid: rustix::process::geteuid().as_raw(),
                policy: RemoveLeftovers::OnEvidence,
                before: Some(Before::default()),
                evidence: Evidence::default(),
                sockets: Vec::new(),
                shared_memory: &[],
                main: None,
            }
        }
    }

    impl Drop for Playground {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn ourselves() -> [Member; 1] {
        let pid = Pid(std::process::id().cast_signed());
        [Member { pid, start: start_of(pid).unwrap().unwrap() }]
    }

    fn carry_out(search: &Search) -> Outcome {
        let mut outcome = search.carry_out(&Wanted::default());
        outcome.removed.sort();
        outcome.kept.sort();
        outcome
    }

    #[test]
    fn only_recorded_and_unused_files_are_removed() {
        let place = Playground::new("files");
        let old = place.file("old");
        // The clock of the file system advances in steps of a few milliseconds.
        let made = file_time();
        while file_time() <= made {}
        let search = place.search(Kind::Everything);
        let before = Some(Before::look(&search.places, file_time()));
        let search = Search { before, ..search };
        let [seen, open, strange] = ["seen", "open", "strange"].map(|name| place.file(name));
        symlink(&old, place.0.join("link")).unwrap();
        fs::create_dir(place.0.join("folder")).unwrap();
        let held = [&old, &seen, &open].map(|path| fs::File::open(path).unwrap());
        search.evidence.look_at(&ourselves());
        let [first, second, held] = held;
        drop((first, second));
        let outcome = carry_out(&search);
        assert_eq!((&outcome.removed[..], outcome.bytes), (&[seen][..], 8192));
        let kept = [(open.clone(), Kept::InUse), (strange.clone(), Kept::NoEvidence)];
        assert_eq!(outcome.kept, kept);
        drop(held);
        assert_eq!(carry_out(&search).removed, [open]);
        let all = Search { policy: RemoveLeftovers::All, before: None, ..search };
        assert_eq!(carry_out(&all).removed, [old, strange]);
        assert!(place.0.join("link").is_symlink());
    }

    #[test]
    fn a_file_with_only_a_typical_name_is_reported_and_kept() {
        let place = Playground::new("typical");
        let [old, _, held] = ["psm_old", "other", "psm_held"].map(|name| place.file(name));
        let bound = UnixListener::bind(place.0.join("psm_socket")).unwrap();
        drop(bound);
        let open = fs::File::open(&held).unwrap();
        let search = Search { before: None, ..place.search(Kind::Everything) };
        assert_eq!(carry_out(&search), Outcome::default());
        let search = Search { shared_memory: &["psm_"], ..search };
        let outcome = carry_out(&search);
        assert_eq!(
            (&outcome.removed[..], &outcome.kept[..]),
            (&[][..], &[(old, Kept::NameOnly)][..])
        );
        drop(open);
    }

    #[test]
    fn files_of_another_user_are_kept() {
        let place = Playground::new("user");
        let file = place.file("theirs");
        let search = place.search(Kind::Everything);
        let (policy, uid) = (RemoveLeftovers::All, search.uid + 1);
        assert_eq!(carry_out(&Search { policy, uid, ..search }), Outcome::default());
        assert!(file.exists());
    }

    #[test]
    fn a_socket_without_a_listener_is_removed() {
        let place = Playground::new("sockets");
        fs::create_dir(place.0.join("below")).unwrap();
        let (dead, alive) = (place.0.join("below/dead"), place.0.join("alive"));
        let listener = UnixListener::bind(&alive).unwrap();
        let search = place.search(Kind::Sockets);
        let bound = UnixListener::bind(&dead).unwrap();
        search.evidence.look_at(&ourselves());
        drop(bound);
        // The socket is listed under another name: only a connection shows that it is in use.
        let moved = place.0.join("moved");
        fs::rename(&alive, &moved).unwrap();
        let file = place.file("file");
        assert_eq!(carry_out(&search).removed, [dead]);
        assert!(moved.exists() && file.exists());
        drop(listener);
        assert_eq!(carry_out(&search).removed, [moved]);
    }

    #[test]
    fn a_socket_in_the_command_line_is_removed_at_any_path_and_age() {
        let place = Playground::new("named");
        let (named, other) = (place.0.join("named"), place.0.join("other"));
        for path in [&named, &other] {
            drop(UnixListener::bind(path).unwrap());
        }
        let search = place.search(Kind::Sockets);
        let search = Search {
            places: Places(Vec::new()),
            before: Some(Before { since: file_time() * 2, ..Before::default() }),
            sockets: vec![named.clone(), place.file("a file")],
            ..search
        };
        let outcome = carry_out(&search);
        assert_eq!((&outcome.removed[..], &outcome.kept[..]), (&[named][..], &[][..]));
        assert!(other.exists() && place.0.join("a file").exists());
    }

    #[test]
    fn a_file_named_after_a_dead_process_is_removed() {
        let place = Playground::new("pids");
        let (dead, other) = (place.file("torch_4194304_1_0"), place.file("torch_4194303_1_0"));
        let search = Search { main: Some(Pid(4_194_304)), ..place.search(Kind::Everything) };
        let outcome = carry_out(&search);
        assert_eq!(outcome.removed, [dead]);
        assert_eq!(outcome.kept, [(other, Kept::NoEvidence)]);
    }
}
