//! What a backend does: one attempt of each operation.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;

use super::body::Body;
use super::checksum::Checksum;
use super::conditional::Conditional;
use super::object::{CustomMetadata, HttpMetadata, Object, ObjectBody, StorageClass, StoredObject};
use super::range::Range;
use crate::error::{Error, Result};

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

    /// Deletes an object. Fine when it is not there.
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

/// A get for [`Bucket::get`].
#[derive(Debug, Clone, Default)]
pub struct GetRequest {
    /// The key of the object.
    pub key: String,
    /// The bytes to return; all where there is none.
    pub range: Option<Range>,
    /// What the object must meet.
    pub only_if: Conditional,
}

/// A put for [`Bucket::put`].
#[derive(Debug)]
pub struct PutRequest {
    /// The key to store it under.
    pub key: String,
    /// The bytes; their length is known.
    pub body: Body,
    /// The HTTP headers to store with it.
    pub http_metadata: HttpMetadata,
    /// The custom metadata to store with it.
    pub custom_metadata: CustomMetadata,
    /// How R2 stores it; the bucket's class where there is none.
    pub storage_class: Option<StorageClass>,
    /// What the bytes must hash to.
    pub checksum: Option<Checksum>,
    /// What an object that is there must meet.
    pub only_if: Conditional,
}

impl PutRequest {
    /// A put of some bytes and nothing else.
    pub fn new(key: impl Into<String>, body: impl Into<Body>) -> Self {
        Self {
            key: key.into(),
            body: body.into(),
            http_metadata: HttpMetadata::default(),
            custom_metadata: CustomMetadata::default(),
            storage_class: None,
            checksum: None,
            only_if: Conditional::default(),
        }
    }
}

/// A list for [`Bucket::list`].
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// Only keys that begin with this.
    pub prefix: String,
    /// Keys that go on to this after the prefix are grouped into one delimited prefix.
    pub delimiter: Option<String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Only keys after this one.
    pub start_after: Option<String>,
    /// 1 to 1,000 objects and delimited prefixes together; 1,000 where there is none.
    pub limit: Option<u32>,
    /// Return the objects' HTTP and custom metadata, where the backend can.
    pub include_metadata: bool,
}

/// One page of a listing.
///
/// There are more pages while `truncated` is true, however few objects this one has.
///
/// See [R2Objects](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#r2objects-definition).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListPage {
    /// The objects, in the order of their keys' bytes.
    pub objects: Vec<Object>,
    /// The prefixes, each up to and with the delimiter, under which there are further keys.
    pub delimited_prefixes: Vec<String>,
    /// Whether there are more.
    pub truncated: bool,
    /// Where the next page begins.
    pub cursor: Option<String>,
}

/// A copy for [`Bucket::copy`].
#[derive(Debug, Clone, Default)]
pub struct CopyRequest {
    /// The object to copy.
    pub source: String,
    /// The key to store it under.
    pub key: String,
    /// What the source must meet.
    pub source_only_if: Conditional,
    /// What the object that is replaced must meet.
    pub only_if: Conditional,
    /// Metadata in place of the source's.
    pub replace_metadata: Option<(HttpMetadata, CustomMetadata)>,
    /// The storage class of the copy.
    pub storage_class: Option<StorageClass>,
}

/// The begin of a multipart upload for [`Bucket::create_multipart_upload`].
#[derive(Debug, Clone, Default)]
pub struct CreateMultipartUploadRequest {
    /// The key that the object will have.
    pub key: String,
    /// The HTTP headers to store with it.
    pub http_metadata: HttpMetadata,
    /// The custom metadata to store with it.
    pub custom_metadata: CustomMetadata,
    /// How R2 stores it; the bucket's class where there is none.
    pub storage_class: Option<StorageClass>,
}

/// A part for [`Bucket::upload_part`].
#[derive(Debug)]
pub struct UploadPartRequest {
    /// The upload's key.
    pub key: String,
    /// The upload's id.
    pub upload_id: String,
    /// 1 to 10,000.
    pub part_number: u16,
    /// The bytes; their length is known.
    pub body: Body,
    /// What the bytes must hash to.
    pub checksum: Option<Checksum>,
}

/// A part that was uploaded. It can be stored and given to a complete later.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct UploadedPart {
    /// 1 to 10,000.
    pub part_number: u16,
    /// The part's etag, without quotes.
    pub etag: String,
    /// The size in bytes, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// The end of a multipart upload for [`Bucket::complete_multipart_upload`].
#[derive(Debug, Clone, Default)]
pub struct CompleteMultipartUploadRequest {
    /// The upload's key.
    pub key: String,
    /// The upload's id.
    pub upload_id: String,
    /// By number.
    pub parts: Vec<UploadedPart>,
    /// What the object that is replaced must meet. When it does not, the upload is gone.
    pub only_if: Conditional,
}

/// A list of parts for [`Bucket::list_parts`].
#[derive(Debug, Clone, Default)]
pub struct ListPartsRequest {
    /// The upload's key.
    pub key: String,
    /// The upload's id.
    pub upload_id: String,
    /// Only parts with greater numbers.
    pub part_number_marker: Option<u16>,
    /// 1 to 1,000 parts; 1,000 where there is none.
    pub limit: Option<u32>,
}

/// One page of the parts of an upload.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PartsPage {
    /// The parts, by number.
    pub parts: Vec<UploadedPart>,
    /// Whether there are more.
    pub truncated: bool,
    /// The marker of the next page.
    pub next_part_number_marker: Option<u16>,
}

/// A list of uploads for [`Bucket::list_multipart_uploads`].
#[derive(Debug, Clone, Default)]
pub struct ListMultipartUploadsRequest {
    /// Only keys that begin with this.
    pub prefix: String,
    /// Keys that go on to this after the prefix are grouped.
    pub delimiter: Option<String>,
    /// Only keys after this one, or with it where `upload_id_marker` is given.
    pub key_marker: Option<String>,
    /// Of the uploads of `key_marker`, only those after this one.
    pub upload_id_marker: Option<String>,
    /// 1 to 1,000; 1,000 where there is none.
    pub limit: Option<u32>,
}

/// One page of the uploads under way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MultipartUploadsPage {
    /// The uploads, by key.
    pub uploads: Vec<MultipartUploadSummary>,
    /// The prefixes under which there are uploads of further keys.
    pub delimited_prefixes: Vec<String>,
    /// Whether there are more.
    pub truncated: bool,
    /// The key marker of the next page.
    pub next_key_marker: Option<String>,
    /// The upload marker of the next page.
    pub next_upload_id_marker: Option<String>,
}

/// An upload under way.
#[derive(Debug, Clone, PartialEq)]
pub struct MultipartUploadSummary {
    /// The key that the object will have.
    pub key: String,
    /// The id.
    pub upload_id: String,
    /// When it was begun.
    pub initiated: SystemTime,
    /// The storage class that the object will have.
    pub storage_class: Option<StorageClass>,
}
