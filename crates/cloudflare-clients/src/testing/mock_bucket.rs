//! A bucket with scripted answers.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt as _;

use super::clock::ManualClock;
use super::script::Script;
use crate::error::Result;
use crate::r2::bucket::delete_one_by_one;
use crate::r2::{
    AbortMultipartUploadRequest, Bucket, BucketAddress, CompleteMultipartUploadRequest, CopyRequest,
    CorsPolicy, CreateMultipartUploadRequest, CreatedMultipartUpload, DeleteManyRequest, DeleteRequest,
    GetRequest, HeadRequest, LifecyclePolicy, ListMultipartUploadsRequest, ListPage, ListPartsRequest,
    ListRequest, MultipartUploadsPage, Object, ObjectBody, PartsPage, PutRequest, StoredObject,
    UploadPartCopyRequest, UploadPartRequest, UploadedPart,
};
use crate::runtime::Runtime;

/// A bucket that answers as the test says, with a [`Script`] per operation.
///
/// It implements [`Bucket`], below the retries and checks of an [`R2Service`](crate::r2::R2Service), so a
/// test sees how a program handles a failing service.
///
/// ```
/// use std::sync::Arc;
///
/// use cloudflare_clients::http::StatusCode;
/// use cloudflare_clients::r2::R2Service;
/// use cloudflare_clients::testing::MockBucket;
/// use cloudflare_clients::{Error, RetryPolicy};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let bucket = Arc::new(MockBucket::new());
/// bucket.put.fails(Error::from_status(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"));
///
/// let r2 = R2Service::new(bucket.clone()).with_retry(RetryPolicy::default().max_retries(2));
/// let error = r2.put("a.txt", "hello").await.unwrap_err();
/// assert_eq!(error.to_string(), "put \"a.txt\": 500 Server Error (after 3 attempts)");
/// assert_eq!(bucket.put.calls(), 3);
/// # }
/// ```
///
/// Over a working bucket it fails only the operations that the test chooses:
///
/// ```
/// # use std::sync::Arc;
/// # use cloudflare_clients::{Error, LocalBucket, http::StatusCode, r2::R2Service, testing::MockBucket};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let local = LocalBucket::open(folder.path(), "media").await?;
/// let bucket = Arc::new(MockBucket::over(local));
/// bucket.get.fails_times(1, Error::from_status(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"));
///
/// let r2 = R2Service::new(bucket.clone());
/// r2.put("a.txt", "hello").await?;
/// assert_eq!(r2.get("a.txt").text().await?.as_deref(), Some("hello"));
/// assert_eq!((bucket.get.calls(), bucket.get.failures()), (2, 1));
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct MockBucket {
    runtime: Arc<dyn Runtime>,
    /// The runtime, unless another one was set.
    clock: Option<ManualClock>,
    over: Option<Arc<dyn Bucket>>,
    /// [`Bucket::head`].
    pub head: Script<HeadRequest, Option<Object>>,
    /// [`Bucket::get`].
    pub get: Script<GetRequest, Option<ObjectBody>>,
    /// [`Bucket::put`].
    pub put: Script<PutRequest, StoredObject>,
    /// [`Bucket::delete`].
    pub delete: Script<DeleteRequest, ()>,
    /// [`Bucket::delete_many`]. Without an answer and an underlying bucket, it calls [`delete`](Self::delete)
    /// for each key.
    pub delete_many: Script<DeleteManyRequest, Vec<Result<()>>>,
    /// [`Bucket::list`].
    pub list: Script<ListRequest, ListPage>,
    /// [`Bucket::copy`].
    pub copy: Script<CopyRequest, StoredObject>,
    /// [`Bucket::create_multipart_upload`].
    pub create_multipart_upload: Script<CreateMultipartUploadRequest, CreatedMultipartUpload>,
    /// [`Bucket::upload_part`].
    pub upload_part: Script<UploadPartRequest, UploadedPart>,
    /// [`Bucket::upload_part_copy`].
    pub upload_part_copy: Script<UploadPartCopyRequest, UploadedPart>,
    /// [`Bucket::complete_multipart_upload`].
    pub complete_multipart_upload: Script<CompleteMultipartUploadRequest, StoredObject>,
    /// [`Bucket::abort_multipart_upload`].
    pub abort_multipart_upload: Script<AbortMultipartUploadRequest, ()>,
    /// [`Bucket::list_parts`].
    pub list_parts: Script<ListPartsRequest, PartsPage>,
    /// [`Bucket::list_multipart_uploads`].
    pub list_multipart_uploads: Script<ListMultipartUploadsRequest, MultipartUploadsPage>,
    /// [`Bucket::cors`].
    pub cors: Script<(), Option<CorsPolicy>>,
    /// [`Bucket::put_cors`].
    pub put_cors: Script<CorsPolicy, ()>,
    /// [`Bucket::delete_cors`].
    pub delete_cors: Script<(), ()>,
    /// [`Bucket::lifecycle`].
    pub lifecycle: Script<(), Option<LifecyclePolicy>>,
    /// [`Bucket::put_lifecycle`].
    pub put_lifecycle: Script<LifecyclePolicy, ()>,
    /// [`Bucket::delete_lifecycle`].
    pub delete_lifecycle: Script<(), ()>,
}

