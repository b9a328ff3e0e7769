//! Checks of keys that are given or listed.

use cloudflare_clients::r2::normalize_key;

use crate::addresses::is_address;
use crate::error::{Error, Result};
use crate::printer::Printer;

/// Refuses a new key that looks like an address, such as the key of `r2://a/r2://b/c`.
pub(crate) fn refuse_url(key: &str) -> Result<()> {
    if !is_address(key) {
        return Ok(());
    }
    Err(Error::usage(
        format!("the key {key:?} looks like an address, but would be stored as a key"),
        "write it as r2://BUCKET/KEY, with one bucket",
    ))
}

/// Adds the name to a key that ends with a slash, as cp does: `a/` and `b.txt` become `a/b.txt`.
pub(crate) fn into_folder(key: String, name: Option<&str>) -> Result<String> {
    if !key.ends_with('/') {
        return Ok(key);
    }
    match name {
        Some(name) if !name.is_empty() => Ok(key + name),
        _ => Err(Error::usage(
            format!("{key:?} ends with a slash, but the source has no name to add"),
            "write the full key of the object",
        )),
    }
}

/// Warns of a key whose URL does not work in browsers.
pub(crate) fn warn_of_dots(key: &str, printer: Printer) {
    if key.split('/').any(|part| part == "." || part == "..") {
        printer.warning(
            "browsers and many other clients remove . and .. from URLs, so a URL of this key fails there: curl needs --path-as-is",
        );
    }
}

/// Refuses a listing with a key outside the requested prefix, before anything is done with its keys. R2
/// normalizes keys, so they are compared in normalized form.
pub(crate) fn check_listed<'k>(prefix: &str, keys: impl IntoIterator<Item = &'k str>) -> Result<()> {
    let begins =
        |key: &str| key.starts_with(prefix) || normalize_key(key).starts_with(&*normalize_key(prefix));
    match keys.into_iter().find(|key| !begins(key)) {
        None => Ok(()),
        Some(key) => Err(Error::Local(format!(
            "asked for the keys that begin with {prefix:?}, the server lists {key:?}: the listing is ignored, and nothing was done"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_no_keys() {
        assert!(refuse_url("s3://media/a").is_err());
        for key in ["a/*", "https://example.com/a", "s3/a"] {
            refuse_url(key).unwrap();
        }
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
