//! What a backend does: one attempt of each operation.

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

/// How many objects are deleted at a time where a backend deletes them one by one.
const CONCURRENT_DELETES: usize = 8;

/// A bucket as one of the backends reaches it.
///
/// Each operation is exactly one attempt and returns only what the service said: retries, lost answers,
/// resuming and verification live in [`R2Service`](super::R2Service), which calls these and has checked what
/// it gives.
///
/// A missing object is `None`; a missing bucket or upload is an error. A condition that does not hold is
/// [`ErrorKind::PreconditionFailed`](crate::ErrorKind) or [`ErrorKind::NotModified`](crate::ErrorKind). An operation
/// that a backend lacks is [`ErrorKind::Unsupported`](crate::ErrorKind). Keys are opaque UTF-8 of 1 to 1,024 bytes.
///
/// A bucket around another one implements every method, so that it cannot forget to pass one on; without
/// `delete_many` it deletes one by one. A test takes a `testing::MockBucket` (feature `testing`), which needs
/// a line for each operation that it answers.
///
/// ```
/// use std::sync::Arc;
///
/// use cloudflare_clients::r2::*;
/// use cloudflare_clients::{Error, LocalBucket, Result, Runtime, async_trait};
///
/// /// What a tenant sees of a bucket: the objects under its prefix, by the keys that follow the prefix.
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
///     /// The error of a copy may be about another key than the one that is written: the source.
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
    /// The metadata of an object.
    async fn head(&self, request: HeadRequest) -> Result<Option<Object>>;

    /// An object, or a range of it.
    async fn get(&self, request: GetRequest) -> Result<Option<ObjectBody>>;

    /// Stores an object. The body's length is known.
    async fn put(&self, request: PutRequest) -> Result<StoredObject>;

    /// Deletes an object. A missing object is not an error.
    async fn delete(&self, request: DeleteRequest) -> Result<()>;

    /// Deletes up to 1,000 objects and says of each, in the order of the keys, whether that worked; by default with
    /// a [`delete`](Self::delete) of each, eight at a time.
    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        Ok(delete_one_by_one(self, request).await)
    }

    /// One page of a listing, in the order of the keys' bytes.
    ///
    /// A backend that cannot list metadata leaves it `None`, whatever `include_metadata` says.
    async fn list(&self, request: ListRequest) -> Result<ListPage>;

    /// Copies an object within the bucket, or from another one of the account; a missing source is
    /// [`ErrorKind::NoSuchKey`](crate::ErrorKind), in an error [about the source](crate::Error::with_key).
    async fn copy(&self, request: CopyRequest) -> Result<StoredObject>;

    /// Begins an upload in parts, which gets an id.
    async fn create_multipart_upload(
        &self,
        request: CreateMultipartUploadRequest,
    ) -> Result<CreatedMultipartUpload>;

    /// Uploads a part, in place of one with the same number. The body's length is known.
    async fn upload_part(&self, request: UploadPartRequest) -> Result<UploadedPart>;

    /// Makes bytes of an object a part, in place of one with the same number. The object is one of this
    /// bucket, or of another one of the account; a missing one is [`ErrorKind::NoSuchKey`](crate::ErrorKind),
    /// in an error [about the source](crate::Error::with_key).
    async fn upload_part_copy(&self, request: UploadPartCopyRequest) -> Result<UploadedPart>;

    /// Makes an object of the parts.
    async fn complete_multipart_upload(
        &self,
        request: CompleteMultipartUploadRequest,
    ) -> Result<StoredObject>;

    /// Drops an upload and its parts. Fine when it was completed or aborted before, or never was.
    async fn abort_multipart_upload(&self, request: AbortMultipartUploadRequest) -> Result<()>;

    /// One page of the parts of an upload, by number.
    async fn list_parts(&self, request: ListPartsRequest) -> Result<PartsPage>;

    /// One page of the uploads that are neither completed nor aborted, by key.
    async fn list_multipart_uploads(
        &self,
        request: ListMultipartUploadsRequest,
    ) -> Result<MultipartUploadsPage>;

    /// The bucket's CORS policy; `None` where it has none.
    async fn cors(&self) -> Result<Option<CorsPolicy>> {
        Err(without_cors())
    }

    /// Replaces the bucket's CORS policy.
    async fn put_cors(&self, policy: CorsPolicy) -> Result<()> {
        let _ = policy;
        Err(without_cors())
    }

    /// Removes the bucket's CORS policy. Fine where it has none.
    async fn delete_cors(&self) -> Result<()> {
        Err(without_cors())
    }

    /// The bucket's lifecycle policy; `None` where it has none.
    async fn lifecycle(&self) -> Result<Option<LifecyclePolicy>> {
        Err(without_lifecycle())
    }

    /// Replaces the bucket's lifecycle policy.
    async fn put_lifecycle(&self, policy: LifecyclePolicy) -> Result<()> {
        let _ = policy;
        Err(without_lifecycle())
    }

    /// Removes the bucket's lifecycle policy. Fine where it has none.
    async fn delete_lifecycle(&self) -> Result<()> {
        Err(without_lifecycle())
    }

    /// The clock, timer and randomness that the bucket goes by. A service over it, and what is built on the
    /// service, take them from here. A backend without a clock of its own gives the platform's:
    /// `TokioRuntime`, or `WorkersRuntime` in a Worker.
    fn runtime(&self) -> Arc<dyn Runtime>;

    /// Whether nothing between this program and the service could damage bytes or a length unnoticed, as
    /// where it keeps them in this process. [`R2Service`](super::R2Service) then does not hash what it
    /// writes, nor ask for the size of what it has read, and [`Locks`](crate::lock::Locks) do not test its
    /// conditions. Objects with a checksum are still verified when they are read, once: the embedded store
    /// does so itself. False by default.
    fn has_reliable_transport(&self) -> bool {
        false
    }

    /// Where the bucket is, so that the service itself copies to and from the other buckets of its account.
    /// `None`, the default: bytes between it and other buckets come by here. A bucket that changes keys keeps
    /// to that.
    fn address(&self) -> Option<BucketAddress> {
        None
    }

    /// The account that the bucket is in, to create, list and delete buckets.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind), the default: this reaches one bucket alone.
    fn account(&self) -> Result<Arc<dyn Account>> {
        Err(one_bucket_alone())
    }
}

/// The error of a backend that does not know of CORS policies.
fn without_cors() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "this bucket has no CORS policy to read or set: R2's S3 API has, so do it through an `S3Bucket`, or with \
         `cfstore r2 cors`",
    )
}

/// The error of a backend that does not know of lifecycle policies.
fn without_lifecycle() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "this bucket has no lifecycle policy to read or set: R2's S3 API has, so do it through an `S3Bucket`, or with \
         `cfstore r2 lifecycle`",
    )
}

/// Where a bucket is. The service copies between two of one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BucketAddress {
    /// What the service and the credentials are told apart by, in any form.
    pub account: String,
    /// The bucket's name.
    pub bucket: String,
}

impl BucketAddress {
    /// A bucket of an account.
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

/// A bucket that others hold too.
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
