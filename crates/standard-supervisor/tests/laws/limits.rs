//! The page of limits names constants that exist.

use std::collections::BTreeSet;

use crate::{crates, sources};

/// The constants that the page names: words in capitals, in backquotes.
fn named(page: &str) -> BTreeSet<String> {
    let words = page.split('`').skip(1).step_by(2).map(|word| word.rsplit("::").next().unwrap());
    let capitals = |word: &&str| {
        word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    words.filter(capitals).map(str::to_owned).collect()
}

#[test]
fn each_documented_limit_is_a_constant_in_the_code() {
    let page = std::fs::read_to_string(crates().join("../docs/reference/limits.md")).unwrap();
    let named = named(&page);
    assert!(named.len() > 50, "{named:?}");
    let mut defined = BTreeSet::new();
    for (path, text) in sources(&crates()) {
        if path.iter().any(|part| part == "src") {
            let words = text.split("const ").skip(1);
            defined.extend(words.filter_map(|rest| rest.split(':').next()).map(str::to_owned));
        }
    }
    let missing: Vec<_> = named.difference(&defined).collect();
    assert!(missing.is_empty(), "the code has no constant {missing:?}");
}
