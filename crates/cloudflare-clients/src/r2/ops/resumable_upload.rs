//! Uploads that continue across requests, for example in a Worker.

use std::fmt;
use std::future::{self, Future};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::create_multipart_upload::CreateMultipartUpload;
use super::multipart_upload::MultipartUpload;
use super::setters::{metadata_setters, ssec_key_setter};
use crate::body::{Body, ByteStream};
use crate::client::operation::Operation;
use crate::error::{Error, ErrorKind, Result, TOO_LARGE};
use crate::model::r2::multipart::is_made_of;
use crate::model::r2::{
    Checksum, CreateMultipartUploadRequest, CustomMetadata, HttpMetadata, MAX_PARTS, MIN_PART_SIZE,
    StorageClass, StoredObject, UploadedPart,
};
use crate::r2::service::R2Service;

/// Default size of the parts of a [`ResumableUpload`], in bytes: 8 MiB.
pub const RESUMABLE_PART_SIZE: usize = 8 * 1024 * 1024;

/// The maximum number of parts in memory.
const IN_FLIGHT: usize = 2;

impl R2Service {
    /// Returns an upload whose bytes arrive in several requests, each perhaps in another Worker. Nothing is
    /// sent before the first part is complete.
    ///
    /// Between requests, store the upload's [`state`](ResumableUpload::state) in Workers KV or a Durable
    /// Object:
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, bytes::Bytes};
    /// use cloudflare_clients::Result;
    /// use cloudflare_clients::r2::{Body, R2Service, UploadState};
    ///
    /// /// Handles a request with more bytes. Returns the state to store, and where the next request begins.
    /// async fn more(
    ///     r2: &R2Service,
    ///     saved: Option<UploadState>,
    ///     body: Body,
    /// ) -> (Option<UploadState>, Result<u64>) {
    ///     let mut upload = match saved {
    ///         Some(state) => r2.resume_upload(state),
    ///         None => r2.resumable_upload("film.mp4").content_type("video/mp4"),
    ///     };
    ///     let sent = upload.send(body).await;
    ///     // Store the state after a failure too: earlier parts have arrived.
    ///     let position = upload.position();
    ///     (upload.state().cloned(), sent.map(|()| position))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// # let film = Bytes::from(vec![7; 20 << 20]);
    /// let (state, position) = more(&r2, None, film.slice(..11 << 20).into()).await;
    /// assert_eq!(position?, 8 << 20);
    ///
    /// // The state is stored as JSON between requests.
    /// let json = serde_json::to_string(&state).unwrap();
    ///
    /// // The last request begins at the returned position.
    /// let mut upload = r2.resume_upload(serde_json::from_str(&json).unwrap());
    /// upload.send(film.slice(8 << 20..)).await?;
    /// let stored = upload.complete().await?;
    /// assert_eq!(stored.size, Some(20 << 20));
    /// # Ok(()) }
    /// ```
    pub fn resumable_upload(&self, key: impl Into<String>) -> ResumableUpload {
        ResumableUpload {
            service: self.clone(),
            request: CreateMultipartUploadRequest::new(key),
            part_size: RESUMABLE_PART_SIZE,
            state: None,
            rest: Bytes::new(),
        }
    }

    /// Continues an upload from its state. Nothing is sent, so the upload may not exist.
    pub fn resume_upload(&self, state: UploadState) -> ResumableUpload {
        let part_size = state.part_size;
        ResumableUpload { part_size, state: Some(state.clone()), ..self.resumable_upload(state.key) }
    }
}

/// The state of a [`ResumableUpload`]: its id, and the parts that have arrived. It must be stored, because a
/// Worker's binding can list neither.
///
/// Its JSON has `key`, `uploadId`, `partSize` and `parts`, each of which takes about 80 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UploadState {
    /// The key of the object.
    pub key: String,
    /// The upload id.
    pub upload_id: String,
    /// The size of every part except the last, in bytes.
    pub part_size: usize,
    /// The parts that have arrived, from the first one without gaps.
    pub parts: Vec<UploadedPart>,
}

impl UploadState {
    /// The number of bytes that have arrived, which is where the next ones begin.
    pub fn position(&self) -> u64 {
        self.part_size as u64 * self.parts.len() as u64
    }

    /// The parts, followed by one with these bytes.
    fn with_last(&self, bytes: &[u8]) -> Vec<UploadedPart> {
        let mut parts = self.parts.clone();
        if let (false, Ok(number)) = (bytes.is_empty(), u16::try_from(parts.len() + 1)) {
            let mut last = UploadedPart::new(number, Checksum::md5_of(bytes).to_hex());
            last.size = Some(bytes.len() as u64);
            parts.push(last);
        }
        parts
    }
}

