//! How many of the processes that a server is made of are there.

use std::collections::BTreeSet;

use supervisor_core::ids::Member;

use crate::readers::Told;

/// Those whose command line holds `pattern`. Who does not answer lives all the same: he is
/// what he was when he was `last` counted. Who never answered is none of them, since a
/// stranger who is counted once would be missed for good.
pub(crate) fn meant(
    lines: &[(Member, Told)],
    pattern: &str,
    last: &BTreeSet<Member>,
) -> BTreeSet<Member> {
    let meant = lines.iter().filter(|(member, line)| match line {
        Told::All(line) => String::from_utf8_lossy(line).replace('\0', " ").contains(pattern),
        Told::Nothing | Told::Failed(_) => last.contains(member),
    });
    meant.map(|(member, _)| *member).collect()
}

#[cfg(test)]
mod tests {
    use supervisor_core::ids::Pid;

    use super::*;

    #[test]
    fn who_does_not_answer_is_what_he_was() {
        let [a, b, c, d] = [1, 2, 3, 4].map(|pid| Member { pid: Pid(pid), start: 0 });
        let lines = [
            (a, Told::All(b"vllm\0worker\0".to_vec())),
            (b, Told::All(b"sh\0".to_vec())),
            (c, Told::Nothing),
            (d, Told::Nothing),
        ];
        assert_eq!(meant(&lines, "vllm worker", &[b, c].into()), [a, c].into());
    }
}
