//! Parses and writes the list of `environment=`: `KEY="value",OTHER=value`.
//!
//! [The format](https://supervisord.org/configuration.html#program-x-section-settings) is that of
//! supervisord 4.4: quotes and backslashes work as in a shell. Where 4.3 silently drops the text
//! after an unquoted special character, this parser returns an error.

use crate::text::named::{HasName, NamedList};

impl HasName for (String, String) {
    fn name(&self) -> &str {
        &self.0
    }
}

/// Parses the list. A repeated name keeps its position and gets the last value. Errors have the
/// text of supervisord, or of Python for an open quote, but do not repeat the whole value, because
/// it may contain API keys.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    read(text).map(|list| list.pairs)
}

/// A separator other than a comma. supervisord accepts any.
pub(crate) fn odd_separator(text: &str) -> Option<char> {
    read(text).ok()?.odd_separator
}

struct List {
    pairs: Vec<(String, String)>,
    odd_separator: Option<char>,
}

fn read(text: &str) -> Result<List, String> {
    let mut pairs: NamedList<(String, String)> = NamedList::default();
    let mut odd_separator = None;
    let mut tokens = tokens(text)?.into_iter();
    let mut number = 0;
    while let Some(key) = tokens.next() {
        number += 1;
        let unexpected = |found: Option<&Token>| {
            let why = found.map_or(String::new(), Token::remedy);
            format!("Unexpected end of key/value pairs in value, at pair {number}{why}")
        };
        let key = match key {
            Token::Word(key) if !key.is_empty() && !key.contains('=') => key,
            Token::Word(_) => return Err(unexpected(None)),
            mark @ Token::Mark(_) => return Err(unexpected(Some(&mark))),
        };
        match tokens.next() {
            Some(Token::Mark('=')) => {}
            other => return Err(unexpected(other.as_ref())),
        }
        let value = match tokens.next() {
            Some(Token::Word(word)) => word,
            Some(Token::Mark(lone)) if !",=".contains(lone) => {
                let next = tokens.as_slice().first();
                if next.is_some_and(|next| !next.separates()) {
                    return Err(unexpected(Some(&Token::Mark(lone))));
                }
                lone.to_string()
            }
            other => return Err(unexpected(other.as_ref())),
        };
        match tokens.next() {
            None | Some(Token::Mark(',')) => {}
            Some(Token::Mark(mark)) if Token::Mark(mark).separates() => {
                odd_separator = odd_separator.or(Some(mark));
            }
            Some(other) => return Err(unexpected(Some(&other))),
        }
        pairs.set((key, value));
    }
    Ok(List { pairs: pairs.into_iter().collect(), odd_separator })
}

/// Writes a list that [`parse`] reads back.
pub(crate) fn render(pairs: &[(String, String)]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let pair = |(key, value): &(String, String)| format!("{}={}", quoted(key), quoted(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join(",")
}

enum Token {
    Word(String),
    Mark(char),
}

impl Token {
    /// Whether the next pair may follow.
    fn separates(&self) -> bool {
        matches!(self, Self::Mark(',' | ';' | '.' | ':'))
    }

    /// How to make it part of the list.
    fn remedy(&self) -> String {
        match self {
            Self::Word(_) => "; pairs are separated by commas".to_owned(),
            Self::Mark(',' | '=') => String::new(),
            Self::Mark(mark) => format!(
                "; quote the value that contains '{mark}', as in \
             KEY=\"{mark}\""
            ),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let inside =
                    if c == '"' { double_quoted(&mut chars)? } else { single_quoted(&mut chars)? };
                word.get_or_insert_default().push_str(&inside);
                // In supervisord, a word ends at the closing quote.
                if let Some(mark) = lone_mark(chars.as_str()) {
                    chars.next();
                    tokens.extend(word.take().map(Token::Word));
                    tokens.push(Token::Mark(mark));
                }
            }
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

/// A full stop or colon at the end of a word: a typing error and not part of the value.
fn lone_mark(text: &str) -> Option<char> {
    let mut chars = text.chars();
    let mark = chars.next().filter(|mark| matches!(mark, '.' | ':'))?;
    chars.next().is_none_or(|next| next.is_ascii_whitespace()).then_some(mark)
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
    fn text_left_after_the_last_pair_is_an_error() {
        const COMMA: &str = "; pairs are separated by commas";
        const QUOTES: [&str; 3] = [
            "; quote the value that contains '@', as in KEY=\"@\"",
            "; quote the value that contains '$', as in KEY=\"$\"",
            "; quote the value that contains '?', as in KEY=\"?\"",
        ];
        for (text, pair, remedy) in [
            ("A=", 1, ""),
            ("A=1 B=2", 1, COMMA),
            ("A=\"1\"\nB=\"2\"", 1, COMMA),
            ("A=1,B=2,C=a@b", 3, QUOTES[0]),
            ("A=$HOME", 1, QUOTES[1]),
            ("A=http://h/p?q=1", 1, QUOTES[2]),
            ("A=1,B", 2, ""),
            ("=1", 1, ""),
            ("A==1", 1, ""),
            ("A=,B=1", 1, ""),
            ("A=1,\"\"=1", 2, ""),
            ("A=1;;B=2", 2, "; quote the value that contains ';', as in KEY=\";\""),
        ] {
            let words =
                format!("Unexpected end of key/value pairs in value, at pair {pair}{remedy}");
            assert_eq!(parse(text), Err(words), "{text}");
        }
        assert_eq!(parse("A=\"x"), Err("No closing quotation".to_owned()));
        assert_eq!(parse("A=x\\"), Err("No escaped character".to_owned()));
    }

    #[test]
    fn a_wrong_separator_between_pairs_counts_as_a_comma_and_is_reported() {
        for (text, pairs, odd) in [
            ("A=1;B=2", "<A=1><B=2>", Some(';')),
            ("A=1 ; B=2;", "<A=1><B=2>", Some(';')),
            ("A=\"1\".\nB=\"2\"", "<A=1><B=2>", Some('.')),
            ("A='1':", "<A=1>", Some(':')),
            ("A=1,B=2", "<A=1><B=2>", None),
            ("A=\"1\".5,B=1.", "<A=1.5><B=1.>", None),
            ("A=\"/x\":/y", "<A=/x:/y>", None),
            ("A=$HOME", "Unexpected", None),
        ] {
            assert!(flat(text).starts_with(pairs), "{text}: {}", flat(text));
            assert_eq!(odd_separator(text), odd, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in "([A-Z=,'\"\\\\# \n]|\\PC)*") {
            let _ = parse(&text);
        }

        #[test]
        fn quoted_pairs_read_back(value in "[^\0]*") {
            let pairs = vec![("KEY".to_owned(), value)];
            prop_assert_eq!(parse(&render(&pairs)), Ok(pairs));
        }
    }
}