/// A multipart upload whose bytes pass through this program, in any number of requests and of unknown total
/// length.
///
/// Two parts are in memory concurrently. With the copies that a Worker's binding needs, that is 32 MiB of a
/// Worker's 128 MiB. Metadata and storage class are set when the upload is created; a resumed upload keeps
/// its own. R2 aborts an upload that is neither completed nor aborted after 7 days.
#[must_use = "nothing is stored until it is completed"]
pub struct ResumableUpload {
    service: R2Service,
    request: CreateMultipartUploadRequest,
    part_size: usize,
    state: Option<UploadState>,
    /// The bytes after the last complete part.
    rest: Bytes,
}

impl ResumableUpload {
    metadata_setters!();
    ssec_key_setter!(service);

    /// Sets the size of every part except the last, in bytes: at least 5 MiB. The default of 8 MiB is enough
    /// for objects of 78 GiB. A resumed upload keeps its own part size.
    pub fn part_size(mut self, bytes: usize) -> Self {
        if self.state.is_none() {
            self.part_size = bytes;
        }
        self
    }

    /// The state to store for [`resume_upload`](R2Service::resume_upload). `None` until the first part is
    /// complete.
    pub fn state(&self) -> Option<&UploadState> {
        self.state.as_ref()
    }

    /// The number of bytes that have arrived, according to the [`state`](Self::state). The next bytes begin
    /// there, in another process or after a failure.
    pub fn position(&self) -> u64 {
        self.state.as_ref().map_or(0, UploadState::position)
    }

    /// Sends the next bytes. Those after the last complete part are kept in memory, for the next call or
    /// [`complete`](Self::complete).
    ///
    /// # Errors
    /// After a failure, or if this is dropped, send the bytes again from [`position`](Self::position) on.
    pub async fn send(&mut self, body: impl Into<Body>) -> Result<()> {
        self.send_journaled(body, |_| future::ready(Ok(()))).await
    }

    /// Like [`send`](Self::send), but calls `journal` with the state after each part, so that it can be
    /// stored before the rest has arrived. KV accepts one write per second to a key.
    pub async fn send_journaled<F, Fut>(&mut self, body: impl Into<Body>, mut journal: F) -> Result<()>
    where
        F: FnMut(UploadState) -> Fut,
        Fut: Future<Output = Result<()>>,
    {
        self.validate()?;
        let rest = std::mem::take(&mut self.rest);
        let mut reader = PartReader::new(body.into().into_sent_stream(), rest, self.part_size);
        let mut sending = FuturesOrdered::new();
        // How the body ended. Parts that are under way still arrive.
        let mut ended = None;
        while ended.is_none() || !sending.is_empty() {
            let may_read = ended.is_none() && sending.len() < IN_FLIGHT;
            match next_event(&mut reader, may_read, &mut sending).await {
                Event::Read(Ok(Some(bytes))) => {
                    let (upload, state) = self.begin().await?;
                    sending.push_back(upload.send_part(state.parts.len() + sending.len() + 1, bytes)?);
                }
                Event::Read(Ok(None)) => ended = Some(Ok(())),
                Event::Read(Err(error)) => ended = Some(Err(error)),
                Event::Arrived(part) => {
                    if let Some(state) = &mut self.state {
                        state.parts.push(part?);
                        journal(state.clone()).await?;
                    }
                }
            }
        }
        if let Some(Err(error)) = ended {
            return Err(error);
        }
        self.rest = reader.into_rest();
        Ok(())
    }

