//! Decides which files in shared memory and which sockets a run left behind may be removed.
//!
//! Like processes, files are removed only on evidence: a process of the tree had the file open,
//! mapped or bound; the name contains the pid of such a process; or a command line names it as the
//! program's socket. A file that merely appeared during the run is not evidence: the containers of
//! a pod share `/dev/shm`, and `/tmp` is shared by all users.

use std::path::PathBuf;
use std::time::Duration;

use crate::ids::Pid;
use crate::spec::RemoveLeftovers;

/// Minimum interval between scans of the files that a run has open.
pub const FILES_EVERY: Duration = Duration::from_secs(60);

/// Shared memory counts as nearly full from this percentage on.
const NEARLY_FULL: u64 = 90;

/// Minimum number of digits of a pid in a file name that counts as evidence: the 7 in `a-7` may be
/// any counter.
const TELLING_DIGITS: usize = 2;

/// The facts about one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The name without the directory.
    pub name: &'a [u8],
    /// Whether it is a socket. Otherwise it is shared memory.
    pub socket: bool,
    /// Whether it existed before the first start of the program.
    pub older: bool,
    /// Whether a process of the tree had it open, mapped or bound.
    pub seen: bool,
    /// Whether a command line of the tree names it as its socket.
    pub named: bool,
    /// Whether it is shared memory with a name that the program's server uses, by its preset.
    pub typical: bool,
    /// Processes of the tree that have exited.
    pub dead: &'a [Pid],
    /// Whether a process uses it now.
    pub used: Used,
}

/// Whether a process uses a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// No process uses it.
    No,
    /// A process uses it.
    Yes,
    /// The processes that could use it are not visible.
    Unknown,
}

/// The decision about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Remove it.
    Removed,
    /// Keep it, and log the reason.
    Kept(Kept),
    /// Ignore it: it does not belong to the program.
    Ignored,
}

/// The reason for keeping a file that a run may have left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// A process uses it.
    InUse,
    /// No evidence links it to the program.
    NoEvidence,
    /// Only its name links it to the program: each instance of the server uses such names.
    NameOnly,
    /// Its name looks like a model file, which takes long to load again.
    Model,
    /// The processes that could use it are not visible.
    Unseen,
}

impl Kept {
    /// All reasons.
    pub const ALL: [Self; 5] =
        [Self::InUse, Self::NoEvidence, Self::NameOnly, Self::Model, Self::Unseen];

    /// The label value of the metric.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::InUse => "in_use",
            Self::NoEvidence => "no_evidence",
            Self::NameOnly => "name_only",
            Self::Model => "model",
            Self::Unseen => "unseen",
        }
    }

    /// The reason as text.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::InUse => "in use by a process",
            Self::NoEvidence => {
                "not seen in use by its processes; \
                 PROCESS_REMOVE_LEFTOVERS=all (remove_leftovers=all) removes them"
            }
            Self::NameOnly => {
                "named like files of its server, but not seen in use by its processes; \
                 PROCESS_REMOVE_LEFTOVERS=all (remove_leftovers=all) removes them"
            }
            Self::Model => "named like model files",
            Self::Unseen => "the processes that may use them are not visible to the supervisor",
        }
    }
}

/// Decides about a file.
#[must_use]
pub fn judge(policy: RemoveLeftovers, facts: &Facts<'_>) -> Fate {
    let telling = facts.seen || facts.dead.iter().any(|pid| holds_pid(facts.name, *pid));
    // A socket that a command line names blocks the next `bind`, however old it is.
    let evidence = (facts.named && facts.socket) || (telling && !facts.older);
    let all = match policy {
        RemoveLeftovers::No => return Fate::Ignored,
        RemoveLeftovers::OnEvidence => false,
        RemoveLeftovers::All => true,
    };
    match facts.used {
        _ if !evidence && !all && facts.older && !facts.typical => Fate::Ignored,
        Used::Yes if evidence => Fate::Kept(Kept::InUse),
        Used::Yes => Fate::Ignored,
        Used::No | Used::Unknown if !facts.socket && is_model(facts.name) => {
            Fate::Kept(Kept::Model)
        }
        Used::No | Used::Unknown if evidence => Fate::Removed,
        Used::No if all => Fate::Removed,
        Used::Unknown if all => Fate::Kept(Kept::Unseen),
        // It may be another instance's, in use where the supervisor does not see it.
        Used::Unknown if facts.older => Fate::Ignored,
        Used::No | Used::Unknown if facts.typical => Fate::Kept(Kept::NameOnly),
        Used::No | Used::Unknown => Fate::Kept(Kept::NoEvidence),
    }
}

/// Whether shared memory is so full that the log should say so.
#[must_use]
pub const fn nearly_full(used: u64, size: u64) -> bool {
    size > 0 && used as u128 * 100 >= size as u128 * NEARLY_FULL as u128
}

/// Whether a file in shared memory has a name of the server that uses these prefixes.
#[must_use]
pub fn is_typical(name: &[u8], prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
}

/// Whether `name` contains this pid as a number.
fn holds_pid(name: &[u8], pid: Pid) -> bool {
    let pid = pid.to_string();
    pid.len() >= TELLING_DIGITS
        && name.split(|byte| !byte.is_ascii_digit()).any(|number| number == pid.as_bytes())
}

