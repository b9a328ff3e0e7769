//! The interface of a backend to a bucket: one attempt of each operation.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _};

use super::account::{Account, one_bucket_alone};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{
    AbortMultipartUploadRequest, CompleteMultipartUploadRequest, CopyRequest, CorsPolicy,
    CreateMultipartUploadRequest, CreatedMultipartUpload, DeleteManyRequest, DeleteRequest, GetRequest,
    HeadRequest, LifecyclePolicy, ListMultipartUploadsRequest, ListPage, ListPartsRequest, ListRequest,
    MultipartUploadsPage, Object, ObjectBody, PartsPage, PutRequest, StoredObject, UploadPartCopyRequest,
    UploadPartRequest, UploadedPart,
};
use crate::runtime::Runtime;

/// How many objects are deleted concurrently by a backend that deletes them one by one.
const CONCURRENT_DELETES: usize = 8;

/// A bucket, as a backend provides it.
///
/// Each operation is exactly one attempt and returns only what the service returned.
/// [`R2Service`](super::R2Service) calls these methods with validated requests, and handles retries, lost
/// responses, resumed downloads and verification.
///
/// A missing object is `None`; a missing bucket or upload is an error. A failed condition is
/// [`ErrorKind::PreconditionFailed`](crate::ErrorKind) or [`ErrorKind::NotModified`](crate::ErrorKind). An
/// operation that the backend does not support is [`ErrorKind::Unsupported`](crate::ErrorKind). Keys are
/// opaque UTF-8 of 1 to 1,024 bytes.
///
/// A bucket that wraps another one implements every method except those with a default, so that it cannot
/// forget to forward one. The default of `delete_many` deletes one by one. For tests, use
/// `testing::MockBucket` (feature `testing`), which needs one line for each operation that it answers.
///
/// ```
/// use std::sync::Arc;
///
/// use cloudflare_clients::r2::*;
/// use cloudflare_clients::{Error, LocalBucket, Result, Runtime, async_trait};
///
/// /// A tenant's view of a bucket: the objects under its prefix, with the prefix removed from their keys.
/// #[derive(Debug)]
/// struct Prefixed<B> {
///     prefix: String,
///     bucket: B,
/// }
///
/// impl<B> Prefixed<B> {
///     fn outer(&self, key: &str) -> String {
///         format!("{}{key}", self.prefix)
///     }
///
///     fn inner(&self, key: String) -> String {
///         key.strip_prefix(&self.prefix).map(str::to_owned).unwrap_or(key)
///     }
///
///     /// The error of a copy may be about another key than the written one: the source.
///     fn about_inner(&self, error: Error) -> Error {
///         match error.key().map(|key| self.inner(key.to_owned())) {
///             Some(key) => error.with_key(key),
///             None => error,
///         }
///     }
/// }
///
/// #[async_trait]
/// impl<B: Bucket> Bucket for Prefixed<B> {
///     async fn head(&self, mut request: HeadRequest) -> Result<Option<Object>> {
///         request.key = self.outer(&request.key);
///         let mut found = self.bucket.head(request).await?;
///         if let Some(object) = &mut found {
///             object.key = self.inner(std::mem::take(&mut object.key));
///         }
///         Ok(found)
///     }
///
///     async fn get(&self, mut request: GetRequest) -> Result<Option<ObjectBody>> {
///         request.key = self.outer(&request.key);
///         let mut found = self.bucket.get(request).await?;
///         if let Some(ObjectBody { object, .. }) = &mut found {
///             object.key = self.inner(std::mem::take(&mut object.key));
///         }
///         Ok(found)
///     }
///
///     async fn put(&self, mut request: PutRequest) -> Result<StoredObject> {
///         request.key = self.outer(&request.key);
///         let mut stored = self.bucket.put(request).await?;
///         stored.key = self.inner(stored.key);
///         Ok(stored)
///     }
///
///     async fn delete(&self, mut request: DeleteRequest) -> Result<()> {
///         request.key = self.outer(&request.key);
///         self.bucket.delete(request).await
///     }
///
///     async fn delete_many(&self, mut request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
///         request.keys.iter_mut().for_each(|key| *key = self.outer(key));
///         self.bucket.delete_many(request).await
///     }
///
///     async fn list(&self, mut request: ListRequest) -> Result<ListPage> {
///         request.prefix = self.outer(&request.prefix);
///         request.start_after = request.start_after.map(|key| self.outer(&key));
///         let mut page = self.bucket.list(request).await?;
///         for object in &mut page.objects {
///             object.key = self.inner(std::mem::take(&mut object.key));
///         }
///         for prefix in &mut page.delimited_prefixes {
///             *prefix = self.inner(std::mem::take(prefix));
///         }
///         Ok(page)
///     }
///
///     async fn copy(&self, mut request: CopyRequest) -> Result<StoredObject> {
///         request.source = self.outer(&request.source);
///         request.key = self.outer(&request.key);
///         let copied = self.bucket.copy(request).await;
///         let mut stored = copied.map_err(|error| self.about_inner(error))?;
///         stored.key = self.inner(stored.key);
///         Ok(stored)
///     }
///
///     async fn create_multipart_upload(
///         &self,
///         mut request: CreateMultipartUploadRequest,
///     ) -> Result<CreatedMultipartUpload> {
///         request.key = self.outer(&request.key);
///         self.bucket.create_multipart_upload(request).await
///     }
///
///     async fn upload_part(&self, mut request: UploadPartRequest) -> Result<UploadedPart> {
///         request.key = self.outer(&request.key);
///         self.bucket.upload_part(request).await
///     }
///
///     async fn upload_part_copy(&self, mut request: UploadPartCopyRequest) -> Result<UploadedPart> {
///         request.source = self.outer(&request.source);
///         request.key = self.outer(&request.key);
///         self.bucket.upload_part_copy(request).await.map_err(|error| self.about_inner(error))
///     }
///
///     async fn complete_multipart_upload(
///         &self,
///         mut request: CompleteMultipartUploadRequest,
///     ) -> Result<StoredObject> {
///         request.key = self.outer(&request.key);
///         let mut stored = self.bucket.complete_multipart_upload(request).await?;
///         stored.key = self.inner(stored.key);
///         Ok(stored)
///     }
///
///     async fn abort_multipart_upload(&self, mut request: AbortMultipartUploadRequest) -> Result<()> {
///         request.key = self.outer(&request.key);
///         self.bucket.abort_multipart_upload(request).await
///     }
///
///     async fn list_parts(&self, mut request: ListPartsRequest) -> Result<PartsPage> {
///         request.key = self.outer(&request.key);
///         self.bucket.list_parts(request).await
///     }
///
///     async fn list_multipart_uploads(
///         &self,
///         mut request: ListMultipartUploadsRequest,
///     ) -> Result<MultipartUploadsPage> {
///         request.prefix = self.outer(&request.prefix);
///         request.key_marker = request.key_marker.map(|key| self.outer(&key));
///         let mut page = self.bucket.list_multipart_uploads(request).await?;
///         for upload in &mut page.uploads {
///             upload.key = self.inner(std::mem::take(&mut upload.key));
///         }
///         for prefix in &mut page.delimited_prefixes {
///             *prefix = self.inner(std::mem::take(prefix));
///         }
///         page.next_key_marker = page.next_key_marker.map(|key| self.inner(key));
///         Ok(page)
///     }
///
///     fn runtime(&self) -> Arc<dyn Runtime> {
///         self.bucket.runtime()
///     }
///
///     fn has_reliable_transport(&self) -> bool {
///         self.bucket.has_reliable_transport()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let bucket = Arc::new(LocalBucket::open(folder.path(), "media").await?);
/// let tenant = Prefixed { prefix: "tenant-7/".to_owned(), bucket: bucket.clone() };
/// let r2 = R2Service::new(tenant);
/// r2.put("notes.txt", "hello").await?;
/// assert_eq!(r2.list().await?.objects[0].key, "notes.txt");
/// assert_eq!(r2.copy("missing.txt", "b.txt").await.unwrap_err().key(), Some("missing.txt"));
/// assert!(R2Service::new(bucket).exists("tenant-7/notes.txt").await?);
/// # Ok(()) }
/// ```
#[async_trait]
pub trait Bucket: fmt::Debug + Send + Sync + 'static {
    /// Returns the metadata of an object, or `None` if it does not exist.
    async fn head(&self, request: HeadRequest) -> Result<Option<Object>>;

    /// Returns an object or a range of it, or `None` if it does not exist.
    async fn get(&self, request: GetRequest) -> Result<Option<ObjectBody>>;

    /// Stores an object. The length of the body is known.
    async fn put(&self, request: PutRequest) -> Result<StoredObject>;

    /// Deletes an object. A missing object is not an error.
    async fn delete(&self, request: DeleteRequest) -> Result<()>;

    /// Deletes up to 1,000 objects, and returns a result for each key in the order of the keys. By default,
    /// it calls [`delete`](Self::delete) for each, eight concurrently.
    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        Ok(delete_one_by_one(self, request).await)
    }

    /// Returns one page of a listing, sorted by the bytes of the keys.
    ///
    /// A backend that cannot list metadata leaves it `None`, whatever `include_metadata` is.
    async fn list(&self, request: ListRequest) -> Result<ListPage>;

    /// Copies an object within the bucket, or from another bucket of the account. If the source does not
    /// exist, the error is [`ErrorKind::NoSuchKey`](crate::ErrorKind)
    /// [with the source's key](crate::Error::with_key).
    async fn copy(&self, request: CopyRequest) -> Result<StoredObject>;

    /// Creates a multipart upload and returns its id.
    async fn create_multipart_upload(
        &self,
        request: CreateMultipartUploadRequest,
    ) -> Result<CreatedMultipartUpload>;

    /// Uploads a part, replacing one with the same number. The length of the body is known.
    async fn upload_part(&self, request: UploadPartRequest) -> Result<UploadedPart>;

    /// Copies bytes of an object as a part, replacing one with the same number. The object is in this bucket
    /// or in another bucket of the account. If it does not exist, the error is
    /// [`ErrorKind::NoSuchKey`](crate::ErrorKind) [with the source's key](crate::Error::with_key).
    async fn upload_part_copy(&self, request: UploadPartCopyRequest) -> Result<UploadedPart>;

    /// Completes an upload: combines its parts into an object.
    async fn complete_multipart_upload(
        &self,
        request: CompleteMultipartUploadRequest,
    ) -> Result<StoredObject>;

    /// Aborts an upload and deletes its parts. It is not an error if the upload does not exist.
    async fn abort_multipart_upload(&self, request: AbortMultipartUploadRequest) -> Result<()>;

    /// Returns one page of an upload's parts, sorted by number.
    async fn list_parts(&self, request: ListPartsRequest) -> Result<PartsPage>;

    /// Returns one page of the uploads that are neither completed nor aborted, sorted by key.
    async fn list_multipart_uploads(
        &self,
        request: ListMultipartUploadsRequest,
    ) -> Result<MultipartUploadsPage>;

    /// Returns the bucket's CORS policy, or `None` if it has none.
    async fn cors(&self) -> Result<Option<CorsPolicy>> {
        Err(without_cors())
    }

    /// Replaces the bucket's CORS policy.
    async fn put_cors(&self, policy: CorsPolicy) -> Result<()> {
        let _ = policy;
        Err(without_cors())
    }

    /// Deletes the bucket's CORS policy. It is not an error if the policy does not exist.
    async fn delete_cors(&self) -> Result<()> {
        Err(without_cors())
    }

    /// Returns the bucket's lifecycle policy, or `None` if it has none.
    async fn lifecycle(&self) -> Result<Option<LifecyclePolicy>> {
        Err(without_lifecycle())
    }

    /// Replaces the bucket's lifecycle policy.
    async fn put_lifecycle(&self, policy: LifecyclePolicy) -> Result<()> {
        let _ = policy;
        Err(without_lifecycle())
    }

    /// Deletes the bucket's lifecycle policy. It is not an error if the policy does not exist.
    async fn delete_lifecycle(&self) -> Result<()> {
        Err(without_lifecycle())
    }

    /// Returns the clock, timer and randomness of the bucket. A service on it, and everything built on the
    /// service, use them too. A backend without a custom clock returns the platform's: `TokioRuntime`, or
    /// `WorkersRuntime` in a Worker.
    fn runtime(&self) -> Arc<dyn Runtime>;

    /// Whether nothing between this program and the service can damage bytes or lengths unnoticed, because
    /// the service is in this process. False by default.
    ///
    /// If it is true, [`R2Service`](super::R2Service) does not hash what it writes, nor check the size of
    /// what it has read, and [`Locks`](crate::lock::Locks) do not test the bucket's conditions. Objects with
    /// a checksum are still verified once when they are read; the embedded store does that itself.
    fn has_reliable_transport(&self) -> bool {
        false
    }

    /// Returns the bucket's address, with which the service itself can copy to and from other buckets of the
    /// account.
    ///
    /// With `None`, the default, such copies pass through this program. A bucket that changes keys must
    /// return `None`.
    fn address(&self) -> Option<BucketAddress> {
        None
    }

    /// Returns the account of the bucket, to create, list and delete buckets.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind), the default: the backend can access only one bucket.
    fn account(&self) -> Result<Arc<dyn Account>> {
        Err(one_bucket_alone())
    }
}

