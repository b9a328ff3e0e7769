//! What the keys of a bucket that begin alike have.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;

use super::entry::{Entries, Entry, Listed, received};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Object, normalize_key};
use crate::r2::R2Service;

/// The objects below a prefix, listed a page ahead of the reader; those that stand for directories only if they are
/// wanted.
pub(super) fn list(service: &R2Service, prefix: String, with_directories: bool) -> Entries {
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
                    .filter_map(move |object| listed(&prefix, object, with_directories).transpose()),
            )
        })
        .try_flatten()
        .boxed()
}

/// Objects whose names end with a slash and that have no bytes stand for directories.
fn listed(prefix: &str, object: Object, with_directories: bool) -> Result<Option<Listed>> {
    let (key, normal) = (normalize_key(&object.key), normalize_key(prefix));
    let name = object.key.strip_prefix(prefix).or_else(|| key.strip_prefix(&*normal));
    let Some(name) = name else {
        let message = format!("the listing of {prefix:?} has the key {:?}", object.key);
        return Err(Error::unexpected(message));
    };
    if (name.is_empty() || name.ends_with('/')) && !with_directories {
        if object.size == 0 {
            return Ok(None);
        }
        let message = format!("the key {:?} names a directory, and its object has bytes", object.key);
        let error = Error::new(ErrorKind::InvalidInput, message);
        return Ok(Some(Listed::Refused { name: name.to_owned(), error }));
    }
    let name = name.to_owned();
    Ok(Some(Listed::Entry(Entry {
        name,
        size: object.size,
        modified: object.uploaded,
        object: Some(Box::new(object)),
    })))
}
