//! The content of a local folder.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt as _};
use tokio::sync::mpsc;
use walkdir::{DirEntry, WalkDir};

use super::entry::{Entries, Entry, Listed, received};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::normalize_key;
use crate::transfer::blocking::storage;
use crate::transfer::partial_file;

/// Number of entries per batch.
const BATCH: usize = 256;

/// Lists the files of a folder, slightly ahead of the reader. If the folder is the target, it may be missing,
/// and unfinished downloads in it are skipped.
pub(super) fn list(folder: PathBuf, follow_links: bool, is_target: bool) -> Entries {
    let (sender, receiver) = mpsc::channel(2);
    // The task ends soon after the receiver is dropped.
    let listing = tokio::task::spawn_blocking(move || {
        let mut batch = Vec::with_capacity(BATCH);
        for listed in walk(&folder, follow_links, is_target) {
            batch.push(listed);
            if batch.len() == BATCH && sender.blocking_send(std::mem::take(&mut batch)).is_err() {
                return;
            }
        }
        // If the folder was removed in the meantime, the listing ends early.
        if !is_target && let Err(error) = folder.metadata() {
            batch.push(Err(storage(&folder, "was removed while it was being listed", error)));
        }
        let _ = sender.blocking_send(batch);
    });
    received(receiver, listing).flat_map(stream::iter).boxed()
}

fn walk(folder: &Path, follow_links: bool, is_target: bool) -> impl Iterator<Item = Result<Listed>> {
    let entries = WalkDir::new(folder)
        .follow_links(follow_links)
        .sort_by(move |one, other| in_order_of_keys(one, other, follow_links))
        .into_iter();
    let root = folder.to_owned();
    entries.filter_map(move |found| match found {
        Ok(entry) if entry.depth() == 0 && entry.path().is_dir() => None,
        Ok(entry) if entry.depth() == 0 => {
            Some(Err(Error::new(ErrorKind::Storage, format!("{} is not a folder", root.display()))))
        }
        Ok(entry) => listed(&root, &entry, is_target).map(Ok),
        Err(error) if error.depth() == 0 => {
            let is_missing = error.io_error().is_some_and(|error| error.kind() == IoErrorKind::NotFound);
            if is_missing && is_target {
                None
            } else {
                Some(Err(storage(&root, "cannot be listed", io_error(error))))
            }
        }
        Err(error) => {
            let path = error.path().unwrap_or(&root).to_owned();
            let (name, _) = name_below(&root, &path);
            Some(Ok(Listed::Unreadable { name, error: storage(&path, "cannot be read", io_error(error)) }))
        }
    })
}

/// Sorts the content of a directory where the directory's name with a slash belongs.
fn in_order_of_keys(one: &DirEntry, other: &DirEntry, follow_links: bool) -> Ordering {
    let (names, ends) =
        ([one, other].map(DirEntry::file_name), [one, other].map(|entry| end(entry, follow_links)));
    // A name that is not UTF-8 is sorted by its listed form, so that both sides have one order.
    let [a, b] = names.map(OsStr::to_string_lossy);
    let [a, b] = [normalize_key(&a), normalize_key(&b)];
    let by_key = a.bytes().chain(ends[0]).cmp(b.bytes().chain(ends[1]));
    by_key.then_with(|| names[0].cmp(names[1]))
}

/// The slash of a directory, or of a followed link to one.
fn end(entry: &DirEntry, follow_links: bool) -> Option<u8> {
    let kind = entry.file_type();
    (kind.is_dir() || (follow_links && kind.is_symlink() && entry.path().is_dir())).then_some(b'/')
}

/// The I/O error without the path, which the message repeats otherwise.
fn io_error(error: walkdir::Error) -> std::io::Error {
    if error.loop_ancestor().is_some() {
        return std::io::Error::other("the symbolic link forms a loop");
    }
    error.into_io_error().unwrap_or_else(|| IoErrorKind::Other.into())
}

