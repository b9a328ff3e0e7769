//! Hints for keys that look like a pattern or a folder.

/// Returns what to write instead of a missing key or prefix that looks like a pattern.
pub(crate) fn hint(text: &str, command: &str) -> Option<String> {
    let begin = &text[..text.find(['*', '?', '['])?];
    if command == "r2" {
        return Some(format!(
            "*, ? and [ are plain characters of a key here: `cfstore r2 ls {text:?}` lists the keys that match the pattern"
        ));
    }
    let instead = if begin.is_empty() {
        format!("`cfstore {command} ls` lists the keys")
    } else {
        format!(
            "`cfstore {command} ls {begin:?}` lists the keys that begin with it; `rm` and `bulk get` accept --prefix {begin:?} for \
             all of them"
        )
    };
    Some(format!("*, ? and [ are plain characters of a key: {instead}"))
}

/// Returns what to write instead of a missing key: the [`hint`], or `--prefix` for a folder.
pub(crate) fn missing_hint(key: &str, command: &str) -> Option<String> {
    let folder = || {
        key.ends_with('/').then(|| {
            format!("`cfstore {command} ls {key:?}` lists the keys that begin with it, and `cfstore {command} rm --prefix {key:?}` deletes them")
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
