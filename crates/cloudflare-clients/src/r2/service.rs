//! The service: a bucket with retries, verification and everything else that is the same for every backend.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::body::Body;
use super::bucket::Bucket;
use super::copy::Copy;
use super::delete::{self, DeleteOutcome};
use super::get::Get;
use super::list::List;
use super::multipart::{CreateMultipartUpload, ListMultipartUploads, MultipartUpload};
use super::object::{Object, StoredObject};
use super::presign::Presign;
use super::put::Put;
use super::signed_url::SignedUrl;
use super::signing_client::R2SigningClient;
use crate::attempts::{Attempts, Operation, operation_span};
use crate::error::{Error, ErrorKind, Result};
use crate::playlist::{PlaylistOptions, SignedPlaylist};
use crate::retry::RetryPolicy;
use crate::runtime::Runtime;
use crate::s3::endpoint::validate_key;
use crate::sigv4::encode_path;

/// R2, over any [`Bucket`]: retries, verified reads and writes, resumed downloads, JSON, uploads in parts, presigned URLs.
///
/// It is made once, is cheap to clone, and can be shared by threads and tasks. Requests do nothing until they are awaited
/// and borrow nothing, so that they can be spawned. See [the Workers API](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/), whose
/// names are used here.
///
/// - **Missing.** An object that does not exist is `None`; a bucket or upload that does not exist is an error.
/// - **Retries.** As the [`RetryPolicy`] says. A body that was a stream is not sent again once it has been read: the
///   error is then [`ErrorKind::BodyNotReplayable`]. Where the answer to a conditional write or to the completion of an
///   upload was lost, the object is looked at before a failure is reported.
/// - **Verification.** The bytes of whole objects are compared with their checksum, on by default; see
///   [`with_verification`](Self::with_verification).
/// - **Errors** name the operation, the key and the number of attempts, and keep the service's own words.
/// - **Traces.** Each operation is a span `r2` of the [`tracing`] crate with its `operation`, `key`, `attempts`, HTTP
///   `status`, and the `bytes` of the body that is sent or announced; each further attempt is an event in it. Metadata,
///   credentials and URLs are not part of them.
///
/// ```
/// # use cloudflare_clients::{LocalBucket, r2::R2Service};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
///
/// r2.put("creator-123/notes.txt", "hello").content_type("text/plain").metadata("uploadedBy", "me").await?;
/// if let Some(object) = r2.get("creator-123/notes.txt").await? {
///     assert_eq!(object.metadata("uploadedBy"), Some("me"));
///     assert_eq!(object.text().await?, "hello");
/// }
/// assert!(r2.get("creator-123/missing").await?.is_none());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct R2Service {
    bucket: Arc<dyn Bucket>,
    settings: Arc<Settings>,
}

#[derive(Clone)]
struct Settings {
    attempts: Attempts,
    signing: Option<R2SigningClient>,
    public_base_url: Option<String>,
    verify: bool,
}

impl R2Service {
    /// A service over a bucket.
    #[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
    pub fn new(bucket: impl Bucket) -> Self {
        Self::shared(Arc::new(bucket))
    }

    /// A service over a bucket that others hold too.
    #[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
    pub fn shared(bucket: Arc<dyn Bucket>) -> Self {
        Self::new_with_runtime(bucket, Arc::new(crate::runtime::DEFAULT))
    }

    /// A service with a clock, timer and randomness of your own.
    pub fn new_with_runtime(bucket: Arc<dyn Bucket>, runtime: Arc<dyn Runtime>) -> Self {
        let settings = Settings {
            attempts: Attempts::new(operation_span!("r2"), runtime),
            signing: None,
            public_base_url: None,
            verify: true,
        };
        Self { bucket, settings: Arc::new(settings) }
    }

