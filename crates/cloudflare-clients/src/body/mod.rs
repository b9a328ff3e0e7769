//! The bytes of an object, to send or to read.

#[cfg(all(feature = "workers", target_arch = "wasm32"))]
mod decompression_stream;
#[cfg(not(target_arch = "wasm32"))]
mod file;
#[cfg(all(feature = "gzip", not(all(feature = "workers", target_arch = "wasm32"))))]
mod gunzip;
mod http_body;
#[cfg(any(feature = "gzip", all(feature = "workers", target_arch = "wasm32")))]
mod not_gzip;
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
mod readable;
mod replay;
mod stream;

use std::fmt;
#[cfg(not(target_arch = "wasm32"))]
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, Stream, TryStreamExt as _};
use serde::de::DeserializeOwned;

#[cfg(all(feature = "workers", target_arch = "wasm32"))]
use self::decompression_stream::gunzip;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::file::write_all;
#[cfg(all(feature = "gzip", not(all(feature = "workers", target_arch = "wasm32"))))]
use self::gunzip::gunzip;
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
pub(crate) use self::readable::{ForJs, Readable};
pub(crate) use self::replay::Replay;
pub use self::stream::ByteStream;
#[cfg(not(target_arch = "wasm32"))]
use self::stream::all_chunks;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub(crate) use self::stream::wrong_length;
use self::stream::{Announced, chunks, exactly};
use crate::error::{Error, ErrorKind, LENGTH_MISSING, Result, TOO_LARGE};
use crate::json;

/// The default of [`Body::limit`], in bytes: 128 MiB, which is the memory of a Worker.
pub const DEFAULT_READ_LIMIT: u64 = 128 * 1024 * 1024;

type Progress = Arc<dyn Fn(u64, Option<u64>) + Send + Sync>;

/// A stream adapter that is applied each time the body is read.
type Through = Arc<dyn Fn(ByteStream) -> BoxStream<'static, Result<Bytes>> + Send + Sync>;

/// Fetches the same bytes again after some arrived damaged.
pub(crate) type Refetch = Arc<dyn Fn() -> BoxFuture<'static, Result<Body>> + Send + Sync>;

/// The bytes of an object, to send or to read.
///
/// Bytes, strings and files can be sent again when a request fails. A stream cannot, once it has been read.
///
/// To read a body, use [`bytes`](Self::bytes), [`text`](Self::text) or [`json`](Self::json), each of which
/// has a limit, [`into_stream`](Self::into_stream) for one piece after another, or `write_to_file`.
///
/// A `Body` is also an [`http_body::Body`](https://docs.rs/http-body), so that a server can respond with it
/// directly. [`from_http_body`](Self::from_http_body) stores what a server receives.
///
/// ```
/// # use cloudflare_clients::Body;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// let body = Body::from("hello");
/// assert_eq!(body.content_length(), Some(5));
/// assert!(body.is_replayable());
/// let borrowed = String::from("hello");
/// assert_eq!(Body::from(&borrowed).content_length(), Some(5));
/// assert_eq!(body.text().await?, "hello");
/// # Ok(()) }
/// ```
pub struct Body {
    content: Content,
    progress: Option<Progress>,
    through: Option<Through>,
    refetch: Option<Refetch>,
    limit: u64,
    /// The operation that read it from a service.
    read_by: Option<ReadBy>,
    /// Whether the bucket itself ensures that the bytes are those that were stored.
    is_verified: bool,
}

/// The operation that a body comes from, for errors while reading it.
#[derive(Clone)]
struct ReadBy {
    operation: &'static str,
    key: Arc<str>,
}

enum Content {
    Bytes(Bytes),
    /// In memory, in several pieces.
    #[cfg(not(target_arch = "wasm32"))]
    Pieces(Vec<Bytes>),
    #[cfg(not(target_arch = "wasm32"))]
    File(file::Slice),
    Stream {
        stream: ByteStream,
        length: Option<u64>,
        announced: Announced,
    },
    /// A stream, with its checks, that is being read in frames, and the number of bytes left.
    Reading {
        stream: ByteStream,
        left: Option<u64>,
    },
    #[cfg(all(feature = "workers", target_arch = "wasm32"))]
    Readable(Readable),
}

