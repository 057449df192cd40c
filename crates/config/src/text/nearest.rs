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

/// How many letters have to be added, removed or changed, or exchanged with the next.
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
    fn a_slip_is_near_and_another_word_is_not() {
        let names = ["startsecs", "startretries", "user"];
        assert_eq!(nearest("startsec", names), Some((1, "startsecs")));
        assert_eq!(nearest("startretrys", names), Some((2, "startretries")));
        assert_eq!(nearest("suer", names), Some((1, "user")));
        assert_eq!(nearest("colour", names), None);
    }
}