    /// When failed requests are sent again.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.settings_mut().attempts.retry = policy;
        self
    }

    /// Who makes presigned URLs.
    #[must_use]
    pub fn with_signing(mut self, client: R2SigningClient) -> Self {
        self.settings_mut().signing = Some(client);
        self
    }

    /// Where the bucket's objects are public: the URL of a
    /// [custom domain](https://developers.cloudflare.com/r2/buckets/public-buckets/), such as `https://media.example.com`, for
    /// [`public_url`](Self::public_url).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when it is not an http(s) URL, or has a query or fragment.
    pub fn with_public_base_url(mut self, url: impl Into<String>) -> Result<Self> {
        let url = url.into();
        let authority = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let is_base = authority.is_some_and(|rest| {
            !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#', ' ', '@', '\\'])
        });
        if !is_base || url.parse::<http::Uri>().is_err() {
            // A password in the URL must not reach the error.
            let shown = if url.contains('@') { String::new() } else { format!(" {url:?}") };
            return Err(Error::invalid_input(format!(
                "the public base URL{shown} must be like https://media.example.com, with a path at most"
            )));
        }
        self.settings_mut().public_base_url = Some(url.trim_end_matches('/').to_owned());
        Ok(self)
    }

    /// The longest that one operation takes, attempts and waits together; none by default. A download is through when
    /// its body begins; each part of an upload and each page of a listing is an operation of its own.
    ///
    /// What passes it fails with [`ErrorKind::Timeout`]. A wait that would pass it is not begun: the operation then fails at
    /// once, with the error of its last attempt.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.settings_mut().attempts.deadline = Some(deadline);
        self
    }

    /// How many operations of this service, and of those cloned from it from now on, are under way at once; unbounded by
    /// default. Further ones wait. 0 counts as 1. A download counts until its body begins.
    #[must_use]
    pub fn with_max_concurrency(mut self, operations: usize) -> Self {
        self.settings_mut().attempts.set_max_concurrency(operations);
        self
    }

    /// Whether bytes are verified; on by default.
    ///
    /// What is read whole is hashed and compared with a stored checksum, where the service returns one, else with the MD5
    /// that is the etag of an object not uploaded in parts. An object with neither costs one more request: a HEAD at the
    /// end, whose size must be the one that was announced. `bytes`, `text`, `json` and `write_to_file` fetch again once on a
    /// mismatch; a stream ends in [`ErrorKind::Integrity`] instead of its last piece. What is written is hashed and compared
    /// with the etag of the answer, unless [nothing could damage it on its way](Bucket::has_reliable_transport). Lengths are checked in any
    /// case. MD5 costs about 1.5 ms of CPU a megabyte; of bytes in memory [`S3Bucket`](crate::S3Bucket) sends it in any case,
    /// so that R2 refuses damaged ones.
    #[must_use]
    pub fn with_verification(mut self, verify: bool) -> Self {
        self.settings_mut().verify = verify;
        self
    }

    fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    /// The bucket below.
    pub fn bucket(&self) -> &Arc<dyn Bucket> {
        &self.bucket
    }

    pub(crate) fn retry(&self) -> &RetryPolicy {
        &self.settings.attempts.retry
    }

    pub(super) fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.settings.attempts.runtime
    }

    pub(super) fn verifies(&self) -> bool {
        self.settings.verify
    }

    /// The metadata of an object, or `None` when there is none of this key.
    pub fn head(&self, key: impl Into<String>) -> BoxFuture<'static, Result<Option<Object>>> {
        let (service, key) = (self.clone(), key.into());
        async move {
            let operation = Operation::new("head", &key);
            operation.check(validate_key(&key))?;
            service.run(&operation, || Some(service.bucket.head(&key))).await
        }
        .boxed()
    }

    /// An object, or a range of it: `r2.get(key).range(0..1024).await?`.
    pub fn get(&self, key: impl Into<String>) -> Get {
        Get::new(self.clone(), key.into())
    }

    /// Stores an object: `r2.put(key, bytes).content_type("video/mp4").await?`.
    pub fn put(&self, key: impl Into<String>, body: impl Into<Body>) -> Put {
        Put::new(self.clone(), key.into(), body.into())
    }

    /// Stores a value as JSON, with the content type `application/json`.
    ///
    /// A value that does not serialise is [`ErrorKind::Serialization`] when the request is awaited.
    pub fn put_json<T: serde::Serialize + ?Sized>(&self, key: impl Into<String>, value: &T) -> Put {
        Put::json(self.clone(), key.into(), value)
    }

    /// Deletes an object. Fine when it is not there.
    pub fn delete(&self, key: impl Into<String>) -> BoxFuture<'static, Result<()>> {
        let (service, key) = (self.clone(), key.into());
        async move {
            let operation = Operation::new("delete", &key);
            operation.check(validate_key(&key))?;
            service.run(&operation, || Some(service.bucket.delete(&key))).await
        }
        .boxed()
    }

    /// Deletes objects, 1,000 a request, and says of each key whether that worked. Fine for those that are not there.
    pub fn delete_many<K: Into<String>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> BoxFuture<'static, Result<DeleteOutcome>> {
        delete::delete_many(self.clone(), keys.into_iter().map(Into::into).collect()).boxed()
    }

    /// Lists objects: `r2.list().prefix("a/").await?` is one page, `.stream()` all objects.
    pub fn list(&self) -> List {
        List::new(self.clone())
    }

    /// Copies an object within the bucket, without its bytes coming here.
    pub fn copy(&self, source: impl Into<String>, key: impl Into<String>) -> Copy {
        Copy::new(self.clone(), source.into(), key.into())
    }

    /// Begins an upload in parts.
    pub fn create_multipart_upload(&self, key: impl Into<String>) -> CreateMultipartUpload {
        CreateMultipartUpload::new(self.clone(), key.into())
    }

    /// Goes on with an upload that was begun before. There is no I/O, and so no telling whether it exists.
    pub fn resume_multipart_upload(
        &self,
        key: impl Into<String>,
        upload_id: impl Into<String>,
    ) -> MultipartUpload {
        MultipartUpload::new(self.clone(), key.into(), upload_id.into())
    }

    /// Lists the uploads that are neither completed nor aborted.
    pub fn list_multipart_uploads(&self) -> ListMultipartUploads {
        ListMultipartUploads::new(self.clone())
    }

    /// A URL that lets anyone who has it read the object until it expires, 1 second to 7 days from now.
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`] without [`with_signing`](Self::with_signing); [`ErrorKind::InvalidInput`] for a bad key
    /// or expiry. Nothing is sent.
    pub fn generate_signed_url(&self, key: impl Into<String>, expires_in: Duration) -> Result<SignedUrl> {
        self.signing()?.generate_signed_url_at(&key.into(), expires_in, self.now())
    }

    /// URLs that let anyone who has them read the objects, in the order of the keys: several are hashed side by side.
    ///
    /// # Errors
    /// As [`generate_signed_url`](Self::generate_signed_url), for any of the keys.
    pub fn generate_signed_urls<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        expires_in: Duration,
    ) -> Result<Vec<SignedUrl>> {
        self.signing()?.generate_signed_urls_at(keys, expires_in, self.now())
    }

    /// An HLS playlist whose references into the bucket are presigned URLs: see
    /// [`R2SigningClient::sign_hls_playlist`].
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`] without [`with_signing`](Self::with_signing), and those of
    /// [`R2SigningClient::sign_hls_playlist`].
    pub fn sign_hls_playlist(
        &self,
        text: &str,
        key: &str,
        options: &PlaylistOptions<'_>,
    ) -> Result<SignedPlaylist> {
        self.signing()?.sign_hls_playlist_at(text, key, options, self.now())
    }

    /// A DASH manifest of a film, with a presigned URL for each segment: see [`R2SigningClient::sign_dash_manifest`].
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`] without [`with_signing`](Self::with_signing), and those of
    /// [`R2SigningClient::sign_dash_manifest`].
    pub fn sign_dash_manifest(
        &self,
        text: &str,
        key: &str,
        options: &PlaylistOptions<'_>,
    ) -> Result<SignedPlaylist> {
        self.signing()?.sign_dash_manifest_at(text, key, options, self.now())
    }

    /// A URL that lets anyone who has it store an object under the key until it expires, with a PUT.
    ///
    /// # Errors
    /// As [`generate_signed_url`](Self::generate_signed_url).
    pub fn generate_signed_upload_url(
        &self,
        key: impl Into<String>,
        expires_in: Duration,
    ) -> Result<SignedUrl> {
        self.presign(http::Method::PUT, key)?.expires_in(expires_in).sign_at(self.now())
    }

    /// A presigned URL with headers or of another method; see [`Presign`].
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`] without [`with_signing`](Self::with_signing).
    pub fn presign(&self, method: http::Method, key: impl Into<String>) -> Result<Presign> {
        Ok(self.signing()?.presign(method, key.into()))
    }

    /// The unsigned URL of an object on the bucket's custom domain. R2's S3 endpoint is never public.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] without [`with_public_base_url`](Self::with_public_base_url), or for a bad key.
    pub fn public_url(&self, key: impl AsRef<str>) -> Result<String> {
        let key = key.as_ref();
        validate_key(key)?;
        let base = self.settings.public_base_url.as_deref().ok_or_else(|| {
            Error::invalid_input(
                "no public base URL: connect a custom domain to the bucket and name it with `with_public_base_url`",
            )
        })?;
        let mut url = format!("{base}/");
        encode_path(key, &mut url);
        Ok(url)
    }

    fn signing(&self) -> Result<&R2SigningClient> {
        self.settings.signing.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::MissingSigningConfig,
                "signing config required: give the service one with `with_signing`",
            )
        })
    }

    fn now(&self) -> SystemTime {
        self.settings.attempts.runtime.now()
    }

    /// Looks whether a write whose answer was lost has happened after all: the object there is then its result, and
    /// otherwise `error`.
    pub(super) async fn unless_stored(
        &self,
        key: &str,
        error: Error,
        is_result: impl Fn(&Object) -> bool + Send,
    ) -> Result<StoredObject> {
        match self.head(key).await {
            Ok(Some(object)) if is_result(&object) => Ok(object.into()),
            Ok(_) => Err(error),
            Err(unknown) => {
                tracing::warn!(key, error = %unknown, "whether a write whose answer was lost has happened is unknown");
                Err(error)
            }
        }
    }

    /// Runs an operation: see [`Attempts::run`].
    pub(super) async fn run<'a, T: Send>(
        &self,
        operation: &Operation<'_>,
        attempt: impl FnMut() -> Option<BoxFuture<'a, Result<T>>> + Send,
    ) -> Result<T> {
        self.settings.attempts.run(operation, attempt).await
    }
}

impl fmt::Debug for R2Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("R2Service")
            .field("bucket", &self.bucket)
            .field("retry", &self.settings.attempts.retry)
            .field("verify", &self.settings.verify)
            .finish_non_exhaustive()
    }
}
