//! Decodes gzip as it arrives, with the runtime's
//! [`DecompressionStream`](https://developers.cloudflare.com/workers/runtime-apis/web-standards/#compression-streams).

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::{self, Stream, TryStreamExt as _};
use worker::Delay;
use worker::js_sys::{Array, Function, Reflect, Uint8Array, global};
use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::web_sys::{ReadableStream, WritableStream, WritableStreamDefaultWriter};

use super::not_gzip::not_gzip;
use super::stream::ByteStream;
use crate::error::{Error, Result};
use crate::js::{self, Thrown};

/// How many encoded bytes the runtime gets at a time. It decodes all of them before anything is read, to at
/// most a thousand times as many.
const PIECE: usize = 8 * 1024;

/// Decodes a stream of gzip. However much it expands, the Worker holds one of its pieces and what [`PIECE`]
/// bytes decode to.
pub(super) fn gunzip(stream: ByteStream) -> impl Stream<Item = Result<Bytes>> + Send {
    stream::try_unfold(SendWrapper(Gunzip::new(stream)), |SendWrapper(gunzip)| {
        SendFuture::new(async move {
            let mut gunzip = gunzip?;
            Ok(gunzip.next().await?.map(|bytes| (bytes, SendWrapper(Ok(gunzip)))))
        })
    })
}

struct Gunzip {
    encoded: Encoded,
    decoded: worker::ByteStream,
}

impl Gunzip {
    fn new(stream: ByteStream) -> Result<Self> {
        let made = || {
            let class: Function = js::property(&global(), "DecompressionStream").dyn_into()?;
            let pair = Reflect::construct(&class, &Array::of1(&"gzip".into()))?;
            let writable = js::property(&pair, "writable").dyn_into::<WritableStream>()?;
            let readable = js::property(&pair, "readable").dyn_into::<ReadableStream>()?;
            Ok((writable.get_writer()?, readable))
        };
        let (writer, readable) = made().map_err(|thrown: JsValue| Error::from(Thrown::from(&thrown)))?;
        let encoded = Encoded { stream: Some(stream), piece: Bytes::new(), writer };
        Ok(Self { encoded, decoded: readable.into() })
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let Self { encoded, decoded } = self;
        loop {
            // The runtime does not limit how much it decodes ahead, so everything decoded is read before it
            // gets more. It can be read before a timer fires.
            let give = async {
                Delay::from(Duration::ZERO).await;
                encoded.give().await
            };
            let read = match select(decoded.try_next(), pin!(give)).await {
                Either::Left((read, _)) => read,
                Either::Right((Ok(true), _)) => continue,
                Either::Right((Ok(false), read)) => read.await,
                Either::Right((Err(error), _)) => return Err(error),
            };
            let read = read.map_err(|failed| not_gzip(Thrown::from(&failed).message))?;
            return Ok(read.map(Bytes::from));
        }
    }
}

/// The bytes to decode. None is lost if a future of its methods is dropped.
struct Encoded {
    /// `None` after the end.
    stream: Option<ByteStream>,
    /// Received bytes that the runtime does not have yet.
    piece: Bytes,
    writer: WritableStreamDefaultWriter,
}

impl Encoded {
    /// Gives the runtime the next piece, or closes the input after the last one. `false` if it is already
    /// closed.
    async fn give(&mut self) -> Result<bool> {
        let Some(stream) = &mut self.stream else { return Ok(false) };
        let mut ended = false;
        while self.piece.is_empty() && !ended {
            match stream.try_next().await? {
                Some(piece) => self.piece = piece,
                None => ended = true,
            }
        }
        let given = if ended {
            self.stream = None;
            self.writer.close()
        } else {
            let piece = self.piece.split_to(self.piece.len().min(PIECE));
            self.writer.write_with_chunk(&Uint8Array::from(&piece[..]))
        };
        js::settled(Ok(given)).await.map_err(|thrown| not_gzip(Thrown::from(&thrown).message))?;
        Ok(true)
    }
}
