//! Finds a similar name for a misspelled one.

/// The most similar name and the number of different letters; `None` if no name is similar.
pub(crate) fn nearest<'a>(
    written: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<(usize, &'a str)> {
    // Skip names of very different length early, because `written` may be a whole file.
    let similar =
        names.into_iter().filter(|name| name.len().abs_diff(written.len()) <= name.len() / 3);
    let measured = similar.map(|name| (distance(name, written), name));
    measured.filter(|(distance, name)| *distance <= name.len() / 3).min()
}

/// Whether `name` has all words of `written`, which has several: `failure_exit_codes` has those of
/// `exit_codes`.
pub(crate) fn has_words_of(name: &str, written: &str) -> bool {
    let words = || written.split('_').filter(|word| !word.is_empty());
    words().count() > 1 && words().all(|word| name.split('_').any(|of_name| of_name == word))
}

/// The number of letters to add, remove, change or swap with the next one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && (a[i - 1], a[i - 2]) == (b[j - 2], b[j - 1]) {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_name_finds_the_nearest_and_another_word_does_not() {
        let names = ["startsecs", "startretries", "user"];
        assert_eq!(nearest("startsec", names), Some((1, "startsecs")));
        assert_eq!(nearest("startretrys", names), Some((2, "startretries")));
        assert_eq!(nearest("suer", names), Some((1, "user")));
        assert_eq!(nearest("colour", names), None);
    }

    #[test]
    fn a_shortened_name_has_words_of_the_full_name() {
        assert!(has_words_of("failure_exit_codes", "exit_codes"));
        assert!(has_words_of("await_gpu_memory", "gpu_await"));
        assert!(!has_words_of("exitcodes", "exit_codes"));
        // One word is in many names.
        assert!(!has_words_of("memory_limit", "memory"));
    }
}
