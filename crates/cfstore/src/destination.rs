//! Destination of the bytes of an object or a value.

use std::path::{Component, Path, PathBuf};

use tokio::fs;

use crate::error::{Error, Result};

pub(crate) enum Destination {
    Stdout,
    /// A file, which appears once it is complete.
    File(PathBuf),
    /// A pipe or a device, which cannot be replaced.
    Special(PathBuf),
}

impl Destination {
    /// Returns the named file, a file in the named folder, or a file named like the last part of the key.
    pub(crate) async fn new(file: Option<PathBuf>, key: &str) -> Result<Self> {
        let path = match file {
            Some(file) if file == Path::new("-") => return Ok(Self::Stdout),
            Some(file) => file,
            None => PathBuf::from(file_name(key)?),
        };
        // Links are followed: the file that they point to is replaced.
        match fs::metadata(&path).await {
            Ok(found) if found.is_dir() => Ok(Self::File(path.join(file_name(key)?))),
            Ok(found) if found.is_file() => Ok(Self::File(fs::canonicalize(&path).await.unwrap_or(path))),
            Ok(_) => Ok(Self::Special(path)),
            Err(_) => {
                let names_folder = path.to_string_lossy().ends_with(std::path::is_separator);
                let folder = if names_folder { &path } else { path.parent().unwrap_or(Path::new("")) };
                if folder == Path::new("") || folder.is_dir() {
                    return Ok(Self::File(path));
                }
                let why = if folder.exists() { "is not a folder" } else { "does not exist" };
                Err(Error::usage(
                    format!("the folder \"{}\" to write to {why}", folder.display()),
                    "create it first, or name another file",
                ))
            }
        }
    }
}

/// Returns the file below this folder for a name with slashes. Refuses names that could leave the folder.
pub(crate) fn path_below(folder: &Path, name: &str) -> Result<PathBuf> {
    if let Some(part) = name.split('/').find(|part| !is_file_name(part)) {
        return Err(Error::usage(
            format!("{name:?} cannot be a file below a folder: {part:?} is not a file name"),
            "fetch this object by itself, and name the file to write to",
        ));
    }
    Ok(name.split('/').fold(folder.to_owned(), |path, part| path.join(part)))
}

/// Whether the name is that of a file directly in a folder.
fn is_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let is_name = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    is_name && !name.contains(['\\', '\0'])
}

/// Returns the last part of a key, if it is a file name.
fn file_name(key: &str) -> Result<&str> {
    let name = key.rsplit('/').next().unwrap_or_default();
    if is_file_name(name) {
        return Ok(name);
    }
    Err(Error::usage(
        format!("the key {key:?} does not end in a file name"),
        "name the file to write to, or - for stdout",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_never_name_files_elsewhere() {
        assert_eq!(file_name("a/b/film.mp4").unwrap(), "film.mp4");
        assert_eq!(file_name("..a").unwrap(), "..a");
        for key in ["a/", "a/..", "..", ".", "a/.", "a/b\\..\\c", "a\0"] {
            let error = file_name(key).unwrap_err();
            assert_eq!(error.exit_status(), crate::error::ExitStatus::Usage, "{key:?}");
            assert!(error.to_string().contains("does not end in a file name"), "{error}");
        }
        assert_eq!(path_below(Path::new("x"), "a/b.c").unwrap(), Path::new("x").join("a").join("b.c"));
        for name in ["", "a/", "/a", "a//b", "../a", "a/..", "a/./b", "a\\b", "a\0"] {
            let error = path_below(Path::new("x"), name).unwrap_err();
            assert!(error.to_string().contains("cannot be a file below a folder"), "{name:?}: {error}");
        }
    }
}