impl Body {
    fn new(content: Content) -> Self {
        Self {
            content,
            progress: None,
            through: None,
            refetch: None,
            limit: DEFAULT_READ_LIMIT,
            read_by: None,
            is_verified: false,
        }
    }

    /// Creates a body without bytes.
    pub fn empty() -> Self {
        Self::from(Bytes::new())
    }

    /// Creates a body from a stream, with its length in bytes if it is known.
    ///
    /// A put of a stream of unknown length is uploaded in parts of 16 MiB. In a Worker, whose memory is too
    /// small for that, it is [`ErrorKind::InvalidInput`]. A stream of known length is sent in one request. If
    /// it ends early or is longer, nothing is stored and the error is [`ErrorKind::InvalidInput`] as well.
    ///
    /// An error of the stream is returned by the put and is not retried. If it says that a connection broke
    /// or timed out, its kind becomes [`ErrorKind::InvalidInput`], because the failed connection is the one
    /// to the client who sends the body. The kind stays if the error is from this crate and names its
    /// operation, as for a body that comes from another bucket.
    pub fn from_stream<S>(stream: S, length: Option<u64>) -> Self
    where
        S: Stream<Item = Result<Bytes>> + Send + 'static,
    {
        Self::new(Content::Stream { stream: ByteStream::new(stream), length, announced: Announced::ByCaller })
    }

    /// Marks the body as received from a service that announced its length: another length is
    /// [`ErrorKind::Integrity`].
    pub(crate) fn received(mut self) -> Self {
        match &mut self.content {
            Content::Stream { announced, .. } => *announced = Announced::ByService,
            #[cfg(all(feature = "workers", target_arch = "wasm32"))]
            Content::Readable(readable) => readable.received(),
            _ => {}
        }
        self
    }

    /// Marks the body as verified by the bucket, before or while it is read, so that it need not be hashed
    /// again.
    #[cfg(all(feature = "local", not(target_arch = "wasm32")))]
    pub(crate) fn verified(mut self) -> Self {
        self.is_verified = true;
        self
    }

    /// Whether the bucket verifies the bytes.
    pub(crate) fn is_verified(&self) -> bool {
        self.is_verified
    }

