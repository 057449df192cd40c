//! Counts the processes of which a server consists.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use supervisor_core::health::TreeCount;
use supervisor_core::ids::Member;

use supervisor_sys::process::readers::ReadOutcome;

/// The processes that match, each with a number for its command line.
pub(crate) type Meant = BTreeMap<Member, u64>;

/// The processes whose command line contains `pattern`. A process that does not respond is alive,
/// and counts as it did in the `last` count. A process that never responded does not count: a
/// foreign process that counts once would be missed forever.
pub(crate) fn meant(lines: &[(Member, ReadOutcome)], pattern: &str, last: &Meant) -> Meant {
    let meant = lines.iter().filter_map(|(member, line)| match line {
        ReadOutcome::All(line) => {
            let line = String::from_utf8_lossy(line).replace('\0', " ");
            line.contains(pattern).then(|| (*member, number(&line)))
        }
        ReadOutcome::Nothing | ReadOutcome::Failed(_) => {
            last.get(member).map(|line| (*member, *line))
        }
    });
    meant.collect()
}

/// The number of these processes.
pub(crate) fn count(meant: &Meant) -> TreeCount {
    let lines: BTreeSet<u64> = meant.values().copied().collect();
    let [alive, distinct] =
        [meant.len(), lines.len()].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    TreeCount { alive, distinct }
}

fn number(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use supervisor_core::ids::Pid;

    use super::*;

    #[test]
    fn a_process_that_cannot_be_read_keeps_its_earlier_meaning() {
        let [a, b, c, d] = [1, 2, 3, 4].map(|pid| Member { pid: Pid(pid), start: 0 });
        let lines = [
            (a, ReadOutcome::All(b"vllm\0worker\0".to_vec())),
            (b, ReadOutcome::All(b"sh\0".to_vec())),
            (c, ReadOutcome::Nothing),
            (d, ReadOutcome::Nothing),
        ];
        let found = meant(&lines, "vllm worker", &[(b, 7), (c, 8)].into());
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [a, c]);
        assert_eq!(found[&c], 8);
    }

    #[test]
    fn helpers_with_the_title_of_a_worker_do_not_count_as_distinct() {
        let lines = ["VLLM::Worker_TP0", "VLLM::Worker_TP0", "VLLM::Worker_TP1", "ninja"];
        let lines: Vec<_> = (1..)
            .zip(lines)
            .map(|(pid, line)| {
                (Member { pid: Pid(pid), start: 0 }, ReadOutcome::All(line.as_bytes().to_vec()))
            })
            .collect();
        let found = meant(&lines, "VLLM::", &Meant::new());
        assert_eq!(count(&found), TreeCount { alive: 3, distinct: 2 });
    }
}
