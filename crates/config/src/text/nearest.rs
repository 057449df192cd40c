//! What may have been meant by a name that nothing has.

/// The name that differs least from `written`, and in how many letters; `None` if none
/// is near.
pub(crate) fn nearest<'a>(
    written: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<(usize, &'a str)> {
    // What is longer by that much is not near either, and may be a whole file.
    let similar =
        names.into_iter().filter(|name| name.len().abs_diff(written.len()) <= name.len() / 3);
    let measured = similar.map(|name| (distance(name, written), name));
    measured.filter(|(distance, name)| *distance <= name.len() / 3).min()
}

/// How many letters have to be added, removed or changed.
fn distance(a: &str, b: &str) -> usize {
    let mut def: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = def[0];
        def[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = def[j + 1];
            def[j + 1] = change.min(def[j] + 1).min(diagonal + 1);
        }
    }
    def[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let names = ["startsecs", "startretries", "user"];
        assert_eq!(nearest("startsec", names), Some((1, "startsecs")));
        assert_eq!(nearest("startretrys", names), Some((2, "startretries")));
        assert_eq!(nearest("colour", names), None);
    }
}