    /// The number of bytes, if it is known.
    pub fn content_length(&self) -> Option<u64> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes.len() as u64),
            #[cfg(not(target_arch = "wasm32"))]
            Content::Pieces(pieces) => Some(pieces.iter().map(|piece| piece.len() as u64).sum()),
            #[cfg(not(target_arch = "wasm32"))]
            Content::File(slice) => Some(slice.length()),
            Content::Stream { length, .. } => *length,
            Content::Reading { left, .. } => *left,
            #[cfg(all(feature = "workers", target_arch = "wasm32"))]
            Content::Readable(readable) => readable.length(),
        }
    }

    /// The number of bytes, for a body that is sent in one request.
    pub(crate) fn known_length(&self) -> Result<u64> {
        self.content_length().ok_or_else(|| {
            Error::invalid_input(
                "R2 needs the length of the body: pass the stream's length, collect it into bytes, or upload it in parts \
                 of known length",
            )
            .with_code(LENGTH_MISSING)
        })
    }

    /// Whether the same bytes can be sent again: false for streams only.
    pub fn is_replayable(&self) -> bool {
        match self.content {
            Content::Bytes(_) => true,
            #[cfg(not(target_arch = "wasm32"))]
            Content::Pieces(_) | Content::File(_) => true,
            _ => false,
        }
    }

    /// Whether the bytes go to the service or a client without passing through this program.
    pub(crate) fn passes_by(&self) -> bool {
        match self.content {
            #[cfg(all(feature = "workers", target_arch = "wasm32"))]
            Content::Readable(_) => !self.is_watched(),
            _ => false,
        }
    }

    /// Applies an adapter to the stream of bytes when it is read here, but not when it passes by.
    pub(crate) fn through<S>(
        self,
        length: u64,
        wrap: impl FnOnce(ByteStream) -> S + Send + Sync + 'static,
    ) -> Self
    where
        S: Stream<Item = Result<Bytes>> + Send + 'static,
    {
        #[cfg(all(feature = "workers", target_arch = "wasm32"))]
        if let Content::Readable(readable) = self.content {
            let wrap = move |stream| ByteStream::new(wrap(stream));
            return Self { content: Content::Readable(readable.through(Box::new(wrap))), ..self };
        }
        Self::from_stream(wrap(self.into_stream()), Some(length))
    }

    /// Decodes the bytes as gzip. The limit applies to the decoded bytes.
    #[cfg(any(feature = "gzip", all(feature = "workers", target_arch = "wasm32")))]
    pub(crate) fn gunzipped(mut self) -> Self {
        let (limit, read_by) = (self.limit, self.read_by.take());
        let refetch = self.refetch.take().map(|refetch| -> Refetch {
            Arc::new(move || {
                let again = refetch();
                Box::pin(async move { Ok(again.await?.gunzipped()) })
            })
        });
        Self { refetch, limit, read_by, ..Self::from_stream(gunzip(self.into_stream()), None) }
    }

    /// Returns a body with the same bytes, or `None` for a stream. Progress starts at 0 again.
    pub fn try_clone(&self) -> Option<Self> {
        let content = match &self.content {
            Content::Bytes(bytes) => Content::Bytes(bytes.clone()),
            #[cfg(not(target_arch = "wasm32"))]
            Content::Pieces(pieces) => Content::Pieces(pieces.clone()),
            #[cfg(not(target_arch = "wasm32"))]
            Content::File(slice) => Content::File(slice.clone()),
            Content::Stream { .. } | Content::Reading { .. } => return None,
            #[cfg(all(feature = "workers", target_arch = "wasm32"))]
            Content::Readable(_) => return None,
        };
        Some(Self {
            content,
            progress: self.progress.clone(),
            through: self.through.clone(),
            refetch: self.refetch.clone(),
            limit: self.limit,
            read_by: self.read_by.clone(),
            is_verified: self.is_verified,
        })
    }

    /// The bytes, if they are in memory already.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        if let Content::Bytes(bytes) = &self.content { Some(bytes) } else { None }
    }

    /// Calls `report(done, total)` as bytes are read or sent. `total` is `None` for a stream of unknown
    /// length. When a request is sent again, `done` starts at 0 again.
    #[must_use]
    pub fn on_progress(mut self, report: impl Fn(u64, Option<u64>) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(report));
        self
    }

    /// Applies a stream adapter that yields the same bytes, each time they are read.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn each_time_through(
        mut self,
        through: impl Fn(ByteStream) -> BoxStream<'static, Result<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        self.through = Some(Arc::new(through));
        self
    }

    /// Whether the bytes have to be read piece by piece.
    fn is_watched(&self) -> bool {
        self.progress.is_some() || self.through.is_some()
    }

    /// Sets how many bytes [`bytes`](Self::bytes), [`text`](Self::text) and [`json`](Self::json) read at
    /// most. [`DEFAULT_READ_LIMIT`](crate::r2::DEFAULT_READ_LIMIT) by default.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Returns the bytes as a stream of pieces.
    pub fn into_stream(self) -> ByteStream {
        let total = self.content_length();
        let stream = match self.content {
            Content::Bytes(bytes) => ByteStream::new(chunks(bytes)),
            #[cfg(not(target_arch = "wasm32"))]
            Content::Pieces(pieces) => ByteStream::new(all_chunks(pieces)),
            #[cfg(not(target_arch = "wasm32"))]
            Content::File(slice) => ByteStream::new(slice.into_stream()),
            Content::Stream { stream, length: None, .. } | Content::Reading { stream, .. } => stream,
            Content::Stream { stream, length: Some(length), announced } => {
                ByteStream::new(exactly(stream, length, announced))
            }
            #[cfg(all(feature = "workers", target_arch = "wasm32"))]
            Content::Readable(readable) => readable.into_stream(),
        };
        let stream = match self.through {
            Some(through) => ByteStream::new(through(stream)),
            None => stream,
        };
        let Some(report) = self.progress else {
            return stream;
        };
        let mut done = 0;
        ByteStream::new(stream.inspect_ok(move |bytes| {
            done += bytes.len() as u64;
            report(done, total);
        }))
    }

    /// Reads all bytes into memory.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] with the code `EntityTooLarge` if there are more bytes than the
    /// [`limit`](Self::limit), or any error of reading them. Errors for a body from a service name the
    /// operation and the key.
    pub async fn bytes(mut self) -> Result<Bytes> {
        let read_by = self.read_by.take();
        in_reading(read_by.as_ref(), self.collect_verified().await)
    }

    async fn collect_verified(mut self) -> Result<Bytes> {
        let again = self.take_again();
        match (self.collect().await, again) {
            (Err(error), Some(again)) if error.kind() == ErrorKind::Integrity => {
                again.fetch(&error).await?.collect().await
            }
            (result, _) => result,
        }
    }

    async fn collect(self) -> Result<Bytes> {
        let limit = self.limit;
        let too_large = || {
            Error::invalid_input(format!(
                "the body has more than {limit} bytes, the limit for reading it into memory: \
                 raise `limit`, read it as a stream, or write it to a file"
            ))
            .with_code(TOO_LARGE)
        };
        let length = self.content_length();
        if length.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        if !self.is_watched()
            && let Content::Bytes(bytes) = self.content
        {
            return Ok(bytes);
        }
        // The announced length is not trusted for more than a moderate allocation.
        let announced = length.unwrap_or_default().min(16 * 1024 * 1024);
        let mut collected = BytesMut::with_capacity(usize::try_from(announced).unwrap_or_default());
        let mut stream = self.into_stream();
        while let Some(bytes) = stream.try_next().await? {
            if (collected.len() + bytes.len()) as u64 > limit {
                return Err(too_large());
            }
            collected.extend_from_slice(&bytes);
        }
        Ok(collected.freeze())
    }

    /// Lets the reading methods fetch the bytes once more if they fail verification.
    pub(crate) fn with_refetch(mut self, refetch: Refetch) -> Self {
        self.refetch = Some(refetch);
        self
    }

    /// Names the operation that read the body from a service, for errors while reading it.
    pub(crate) fn read_by(mut self, operation: &'static str, key: &str) -> Self {
        self.read_by = Some(ReadBy { operation, key: key.into() });
        self
    }

    /// The bytes of a request body as a stream, whose errors are marked as the caller's.
    pub(crate) fn into_sent_stream(self) -> ByteStream {
        ByteStream::new(self.into_stream().map_err(Error::of_body_to_send))
    }

    /// The bytes alone, without adapters and progress.
    fn plain(self) -> Self {
        Self { progress: None, through: None, ..self }
    }

    fn take_again(&mut self) -> Option<Again> {
        let refetch = self.refetch.take()?;
        let (progress, through) = (self.progress.clone(), self.through.clone());
        Some(Again { refetch, progress, through, limit: self.limit })
    }

    /// Reads all bytes as UTF-8.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`] if they are not UTF-8, otherwise as for [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<String> {
        let read_by = self.read_by.clone();
        let bytes = self.bytes().await?;
        let text = String::from_utf8(bytes.into()).map_err(|error| {
            Error::new(ErrorKind::Serialization, "the body is not UTF-8").with_source(error.utf8_error())
        });
        in_reading(read_by.as_ref(), text)
    }

    /// Reads all bytes as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`] if they are not JSON for this type, otherwise as for
    /// [`bytes`](Self::bytes).
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let read_by = self.read_by.clone();
        let bytes = self.bytes().await?;
        in_reading(read_by.as_ref(), json::from_slice("the body", &bytes))
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Body {
    /// Creates a body from pieces in memory, in their order.
    pub(crate) fn from_pieces(mut pieces: Vec<Bytes>) -> Self {
        match pieces.len() {
            0 | 1 => Self::from(pieces.pop().unwrap_or_default()),
            _ => Self::new(Content::Pieces(pieces)),
        }
    }

    /// Creates a body from a file. The file is opened when the body is sent, and must not change until it has
    /// been read.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if its metadata cannot be read, or it is not a regular file.
    pub async fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_file_range(path, 0, u64::MAX).await
    }

    /// Creates a body from `length` bytes of a file, starting at `offset`, or fewer if the file ends earlier.
    ///
    /// # Errors
    /// As for [`from_file`](Self::from_file).
    pub async fn from_file_range(path: impl AsRef<Path>, offset: u64, length: u64) -> Result<Self> {
        Ok(Self::new(Content::File(file::Slice::of(path.as_ref(), offset, length).await?)))
    }

    /// Writes all bytes to a file and returns their number.
    ///
    /// They are written to a new file in the same folder, which is synced and then renamed to `path`, so that
    /// `path` never holds a partial file. If this fails or is dropped, the new file is removed.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if the disk fails, or any error of reading the body.
    pub async fn write_to_file(mut self, path: impl AsRef<Path>) -> Result<u64> {
        let read_by = self.read_by.take();
        in_reading(read_by.as_ref(), self.replace_file(path.as_ref()).await)
    }

    async fn replace_file(mut self, path: &Path) -> Result<u64> {
        let again = self.take_again();
        match (file::replace(path, self.into_stream()).await, again) {
            (Err(error), Some(again)) if error.kind() == ErrorKind::Integrity => {
                file::replace(path, again.fetch(&error).await?.into_stream()).await
            }
            (result, _) => result,
        }
    }
}

