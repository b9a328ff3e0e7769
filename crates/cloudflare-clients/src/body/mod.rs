//! The bytes of an object, on their way in or out.

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

/// How many bytes [`Body::bytes`], [`Body::text`] and [`Body::json`] take unless [`Body::limit`] says otherwise:
/// 128 MiB, what a Worker has in all.
pub const DEFAULT_READ_LIMIT: u64 = 128 * 1024 * 1024;

type Progress = Arc<dyn Fn(u64, Option<u64>) + Send + Sync>;

/// What a stream goes through each time that it is read.
type Through = Arc<dyn Fn(ByteStream) -> BoxStream<'static, Result<Bytes>> + Send + Sync>;

/// Fetches the same bytes again, after some arrived wrong.
pub(crate) type Refetch = Arc<dyn Fn() -> BoxFuture<'static, Result<Body>> + Send + Sync>;

/// The bytes of an object, to send or to read.
///
/// Bytes, strings and files can be sent again when a request fails; a stream cannot, once it has been read.
/// What is received is read whole with [`bytes`](Self::bytes), [`text`](Self::text) or [`json`](Self::json),
/// each up to a limit, or piece by piece with [`into_stream`](Self::into_stream), or goes to a file. It is
/// also an
/// [`http_body::Body`](https://docs.rs/http-body), so that a server answers with it as it is; what a server receives is
/// stored with [`from_http_body`](Self::from_http_body).
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
    /// What has read it from a service.
    read_by: Option<ReadBy>,
    /// Whether the bucket gives the bytes that were stored, or an error.
    is_verified: bool,
}

/// The operation that a body comes from, for the errors of reading it.
#[derive(Clone)]
struct ReadBy {
    operation: &'static str,
    key: Arc<str>,
}

enum Content {
    Bytes(Bytes),
    /// In memory too, not in one piece.
    #[cfg(not(target_arch = "wasm32"))]
    Pieces(Vec<Bytes>),
    #[cfg(not(target_arch = "wasm32"))]
    File(file::Slice),
    Stream {
        stream: ByteStream,
        length: Option<u64>,
        announced: Announced,
    },
    /// A stream that is being read in frames, with its checks, and how many bytes are to come.
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

    /// No bytes.
    pub fn empty() -> Self {
        Self::from(Bytes::new())
    }

    /// A stream, whose length may be known.
    ///
    /// A put of a stream of unknown length goes up in parts of 16 MiB; in a Worker, whose memory is too small
    /// for that, it is [`ErrorKind::InvalidInput`]. One of known length goes up in one request; if it ends
    /// early or goes on, nothing is stored, and the error is [`ErrorKind::InvalidInput`] too.
    ///
    /// An error of the stream fails the put as it is, and is not tried again. Of one that says that a
    /// connection broke or was silent too long, the kind becomes [`ErrorKind::InvalidInput`]: it is that of
    /// the client who sends the body, unless it is an error of this crate that names its operation, as that
    /// of a body which another bucket sends.
    pub fn from_stream<S>(stream: S, length: Option<u64>) -> Self
    where
        S: Stream<Item = Result<Bytes>> + Send + 'static,
    {
        Self::new(Content::Stream { stream: ByteStream::new(stream), length, announced: Announced::ByCaller })
    }

    /// What arrives from a service, which announced its length: another one is [`ErrorKind::Integrity`].
    pub(crate) fn received(mut self) -> Self {
        match &mut self.content {
            Content::Stream { announced, .. } => *announced = Announced::ByService,
            #[cfg(all(feature = "workers", target_arch = "wasm32"))]
            Content::Readable(readable) => readable.received(),
            _ => {}
        }
        self
    }

    /// What a bucket gives that has verified the bytes, or does so as they are read: nobody has to hash them
    /// again.
    #[cfg(all(feature = "local", not(target_arch = "wasm32")))]
    pub(crate) fn verified(mut self) -> Self {
        self.is_verified = true;
        self
    }

    /// Whether the bucket has verified it.
    pub(crate) fn is_verified(&self) -> bool {
        self.is_verified
    }

    /// The number of bytes, where it is known.
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

    /// The number of bytes of what is about to be sent in one request.
    pub(crate) fn known_length(&self) -> Result<u64> {
        self.content_length().ok_or_else(|| {
            Error::invalid_input(
                "R2 takes no body of unknown length: give the stream its length, collect it into bytes, or upload it \
                 in parts of known length",
            )
            .with_code(LENGTH_MISSING)
        })
    }

    /// Whether the same bytes can be sent again: true but for streams.
    pub fn is_replayable(&self) -> bool {
        match self.content {
            Content::Bytes(_) => true,
            #[cfg(not(target_arch = "wasm32"))]
            Content::Pieces(_) | Content::File(_) => true,
            _ => false,
        }
    }

    /// Whether its bytes go to the service, or to a client, without passing through this program.
    pub(crate) fn passes_by(&self) -> bool {
        match self.content {
            #[cfg(all(feature = "workers", target_arch = "wasm32"))]
            Content::Readable(_) => !self.is_watched(),
            _ => false,
        }
    }

    /// What the stream of its bytes goes through when it is read here; what passes by does not.
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

    /// What the bytes decode to, as gzip. The limit is for that.
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

    /// The same bytes again, if that is possible. Progress is reported from 0 again.
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