impl Default for MockBucket {
    fn default() -> Self {
        let clock = ManualClock::default();
        Self {
            runtime: Arc::new(clock.clone()),
            clock: Some(clock),
            over: None,
            head: Script::default(),
            get: Script::default(),
            put: Script::default(),
            delete: Script::default(),
            delete_many: Script::default(),
            list: Script::default(),
            copy: Script::default(),
            create_multipart_upload: Script::default(),
            upload_part: Script::default(),
            upload_part_copy: Script::default(),
            complete_multipart_upload: Script::default(),
            abort_multipart_upload: Script::default(),
            list_parts: Script::default(),
            list_multipart_uploads: Script::default(),
            cors: Script::default(),
            put_cors: Script::default(),
            delete_cors: Script::default(),
            lifecycle: Script::default(),
            put_lifecycle: Script::default(),
            delete_lifecycle: Script::default(),
        }
    }
}

impl MockBucket {
    /// Creates a bucket without answers. It has a [`ManualClock`], its [`clock`](Self::clock), so waiting
    /// takes no time.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a bucket that passes calls without a scripted answer to another bucket, and uses that bucket's
    /// clock.
    pub fn over(bucket: impl Bucket) -> Self {
        Self { runtime: bucket.runtime(), clock: None, over: Some(Arc::new(bucket)), ..Self::default() }
    }

    /// Sets the clock, timer and randomness of the mock and of services over it.
    #[must_use]
    pub fn with_runtime(self, runtime: impl Runtime) -> Self {
        Self { runtime: Arc::new(runtime), clock: None, ..self }
    }

    /// Returns the clock that [`new`](Self::new) created, for the test to advance. `None` if the mock has
    /// another clock: its own after [`with_runtime`](Self::with_runtime), or that of the bucket that it is
    /// [over](Self::over).
    pub fn clock(&self) -> Option<&ManualClock> {
        self.clock.as_ref()
    }
}

/// Calls the operation's script, with the underlying bucket as the fallback.
macro_rules! answer {
    ($mock:ident, $operation:ident, $request:ident) => {{
        let otherwise = $mock.over.as_ref().map(|bucket| |request| bucket.$operation(request));
        $mock.$operation.call(stringify!($operation), $request, &*$mock.runtime, otherwise).await
    }};
}

#[async_trait]
impl Bucket for MockBucket {
    async fn head(&self, request: HeadRequest) -> Result<Option<Object>> {
        answer!(self, head, request)
    }

    async fn get(&self, request: GetRequest) -> Result<Option<ObjectBody>> {
        answer!(self, get, request)
    }

    async fn put(&self, request: PutRequest) -> Result<StoredObject> {
        answer!(self, put, request)
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        answer!(self, delete, request)
    }

    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        let otherwise = |request| match &self.over {
            Some(bucket) => bucket.delete_many(request),
            None => delete_one_by_one(self, request).map(Ok).boxed(),
        };
        self.delete_many.call("delete_many", request, &*self.runtime, Some(otherwise)).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        answer!(self, list, request)
    }

    async fn copy(&self, request: CopyRequest) -> Result<StoredObject> {
        answer!(self, copy, request)
    }

    async fn create_multipart_upload(
        &self,
        request: CreateMultipartUploadRequest,
    ) -> Result<CreatedMultipartUpload> {
        answer!(self, create_multipart_upload, request)
    }

    async fn upload_part(&self, request: UploadPartRequest) -> Result<UploadedPart> {
        answer!(self, upload_part, request)
    }

    async fn upload_part_copy(&self, request: UploadPartCopyRequest) -> Result<UploadedPart> {
        answer!(self, upload_part_copy, request)
    }

    async fn complete_multipart_upload(
        &self,
        request: CompleteMultipartUploadRequest,
    ) -> Result<StoredObject> {
        answer!(self, complete_multipart_upload, request)
    }

    async fn abort_multipart_upload(&self, request: AbortMultipartUploadRequest) -> Result<()> {
        answer!(self, abort_multipart_upload, request)
    }

    async fn list_parts(&self, request: ListPartsRequest) -> Result<PartsPage> {
        answer!(self, list_parts, request)
    }

    async fn list_multipart_uploads(
        &self,
        request: ListMultipartUploadsRequest,
    ) -> Result<MultipartUploadsPage> {
        answer!(self, list_multipart_uploads, request)
    }

    async fn cors(&self) -> Result<Option<CorsPolicy>> {
        let otherwise = self.over.as_ref().map(|bucket| |()| bucket.cors());
        self.cors.call("cors", (), &*self.runtime, otherwise).await
    }

    async fn put_cors(&self, policy: CorsPolicy) -> Result<()> {
        answer!(self, put_cors, policy)
    }

    async fn delete_cors(&self) -> Result<()> {
        let otherwise = self.over.as_ref().map(|bucket| |()| bucket.delete_cors());
        self.delete_cors.call("delete_cors", (), &*self.runtime, otherwise).await
    }

    async fn lifecycle(&self) -> Result<Option<LifecyclePolicy>> {
        let otherwise = self.over.as_ref().map(|bucket| |()| bucket.lifecycle());
        self.lifecycle.call("lifecycle", (), &*self.runtime, otherwise).await
    }

    async fn put_lifecycle(&self, policy: LifecyclePolicy) -> Result<()> {
        answer!(self, put_lifecycle, policy)
    }

    async fn delete_lifecycle(&self) -> Result<()> {
        let otherwise = self.over.as_ref().map(|bucket| |()| bucket.delete_lifecycle());
        self.delete_lifecycle.call("delete_lifecycle", (), &*self.runtime, otherwise).await
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        self.runtime.clone()
    }

    fn has_reliable_transport(&self) -> bool {
        self.over.as_ref().is_some_and(Bucket::has_reliable_transport)
    }

    fn address(&self) -> Option<BucketAddress> {
        self.over.as_ref().and_then(Bucket::address)
    }
}
