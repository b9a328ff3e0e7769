//! Uploads of unknown length, whose parts are sent while further ones are produced.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument as _;

use super::create_multipart_upload::CreateMultipartUpload;
use super::multipart_upload::MultipartUpload;
use super::put_whole::put_whole;
use crate::body::Body;
use crate::client::operation::Operation;
use crate::client::pace::Pace;
use crate::error::{Error, Result, TOO_LARGE};
use crate::model::r2::{
    Checksum, ChecksumAlgorithm, Conditional, Crc64Nvme, CreateMultipartUploadRequest, MAX_OBJECT_SIZE,
    MAX_PARTS, PutRequest, StoredObject, UploadedPart,
};
use crate::r2::service::R2Service;

/// The bytes of a part.
#[derive(Debug)]
pub(crate) struct Part {
    /// It is replayable.
    pub(crate) body: Body,
    /// The CRC of all bytes. It is unused without verification.
    pub(crate) crc: Crc64Nvme,
    /// The checksum of all bytes with the upload's algorithm, unless that is CRC-64/NVME.
    pub(crate) checksum: Option<Checksum>,
}

/// The settings of an upload.
#[derive(Debug, Clone)]
pub(crate) struct PartsPlan {
    pub(crate) request: CreateMultipartUploadRequest,
    pub(crate) only_if: Conditional,
    /// The size of all parts except the last, in bytes.
    pub(crate) part_size: u64,
    /// The maximum number of concurrent parts.
    pub(crate) concurrency: usize,
    /// The pace of the transfer that the upload belongs to.
    pub(crate) pace: Option<Arc<Pace>>,
}

/// The result of an upload.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) stored: StoredObject,
    /// The checksum of all bytes, if they are verified.
    pub(crate) checksum: Option<Checksum>,
    /// Empty if the upload was a single request.
    pub(crate) parts: Vec<UploadedPart>,
}

/// An upload of successive parts. It is created with the second part: a body that fits into one part is sent
/// in one request. If it is dropped before it is complete, it aborts the created upload, as long as the
/// runtime runs.
pub(crate) struct PartsInFlight {
    service: R2Service,
    plan: PartsPlan,
    begun: Option<Begun>,
    sending: JoinSet<Result<UploadedPart>>,
    arrived: BTreeMap<u16, UploadedPart>,
    count: u16,
    /// The size of all parts so far, in bytes.
    size: u64,
    crc: Crc64Nvme,
}

#[derive(Clone)]
struct Begun {
    upload: MultipartUpload,
    /// Whether the CRC-64/NVME of the whole was requested from the service.
    with_crc: bool,
}

impl PartsInFlight {
    pub(crate) fn new(service: R2Service, plan: PartsPlan) -> Self {
        Self {
            service,
            plan,
            begun: None,
            sending: JoinSet::new(),
            arrived: BTreeMap::new(),
            count: 0,
            size: 0,
            crc: Crc64Nvme::new(),
        }
    }

    /// Waits until another part may be sent.
    pub(crate) async fn room(&mut self) -> Result<()> {
        while let Some(arrived) = self.sending.try_join_next() {
            self.arrived(arrived)?;
        }
        while self.sending.len() >= self.plan.concurrency {
            self.next_arrives().await?;
        }
        Ok(())
    }

    /// Sends a part once there is room for it. It must have the plan's size unless it is the last.
    pub(crate) async fn push(&mut self, part: Part) -> Result<()> {
        self.room().await?;
        let Part { body, crc, checksum } = part;
        self.size = self.size.saturating_add(body.known_length()?);
        self.crc.append(crc);
        if self.count == MAX_PARTS || self.size > MAX_OBJECT_SIZE {
            return Err(self.too_long());
        }
        let Begun { upload, with_crc } = self.begin().await?;
        self.count += 1;
        let mut send = upload.upload_part(self.count, body);
        if let Some(checksum) = checksum.or(with_crc.then(|| crc.checksum())) {
            send = send.checksum(checksum);
        }
        let pace = self.plan.pace.clone();
        let send = async move {
            let _slot = match &pace {
                Some(pace) => Some(pace.slot().await),
                None => None,
            };
            let mut part = send.await?;
            if with_crc {
                part.checksums.insert(crc.checksum());
            }
            Ok(part)
        };
        self.sending.spawn(send.in_current_span());
        Ok(())
    }

    /// Sends the last part and completes the upload.
    pub(crate) async fn finish(&mut self, last: Part) -> Result<Completed> {
        if self.begun.is_none() {
            return self.put_whole(last).await;
        }
        self.push(last).await?;
        self.complete().await
    }