    /// Calls `report(done, total)` as bytes go by; `total` is `None` for a stream of unknown length. When a
    /// request is sent again, `done` begins at 0 again.
    #[must_use]
    pub fn on_progress(mut self, report: impl Fn(u64, Option<u64>) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(report));
        self
    }

    /// Has all bytes go through a stream that hands the same ones on, each time that they are read.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn each_time_through(
        mut self,
        through: impl Fn(ByteStream) -> BoxStream<'static, Result<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        self.through = Some(Arc::new(through));
        self
    }

    /// Whether its bytes have to be read piece by piece.
    fn is_watched(&self) -> bool {
        self.progress.is_some() || self.through.is_some()
    }

    /// How many bytes [`bytes`](Self::bytes), [`text`](Self::text) and [`json`](Self::json) take at most.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// The bytes, piece by piece.
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

    /// All bytes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] with the code `EntityTooLarge` when there are more than the
    /// [`limit`](Self::limit); else what reading them gives. Of what a service sends, errors name the
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
                 raise `limit`, or read it as a stream or into a file"
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
        // What is announced is not trusted with more than a moderate allocation in advance.
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

    /// Lets the reading methods fetch the bytes again, once, when they fail verification.
    pub(crate) fn with_refetch(mut self, refetch: Refetch) -> Self {
        self.refetch = Some(refetch);
        self
    }

    /// Names the operation that has read it from a service, for the errors of reading it.
    pub(crate) fn read_by(mut self, operation: &'static str, key: &str) -> Self {
        self.read_by = Some(ReadBy { operation, key: key.into() });
        self
    }

    /// The bytes of a body to send, piece by piece, whose errors are not those of sending it.
    pub(crate) fn into_sent_stream(self) -> ByteStream {
        ByteStream::new(self.into_stream().map_err(Error::of_body_to_send))
    }

    /// Its bytes alone, without what they go through and whoever is told of them.
    fn plain(self) -> Self {
        Self { progress: None, through: None, ..self }
    }

    fn take_again(&mut self) -> Option<Again> {
        let refetch = self.refetch.take()?;
        let (progress, through) = (self.progress.clone(), self.through.clone());
        Some(Again { refetch, progress, through, limit: self.limit })
    }

    /// All bytes as UTF-8.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`] when they are not; else as [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<String> {
        let read_by = self.read_by.clone();
        let bytes = self.bytes().await?;
        let text = String::from_utf8(bytes.into()).map_err(|error| {
            Error::new(ErrorKind::Serialization, "the body is not UTF-8").with_source(error.utf8_error())
        });
        in_reading(read_by.as_ref(), text)
    }

    /// All bytes as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`] when they are not, or not of this type; else as [`bytes`](Self::bytes).
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let read_by = self.read_by.clone();
        let bytes = self.bytes().await?;
        in_reading(read_by.as_ref(), json::from_slice("the body", &bytes))
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Body {
    /// Bytes in memory, one piece behind the other.
    pub(crate) fn from_pieces(mut pieces: Vec<Bytes>) -> Self {
        match pieces.len() {
            0 | 1 => Self::from(pieces.pop().unwrap_or_default()),
            _ => Self::new(Content::Pieces(pieces)),
        }
    }

    /// A file. It is opened when the body is sent, and must not change until then.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] when it cannot be looked at, or is not a regular file.
    pub async fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_file_range(path, 0, u64::MAX).await
    }

    /// `length` bytes of a file from `offset` on, or what there is of them.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub async fn from_file_range(path: impl AsRef<Path>, offset: u64, length: u64) -> Result<Self> {
        Ok(Self::new(Content::File(file::Slice::of(path.as_ref(), offset, length).await?)))
    }

    /// Writes all bytes to a file and returns how many they were.
    ///
    /// They go to a new file beside it first, which takes the place of `path` when it is complete and on
    /// disk: there is never half a file under that name. It is removed when this fails or is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] when the disk fails; else what reading the body gives.
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

    /// As JavaScript takes it.
    pub(crate) fn into_js(self) -> ForJs {
        let is_watched = self.is_watched();
        match self.content {
            Content::Bytes(bytes) if !is_watched => ForJs::Bytes(bytes),
            Content::Readable(readable) if !is_watched => ForJs::Readable(readable.into_inner()),
            _ => ForJs::Stream(self.into_stream()),
        }
    }
}

/// The error of reading a body, with where its bytes come from.
fn in_reading<T>(read_by: Option<&ReadBy>, result: Result<T>) -> Result<T> {
    result.map_err(|error| match read_by {
        Some(ReadBy { operation, key }) => error.during(operation, Some(key)).of_answer().about_stored(),
        None => error.about_given(),
    })
}

/// What it takes to read a body a second time as it was read the first time.
struct Again {
    refetch: Refetch,
    progress: Option<Progress>,
    through: Option<Through>,
    limit: u64,
}

impl Again {
    async fn fetch(self, error: &Error) -> Result<Body> {
        tracing::warn!(%error, "the bytes arrived damaged, fetching them again");
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

/// Copies the bytes. Large static ones go in without a copy as [`Bytes::from_static`].
impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        Bytes::copy_from_slice(bytes).into()
    }
}

/// Copies the bytes. Large static ones go in without a copy as [`Bytes::from_static`].
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

/// Copies the text. A large static one goes in without a copy as [`Bytes::from_static`].
impl From<&str> for Body {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

/// Copies the text. One that is not needed any more goes in without a copy.
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
            (0, "has at least 2 bytes, and 0"),
            (2, "has at least 3 bytes, and 2"),
            (4, "ended after 3 bytes, and 4"),
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
