//! Parses `RESULT n` and the answer after it, received in pieces of any size.

/// The first line up to the length.
const RESULT: &[u8] = b"RESULT ";

/// Size limit of an answer's first line, in bytes.
const LONGEST_RESULT_LINE: usize = 64;

/// Size limit of an answer, in bytes.
const LONGEST_RESULT: usize = 1024 * 1024;

/// How much of an answer has been received.
pub(super) enum ParsedResult {
    /// More data is needed: at least `missing` bytes, to the end of the first line if `in_line` is
    /// set.
    Incomplete { missing: usize, in_line: bool },
    /// Complete. The answer is the data from offset `content` on.
    Complete { content: usize },
    /// The first line, of this length, is invalid.
    Bad { line: usize },
}

fn parse_result(said: &[u8]) -> ParsedResult {
    // The result does not depend on how the data was split.
    let head = &said[..said.len().min(LONGEST_RESULT_LINE + 1)];
    let Some(line) = head.iter().position(|byte| *byte == b'\n') else {
        return if head.len() > LONGEST_RESULT_LINE {
            ParsedResult::Bad { line: LONGEST_RESULT_LINE }
        } else {
            let missing = LONGEST_RESULT_LINE + 1 - head.len();
            ParsedResult::Incomplete { missing, in_line: true }
        };
    };
    let length = said[..line].strip_prefix(RESULT).and_then(|length| {
        let length = std::str::from_utf8(length).ok()?.trim().parse::<usize>().ok()?;
        (length <= LONGEST_RESULT).then_some(length)
    });
    let Some(length) = length else { return ParsedResult::Bad { line } };
    let content = line + 1;
    match (content + length).saturating_sub(said.len()) {
        0 => ParsedResult::Complete { content },
        missing => ParsedResult::Incomplete { missing, in_line: false },
    }
}

/// Moves the bytes of the current answer from `rest` to `said`. Leaves bytes that belong to later
/// answers.
pub(super) fn next_result(said: &mut Vec<u8>, rest: &mut &[u8]) -> ParsedResult {
    loop {
        let result = parse_result(said);
        let ParsedResult::Incomplete { missing, in_line } = result else { return result };
        if rest.is_empty() {
            return result;
        }
        let end = rest.iter().take(missing).position(|byte| *byte == b'\n');
        let wanted = end.filter(|_| in_line).map_or(missing, |end| end + 1);
        take(said, rest, wanted);
    }
}

/// Moves at most `most` bytes.
pub(super) fn take(to: &mut Vec<u8>, from: &mut &[u8], most: usize) {
    let (taken, rest) = from.split_at(most.min(from.len()));
    to.extend_from_slice(taken);
    *from = rest;
}

#[cfg(test)]
mod tests {
    use super::super::READY;
    use super::*;

    /// A valid first line with `bytes` bytes for an answer of `length` bytes.
    fn head(bytes: usize, length: usize) -> Vec<u8> {
        let width = bytes - RESULT.len();
        [RESULT, format!("{length:0width$}").as_bytes(), b"\n"].concat()
    }

    #[test]
    fn the_first_line_of_a_result_may_have_64_bytes() {
        for (bytes, whole) in [(64, true), (65, false)] {
            let said = [head(bytes, 2), b"OK".to_vec()].concat();
            let complete = matches!(parse_result(&said), ParsedResult::Complete { .. });
            assert_eq!(complete, whole, "{bytes}");
        }
        // A first line may be at most 64 bytes long, wherever the data was split.
        assert!(matches!(parse_result(&[b'R'; 64]), ParsedResult::Incomplete { missing: 1, .. }));
        assert!(matches!(parse_result(&[b'R'; 65]), ParsedResult::Bad { line: 64 }));
    }

    #[test]
    fn a_result_may_have_a_mebibyte() {
        for (length, taken) in
            [(0, true), (4096, true), (1_048_575, true), (1_048_576, true), (1_048_577, false)]
        {
            let said = [head(20, length), vec![b'x'; length], b"READY\n".to_vec()].concat();
            let (mut taken_in, mut rest) = (Vec::new(), &said[..]);
            match next_result(&mut taken_in, &mut rest) {
                ParsedResult::Complete { content } => {
                    assert!(taken, "{length}");
                    assert_eq!((content, taken_in.len()), (21, 21 + length));
                    assert_eq!(rest, READY);
                }
                ParsedResult::Bad { line } => assert!(!taken && line == 20, "{length}"),
                ParsedResult::Incomplete { .. } => panic!("{length}"),
            }
        }
    }

    #[test]
    fn an_incomplete_result_is_awaited() {
        let said = [head(12, 300), vec![b'x'; 300]].concat();
        for cut in 0..said.len() {
            assert!(matches!(parse_result(&said[..cut]), ParsedResult::Incomplete { .. }), "{cut}");
        }
    }

    #[test]
    fn a_result_in_many_pieces_is_rarely_copied() {
        let said = [head(20, 1_048_576), vec![b'x'; 1_048_576]].concat();
        let (mut answer, mut grown) = (Vec::new(), 0);
        for mut piece in said.chunks(16) {
            let before = answer.capacity();
            next_result(&mut answer, &mut piece);
            grown += usize::from(answer.capacity() != before);
        }
        assert_eq!(answer.len(), said.len());
        assert!(grown < 32, "moved {grown} times");
    }

    #[test]
    fn a_result_is_the_same_for_pieces_of_any_size() {
        let said = [head(12, 300), vec![b'x'; 300], READY.to_vec()].concat();
        for size in 1..said.len() {
            let mut answer = Vec::new();
            let mut pieces = said.chunks(size);
            let rest = loop {
                let mut rest = pieces.next().unwrap();
                if let ParsedResult::Complete { content } = next_result(&mut answer, &mut rest) {
                    assert_eq!(answer[content..], [b'x'; 300], "{size}");
                    break rest;
                }
                assert!(rest.is_empty(), "{size}");
            };
            assert!(rest.len() < size + READY.len(), "{size}");
        }
    }
}
