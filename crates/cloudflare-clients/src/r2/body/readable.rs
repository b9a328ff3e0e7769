//! Bodies that are streams of JavaScript: their bytes need not pass through this program's memory.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use worker::send::{SendFuture, SendWrapper};
use worker::web_sys::ReadableStream;

use super::{Body, ByteStream, Bytes, Content, Mutex, Synced, exactly};
use crate::backend::workers::{error, js};
use crate::error::{Error, ErrorKind, Result};

/// The longest body that the runtime collects before it is read here. It gives bytes on in pieces of 4 KiB otherwise, and each
/// crossing from JavaScript costs a Worker more CPU than the bytes do.
const COLLECTED: u64 = 1024 * 1024;

/// What the stream goes through when it is read here.
pub(super) type Through = Box<dyn FnOnce(ByteStream) -> ByteStream + Send + Sync>;

pub(super) struct Readable {
    stream: SendWrapper<ReadableStream>,
    length: Option<u64>,
    through: Option<Through>,
}

impl Readable {
    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    pub(super) fn through(self, through: Through) -> Self {
        Self { through: Some(through), ..self }
    }

    pub(super) fn into_stream(self) -> ByteStream {
        let SendWrapper(stream) = self.stream;
        let stream = if stream.locked() {
            let read = Error::new(ErrorKind::BodyNotReplayable, "the stream is being read already");
            stream::once(async { Err(read) }).boxed()
        } else if self.length.is_some_and(|length| length <= COLLECTED) {
            stream::once(SendFuture::new(async move { js::collected(&stream).await.map(Bytes::from) }))
                .boxed()
        } else {
            let chunks = worker::ByteStream::from(stream)
                .map_ok(Bytes::from)
                .map_err(|failed| error::from_worker(&failed));
            stream::unfold(SendWrapper(chunks), |mut chunks| {
                SendFuture::new(async move { Some((chunks.next().await?, chunks)) })
            })
            .boxed()
        };
        let stream = match self.length {
            Some(length) => exactly(stream, length).boxed(),
            None => stream,
        };
        let stream = ByteStream(Synced(Mutex::new(stream)));
        match self.through {
            Some(through) => through(stream),
            None => stream,
        }
    }
}

/// A body as JavaScript takes it.
pub(crate) enum ForJs {
    Bytes(Bytes),
    Readable(ReadableStream),
    Stream(ByteStream),
}

impl Body {
    /// The body of a request to the Worker, as long as its `Content-Length` says.
    ///
    /// Given to a put or a part it goes on to R2 without passing through the Worker's memory, and can be sent once only: an
    /// attempt that fails is not followed by another.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the request cannot be read or has a `Content-Length` that is no number. A body of unknown
    /// length is refused when it is put.
    pub fn from_worker_request(request: &worker::Request) -> Result<Self> {
        let Some(stream) = request.inner().body() else {
            return Ok(Self::empty());
        };
        let length = request.headers().get("content-length").map_err(|failed| error::from_worker(&failed))?;
        let length = length.map(|length| {
            length.trim().parse().map_err(|_| {
                Error::invalid_input(format!("the request's Content-Length {length:?} is no number of bytes"))
            })
        });
        Ok(Self::from_readable_stream(stream, length.transpose()?))
    }

    /// A stream of JavaScript, which the runtime must know the length of when it is put: the body of a request or answer with
    /// a `Content-Length`, of an object, or the readable half of a
    /// [`FixedLengthStream`](https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/#fixedlengthstream).
    ///
    /// Given to a put it passes by the Worker's memory, as in [`from_worker_request`](Self::from_worker_request).
    pub fn from_readable_stream(stream: ReadableStream, length: Option<u64>) -> Self {
        Self::new(Content::Readable(Readable { stream: SendWrapper(stream), length, through: None }))
    }

    pub(crate) fn into_js(self) -> ForJs {
        if !self.passes_by() {
            return match self.as_bytes() {
                Some(bytes) if self.progress.is_none() => ForJs::Bytes(bytes.clone()),
                _ => ForJs::Stream(self.into_stream()),
            };
        }
        match self.content {
            Content::Readable(readable) => ForJs::Readable(readable.stream.0),
            _ => ForJs::Stream(self.into_stream()),
        }
    }
}
