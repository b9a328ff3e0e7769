//! Arguments that are a key or a pattern of keys.

use cloudflare_clients::transfer::KeyPattern;

use crate::error::{Error, Result};

#[derive(Debug, Clone)]
pub(crate) enum KeyArgument {
    Key(String),
    Pattern(KeyPattern),
}

impl KeyArgument {
    /// Parses a pattern if the text has an unescaped `*`, `?` or `[`, and `literal` is false; otherwise a
    /// key.
    pub(crate) fn parse(text: String, literal: bool) -> Result<Self> {
        if literal || !text.contains(['*', '?', '[']) {
            return Ok(Self::Key(text));
        }
        let pattern = KeyPattern::parse(text).map_err(|error| {
            Error::usage(
                error.message().to_owned(),
                "write \\[ for the character itself, or give --literal if it is a key and not a pattern",
            )
        })?;
        // All special characters are escaped.
        Ok(match pattern.as_key() {
            Some(key) => Self::Key(key.to_owned()),
            None => Self::Pattern(pattern),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_no_patterns() {
        for (text, literal, key) in [
            ("a/b", false, "a/b"),
            ("a\\b", false, "a\\b"),
            ("odd\\*", false, "odd*"),
            ("a\\[1\\]", false, "a[1]"),
            ("a*[", true, "a*["),
        ] {
            let parsed = KeyArgument::parse(text.to_owned(), literal).unwrap();
            assert!(matches!(&parsed, KeyArgument::Key(found) if found == key), "{parsed:?}");
        }
        for (text, why) in [("a[", "a [ has no ]"), ("a[]", "a [ has no ]"), ("*\\", "it ends with a \\")] {
            let error = KeyArgument::parse(text.to_owned(), false).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
