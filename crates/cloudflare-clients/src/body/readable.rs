//! Bodies that are JavaScript streams, whose bytes need not pass through this program's memory.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use worker::send::{SendFuture, SendWrapper};
use worker::web_sys::ReadableStream;

use super::stream::{Announced, ByteStream, exactly};
use crate::error::{Error, ErrorKind};
use crate::js::{PieceReader, Thrown};

/// The maximum length, in bytes, of a body that is read in one piece. By default the runtime yields pieces of
/// 4 KiB, and each crossing from JavaScript costs a Worker more CPU time than these bytes do.
const SHORT: u32 = 1024 * 1024;

/// The size of the pieces of a longer body of known length. Each piece is briefly in memory twice.
const PIECE: u32 = 128 * 1024;

/// An adapter that is applied when the stream is read here.
type Through = Box<dyn FnOnce(ByteStream) -> ByteStream + Send + Sync>;

pub(crate) struct Readable {
    stream: SendWrapper<ReadableStream>,
    length: Option<u64>,
    announced: Announced,
    explain: fn(Thrown) -> Error,
    through: Option<Through>,
}

impl Readable {
    /// Creates a body from a stream. `explain` converts the stream's failures.
    pub(crate) fn new(stream: ReadableStream, length: Option<u64>, explain: fn(Thrown) -> Error) -> Self {
        Self { stream: SendWrapper(stream), length, announced: Announced::ByCaller, explain, through: None }
    }

    pub(super) fn received(&mut self) {
        self.announced = Announced::ByService;
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    pub(super) fn through(self, through: Through) -> Self {
        Self { through: Some(through), ..self }
    }

    pub(super) fn into_inner(self) -> ReadableStream {
        self.stream.0
    }

    pub(super) fn into_stream(self) -> ByteStream {
        let Self { stream: SendWrapper(stream), length, announced, explain, through } = self;
        let stream = if stream.locked() {
            let read = Error::new(ErrorKind::BodyNotReplayable, "the stream is already being read");
            stream::once(async { Err(read) }).boxed()
        } else if let Some(reader) = length.and_then(|length| PieceReader::new(&stream, piece_of(length))) {
            stream::try_unfold(SendWrapper(reader), move |mut reader| {
                SendFuture::new(async move {
                    let piece = reader.next().await.map_err(|thrown| explain(Thrown::from(&thrown)))?;
                    Ok(piece.map(|piece| (Bytes::from(piece), reader)))
                })
            })
            .boxed()
        } else {
            let chunks = worker::ByteStream::from(stream)
                .map_ok(Bytes::from)
                .map_err(move |failed| explain(Thrown::from(&failed)));
            stream::unfold(SendWrapper(chunks), |mut chunks| {
                SendFuture::new(async move { Some((chunks.next().await?, chunks)) })
            })
            .boxed()
        };
        let stream = match length {
            Some(length) => ByteStream::new(exactly(stream, length, announced)),
            None => ByteStream::new(stream),
        };
        match through {
            Some(through) => through(stream),
            None => stream,
        }
    }
}

/// How many bytes are read at a time from a body of this length. The room for one more byte makes a short
/// body arrive together with its end.
fn piece_of(length: u64) -> u32 {
    u32::try_from(length).ok().filter(|length| *length <= SHORT).map_or(PIECE, |length| length + 1)
}

/// A body in a form that JavaScript accepts.
pub(crate) enum ForJs {
    Bytes(Bytes),
    Readable(ReadableStream),
    Stream(ByteStream),
}
