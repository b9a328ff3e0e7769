//! What was meant by a key that looks like something else: a URL of a bucket, or a pattern.

/// What to write in place of a key, or of what keys begin with, that nothing has.
pub(crate) fn hint(text: &str, command: &str) -> Option<String> {
    // Keys of KV may be URLs.
    let url_hint = if command == "r2" { url_hint(text) } else { None };
    url_hint.or_else(|| {
        let begin = &text[..text.find(['*', '?', '['])?];
        let instead = if begin.is_empty() {
            format!("`cfstore {command} ls` lists what there is")
        } else {
            format!(
                "`cfstore {command} ls {begin:?}` lists the keys that begin so, and --prefix {begin:?} takes them all where a \
                 command has it"
            )
        };
        Some(format!("*, ? and [ are characters of a key like any other: {instead}"))
    })
}

/// What to write in place of a missing key: the [`hint`], or `--prefix` for a folder.
pub(crate) fn missing_hint(key: &str, command: &str) -> Option<String> {
    let folder = || {
        key.ends_with('/').then(|| {
            format!(
                "no key of this name: --prefix {key:?} takes all keys that begin so, where a command has it"
            )
        })
    };
    hint(key, command).or_else(folder)
}

/// What to write in place of a URL of a bucket.
pub(crate) fn url_hint(text: &str) -> Option<String> {
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
            ("*.mp4", "`cfstore r2 ls` lists"),
        ] {
            assert!(hint(text, "r2").unwrap().contains(part), "{text}: {:?}", hint(text, "r2"));
        }
        assert_eq!(hint("s3://media/a", "kv"), None);
        for text in ["", "a/b", "s3:/a", "s3/a", "https://example.com/a", "a s3://b"] {
            assert_eq!(hint(text, "r2"), None, "{text}");
        }
    }
}
