//! The two kinds of trees: local folders, and keys with a common prefix.

use std::path::{Path, PathBuf};

use crate::model::r2::normalize_key;
use crate::r2::R2Service;
use crate::transfer::copy_route::CopyRoute;

/// One side of a transfer of many objects: a local folder, or the keys of a bucket below a prefix.
///
/// A path converts to a folder: `"films".into()`. [`R2Service::tree`] returns the keys below a prefix.
#[derive(Debug, Clone)]
pub struct Tree(pub(super) Place);

#[derive(Debug, Clone)]
pub(super) enum Place {
    Folder(PathBuf),
    /// The prefix is empty or ends with a slash.
    Keys {
        service: R2Service,
        prefix: String,
    },
}

impl R2Service {
    /// Returns the objects below a prefix as one side of a [`sync`](crate::transfer::sync). If the prefix
    /// does not end with a slash, one is added: `films` means `films/`, and excludes `films-old/`. An empty
    /// prefix is the whole bucket.
    pub fn tree(&self, prefix: impl Into<String>) -> Tree {
        Tree(Place::Keys { service: self.clone(), prefix: folder_prefix(prefix.into()) })
    }
}

pub(super) fn folder_prefix(mut prefix: String) -> String {
    if !prefix.is_empty() && !prefix.ends_with('/') {
        prefix.push('/');
    }
    prefix
}

impl Place {
    /// Whether one contains the other, as far as that can be determined.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder(_), Self::Keys { .. }) | (Self::Keys { .. }, Self::Folder(_)) => false,
            (Self::Folder(one), Self::Folder(other)) => one.starts_with(other) || other.starts_with(one),
            (Self::Keys { service: a, prefix: one }, Self::Keys { service: b, prefix: other }) => {
                CopyRoute::between(a, b) == CopyRoute::Within && {
                    let (one, other) = (normalize_key(one), normalize_key(other));
                    one.starts_with(&*other) || other.starts_with(&*one)
                }
            }
        }
    }
}

impl From<PathBuf> for Tree {
    fn from(path: PathBuf) -> Self {
        Self(Place::Folder(path))
    }
}

impl From<&Path> for Tree {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl From<&PathBuf> for Tree {
    fn from(path: &PathBuf) -> Self {
        path.clone().into()
    }
}

impl From<&str> for Tree {
    fn from(path: &str) -> Self {
        PathBuf::from(path).into()
    }
}

impl From<String> for Tree {
    fn from(path: String) -> Self {
        PathBuf::from(path).into()
    }
}