fn listed(root: &Path, entry: &DirEntry, is_target: bool) -> Option<Listed> {
    let kind = entry.file_type();
    if kind.is_dir() {
        return None;
    }
    let (name, is_text) = name_below(root, entry.path());
    let why = |why: &str| Error::new(ErrorKind::Storage, format!("{} {why}", entry.path().display()));
    if entry.file_name().to_str().is_some_and(partial_file::is_partial) {
        let why = || why("has a name that is reserved for unfinished downloads");
        return if is_target { None } else { Some(Listed::LeftOut { name, why: why() }) };
    }
    if !is_text {
        let error = why("has a name that is not UTF-8, and keys must be UTF-8");
        return Some(Listed::Refused { name, error });
    }
    if kind.is_symlink() {
        return Some(Listed::LeftOut { name, why: why("is a symbolic link, and links are not followed") });
    }
    if !kind.is_file() {
        return Some(Listed::LeftOut { name, why: why("is not a regular file") });
    }
    let found = match entry.metadata() {
        Ok(found) => found,
        // The file was removed in the meantime.
        Err(error) if error.io_error().is_some_and(|error| error.kind() == IoErrorKind::NotFound) => {
            return None;
        }
        Err(error) => {
            return Some(Listed::Refused {
                name,
                error: storage(entry.path(), "cannot be read", io_error(error)),
            });
        }
    };
    match found.modified() {
        Ok(modified) => Some(Listed::Entry(Entry { name, size: found.len(), modified, object: None })),
        Err(error) => {
            Some(Listed::Refused { name, error: storage(entry.path(), "has no modification time", error) })
        }
    }
}

/// The name with slashes, and whether it is UTF-8.
fn name_below(root: &Path, path: &Path) -> (String, bool) {
    let below = path.strip_prefix(root).unwrap_or(path);
    let mut name = String::with_capacity(below.as_os_str().len());
    let mut is_text = true;
    for part in below.components() {
        if !name.is_empty() {
            name.push('/');
        }
        let text = part.as_os_str().to_string_lossy();
        is_text &= part.as_os_str().to_str().is_some();
        name.push_str(&text);
    }
    (name, is_text)
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;
    use crate::transfer::tree::entry::order;

    async fn names(folder: &Path, follow_links: bool) -> Vec<String> {
        names_of(folder, follow_links, false).await
    }

    async fn names_of(folder: &Path, follow_links: bool, is_target: bool) -> Vec<String> {
        let entries = list(folder.to_owned(), follow_links, is_target);
        let listed: Vec<_> = entries.try_collect().await.unwrap();
        let name = |listed: &Listed| match listed {
            Listed::Entry(entry) => entry.name.clone(),
            Listed::Refused { name, error } | Listed::LeftOut { name, why: error } => {
                format!("{name}: {}", error.message())
            }
            Listed::Unreadable { .. } => panic!("{listed:?}"),
        };
        listed.iter().map(name).collect()
    }

    #[tokio::test]
    async fn files_come_in_the_order_of_keys() {
        let folder = tempfile::tempdir().unwrap();
        let expected = [
            "a-b",
            "a.b",
            "a/b/c",
            "a/c",
            "a0",
            "cr\u{e9}a/x",
            "cre\u{301}b",
            "z/\u{1f600}",
            "\u{e9}",
            "\u{10000}",
        ];
        for name in expected {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        for unfinished in [".a.partial", "a/.b.partial.download"] {
            std::fs::write(folder.path().join(unfinished), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("empty")).unwrap();
        let left_out = names(folder.path(), false).await;
        assert_eq!(
            left_out.iter().filter(|name| name.contains("reserved for unfinished downloads")).count(),
            2
        );
        let names = names_of(folder.path(), false, true).await;
        assert!(names.is_sorted_by(|one, other| order(one, other).is_lt()), "{names:?}");
        let mut expected = expected.map(str::to_owned);
        expected.sort_by(|one, other| order(one, other));
        assert_eq!(names, expected);
    }

    #[tokio::test]
    async fn a_folder_that_is_missing_may_be_empty() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        assert_eq!(list(missing.clone(), false, true).count().await, 0);
        let error = list(missing, false, false).try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = list(file, false, true).try_collect::<Vec<_>>().await.unwrap_err();
        assert!(error.message().ends_with("is not a folder"), "{error}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn links_are_followed_if_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there");
        std::fs::create_dir(&there).unwrap();
        std::fs::write(there.join("file"), "1").unwrap();
        std::os::unix::fs::symlink(&there, folder.path().join("link")).unwrap();
        assert_eq!(names(folder.path(), true).await, ["link/file", "there/file"]);
        let names = names(folder.path(), false).await;
        assert!(names[0].ends_with("link is a symbolic link, and links are not followed"), "{names:?}");
        assert_eq!(names[1], "there/file");
    }
}