/// The error of a backend that does not support CORS policies.
fn without_cors() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "this backend cannot read or set the CORS policy of its bucket: use R2's S3 API, through an `S3Bucket` or with \
         `cfstore r2 cors`",
    )
}

/// The error of a backend that does not support lifecycle policies.
fn without_lifecycle() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "this backend cannot read or set the lifecycle policy of its bucket: use R2's S3 API, through an `S3Bucket` or with \
         `cfstore r2 lifecycle`",
    )
}

/// The address of a bucket. The service can copy between two buckets of one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BucketAddress {
    /// Identifies the service and the credentials, in any form.
    pub account: String,
    /// The bucket name.
    pub bucket: String,
}

impl BucketAddress {
    /// Creates the address of a bucket in an account.
    pub fn new(account: impl Into<String>, bucket: impl Into<String>) -> Self {
        Self { account: account.into(), bucket: bucket.into() }
    }
}

pub(crate) async fn delete_one_by_one<B: Bucket + ?Sized>(
    bucket: &B,
    request: DeleteManyRequest,
) -> Vec<Result<()>> {
    let deletes: Vec<_> =
        request.keys.into_iter().map(|key| bucket.delete(DeleteRequest::new(key))).collect();
    stream::iter(deletes).buffered(CONCURRENT_DELETES).collect().await
}

