//! Patterns for keys, like a shell's for files: `*`, `?`, `[a-z]` and `**`.

use std::iter::Peekable;
use std::str::Chars;

use crate::error::{Error, Result};
use crate::model::r2::normalize_key;

/// A pattern that is matched against whole keys, or against whole file names below a folder.
///
/// - `*` matches any characters except slashes, and `?` one character except a slash.
/// - `[abc]` and `[a-z]` match one of these characters, and `[!abc]` one character except these and a slash.
/// - `**` matches any characters, and `**/` any number of directories, including none.
/// - `\` makes the next character match itself.
///
/// Keys are compared in [R2's normal form](normalize_key).
///
/// ```
/// use cloudflare_clients::transfer::KeyPattern;
///
/// let segments = KeyPattern::parse("films/**/*.m4s")?;
/// assert!(segments.matches("films/1/720p/0001.m4s"));
/// assert_eq!(segments.prefix(), "films/");
/// # Ok::<(), cloudflare_clients::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct KeyPattern {
    text: String,
    tokens: Vec<Token>,
    /// The literal text before the first wildcard.
    prefix: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Run,
    /// `**`
    Anything,
    /// `**/` at the start of a directory's name
    Directories,
    OneOf {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl KeyPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if a `[` has no `]`, or the last character is a `\`.
    pub fn parse(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let normal = normalize_key(&text).into_owned();
        let mut chars = normal.chars().peekable();
        let mut tokens = Vec::new();
        while let Some(c) = chars.next() {
            let token = match c {
                '\\' => Token::Char(chars.next().ok_or_else(|| malformed(&text, "it ends with a \\"))?),
                '?' => Token::One,
                '[' => one_of(&mut chars).ok_or_else(|| malformed(&text, "a [ has no ]"))?,
                '*' => {
                    let mut stars = 1;
                    while chars.next_if_eq(&'*').is_some() {
                        stars += 1;
                    }
                    let begins = matches!(tokens.last(), None | Some(Token::Char('/') | Token::Directories));
                    match stars {
                        1 => Token::Run,
                        _ if begins && chars.next_if_eq(&'/').is_some() => Token::Directories,
                        _ => Token::Anything,
                    }
                }
                c => Token::Char(c),
            };
            tokens.push(token);
        }
        let literal = |token: &Token| if let Token::Char(c) = token { Some(*c) } else { None };
        let prefix = tokens.iter().map_while(literal).collect();
        Ok(Self { text, tokens, prefix })
    }

    /// Returns the only key that matches, if the pattern has no wildcard.
    pub fn as_key(&self) -> Option<&str> {
        let literal = self.tokens.iter().all(|token| matches!(token, Token::Char(_)));
        literal.then_some(self.prefix.as_str())
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the prefix that all matching keys share.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the directory, with its slash, that contains all matching keys.
    pub fn folder(&self) -> &str {
        &self.prefix[..self.prefix.rfind('/').map_or(0, |slash| slash + 1)]
    }

    /// Whether only keys directly in [`folder`](Self::folder) can match, and none in a directory below it.
    pub fn is_shallow(&self) -> bool {
        let wild = &self.tokens[self.prefix.chars().count()..];
        !wild.iter().any(|token| matches!(token, Token::Char('/') | Token::Anything | Token::Directories))
    }

    /// Whether the whole key matches. The time is at most proportional to the product of both lengths.
    pub fn matches(&self, key: &str) -> bool {
        let key = normalize_key(key);
        let (mut at, mut next) = (Positions::new(&self.tokens), Positions::new(&self.tokens));
        at.enter(0);
        for c in key.chars() {
            at.step(c, &mut next);
            std::mem::swap(&mut at, &mut next);
        }
        at.before.last() == Some(&true)
    }
}

/// The positions in a pattern that the characters of a key so far can lead to.
struct Positions<'a> {
    tokens: &'a [Token],
    before: Vec<bool>,
    /// Inside a directory's name, for a `**/`.
    within: Vec<bool>,
}

impl<'a> Positions<'a> {
    fn new(tokens: &'a [Token]) -> Self {
        Self { tokens, before: vec![false; tokens.len() + 1], within: vec![false; tokens.len()] }
    }

    /// Enters the position before this token, and those after it as long as the tokens may match nothing.
    fn enter(&mut self, mut index: usize) {
        loop {
            self.before[index] = true;
            match self.tokens.get(index) {
                Some(Token::Run | Token::Anything | Token::Directories) => index += 1,
                _ => return,
            }
        }
    }

    /// Writes into `next` the positions after one more character.
    fn step(&self, c: char, next: &mut Self) {
        next.before.fill(false);
        next.within.fill(false);
        for (index, token) in self.tokens.iter().enumerate() {
            if *token == Token::Directories && (self.before[index] || self.within[index]) {
                if c == '/' {
                    next.enter(index);
                } else {
                    next.within[index] = true;
                }
                continue;
            }
            if !self.before[index] {
                continue;
            }
            match token {
                Token::Run if c != '/' => next.enter(index),
                Token::Anything => next.enter(index),
                token if token.takes(c) => next.enter(index + 1),
                _ => {}
            }
        }
    }
}

impl Token {
    /// Whether the token matches one character, and this one.
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Char(own) => *own == c,
            Self::One => c != '/',
            Self::OneOf { negated, ranges } => {
                c != '/' && *negated != ranges.iter().any(|(first, last)| (*first..=*last).contains(&c))
            }
            Self::Run | Self::Anything | Self::Directories => false,
        }
    }
}

/// Parses what follows a `[`. A `]` that comes first is one of its characters.
fn one_of(chars: &mut Peekable<Chars<'_>>) -> Option<Token> {
    let negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
    let mut ranges = Vec::new();
    loop {
        let first = match chars.next()? {
            ']' if !ranges.is_empty() => return Some(Token::OneOf { negated, ranges }),
            '\\' => chars.next()?,
            c => c,
        };
        let mut ahead = chars.clone();
        let last = match ahead.next() {
            Some('-') => match ahead.next()? {
                ']' => None,
                '\\' => Some(ahead.next()?),
                c => Some(c),
            },
            _ => None,
        };
        if last.is_some() {
            *chars = ahead;
        }
        ranges.push((first, last.unwrap_or(first)));
    }
}

fn malformed(text: &str, why: &str) -> Error {
    Error::invalid_input(format!(
        "the pattern {text:?} is malformed: {why}; put a \\ before a character that should match itself"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> KeyPattern {
        KeyPattern::parse(text).unwrap()
    }

    #[test]
    fn whole_keys_match() {
        for (text, matching, others) in [
            ("*", &["a", "é.mp4", "*"][..], &["a/b", "a/"][..]),
            ("a/*.mp4", &["a/.mp4", "a/b.mp4"], &["a/b.mp4x", "xa/b.mp4", "a/b/c.mp4", "A/b.mp4"]),
            ("a?c", &["abc", "aéc", "a😀c"], &["ac", "a/c", "abbc"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "-x", "x"]),
            ("[!a-c]x", &["dx", "éx"], &["ax", "/x"]),
            ("[]a-]", &["]", "a", "-"], &["b", ""]),
            ("[\\]\\\\]", &["]", "\\"], &["a"]),
            ("**", &["", "a", "a/b/c"], &[]),
            ("a/**", &["a/", "a/b", "a/b/c"], &["a", "b/a/c"]),
            ("**/b", &["b", "a/b", "a/c/b"], &["ab", "a/bb", "a/b/"]),
            ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a/xb", "ab", "x/a/b"]),
            ("a/**/**/b*", &["a/b", "a/x/y/bc"], &["a/xb"]),
            ("a**b", &["ab", "a/b", "a/x/b"], &["a/bc"]),
            ("*/*/c", &["a/b/c", "//c"], &["a/c", "a/b/d/c"]),
            ("odd\\**", &["odd*", "odd*x"], &["oddx"]),
            ("cre\u{301}*", &["cr\u{e9}a", "cre\u{301}a"], &["crea"]),
        ] {
            for key in matching {
                assert!(pattern(text).matches(key), "{text} {key}");
            }
            for key in others {
                assert!(!pattern(text).matches(key), "{text} {key}");
            }
        }
    }

    #[test]
    fn what_is_listed_for_a_pattern() {
        for (text, prefix, folder, shallow) in [
            ("*.mp4", "", "", true),
            ("a/fi*", "a/fi", "a/", true),
            ("a/*/b", "a/", "a/", false),
            ("a/**", "a/", "a/", false),
            ("a\\*/é[12]", "a*/é", "a*/", true),
        ] {
            let pattern = pattern(text);
            assert_eq!(
                (pattern.prefix(), pattern.folder(), pattern.is_shallow()),
                (prefix, folder, shallow),
                "{text}"
            );
        }
    }

    #[test]
    fn a_key_is_what_has_no_wildcard() {
        for (text, key) in [("a/b", Some("a/b")), ("a\\[1\\]", Some("a[1]")), ("a*", None), ("a/?", None)] {
            assert_eq!(pattern(text).as_key(), key, "{text}");
        }
    }

    #[test]
    fn malformed_ones_are_refused() {
        for (text, why) in [("a[", "a [ has no ]"), ("a[]", "a [ has no ]"), ("*\\", "it ends with a \\")] {
            let error = KeyPattern::parse(text).unwrap_err();
            assert!(error.message().contains(why), "{error}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let text = "*a".repeat(200) + "b";
        assert!(!pattern(&text).matches(&"a".repeat(1024)));
    }
}