    /// Completes the upload with all bytes that were sent. After a failure it can be called again, also after
    /// [`resume_upload`](R2Service::resume_upload).
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchUpload`]: the upload was aborted, or R2 dropped it after 7 days.
    pub async fn complete(&mut self) -> Result<StoredObject> {
        self.validate()?;
        let rest = self.rest.clone();
        let Some(state) = &self.state else { return self.put(rest).await };
        let upload = self.service.resume_multipart_upload(&state.key, &state.upload_id);
        let completed = async {
            let mut parts = state.parts.clone();
            if !rest.is_empty() {
                parts.push(upload.send_part(parts.len() + 1, rest.clone())?.await?);
            }
            upload.complete(parts).await
        };
        match completed.await {
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => {
                // The object may already exist, if the response was lost.
                let parts = state.with_last(&rest);
                match self.service.head(&state.key).await? {
                    Some(object) if is_made_of(&object, &parts) => Ok(object.into()),
                    _ => Err(error),
                }
            }
            completed => completed,
        }
    }

    /// Aborts the upload. It is not an error if the upload is already completed or aborted.
    pub async fn abort(&mut self) -> Result<()> {
        self.rest = Bytes::new();
        match &self.state {
            Some(state) => self.service.resume_multipart_upload(&state.key, &state.upload_id).abort().await,
            None => Ok(()),
        }
    }

    fn validate(&self) -> Result<()> {
        let operation = Operation::new("resumable_upload", &self.request.key);
        operation.check(self.request.validate())?;
        if (self.part_size as u64) < MIN_PART_SIZE {
            let size = self.part_size;
            return operation.check(Err(Error::invalid_input(format!(
                "the part size is {size} bytes: R2 requires at least {MIN_PART_SIZE}"
            ))));
        }
        Ok(())
    }

    /// Stores less than one part with a single put.
    async fn put(&self, bytes: Bytes) -> Result<StoredObject> {
        let CreateMultipartUploadRequest { key, http_metadata, custom_metadata, storage_class, .. } =
            self.request.clone();
        let mut put =
            self.service.put(key, bytes).http_metadata(http_metadata).custom_metadata(custom_metadata);
        if let Some(class) = storage_class {
            put = put.storage_class(class);
        }
        put.await
    }

    /// Returns the upload and its state, and creates the upload first if necessary.
    async fn begin(&mut self) -> Result<(MultipartUpload, &mut UploadState)> {
        let upload = match &self.state {
            Some(state) => self.service.resume_multipart_upload(&state.key, &state.upload_id),
            None => CreateMultipartUpload::from_request(self.service.clone(), self.request.clone()).await?,
        };
        let state = self.state.get_or_insert_with(|| UploadState {
            key: upload.key().to_owned(),
            upload_id: upload.upload_id().to_owned(),
            part_size: self.part_size,
            parts: Vec::new(),
        });
        Ok((upload, state))
    }
}

impl MultipartUpload {
    fn send_part(&self, number: usize, bytes: Bytes) -> Result<BoxFuture<'static, Result<UploadedPart>>> {
        match u16::try_from(number) {
            Ok(number) if number <= MAX_PARTS => Ok(self.upload_part(number, bytes).into_future()),
            _ => {
                let message = format!("the bytes do not fit into {MAX_PARTS} parts: use larger parts");
                Err(Error::invalid_input(message).with_code(TOO_LARGE))
            }
        }
    }
}

/// The next event while parts are sent.
enum Event {
    /// The next complete part was read, or the body has ended.
    Read(Result<Option<Bytes>>),
    Arrived(Result<UploadedPart>),
}

/// Parts arrive in their order, so that the arrived ones have no gaps.
async fn next_event(
    reader: &mut PartReader,
    may_read: bool,
    sending: &mut FuturesOrdered<BoxFuture<'static, Result<UploadedPart>>>,
) -> Event {
    // If this is dropped, the bytes that it has read stay in the reader.
    let mut read = pin!(reader.next());
    future::poll_fn(|context| match sending.poll_next_unpin(context) {
        Poll::Ready(Some(part)) => Poll::Ready(Event::Arrived(part)),
        _ if may_read => read.as_mut().poll(context).map(Event::Read),
        _ => Poll::Pending,
    })
    .await
}

impl fmt::Debug for ResumableUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResumableUpload")
            .field("key", &self.request.key)
            .field("part_size", &self.part_size)
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

/// Cuts a stream into complete parts.
struct PartReader {
    stream: ByteStream,
    part_size: usize,
    /// The bytes of the next part so far.
    buffer: Vec<u8>,
    /// The rest of the last piece, after `buffer`.
    behind: Bytes,
}

impl PartReader {
    /// Starts with the rest of an earlier stream, which is smaller than a part.
    fn new(stream: ByteStream, rest: Bytes, part_size: usize) -> Self {
        Self { stream, part_size, buffer: rest.into(), behind: Bytes::new() }
    }

    /// The next complete part. An incomplete one at the end is not returned.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.behind.is_empty() {
                match self.stream.try_next().await? {
                    Some(bytes) => self.behind = bytes,
                    None => return Ok(None),
                }
            }
            let missing = self.part_size - self.buffer.len();
            let more = self.behind.split_to(self.behind.len().min(missing));
            self.extend(&more);
            if self.buffer.len() == self.part_size {
                return Ok(Some(std::mem::take(&mut self.buffer).into()));
            }
        }
    }

    /// Doubles a full buffer, up to the size of a part.
    fn extend(&mut self, more: &[u8]) {
        let needed = self.buffer.len() + more.len();
        if needed > self.buffer.capacity() {
            let size = needed.max(2 * self.buffer.capacity()).min(self.part_size);
            self.buffer.reserve_exact(size - self.buffer.len());
        }
        self.buffer.extend_from_slice(more);
    }

    fn into_rest(self) -> Bytes {
        self.buffer.into()
    }
}
