//! The entries of a tree, in the order of their names.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::time::SystemTime;

use futures_util::stream::{self, BoxStream, Stream};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Object, normalize_key};

/// The entries of a tree in the order of their names. The first error ends the stream.
pub(super) type Entries = BoxStream<'static, Result<Listed>>;

/// Something that was found in a tree.
#[derive(Debug)]
pub(super) enum Listed {
    Entry(Entry),
    /// An entry that cannot be transferred, and why. It is sorted by its name like the others.
    Refused {
        name: String,
        error: Error,
    },
    /// An entry that is not meant to be transferred, and why. Nothing below it is listed.
    LeftOut {
        name: String,
        why: Error,
    },
    /// A directory whose content could not be listed.
    Unreadable {
        name: String,
        error: Error,
    },
}

/// A file or an object.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Path below the root of its tree, with slashes.
    pub(super) name: String,
    pub(super) size: u64,
    /// When the file was written or the object was uploaded.
    pub(super) modified: SystemTime,
    /// The object as it was listed; `None` for a file.
    pub(super) object: Option<Box<Object>>,
}

impl Listed {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Entry(Entry { name, .. })
            | Self::Refused { name, .. }
            | Self::LeftOut { name, .. }
            | Self::Unreadable { name, .. } => name,
        }
    }
}

/// The order of names on both sides: by the bytes of the normal form in which R2 compares keys.
pub(super) fn order(one: &str, other: &str) -> Ordering {
    comparable(one).cmp(&comparable(other))
}

fn comparable(name: &str) -> Cow<'_, str> {
    normalize_key(name)
}

/// Receives the batches of a listing task. A task that ended early must not look like a complete listing.
pub(super) fn received<T: Send + 'static>(
    receiver: Receiver<Vec<Result<T>>>,
    listing: JoinHandle<()>,
) -> impl Stream<Item = Vec<Result<T>>> + Send {
    stream::unfold((receiver, Some(listing)), async |(mut receiver, mut listing)| {
        if let Some(batch) = receiver.recv().await {
            return Some((batch, (receiver, listing)));
        }
        let ended = listing.take()?.await;
        let error = ended.err()?;
        let error =
            Error::new(ErrorKind::Storage, "the task that lists the tree ended early").with_source(error);
        Some((vec![Err(error)], (receiver, None)))
    })
}