#[cfg(all(feature = "workers", target_arch = "wasm32"))]
impl Body {
    pub(crate) fn from_readable(readable: Readable) -> Self {
        Self::new(Content::Readable(readable))
    }

    /// Converts the body for JavaScript.
    pub(crate) fn into_js(self) -> ForJs {
        let is_watched = self.is_watched();
        match self.content {
            Content::Bytes(bytes) if !is_watched => ForJs::Bytes(bytes),
            Content::Readable(readable) if !is_watched => ForJs::Readable(readable.into_inner()),
            _ => ForJs::Stream(self.into_stream()),
        }
    }
}

/// Adds the origin of the bytes to an error of reading them.
fn in_reading<T>(read_by: Option<&ReadBy>, result: Result<T>) -> Result<T> {
    result.map_err(|error| match read_by {
        Some(ReadBy { operation, key }) => error.during(operation, Some(key)).of_answer().about_stored(),
        None => error.about_given(),
    })
}

/// What is needed to read a body a second time in the same way.
struct Again {
    refetch: Refetch,
    progress: Option<Progress>,
    through: Option<Through>,
    limit: u64,
}

impl Again {
    async fn fetch(self, error: &Error) -> Result<Body> {
        tracing::warn!(%error, "the bytes arrived damaged; fetching them again");
        let body = (self.refetch)().await?;
        let Self { progress, through, limit, .. } = self;
        Ok(Body { progress, through, limit, refetch: None, ..body })
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::new(Content::Bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

/// Copies the bytes. For large static bytes, [`Bytes::from_static`] avoids the copy.
impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        Bytes::copy_from_slice(bytes).into()
    }
}

/// Copies the bytes. For large static bytes, [`Bytes::from_static`] avoids the copy.
impl<const N: usize> From<&[u8; N]> for Body {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

/// Copies the text. For large static text, [`Bytes::from_static`] avoids the copy.
impl From<&str> for Body {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

/// Copies the text. An owned `String` is not copied.
impl From<&String> for Body {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.content {
            Content::Bytes(_) => "Bytes",
            #[cfg(not(target_arch = "wasm32"))]
            Content::Pieces(_) => "Bytes",
            #[cfg(not(target_arch = "wasm32"))]
            Content::File(_) => "File",
            Content::Stream { .. } | Content::Reading { .. } => "Stream",
            #[cfg(all(feature = "workers", target_arch = "wasm32"))]
            Content::Readable(_) => "ReadableStream",
        };
        f.debug_struct("Body")
            .field("content", &kind)
            .field("content_length", &self.content_length())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::stream;