/// A shared bucket.
#[async_trait]
impl<B: Bucket + ?Sized> Bucket for Arc<B> {
    async fn head(&self, request: HeadRequest) -> Result<Option<Object>> {
        (**self).head(request).await
    }

    async fn get(&self, request: GetRequest) -> Result<Option<ObjectBody>> {
        (**self).get(request).await
    }

    async fn put(&self, request: PutRequest) -> Result<StoredObject> {
        (**self).put(request).await
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        (**self).delete(request).await
    }

    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        (**self).delete_many(request).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        (**self).list(request).await
    }

    async fn copy(&self, request: CopyRequest) -> Result<StoredObject> {
        (**self).copy(request).await
    }

    async fn create_multipart_upload(
        &self,
        request: CreateMultipartUploadRequest,
    ) -> Result<CreatedMultipartUpload> {
        (**self).create_multipart_upload(request).await
    }

    async fn upload_part(&self, request: UploadPartRequest) -> Result<UploadedPart> {
        (**self).upload_part(request).await
    }

    async fn upload_part_copy(&self, request: UploadPartCopyRequest) -> Result<UploadedPart> {
        (**self).upload_part_copy(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: CompleteMultipartUploadRequest,
    ) -> Result<StoredObject> {
        (**self).complete_multipart_upload(request).await
    }

    async fn abort_multipart_upload(&self, request: AbortMultipartUploadRequest) -> Result<()> {
        (**self).abort_multipart_upload(request).await
    }

    async fn list_parts(&self, request: ListPartsRequest) -> Result<PartsPage> {
        (**self).list_parts(request).await
    }

    async fn list_multipart_uploads(
        &self,
        request: ListMultipartUploadsRequest,
    ) -> Result<MultipartUploadsPage> {
        (**self).list_multipart_uploads(request).await
    }

    async fn cors(&self) -> Result<Option<CorsPolicy>> {
        (**self).cors().await
    }

    async fn put_cors(&self, policy: CorsPolicy) -> Result<()> {
        (**self).put_cors(policy).await
    }

    async fn delete_cors(&self) -> Result<()> {
        (**self).delete_cors().await
    }

    async fn lifecycle(&self) -> Result<Option<LifecyclePolicy>> {
        (**self).lifecycle().await
    }

    async fn put_lifecycle(&self, policy: LifecyclePolicy) -> Result<()> {
        (**self).put_lifecycle(policy).await
    }

    async fn delete_lifecycle(&self) -> Result<()> {
        (**self).delete_lifecycle().await
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        (**self).runtime()
    }

    fn has_reliable_transport(&self) -> bool {
        (**self).has_reliable_transport()
    }

    fn address(&self) -> Option<BucketAddress> {
        (**self).address()
    }

    fn account(&self) -> Result<Arc<dyn Account>> {
        (**self).account()
    }
}
