//! Which names below a folder can be files, and their paths.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::transfer::partial_file;

/// Names that Windows reserves for devices, with any extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// Returns the path of the file with this name in a folder.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the path would be outside the folder, or the system does
/// not allow the name.
pub(super) fn path_in(folder: &Path, name: &str) -> Result<PathBuf> {
    if let Some(problem) = problem(name, cfg!(windows)) {
        return Err(Error::invalid_input(format!("{name:?} cannot be the name of a file: {problem}")));
    }
    let mut path = folder.to_owned();
    path.extend(name.split('/'));
    Ok(path)
}

fn problem(name: &str, on_windows: bool) -> Option<&'static str> {
    if name.contains('\0') {
        return Some("it contains a zero byte");
    }
    name.split('/').find_map(|part| match part {
        "" => Some("it begins or ends with a slash, or has two in a row"),
        "." | ".." => Some("it contains . or .. as a part"),
        part if partial_file::is_partial(part) => Some("such names are reserved for unfinished downloads"),
        part if on_windows => problem_on_windows(part),
        _ => None,
    })
}

/// See [Naming Files](https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file).
fn problem_on_windows(part: &str) -> Option<&'static str> {
    if part.contains(['<', '>', ':', '"', '\\', '|', '?', '*']) || part.contains(|c: char| c < ' ') {
        return Some("it contains a character that Windows does not allow");
    }
    if part.ends_with(['.', ' ']) {
        return Some("a part of it ends with a dot or a space, which Windows drops");
    }
    let base = part.split('.').next().unwrap_or(part).trim_end().to_ascii_lowercase();
    let is_numbered = || {
        NUMBERED_DEVICES.iter().any(|device| {
            base.strip_prefix(device).is_some_and(|number| {
                matches!(number, "\u{b9}" | "\u{b2}" | "\u{b3}") || matches!(number.as_bytes(), [b'1'..=b'9'])
            })
        })
    };
    (DEVICES.contains(&base.as_str()) || is_numbered()).then_some("Windows reserves it for a device")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_the_folder() {
        let folder = Path::new("/films");
        assert_eq!(path_in(folder, "a/b c.mp4").unwrap(), Path::new("/films/a/b c.mp4"));
        assert_eq!(path_in(folder, "a/...").unwrap(), Path::new("/films/a/..."));
        for name in [
            "",
            "/",
            "/etc/passwd",
            "a//b",
            "a/",
            "..",
            "../a",
            "a/../../b",
            "a/..",
            ".",
            "./a",
            "a\0",
            ".a.partial",
        ] {
            let error = path_in(folder, name).unwrap_err();
            assert!(error.message().contains(" cannot be the name of a file: "), "{name}: {error}");
        }
    }

    #[test]
    fn windows_takes_fewer() {
        for (name, taken) in [
            ("a\\b", false),
            ("c:", false),
            ("a?", false),
            ("a\n", false),
            ("a.", false),
            ("a ", false),
            ("x/NUL", false),
            ("nul.txt", false),
            ("Com1.log", false),
            ("lpt\u{b2}", false),
            ("com", true),
            ("com10", true),
            ("nula", true),
            ("a b.c", true),
        ] {
            assert_eq!(problem(name, true).is_none(), taken, "{name}");
            assert_eq!(problem(name, false), None, "{name}");
        }
    }
}