    use super::*;

    fn stream_of(pieces: &[&'static str], length: Option<u64>) -> Body {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from(*piece))).collect();
        Body::from_stream(stream::iter(pieces), length)
    }

    #[tokio::test]
    async fn streams_must_have_the_length_they_claim() {
        assert_eq!(stream_of(&["ab", "c"], Some(3)).bytes().await.unwrap(), "abc");
        for (length, what) in [
            (0, "has at least 2 bytes, but 0"),
            (2, "has at least 3 bytes, but 2"),
            (4, "ended after 3 bytes, but 4"),
        ] {
            let error = stream_of(&["ab", "c"], Some(length)).bytes().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().starts_with(&format!("the body {what} were announced: ")), "{error}");
            let error = stream_of(&["ab", "c"], Some(length)).received().bytes().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Integrity);
            assert_eq!(error.message(), format!("the body {what} were announced"));
        }
    }

    #[tokio::test]
    async fn reading_into_memory_stops_at_the_limit() {
        for length in [None, Some(3)] {
            let error = stream_of(&["ab", "c"], length).limit(2).text().await.unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("EntityTooLarge")));
            assert_eq!(error.http_status().as_u16(), 413);
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_given_body_is_the_clients_fault_and_with_a_stored_one_not() {
        for stored in [false, true] {
            let body = || {
                let body = Body::from(vec![0xff]);
                if stored { body.read_by("get", "k") } else { body }
            };
            let errors = [body().text().await.unwrap_err(), body().json::<u8>().await.unwrap_err()];
            for error in errors {
                let (status, operation) = if stored { (500, Some("get")) } else { (400, None) };
                assert_eq!((error.http_status().as_u16(), error.operation()), (status, operation));
            }
        }
    }

