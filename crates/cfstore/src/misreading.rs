//! What was meant by a key that looks like something else: a pattern, or a folder.

/// What to write in place of a key, or of what keys begin with, that nothing has.
pub(crate) fn hint(text: &str, command: &str) -> Option<String> {
    let begin = &text[..text.find(['*', '?', '['])?];
    if command == "r2" {
        return Some(format!(
            "this takes *, ? and [ as characters of a key: `cfstore r2 ls {text:?}` lists the keys that match it as a pattern"
        ));
    }
    let instead = if begin.is_empty() {
        format!("`cfstore {command} ls` lists what there is")
    } else {
        format!(
            "`cfstore {command} ls {begin:?}` lists the keys that begin so, and --prefix {begin:?} takes them all where a \
             command has it"
        )
    };
    Some(format!("*, ? and [ are characters of a key like any other: {instead}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_recognised() {
        for (text, command, part) in [
            ("a/*", "kv", "`cfstore kv ls \"a/\"`"),
            ("a?b", "kv", "--prefix \"a\""),
            ("*.mp4", "kv", "`cfstore kv ls` lists"),
            ("a/*", "r2", "`cfstore r2 ls \"a/*\"`"),
        ] {
            assert!(hint(text, command).unwrap().contains(part), "{text}: {:?}", hint(text, command));
        }
        for text in ["", "a/b", "s3://media/a"] {
            assert_eq!(hint(text, "r2"), None, "{text}");
        }
    }
}
