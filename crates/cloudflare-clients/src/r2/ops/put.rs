//! Storing objects.

#[cfg(not(target_arch = "wasm32"))]
use super::put_in_parts::put_in_parts;
use super::put_whole::put_whole;
use super::setters::{metadata_setters, ssec_key_setter};
use crate::body::Body;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{Error, Result};
use crate::json;
use crate::model::r2::{
    Checksum, Conditional, CustomMetadata, HttpMetadata, PutRequest, StorageClass, StoredObject,
};
use crate::r2::service::R2Service;

impl R2Service {
    /// Stores an object: `r2.put(key, bytes).content_type("video/mp4").await?`.
    pub fn put(&self, key: impl Into<String>, body: impl Into<Body>) -> Put {
        Put { service: self.clone(), request: PutRequest::new(key, body), refused: None }
    }

    /// Stores a value as JSON, with the content type `application/json`.
    ///
    /// A value that does not serialise is [`ErrorKind::Serialization`](crate::ErrorKind) when the request is
    /// awaited.
    pub fn put_json<T: serde::Serialize + ?Sized>(&self, key: impl Into<String>, value: &T) -> Put {
        let (body, refused) = match json::to_vec("the value", value) {
            Ok(json) => (Body::from(json), None),
            Err(error) => (Body::empty(), Some(error)),
        };
        Put { refused, ..self.put(key, body).content_type("application/json") }
    }
}

/// A put; awaiting it stores the object and gives what is known of it.
///
/// A body of known length, up to [`MAX_SINGLE_UPLOAD`], goes up in one request. A stream of unknown length is
/// refused in a Worker; elsewhere it goes up in parts of [`STREAM_PART_SIZE`], of which four are in memory at
/// once: so it may have 156.25 GiB, and its conditions are checked when it is complete. Its CRC-64/NVME goes
/// along, so that the service refuses other bytes, where it knows of that. One that fails or is dropped is
/// aborted, as long as the runtime runs; what is left after all R2 deletes after 7 days.
///
/// [`MAX_SINGLE_UPLOAD`]: crate::r2::MAX_SINGLE_UPLOAD
/// [`STREAM_PART_SIZE`]: crate::r2::STREAM_PART_SIZE
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Put {
    service: R2Service,
    request: PutRequest,
    /// What was wrong with the value to store.
    refused: Option<Error>,
}

impl Put {
    metadata_setters!();
    ssec_key_setter!(service);

    /// What the bytes must hash to; else the put fails with [`ErrorKind::Integrity`](crate::ErrorKind) and
    /// stores nothing.
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.request.checksum = Some(checksum);
        self
    }

    /// A condition on the object that the key already has; if it fails, the put fails with
    /// [`ErrorKind::PreconditionFailed`](crate::ErrorKind). To create only: `Conditional::new().etag_does_not_match("*")`.
    ///
    /// The answer to an attempt may be lost, and the next attempt refused. Then an object with the same bytes
    /// and the same custom metadata counts as what the first attempt stored. So more than one of several puts
    /// that store the same under a condition may succeed. A put that claims a key names its claimant in the
    /// custom metadata.
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.request.only_if = only_if;
        self
    }

    async fn send(mut self) -> Result<StoredObject> {
        let key = self.request.key.clone();
        let operation = Operation::new("put", &key).sending(self.request.body.content_length());
        operation.check(self.validate())?;
        let Self { service, request, .. } = self;
        #[cfg(not(target_arch = "wasm32"))]
        if request.body.content_length().is_none() {
            return operation.check(put_in_parts(service, request, &operation).await);
        }
        put_whole(service, request, &operation).await
    }

    fn validate(&mut self) -> Result<()> {
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        self.request.validate()?;
        if cfg!(target_arch = "wasm32") {
            // A Worker has no memory for the parts of what has no length.
            self.request.body.known_length()?;
        }
        Ok(())
    }
}

sent_when_awaited!(Put => StoredObject);
