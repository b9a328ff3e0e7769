//! What a backend does: one attempt of each operation.

use std::fmt;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::r2::{
    CompleteMultipartUploadRequest, CopyRequest, CreateMultipartUploadRequest, GetRequest,
    ListMultipartUploadsRequest, ListPage, ListPartsRequest, ListRequest, MultipartUploadsPage, Object,
    ObjectBody, PartsPage, PutRequest, StoredObject, UploadPartRequest, UploadedPart,
};

/// A bucket as one of the backends reaches it.
///
/// Each operation is exactly one attempt and returns only what the service said: retries, lost answers, resuming and
/// verification live in [`R2Service`](super::R2Service), which calls these. All of them default to
/// [`ErrorKind::Unsupported`](crate::ErrorKind), so that a mock implements what its test needs.
///
/// A missing object is `None`; a missing bucket or upload is an error. A condition that does not hold is
/// [`ErrorKind::PreconditionFailed`](crate::ErrorKind) or [`ErrorKind::NotModified`](crate::ErrorKind). Keys are opaque UTF-8 of
/// 1 to 1,024 bytes.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use cloudflare_clients::r2::{Bucket, Object, R2Service};
/// use cloudflare_clients::{Error, Result, RetryPolicy};
///
/// /// Fails so many times, then succeeds, and counts its calls.
/// #[derive(Debug)]
/// struct Flaky {
///     failures: u32,
///     calls: AtomicU32,
/// }
///
/// impl Flaky {
///     fn new(failures: u32) -> Arc<Self> {
///         Arc::new(Self { failures, calls: AtomicU32::new(0) })
///     }
///
///     fn calls(&self) -> u32 {
///         self.calls.load(Ordering::SeqCst)
///     }
/// }
///
/// #[cloudflare_clients::async_trait]
/// impl Bucket for Flaky {
///     async fn head(&self, key: &str) -> Result<Option<Object>> {
///         if self.calls.fetch_add(1, Ordering::SeqCst) < self.failures {
///             return Err(Error::from_status(500, "Server Error"));
///         }
///         Ok(Some(Object::new(key, 3, "900150983cd24fb0d6963f7d28e17f72", std::time::UNIX_EPOCH)))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// let bucket = Flaky::new(2);
/// let object = R2Service::shared(bucket.clone()).head("a.txt").await?;
/// assert_eq!(object.map(|object| object.size), Some(3));
/// assert_eq!(bucket.calls(), 3);
///
/// let bucket = Flaky::new(u32::MAX);
/// let error = R2Service::shared(bucket.clone()).head("a.txt").await.unwrap_err();
/// assert_eq!(bucket.calls(), 4); // the default: 3 retries
/// assert_eq!(error.to_string(), "head \"a.txt\": 500 Server Error (after 4 attempts)");
///
/// let bucket = Flaky::new(u32::MAX);
/// let impatient = R2Service::shared(bucket.clone()).with_retry(RetryPolicy::default().max_retries(2));
/// assert!(impatient.head("a.txt").await.is_err());
/// assert_eq!(bucket.calls(), 3);
/// # Ok(()) }
/// ```
#[async_trait]
pub trait Bucket: fmt::Debug + Send + Sync + 'static {
    /// The metadata of an object.
    async fn head(&self, key: &str) -> Result<Option<Object>> {
        let _ = key;
        Err(unsupported("head"))
    }

    /// An object, or a range of it.
    async fn get(&self, request: GetRequest) -> Result<Option<ObjectBody>> {
        let _ = request;
        Err(unsupported("get"))
    }

    /// Stores an object. The body's length is known.
    async fn put(&self, request: PutRequest) -> Result<StoredObject> {
        let _ = request;
        Err(unsupported("put"))
    }

    /// Deletes an object. A missing object is not an error.
    async fn delete(&self, key: &str) -> Result<()> {
        let _ = key;
        Err(unsupported("delete"))
    }

    /// Deletes up to 1,000 objects and says of each, in the order of `keys`, whether that worked.
    async fn delete_many(&self, keys: &[String]) -> Result<Vec<Result<()>>> {
        let _ = keys;
        Err(unsupported("delete"))
    }

    /// One page of a listing, in the order of the keys' bytes.
    ///
    /// A backend that cannot list metadata leaves it `None`, whatever `include` says.
    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        let _ = request;
        Err(unsupported("list"))
    }

    /// Copies an object within the bucket; a missing source is [`ErrorKind::InvalidInput`](crate::ErrorKind) with the code
    /// `NoSuchKey`.
    async fn copy(&self, request: CopyRequest) -> Result<StoredObject> {
        let _ = request;
        Err(unsupported("copy"))
    }

    /// Begins an upload in parts and returns its id.
    async fn create_multipart_upload(&self, request: CreateMultipartUploadRequest) -> Result<String> {
        let _ = request;
        Err(unsupported("createMultipartUpload"))
    }

    /// Uploads a part, in place of one with the same number. The body's length is known.
    async fn upload_part(&self, request: UploadPartRequest) -> Result<UploadedPart> {
        let _ = request;
        Err(unsupported("uploadPart"))
    }

    /// Makes an object of the parts.
    async fn complete_multipart_upload(
        &self,
        request: CompleteMultipartUploadRequest,
    ) -> Result<StoredObject> {
        let _ = request;
        Err(unsupported("completeMultipartUpload"))
    }

    /// Drops an upload and its parts. Fine when it was completed or aborted before.
    async fn abort_multipart_upload(&self, key: &str, upload_id: &str) -> Result<()> {
        let _ = (key, upload_id);
        Err(unsupported("abortMultipartUpload"))
    }

    /// One page of the parts of an upload, by number.
    async fn list_parts(&self, request: ListPartsRequest) -> Result<PartsPage> {
        let _ = request;
        Err(unsupported("listParts"))
    }

    /// One page of the uploads that are neither completed nor aborted, by key.
    async fn list_multipart_uploads(
        &self,
        request: ListMultipartUploadsRequest,
    ) -> Result<MultipartUploadsPage> {
        let _ = request;
        Err(unsupported("listMultipartUploads"))
    }

    /// Whether nothing between this program and the service could damage bytes or a length unnoticed, as where it keeps
    /// them in this process. [`R2Service`](super::R2Service) then does not hash what it writes, nor ask for the size of what
    /// it has read. What has a checksum is verified all the same when it is read.
    fn has_reliable_transport(&self) -> bool {
        false
    }
}

fn unsupported(operation: &'static str) -> Error {
    Error::unsupported(format!("this backend has no {operation}"))
}
