//! The keys of a bucket below a prefix.

use std::borrow::Cow;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;

use super::entry::{Entries, Entry, Listed, received};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Object, normalize_key};
use crate::r2::R2Service;

/// Which directory markers to list: objects without bytes whose names end with a slash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directories {
    None,
    /// All except the marker of the prefix itself.
    Below,
    All,
}

impl Directories {
    fn has(self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::Below => !name.is_empty(),
            Self::All => true,
        }
    }
}

/// Lists the objects below a prefix, one page ahead of the reader.
pub(super) fn list(service: &R2Service, prefix: String, directories: Directories) -> Entries {
    let (sender, receiver) = mpsc::channel(1);
    let mut pages = service.list().prefix(&prefix).pages();
    let listing = tokio::spawn(async move {
        while let Some(page) = pages.next().await {
            if sender.send(vec![page]).await.is_err() {
                return;
            }
        }
    });
    received(receiver, listing)
        .flat_map(stream::iter)
        .map_ok(move |page| {
            let prefix = prefix.clone();
            stream::iter(
                page.objects
                    .into_iter()
                    .filter_map(move |object| listed(&prefix, object, directories).transpose()),
            )
        })
        .try_flatten()
        .boxed()
}

/// The part of a key that follows the prefix, in the normal form in which R2 compares keys.
pub(super) fn name_below<'a>(prefix: &str, key: &'a str) -> Option<Cow<'a, str>> {
    if let Some(name) = key.strip_prefix(prefix) {
        return Some(name.into());
    }
    let (key, prefix) = (normalize_key(key), normalize_key(prefix));
    key.strip_prefix(&*prefix).map(|name| name.to_owned().into())
}

fn listed(prefix: &str, object: Object, directories: Directories) -> Result<Option<Listed>> {
    let Some(name) = name_below(prefix, &object.key).map(Cow::into_owned) else {
        let message = format!("the listing of the prefix {prefix:?} contains the key {:?}", object.key);
        return Err(Error::unexpected(message));
    };
    let is_directory = name.is_empty() || name.ends_with('/');
    if is_directory && !directories.has(&name) {
        if object.size == 0 {
            return Ok(None);
        }
        let message = format!(
            "the key {:?} ends with a slash, like a directory, but its object is not empty",
            object.key
        );
        let error = Error::new(ErrorKind::InvalidInput, message);
        return Ok(Some(Listed::Refused { name, error }));
    }
    Ok(Some(Listed::Entry(Entry {
        name,
        size: object.size,
        modified: object.uploaded,
        object: Some(Box::new(object)),
    })))
}
