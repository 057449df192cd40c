//! The name of a test states its promise in plain words.

use super::{crates, sources};

/// The largest number of characters, so that the name of a failed test fits into a line.
const LONGEST: usize = 80;

/// Words that hide the subject of a sentence. Processes and clients are not persons.
const WORDS: [&str; 12] = [
    "who",
    "whom",
    "whoever",
    "whose",
    "nobody",
    "somebody",
    "anybody",
    "he",
    "ill",
    "told",
    "anew",
    "meanwhile",
];

/// The names of tests in a source file. The stories of the core are lines of a list.
fn names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        match line {
            "#[test]" => {
                let function = lines.by_ref().find_map(|line| line.split_once("fn "));
                names.extend(function.and_then(|(_, rest)| rest.split('(').next()));
            }
            "stories! {" => names.extend(lines.by_ref().take_while(|line| *line != "}")),
            _ => {}
        }
    }
    names
}

fn is_clear(name: &str) -> bool {
    name.len() <= LONGEST && !name.split('_').any(|word| WORDS.contains(&word))
}

#[test]
fn test_names_are_short_and_have_no_discouraged_words() {
    let sources = sources(&crates());
    let names: Vec<&str> = sources.iter().flat_map(|(_, text)| names(text)).collect();
    let unclear: Vec<&str> = names.iter().copied().filter(|name| !is_clear(name)).collect();
    assert!(names.len() > 1000, "only {} tests", names.len());
    assert!(
        unclear.is_empty(),
        "state what the test promises, with its subject first, in {LONGEST} characters and \
         without {WORDS:?}:\n{}",
        unclear.join("\n")
    );
}

#[test]
fn unclear_test_names_are_noticed() {
    let source = "#[test]\n#[ignore]\nfn who_is_it() {\n}\nfn other() {}\n\
                  stories! {\n    a_story\n    a_story_told\n}\n";
    let names = names(source);
    assert_eq!(names, ["who_is_it", "a_story", "a_story_told"]);
    assert!(names.iter().filter(|name| is_clear(name)).eq(&["a_story"]));
    assert!(!is_clear(&"a".repeat(LONGEST + 1)));
}
