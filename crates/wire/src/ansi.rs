//! Terminal control sequences, taken out of a program's output.

/// What ends a sequence, in supervisord's list.
const ENDS: &[u8] = b"HfABCDRsuJKhlpm";

/// `bytes` without what stands between `ESC [` and the first letter that ends a
/// sequence. One that doesn't end takes the rest with it, as in supervisord's
/// [`strip_ansi`](https://supervisord.org/configuration.html#supervisord-section-values).
#[must_use]
pub fn strip(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(start) = rest.windows(2).position(|pair| pair == b"\x1b[") {
        kept.extend_from_slice(&rest[..start]);
        let sequence = &rest[start..];
        let end = sequence.iter().position(|byte| ENDS.contains(byte));
        rest = end.map_or(&[], |end| &sequence[end + 1..]);
    }
    kept.extend_from_slice(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_go_and_text_stays() {
        for (text, stripped) in [
            (&b"plain"[..], &b"plain"[..]),
            (b"\x1b[31mred\x1b[0m.", b"red."),
            (b"\x1b[2J\x1b[1;1Hhome", b"home"),
            (b"a\x1b[31", b"a"),
            (b"\x1bc \x1b", b"\x1bc \x1b"),
        ] {
            assert_eq!(strip(text), stripped);
        }
    }
}