    #[tokio::test]
    async fn files_are_sent_in_slices_and_received_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let content: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
        let written = Body::from(content.clone()).write_to_file(&path).await.unwrap();
        assert_eq!(written, content.len() as u64);
        assert_eq!(Body::from_file(&path).await.unwrap().bytes().await.unwrap(), content);

        let slice = Body::from_file_range(&path, 1_000_000, 500_000).await.unwrap();
        assert_eq!(slice.content_length(), Some(500_000));
        assert_eq!(slice.try_clone().unwrap().bytes().await.unwrap(), content[1_000_000..1_500_000]);
        assert_eq!(slice.bytes().await.unwrap(), content[1_000_000..1_500_000]);

        let before = Body::from_file(&path).await.unwrap();
        std::fs::write(&path, "shorter").unwrap();
        assert_eq!(before.bytes().await.unwrap_err().kind(), ErrorKind::Storage);
    }

    #[tokio::test]
    async fn a_failed_download_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "old").unwrap();
        let error = stream_of(&["ne"], Some(3)).received().write_to_file(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn progress_is_reported_with_the_total() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let body = stream_of(&["ab", "c"], Some(3))
            .on_progress(move |done, total| sink.lock().unwrap().push((done, total)));
        body.bytes().await.unwrap();
        assert_eq!(*seen.lock().unwrap(), [(2, Some(3)), (3, Some(3))]);
    }
}
