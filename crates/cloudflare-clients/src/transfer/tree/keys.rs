//! What the keys of a bucket that begin alike have.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;

use super::entry::{Entries, Entry, Listed};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::Object;
use crate::r2::R2Service;

/// The objects below a prefix, listed a page ahead of the reader; those that stand for directories only if they are
/// wanted.
pub(super) fn list(service: &R2Service, prefix: String, with_directories: bool) -> Entries {
    let (sender, receiver) = mpsc::channel(1);
    let mut pages = service.list().prefix(&prefix).pages();
    tokio::spawn(async move {
        while let Some(page) = pages.next().await {
            if sender.send(page).await.is_err() {
                return;
            }
        }
    });
    stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)))
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
    let Some(name) = object.key.strip_prefix(prefix) else {
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
    Ok(Some(Listed::Entry(Entry {
        name: name.to_owned(),
        size: object.size,
        modified: object.uploaded,
        object: Some(Box::new(object)),
    })))
}