    /// Completes the upload with the parts that were sent.
    pub(crate) async fn complete(&mut self) -> Result<Completed> {
        while !self.sending.is_empty() {
            self.next_arrives().await?;
        }
        let Begun { upload, with_crc } = self.begin().await?;
        let parts: Vec<_> = std::mem::take(&mut self.arrived).into_values().collect();
        let mut complete = upload.complete(parts.clone()).only_if(self.plan.only_if.clone());
        if with_crc {
            complete = complete.checksum(self.crc.checksum());
        }
        let stored = complete.await?;
        self.begun = None;
        Ok(Completed { stored, checksum: with_crc.then(|| self.crc.checksum()), parts })
    }

    async fn put_whole(&self, part: Part) -> Result<Completed> {
        let Part { body, crc, checksum } = part;
        let with_crc = match self.plan.request.checksum_algorithm {
            Some(algorithm) => algorithm == ChecksumAlgorithm::Crc64Nvme,
            None => self.service.verifies(),
        };
        let checksum = checksum.or(with_crc.then(|| crc.checksum()));
        let CreateMultipartUploadRequest { key, http_metadata, custom_metadata, storage_class, .. } =
            self.plan.request.clone();
        let request = PutRequest {
            http_metadata,
            custom_metadata,
            storage_class,
            checksum,
            only_if: self.plan.only_if.clone(),
            ..PutRequest::new(&key, body)
        };
        let operation = Operation::new("put", &key).sending(request.body.content_length());
        let stored = put_whole(self.service.clone(), request, &operation).await?;
        Ok(Completed { stored, checksum, parts: Vec::new() })
    }

    /// Returns the upload, and creates it first if necessary.
    async fn begin(&mut self) -> Result<Begun> {
        if let Some(begun) = &self.begun {
            return Ok(begun.clone());
        }
        let create = CreateMultipartUpload::from_request(self.service.clone(), self.plan.request.clone());
        let (sender, receiver) = oneshot::channel();
        // If the caller is dropped before the response arrives, nobody else would know which upload to abort.
        tokio::spawn(
            async move {
                let begun = create.with_crc_if_known().await;
                if let Err(Ok((upload, ..))) = sender.send(begun) {
                    abort(&upload).await;
                }
            }
            .in_current_span(),
        );
        let (upload, with_crc, _) = receiver.await.map_err(|error| ended().with_source(error))??;
        Ok(self.begun.insert(Begun { upload, with_crc }).clone())
    }

    async fn next_arrives(&mut self) -> Result<()> {
        match self.sending.join_next().await {
            Some(arrived) => self.arrived(arrived),
            None => Ok(()),
        }
    }

    fn arrived(&mut self, arrived: Result<Result<UploadedPart>, JoinError>) -> Result<()> {
        let part = arrived.map_err(|error| ended().with_source(error))??;
        self.arrived.insert(part.part_number, part);
        Ok(())
    }

    /// Aborts the created upload if something failed.
    pub(crate) async fn or_abort<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.sending.shutdown().await;
            if let Some(Begun { upload, .. }) = self.begun.clone() {
                abort(&upload).await;
            }
            self.begun = None;
        }
        result
    }

    /// Aborts the created upload.
    pub(crate) async fn abort(mut self) -> Result<()> {
        self.sending.shutdown().await;
        if let Some(Begun { upload, .. }) = self.begun.clone() {
            upload.abort().await?;
        }
        self.begun = None;
        Ok(())
    }

    fn too_long(&self) -> Error {
        let PartsPlan { part_size, .. } = self.plan;
        let most = part_size.saturating_mul(MAX_PARTS.into()).min(MAX_OBJECT_SIZE);
        Error::invalid_input(format!(
            "the body is longer than {most} bytes, the limit for {MAX_PARTS} parts of {part_size} bytes: set its length in \
             advance, or use `upload_reader` or a `writer` with larger parts"
        ))
        .with_code(TOO_LARGE)
    }
}

fn ended() -> Error {
    Error::unexpected("the task that uploads was cancelled")
}

async fn abort(upload: &MultipartUpload) {
    if let Err(error) = upload.abort().await {
        tracing::warn!(key = upload.key(), %error, "could not abort an unfinished upload; R2 drops it after 7 days");
    }
}

impl Drop for PartsInFlight {
    fn drop(&mut self) {
        let (Some(Begun { upload, .. }), Ok(runtime)) = (self.begun.take(), Handle::try_current()) else {
            return;
        };
        let mut sending = std::mem::take(&mut self.sending);
        runtime.spawn(
            async move {
                sending.shutdown().await;
                abort(&upload).await;
            }
            .in_current_span(),
        );
    }
}

impl fmt::Debug for PartsInFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartsInFlight")
            .field("key", &self.plan.request.key)
            .field("parts", &self.count)
            .finish_non_exhaustive()
    }
}
