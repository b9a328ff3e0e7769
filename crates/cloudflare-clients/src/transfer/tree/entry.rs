//! What a tree has, in the order of the names.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::time::SystemTime;

use futures_util::stream::{self, BoxStream, Stream};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Object, normalize_key};

/// The entries of a tree in the order of their names; the first error ends it.
pub(super) type Entries = BoxStream<'static, Result<Listed>>;

/// Something that was found in a tree.
#[derive(Debug)]
pub(super) enum Listed {
    Entry(Entry),
    /// What cannot be transferred, and why. It is in its place by its name.
    Refused {
        name: String,
        error: Error,
    },
    /// What is not meant to be transferred, and why: nor is what would lie below it.
    LeftOut {
        name: String,
        why: Error,
    },
    /// What lies here could not be listed.
    Unreadable {
        name: String,
        error: Error,
    },
}

/// A file or an object.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Below the root of its tree, with slashes.
    pub(super) name: String,
    pub(super) size: u64,
    /// When the file was written, or the object uploaded.
    pub(super) modified: SystemTime,
    /// What the listing says of it, of an object.
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

/// The order of names on both sides: that of the bytes of the form in which R2 compares keys.
pub(super) fn order(one: &str, other: &str) -> Ordering {
    comparable(one).cmp(&comparable(other))
}

fn comparable(name: &str) -> Cow<'_, str> {
    normalize_key(name)
}

/// What a task sends. One that did not come to its end must not look like a listing that did.
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
        let error = Error::new(ErrorKind::Storage, "the listing was ended").with_source(error);
        Some((vec![Err(error)], (receiver, None)))
    })
}