/// Whether the name looks like a model file.
fn is_model(name: &[u8]) -> bool {
    const ENDINGS: [&[u8]; 10] = [
        b".safetensors",
        b".gguf",
        b".ggml",
        b".bin",
        b".pt",
        b".pth",
        b".ckpt",
        b".onnx",
        b".engine",
        b".plan",
    ];
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The paths at which a command creates its socket: `--uds PATH` and options that end
/// like it (vLLM, uvicorn, text-generation-inference), `unix:PATH`
/// ([gunicorn](https://docs.gunicorn.org/en/stable/settings.html#bind), hypercorn), and a
/// host that ends in `.sock`
/// ([llama.cpp](https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md)).
pub fn named_sockets<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut option = "";
    for word in words {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) if name.starts_with('-') => (name, value),
            _ => (std::mem::replace(&mut option, word), word),
        };
        let path = value.strip_prefix("unix:").map(|path| path.strip_prefix("//").unwrap_or(path));
        let path = path.or_else(|| {
            let uds = ["--uds", "--uds-path"].contains(&name);
            let host = name == "--host" && value.ends_with(".sock");
            (uds || host).then_some(value)
        });
        found.extend(path.filter(|path| path.starts_with('/')).map(PathBuf::from));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: Facts<'_> = Facts {
        name: b"psm_1a2b",
        socket: false,
        older: false,
        seen: true,
        named: false,
        typical: false,
        dead: &[],
        used: Used::No,
    };
    const UNSEEN: Facts<'_> = Facts { seen: false, ..SEEN };

    #[test]
    fn files_are_removed_only_on_evidence() {
        use Fate::{Ignored, Kept as K, Removed};
        use RemoveLeftovers::{All, No, OnEvidence};
        let socket = Facts { socket: true, ..UNSEEN };
        let dead = Facts { name: b"torch_4711_9_0", dead: &[Pid(4711)], ..UNSEEN };
        let model = Facts { name: b"llama.gguf", ..SEEN };
        let typical = Facts { typical: true, ..UNSEEN };
        for (policy, facts, fate) in [
            (No, SEEN, Ignored),
            (OnEvidence, SEEN, Removed),
            (OnEvidence, UNSEEN, K(Kept::NoEvidence)),
            (OnEvidence, socket, K(Kept::NoEvidence)),
            (OnEvidence, Facts { named: true, ..socket }, Removed),
            (OnEvidence, Facts { named: true, older: true, ..socket }, Removed),
            (OnEvidence, Facts { named: true, used: Used::Yes, ..socket }, K(Kept::InUse)),
            // A path that is not a socket is an error in the command line.
            (OnEvidence, Facts { named: true, ..UNSEEN }, K(Kept::NoEvidence)),
            (OnEvidence, dead, Removed),
            (OnEvidence, Facts { dead: &[Pid(471)], ..dead }, K(Kept::NoEvidence)),
            (OnEvidence, Facts { name: b"a-7", dead: &[Pid(7)], ..dead }, K(Kept::NoEvidence)),
            // A process that opens an existing file does not leave it behind.
            (OnEvidence, Facts { older: true, ..SEEN }, Ignored),
            (OnEvidence, Facts { older: true, ..dead }, Ignored),
            (OnEvidence, Facts { used: Used::Yes, ..SEEN }, K(Kept::InUse)),
            (OnEvidence, Facts { used: Used::Unknown, ..SEEN }, Removed),
            (OnEvidence, Facts { used: Used::Yes, ..UNSEEN }, Ignored),
            (OnEvidence, model, K(Kept::Model)),
            // A sibling container's server uses the same names.
            (No, typical, Ignored),
            (OnEvidence, typical, K(Kept::NameOnly)),
            (OnEvidence, Facts { seen: true, ..typical }, Removed),
            // The container was restarted, and its shared memory was not.
            (OnEvidence, Facts { older: true, ..typical }, K(Kept::NameOnly)),
            (OnEvidence, Facts { older: true, used: Used::Yes, ..typical }, Ignored),
            (OnEvidence, Facts { older: true, used: Used::Unknown, ..typical }, Ignored),
            (OnEvidence, Facts { used: Used::Unknown, ..typical }, K(Kept::NameOnly)),
            (All, Facts { older: true, ..typical }, Removed),
            (All, UNSEEN, Removed),
            (All, Facts { older: true, ..UNSEEN }, Removed),
            (All, Facts { used: Used::Unknown, ..UNSEEN }, K(Kept::Unseen)),
            (All, Facts { used: Used::Yes, older: true, ..UNSEEN }, Ignored),
            (All, model, K(Kept::Model)),
        ] {
            assert_eq!(judge(policy, &facts), fate, "{policy:?}: {facts:?}");
        }
    }

    #[test]
    fn sockets_are_found_in_a_command_line() {
        for (line, paths) in [
            ("vllm serve m --uds /tmp/v.sock --port 1", &["/tmp/v.sock"][..]),
            ("vllm serve m --uds=/tmp/v.sock", &["/tmp/v.sock"]),
            ("gunicorn -b unix:/run/g.sock --bind=unix:/run/h app", &["/run/g.sock", "/run/h"]),
            ("hypercorn --bind unix:///run/h.sock app", &["/run/h.sock"]),
            ("llama-server --host /tmp/l.sock -m /m.gguf", &["/tmp/l.sock"]),
            ("router --uds-path /tmp/t --host 0.0.0.0", &["/tmp/t"]),
            ("server --uds s.sock /tmp/other.sock", &[]),
        ] {
            let found = named_sockets(line.split(' '));
            let expected: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn a_typical_file_name_begins_with_a_known_prefix() {
        let prefixes = ["psm_", "nccl-"];
        assert!(is_typical(b"psm_1a2b", &prefixes) && is_typical(b"nccl-x", &prefixes));
        assert!(!is_typical(b"my_psm_1", &prefixes) && !is_typical(b"psm_1a2b", &[]));
    }

    #[test]
    fn nearly_full_begins_at_90_percent() {
        assert!(nearly_full(90, 100) && nearly_full(u64::MAX, u64::MAX));
        assert!(!nearly_full(89, 100) && !nearly_full(0, 0));
    }
}
