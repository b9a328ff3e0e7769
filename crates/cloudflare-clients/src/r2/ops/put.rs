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
    /// If the value cannot be converted to JSON, awaiting the request returns
    /// [`ErrorKind::Serialization`](crate::ErrorKind).
    pub fn put_json<T: serde::Serialize + ?Sized>(&self, key: impl Into<String>, value: &T) -> Put {
        let (body, refused) = match json::to_vec("the value", value) {
            Ok(json) => (Body::from(json), None),
            Err(error) => (Body::empty(), Some(error)),
        };
        Put { refused, ..self.put(key, body).content_type("application/json") }
    }
}

/// A request to store an object. Awaiting it stores the object and returns its properties.
///
/// A body of known length, up to [`MAX_SINGLE_UPLOAD`], is sent in one request.
///
/// A stream of unknown length is refused in a Worker. Elsewhere it is uploaded in parts of
/// [`STREAM_PART_SIZE`], at most four of which are in memory. It may have up to 156.25 GiB, and its
/// conditions are checked when it is complete. If the service supports CRC-64/NVME, the checksum is sent too,
/// so that the service refuses other bytes. If the put fails or is dropped, the upload is aborted, as long as
/// the runtime runs; otherwise R2 deletes it after 7 days.
///
/// [`MAX_SINGLE_UPLOAD`]: crate::r2::MAX_SINGLE_UPLOAD
/// [`STREAM_PART_SIZE`]: crate::r2::STREAM_PART_SIZE
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Put {
    service: R2Service,
    request: PutRequest,
    /// The error of a value that cannot be stored.
    refused: Option<Error>,
}

impl Put {
    metadata_setters!();
    ssec_key_setter!(service);

    /// Sets the checksum that the bytes must have. If it differs, the put fails with
    /// [`ErrorKind::Integrity`](crate::ErrorKind) and stores nothing.
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.request.checksum = Some(checksum);
        self
    }

    /// Sets conditions on the object that is replaced. If they do not hold, the put fails with
    /// [`ErrorKind::PreconditionFailed`](crate::ErrorKind). To only create an object, use
    /// `Conditional::new().etag_does_not_match("*")`.
    ///
    /// If the response to an attempt is lost, the next attempt may be refused because of the first. An object
    /// with the same bytes and the same custom metadata then counts as the result of the first attempt. So of
    /// several concurrent puts with the same bytes and metadata, more than one may succeed. If a put claims a
    /// key, name the claimant in the custom metadata.
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
            // A Worker does not have the memory for the parts of a stream of unknown length.
            self.request.body.known_length()?;
        }
        Ok(())
    }
}

sent_when_awaited!(Put => StoredObject);
