//! Uploads that go on from one request of a Worker to the next.

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

/// The size of the parts of a [`ResumableUpload`] by default: 8 MiB.
pub const RESUMABLE_PART_SIZE: usize = 8 * 1024 * 1024;

/// How many parts are in memory at once.
const IN_FLIGHT: usize = 2;

impl R2Service {
    /// An upload of bytes that come one request after the other, each perhaps to another Worker. Nothing has
    /// happened until the first part is whole.
    ///
    /// The caller keeps its [`state`](ResumableUpload::state) in between, in Workers KV or a Durable Object:
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, bytes::Bytes};
    /// use cloudflare_clients::Result;
    /// use cloudflare_clients::r2::{Body, R2Service, UploadState};
    ///
    /// /// A request brings some more of an object. Gives what to keep, and where the next request has to begin.
    /// async fn more(r2: &R2Service, saved: Option<UploadState>, body: Body) -> Result<(Option<UploadState>, u64)> {
    ///     let mut upload = match saved {
    ///         Some(state) => r2.resume_upload(state),
    ///         None => r2.resumable_upload("film.mp4").content_type("video/mp4"),
    ///     };
    ///     let sent = upload.send(body).await;
    ///     // What went well is worth keeping, whatever the rest did.
    ///     let (state, position) = (upload.state().cloned(), upload.position());
    ///     sent.map(|()| (state, position))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// # let film = Bytes::from(vec![7; 20 << 20]);
    /// let (state, position) = more(&r2, None, film.slice(..11 << 20).into()).await?;
    /// assert_eq!(position, 8 << 20);
    ///
    /// // As JSON in the meantime.
    /// let json = serde_json::to_string(&state).unwrap();
    ///
    /// // The last request begins where the one before says.
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

    /// Goes on with an upload that has begun, by its state. There is no I/O, and so no telling whether it exists.
    pub fn resume_upload(&self, state: UploadState) -> ResumableUpload {
        let part_size = state.part_size;
        ResumableUpload { part_size, state: Some(state.clone()), ..self.resumable_upload(state.key) }
    }
}

/// What a [`ResumableUpload`] goes on with: its id, and the parts that have arrived. A bucket's binding lists
/// neither, so that this is all that is known of it.
///
/// As JSON it has `key`, `uploadId`, `partSize` and `parts`, which take about 80 bytes each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UploadState {
    /// The key that the object will have.
    pub key: String,
    /// The upload's id.
    pub upload_id: String,
    /// The size of every part but the last.
    pub part_size: usize,
    /// The parts that have arrived, from the first on and without gaps.
    pub parts: Vec<UploadedPart>,
}

impl UploadState {
    /// How many bytes have arrived: where the next ones have to begin.
    pub fn position(&self) -> u64 {
        self.part_size as u64 * self.parts.len() as u64
    }

    /// The parts, and one more of these bytes.
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

/// An upload in parts whose bytes come by here, of any number of requests and of a length that nobody knows
/// beforehand.
///
/// Two parts are in memory at once: with the copies that a Worker's binding takes 32 MiB of its 128. Metadata
/// and storage class are set when it begins; what is resumed keeps its own. What is neither completed nor
/// aborted R2 drops after 7 days.
#[must_use = "nothing is stored until it is completed"]
pub struct ResumableUpload {
    service: R2Service,
    request: CreateMultipartUploadRequest,
    part_size: usize,
    state: Option<UploadState>,
    /// What came after the last whole part.
    rest: Bytes,
}

impl ResumableUpload {
    metadata_setters!();
    ssec_key_setter!(service);

    /// The size of every part but the last, 5 MiB or more; 8 MiB by default, which is enough for objects of
    /// 78 GiB. A resumed upload keeps its own.
    pub fn part_size(mut self, bytes: usize) -> Self {
        if self.state.is_none() {
            self.part_size = bytes;
        }
        self
    }

    /// What to keep for [`resume_upload`](R2Service::resume_upload); `None` as long as no part is whole.
    pub fn state(&self) -> Option<&UploadState> {
        self.state.as_ref()
    }

    /// How many bytes have arrived, as the [`state`](Self::state) has it. Another process begins there, and
    /// so does this one after a failure.
    pub fn position(&self) -> u64 {
        self.state.as_ref().map_or(0, UploadState::position)
    }

    /// Sends the bytes that come next. Those after the last whole part are kept in memory, for more to come or for
    /// [`complete`](Self::complete).
    ///
    /// # Errors
    /// After a failure, and where this is dropped, the bytes have to come again from
    /// [`position`](Self::position) on.
    pub async fn send(&mut self, body: impl Into<Body>) -> Result<()> {
        self.send_journaled(body, |_| future::ready(Ok(()))).await
    }

    /// As [`send`](Self::send), and gives the state to `journal` after each part, so that it can be kept
    /// before the rest has arrived. KV takes one write a second to a key.
    pub async fn send_journaled<F, Fut>(&mut self, body: impl Into<Body>, mut journal: F) -> Result<()>
    where
        F: FnMut(UploadState) -> Fut,
        Fut: Future<Output = Result<()>>,
    {
        self.validate()?;
        let rest = std::mem::take(&mut self.rest);
        let mut reader = PartReader::new(body.into().into_sent_stream(), rest, self.part_size);
        let mut sending = FuturesOrdered::new();
        // How the body has ended: what is under way then still arrives.
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

    /// Makes the object of all that came; awaiting it again is fine where it failed, also after
    /// [`resume_upload`](R2Service::resume_upload).
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchUpload`]: it was aborted, or dropped after 7 days.
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
                // It may be there already, and the answer was lost.
                let parts = state.with_last(&rest);
                match self.service.head(&state.key).await? {
                    Some(object) if is_made_of(&object, &parts) => Ok(object.into()),
                    _ => Err(error),
                }
            }
            completed => completed,
        }
    }

    /// Drops what has arrived. Fine when it has ended before.
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
                "the part size is {size} bytes, and R2 needs {MIN_PART_SIZE} or more"
            ))));
        }
        Ok(())
    }

    /// What is less than a part needs none.
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

    /// The upload, which begins now if it has not yet, and its state.
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
                let message = format!("there are more bytes than {MAX_PARTS} parts have: take larger parts");
                Err(Error::invalid_input(message).with_code(TOO_LARGE))
            }
        }
    }
}

/// What happens next while parts are sent.
enum Event {
    /// The next whole part has come, or there is no more.
    Read(Result<Option<Bytes>>),
    Arrived(Result<UploadedPart>),
}

/// Parts arrive in their order, so that there are no gaps before what has arrived.
async fn next_event(
    reader: &mut PartReader,
    may_read: bool,
    sending: &mut FuturesOrdered<BoxFuture<'static, Result<UploadedPart>>>,
) -> Event {
    // What it has read stays in the reader when it is dropped.
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

/// Cuts a stream into whole parts.
struct PartReader {
    stream: ByteStream,
    part_size: usize,
    /// What the next part has so far: less than it.
    buffer: Vec<u8>,
    /// What came behind it in one piece.
    behind: Bytes,
}

impl PartReader {
    /// Begins with what an earlier stream has left, which is less than a part.
    fn new(stream: ByteStream, rest: Bytes, part_size: usize) -> Self {
        Self { stream, part_size, buffer: rest.into(), behind: Bytes::new() }
    }

    /// The next whole part. What is left at the end is none.
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

    /// Doubles the buffer where it is full, up to a whole part.
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
