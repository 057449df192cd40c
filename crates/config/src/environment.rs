//! The list of `environment=`: `KEY="value",OTHER=value`.
//!
//! [The format](https://supervisord.org/configuration.html#program-x-section-settings)
//! in supervisord 4.4's reading: quotes and backslashes work as in a shell. Where
//! 4.3 silently drops what follows an unquoted special character, this is an error.

use crate::named::{HasName, Named};

impl HasName for (String, String) {
    fn name(&self) -> &str {
        &self.0
    }
}

/// The pairs, in order; a repeated name keeps its place and takes the last value.
/// Fails with supervisord's message, or Python's for an open quote. Theirs has the whole
/// text; where keys of services stand in it, that is for no log.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs: Named<(String, String)> = Named::default();
    let mut tokens = tokens(text)?.into_iter();
    let mut number = 0;
    while let Some(token) = tokens.next() {
        number += 1;
        let unexpected = || format!("Unexpected end of key/value pairs in value, at pair {number}");
        let (Token::Word(key), Some(Token::Mark('=')), Some(value)) =
            (token, tokens.next(), tokens.next())
        else {
            return Err(unexpected());
        };
        let value = match value {
            Token::Word(word) => word,
            Token::Mark(',' | '=') => return Err(unexpected()),
            Token::Mark(lone) => lone.to_string(),
        };
        if !matches!(tokens.next(), None | Some(Token::Mark(','))) {
            return Err(unexpected());
        }
        if key.is_empty() || key.contains('=') {
            return Err(unexpected());
        }
        pairs.set((key, value));
    }
    Ok(pairs.into_iter().collect())
}

/// `pairs` as a list that [`parse`] reads back.
#[cfg(test)]
fn render(pairs: &[(String, String)]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let pair = |(key, value): &(String, String)| format!("{}={}", quoted(key), quoted(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join(",")
}

enum Token {
    Word(String),
    Mark(char),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => word.get_or_insert_default().push_str(&single_quoted(&mut chars)?),
            '"' => word.get_or_insert_default().push_str(&double_quoted(&mut chars)?),
            '\\' => word.get_or_insert_default().push(chars.next().ok_or("No escaped character")?),
            c if is_word(c) => word.get_or_insert_default().push(c),
            c => {
                tokens.extend(word.take().map(Token::Word));
                match c {
                    ' ' | '\t' | '\r' | '\n' => {}
                    '#' => chars.by_ref().take_while(|c| *c != '\n').for_each(drop),
                    c => tokens.push(Token::Mark(c)),
                }
            }
        }
    }
    tokens.extend(word.map(Token::Word));
    Ok(tokens)
}

fn single_quoted(chars: &mut std::str::Chars<'_>) -> Result<String, String> {
    let (inside, after) = chars.as_str().split_once('\'').ok_or("No closing quotation")?;
    *chars = after.chars();
    Ok(inside.to_owned())
}

fn double_quoted(chars: &mut std::str::Chars<'_>) -> Result<String, String> {
    let mut inside = String::new();
    loop {
        match chars.next().ok_or("No closing quotation")? {
            '"' => return Ok(inside),
            '\\' => match chars.next().ok_or("No escaped character")? {
                c @ ('"' | '\\') => inside.push(c),
                c => inside.extend(['\\', c]),
            },
            c => inside.push(c),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_/.+-():".contains(c) || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flat(text: &str) -> String {
        match parse(text) {
            Ok(pairs) => pairs.iter().map(|(k, v)| format!("<{k}={v}>")).collect(),
            Err(why) => why,
        }
    }

    #[test]
    fn pairs_are_read_as_a_shell_would_quote_them() {
        for (text, pairs) in [
            ("", ""),
            ("A=1,B=2,", "<A=1><B=2>"),
            ("A=\"a,b\", B='c d'\n,C=/x/y:z-(1)", "<A=a,b><B=c d><C=/x/y:z-(1)>"),
            (r#"A="a\"b\$",B=x\ y"#, r#"<A=a"b\$><B=x y>"#),
            ("A=über,B=\"\",A=2", "<A=2><B=>"),
            ("A=1 # said\n,B=2,C=*", "<A=1><B=2><C=*>"),
        ] {
            assert_eq!(flat(text), pairs, "{text}");
        }
    }

    #[test]
    fn what_is_left_over_is_an_error_and_not_dropped() {
        for (text, pair) in [
            ("A=", 1),
            ("A=1 B=2", 1),
            ("A=1,B=2,C=a@b", 3),
            ("A=$HOME", 1),
            ("A=1,B", 2),
            ("=1", 1),
            ("A==1", 1),
            ("A=,B=1", 1),
            ("A=1,\"\"=1", 2),
        ] {
            let words = format!("Unexpected end of key/value pairs in value, at pair {pair}");
            assert_eq!(parse(text), Err(words));
        }
        assert_eq!(parse("A=\"x"), Err("No closing quotation".to_owned()));
        assert_eq!(parse("A=x\\"), Err("No escaped character".to_owned()));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([A-Z=,'\"\\\\# \n]|\\PC)*") {
            let _ = parse(&text);
        }

        #[test]
        fn quoted_pairs_come_back(value in "[^\0]*") {
            let pairs = vec![("KEY".to_owned(), value)];
            prop_assert_eq!(parse(&render(&pairs)), Ok(pairs));
        }
    }
}
