//! The bytes of a body as a stream of pieces.

use std::fmt;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt as _, TryStreamExt as _};

use crate::error::{Error, ErrorKind, Result};
use crate::sync;

/// The size of the pieces of bodies from memory and files, in bytes.
pub(super) const CHUNK: usize = 256 * 1024;

/// The bytes of a [`Body`](super::Body) as a stream of pieces.
///
/// A piece has at least one byte. The stream ends after an error.
pub struct ByteStream(
    /// Only accessed through `&mut`, so the lock is never contended; it makes the stream `Sync`.
    Mutex<BoxStream<'static, Result<Bytes>>>,
);

impl ByteStream {
    pub(super) fn new(stream: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Self {
        Self(Mutex::new(stream.boxed()))
    }
}

impl Stream for ByteStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        sync::get_mut(&mut self.0).poll_next_unpin(cx)
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream").finish_non_exhaustive()
    }
}

pub(super) fn chunks(mut bytes: Bytes) -> impl Stream<Item = Result<Bytes>> + Send {
    stream::iter(std::iter::from_fn(move || {
        (!bytes.is_empty()).then(|| Ok(bytes.split_to(bytes.len().min(CHUNK))))
    }))
}

#[cfg(not(target_arch = "wasm32"))]
pub(super) fn all_chunks(pieces: Vec<Bytes>) -> impl Stream<Item = Result<Bytes>> + Send {
    stream::iter(pieces).flat_map(chunks)
}

/// Who announced the length of a stream, and so is at fault if it is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    /// The caller, for a stream to send.
    ByCaller,
    /// The service, for a stream that it sends.
    ByService,
}

/// Passes a stream on, and fails if it does not have exactly `length` bytes.
pub(super) fn exactly(
    stream: impl Stream<Item = Result<Bytes>> + Send + Unpin + 'static,
    length: u64,
    announced: Announced,
) -> impl Stream<Item = Result<Bytes>> + Send {
    let wrong = move |count: u64, what: &str| match announced {
        Announced::ByCaller => wrong_length(count, what, length),
        Announced::ByService => Error::new(
            ErrorKind::Integrity,
            format!("the body {what} {count} bytes, but {length} were announced"),
        ),
    };
    stream::try_unfold((stream, 0_u64), move |(mut stream, done)| async move {
        match stream.try_next().await? {
            Some(bytes) => {
                let done = done + bytes.len() as u64;
                if done > length {
                    return Err(wrong(done, "has at least"));
                }
                Ok(Some((bytes, (stream, done))))
            }
            None if done < length => Err(wrong(done, "ended after")),
            None => Ok(None),
        }
    })
}

/// The error for a request body whose length differs from the one the caller announced.
pub(crate) fn wrong_length(count: u64, what: &str, length: u64) -> Error {
    Error::invalid_input(format!(
        "the body {what} {count} bytes, but {length} were announced: pass the stream's exact length"
    ))
}
