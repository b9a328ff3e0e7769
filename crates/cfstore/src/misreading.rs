//! Keys that look like something else: a URL of a bucket, a pattern, or a folder.

use unicode_normalization::UnicodeNormalization as _;

use crate::error::{Error, Result};
use crate::printer::Printer;

/// What to write in place of a key, or of what keys begin with, that nothing has.
pub(crate) fn hint(text: &str, command: &str) -> Option<String> {
    // Keys of KV may be URLs.
    let url_hint = if command == "r2" { url_hint(text) } else { None };
    url_hint.or_else(|| {
        let begin = &text[..text.find(['*', '?', '['])?];
        Some(format!(
            "*, ? and [ are characters of a key like any other: `cfstore {command} ls {begin:?}` lists the keys that begin so, and \
             --prefix {begin:?} takes them all where a command has it"
        ))
    })
}

/// Refuses to make an object whose key begins like a URL.
pub(crate) fn refuse_url(key: &str) -> Result<()> {
    url_hint(key).map_or(Ok(()), |hint| {
        Err(Error::usage(format!("{key:?} is a URL, and a key is due: all of it would become the key"), hint))
    })
}

fn url_hint(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    if !["s3", "r2"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let write = if key.is_empty() {
        "leave it out for the whole bucket".to_owned()
    } else {
        format!("write {key:?}")
    };
    Some(format!(
        "R2_BUCKET_MEDIA says which bucket is meant, {bucket:?} or another, and keys come without it: {write}"
    ))
}

/// The key of what is put into a folder by its name, as cp does: `a/b.txt` for the key `a/` and the name
/// `b.txt`.
pub(crate) fn into_folder(key: String, name: Option<&str>) -> Result<String> {
    if !key.ends_with('/') {
        return Ok(key);
    }
    match name {
        Some(name) if !name.is_empty() => Ok(key + name),
        _ => Err(Error::usage(
            format!("{key:?} names a folder, and what goes into it has no name"),
            "write the whole key of the object",
        )),
    }
}

/// Says so where browsers cannot use a URL of the key.
pub(crate) fn warn_of_dots(key: &str, printer: Printer) {
    if key.split('/').any(|part| part == "." || part == "..") {
        printer.warning(
            "browsers and many other clients fold . and .. in a URL, and one of this key fails there: curl needs --path-as-is",
        );
    }
}

/// Refuses a listing with a key that was not asked for, before anything is done with its keys. R2 does not
/// tell apart how a letter is composed.
pub(crate) fn check_listed<'k>(prefix: &str, keys: impl IntoIterator<Item = &'k str>) -> Result<()> {
    let begins = |key: &str| {
        key.starts_with(prefix)
            || key.nfc().collect::<String>().starts_with(&prefix.nfc().collect::<String>())
    };
    match keys.into_iter().find(|key| !begins(key)) {
        None => Ok(()),
        Some(key) => Err(Error::Local(format!(
            "the server was asked for the keys that begin with {prefix:?}, and lists {key:?}: nothing was done with what it lists"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_patterns_are_recognised() {
        for (text, part) in [
            ("s3://media/a/b.txt", "write \"a/b.txt\""),
            ("R2://media/a", "write \"a\""),
            ("s3://media/", "leave it out"),
            ("s3://media", "leave it out"),
            ("a/*", "`cfstore r2 ls \"a/\"`"),
            ("a?b", "--prefix \"a\""),
            ("*.mp4", "--prefix \"\""),
        ] {
            assert!(hint(text, "r2").unwrap().contains(part), "{text}: {:?}", hint(text, "r2"));
        }
        assert_eq!(hint("s3://media/a", "kv"), None);
        for text in ["", "a/b", "s3:/a", "s3/a", "https://example.com/a", "a s3://b"] {
            assert_eq!(hint(text, "r2"), None, "{text}");
            refuse_url(text).unwrap();
        }
        refuse_url("a/*").unwrap();
        assert!(refuse_url("s3://media/a").is_err());
    }

    #[test]
    fn folders_take_names() {
        let into = |key: &str, name| into_folder(key.to_owned(), name);
        assert_eq!(into("dir/", Some("hi.txt")).unwrap(), "dir/hi.txt");
        assert_eq!(into("dir", Some("hi.txt")).unwrap(), "dir");
        for name in [None, Some("")] {
            assert!(into("dir/", name).is_err());
        }
    }

    #[test]
    fn listings_are_what_was_asked_for() {
        check_listed("a/", ["a/b", "a/"]).unwrap();
        check_listed("", ["b"]).unwrap();
        check_listed("cre\u{301}a/", ["cr\u{e9}a/b"]).unwrap();
        for key in ["b", "a", "A/b", "/a/b", ""] {
            let error = check_listed("a/", ["a/b", key]).unwrap_err();
            assert!(error.to_string().contains("nothing was done"), "{error}");
        }
    }
}
