//! The service: a bucket with retries, verification and everything else that is the same for all backends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::bucket::Bucket;
use crate::client::attempts::{Attempts, operation_span};
#[cfg(not(target_arch = "wasm32"))]
use crate::client::pace::Pace;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::SseCustomerKey;
use crate::retry::RetryPolicy;
use crate::runtime::Runtime;
use crate::signing::R2SigningClient;
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
use crate::signing::worker_secrets::WorkerSecrets;

/// An R2 bucket, on any [`Bucket`] backend: with retries, verified reads and writes, resumed downloads, JSON,
/// multipart uploads and presigned URLs.
///
/// Create it once. It is cheap to clone, and can be shared between threads and tasks. Requests do nothing
/// until they are awaited, and borrow nothing, so they can be spawned. Names are those of the
/// [Workers API](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/).
///
/// - **Missing objects.** An object that does not exist is `None`. A bucket or upload that does not exist is
///   an error.
/// - **Retries.** The [`RetryPolicy`] decides. A stream that has been read cannot be sent again: the error is
///   then [`ErrorKind::BodyNotReplayable`]. If the response to a conditional write or to the completion of an
///   upload was lost, the object is checked before an error is returned.
/// - **Verification.** Whole objects are compared with their checksum, unless
///   [`with_verification`](Self::with_verification) turns it off.
/// - **Errors** name the operation, the key and the number of attempts, and contain the service's message.
/// - **Traces.** Each operation is a span `r2` of the [`tracing`] crate, with its `operation`, `key`,
///   `attempts`, HTTP `status`, and the `bytes` of the body that is sent or announced. Each further attempt
///   is an event in it. Metadata, credentials and URLs are not recorded.
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
    signing: Signing,
    public_base_url: Option<String>,
    verify: bool,
    ssec_key: Option<SseCustomerKey>,
}

/// Where the signing client comes from.
#[derive(Clone)]
enum Signing {
    None,
    Client(R2SigningClient),
    #[cfg(all(feature = "workers", target_arch = "wasm32"))]
    WorkerSecrets(WorkerSecrets),
}

impl R2Service {
    /// Creates a service on a bucket, which may be a shared [`Arc`]. The bucket's
    /// [clock, timer and randomness](Bucket::runtime) are used.
    pub fn new(bucket: impl Bucket) -> Self {
        let settings = Settings {
            attempts: Attempts::new(operation_span!("r2"), bucket.runtime()),
            signing: Signing::None,
            public_base_url: None,
            verify: true,
            ssec_key: None,
        };
        Self { bucket: Arc::new(bucket), settings: Arc::new(settings) }
    }

    /// Replaces the clock, timer and randomness. Everything that is created from the service uses them too:
    /// retries, presigned URLs, signed playlists, locks and batches of events. The bucket itself keeps its
    /// own.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.settings_mut().attempts.runtime = Arc::new(runtime);
        self
    }

    /// Sets when failed requests are retried.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.settings_mut().attempts.retry = policy;
        self
    }

    /// Sets the client that creates presigned URLs. It uses the service's clock.
    #[must_use]
    pub fn with_signing(mut self, client: R2SigningClient) -> Self {
        self.settings_mut().signing = Signing::Client(client);
        self
    }

    /// Signs with the secrets of a Worker.
    #[cfg(all(feature = "workers", target_arch = "wasm32"))]
    pub(crate) fn with_worker_secrets(mut self, env: worker::Env) -> Self {
        self.settings_mut().signing = Signing::WorkerSecrets(WorkerSecrets::new(env));
        self
    }

    /// Sets where the bucket's objects are public, for [`public_url`](Self::public_url): the URL of a
    /// [custom domain](https://developers.cloudflare.com/r2/buckets/public-buckets/), such as
    /// `https://media.example.com`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: it is not an http(s) URL, or has a query or fragment.
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
                "the public base URL{shown} must be like https://media.example.com, optionally with a path"
            )));
        }
        self.settings_mut().public_base_url = Some(url.trim_end_matches('/').to_owned());
        Ok(self)
    }

    /// Sets the maximum time of one request, including all attempts and the waits between them. Not set
    /// by default.
    ///
    /// A request that takes longer fails with [`ErrorKind::Timeout`]. If a wait would leave no time for
    /// another attempt, the request fails immediately with the error of its last attempt, which keeps its
    /// [`retry_after`](Error::retry_after).
    ///
    /// Each request has the whole deadline for itself: each part of an upload, each page of a listing and
    /// each head of [`include_metadata`](super::List::include_metadata), each request of a `delete_many`, the
    /// check of an object after the response to a write was lost, and the second or third get for an
    /// `If-Range` of [`http_request`](super::Get::http_request).
    ///
    /// A get is complete when its body begins: reading the body has no deadline except the idle timeout of
    /// the backend. An interrupted body waits as the [`RetryPolicy`] says, and each request for the rest has
    /// the whole deadline again. To limit everything together, use [`within`](Runtime#method.within) of the
    /// [`runtime`](Self::runtime).
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.settings_mut().attempts.deadline = Some(deadline);
        self
    }

    /// Limits how many operations of this service, and of its later clones, run concurrently. Further ones
    /// wait. There is no limit by default, and 0 counts as 1. A download counts until its body begins.
    #[must_use]
    pub fn with_max_concurrency(mut self, operations: usize) -> Self {
        self.settings_mut().attempts.set_max_concurrency(operations);
        self
    }

    /// Calls `report` with the error of each failed attempt that is retried.
    #[cfg(not(target_arch = "wasm32"))]
    #[must_use]
    pub fn on_retry(mut self, report: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.settings_mut().attempts.on_retry = Some(Arc::new(report));
        self
    }

    /// Sets whether bytes are verified. On by default.
    ///
    /// **Reads.** A whole object is hashed and compared with a stored checksum, if the service returns one,
    /// or with the MD5 that is the etag of an object that was not uploaded in parts. An object with neither
    /// costs one more request: a HEAD at the end, whose size must be the announced one. On a mismatch,
    /// `bytes`, `text`, `json` and `write_to_file` fetch the bytes once more. A stream ends with
    /// [`ErrorKind::Integrity`] instead of its last piece. Lengths are always checked.
    ///
    /// **Writes.** What is written is hashed and compared with the etag in the response, unless
    /// [nothing can damage it](Bucket::has_reliable_transport):
    ///
    /// - If the etag of an object or part is an MD5, it must be that of the sent bytes. A success before all
    ///   bytes were read is an error.
    /// - If the etag of a multipart object has
    ///   [R2's form](https://developers.cloudflare.com/r2/objects/multipart-objects/#etags), it must have the
    ///   number of parts. If the same handle has uploaded all of them, it must also be the MD5 of their MD5s
    ///   (for Garage, of their hexadecimal digits).
    /// - If the source of a copy had to have a certain MD5 as its etag, the copy must have the same.
    ///
    /// Other etags, such as those of some services for encrypted objects, are not compared. MD5 costs about
    /// 1.5 ms of CPU time per megabyte. For bytes in memory, [`S3Bucket`](crate::S3Bucket) sends it in any
    /// case, so that R2 refuses damaged bytes.
    #[must_use]
    pub fn with_verification(mut self, verify: bool) -> Self {
        self.settings_mut().verify = verify;
        self
    }

    /// Sets the customer's key (SSE-C) with which objects are encrypted, for everything that the service
    /// writes and reads, including all transfers. `None`, the default, is for objects without such a key.
    /// Each request can use another key with its setter.
    ///
    /// R2 refuses to read an object without its key, with another key, or with a key that it does not need.
    ///
    /// A copy uses the key for both sides, unless its setters say otherwise. A copy to another bucket uses
    /// the key of each service. Deletes, listings and the completion of an upload need no key. The etag of an
    /// encrypted object is not the MD5 of its bytes, so it cannot verify them. Writes with a CRC-64/NVME,
    /// such as uploads, are verified by it.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, r2::{R2Service, SseCustomerKey}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// let [old, new] = [[1; 32], [2; 32]].map(SseCustomerKey::from_bytes);
    /// let r2 = r2.with_ssec_key(old.clone());
    /// r2.put("a.txt", "text").await?;
    /// // Re-encrypt with a new key:
    /// r2.copy("a.txt", "a.txt").ssec_key(new.clone()).await?;
    /// assert_eq!(r2.get("a.txt").ssec_key(new).text().await?.as_deref(), Some("text"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_ssec_key(mut self, key: impl Into<Option<SseCustomerKey>>) -> Self {
        self.settings_mut().ssec_key = key.into();
        self
    }

    /// The customer's key of the service's requests.
    pub(crate) fn ssec_key(&self) -> Option<&SseCustomerKey> {
        self.settings.ssec_key.as_ref()
    }

    /// The MD5 of the key with which the service has encrypted an object, if the response does not contain
    /// it.
    pub(crate) fn ssec_key_md5(&self) -> Option<String> {
        self.ssec_key().map(|key| key.md5().to_hex())
    }

    /// Returns the same service for the requests of one transfer.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn at_pace(&self, pace: &Arc<Pace>) -> Self {
        let mut service = self.clone();
        let attempts = &mut service.settings_mut().attempts;
        attempts.pace = Some(Arc::clone(pace));
        attempts.retry = attempts.retry.of_transfer();
        service
    }

    /// The pace of the transfer that the service belongs to.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn pace(&self) -> Option<&Arc<Pace>> {
        self.settings.attempts.pace.as_ref()
    }

    fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    /// The underlying bucket.
    pub fn bucket(&self) -> &Arc<dyn Bucket> {
        &self.bucket
    }

    /// How requests make their attempts.
    pub(crate) fn attempts(&self) -> &Attempts {
        &self.settings.attempts
    }

    pub(super) fn public_base_url(&self) -> Option<&str> {
        self.settings.public_base_url.as_deref()
    }

    pub(crate) fn verifies(&self) -> bool {
        self.settings.verify
    }

    /// Returns the client that creates presigned URLs, from [`with_signing`](Self::with_signing) or a
    /// Worker's secrets. It uses the service's clock.
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`]: the service has no client, or a secret or variable of the Worker
    /// is missing or malformed.
    pub fn signing(&self) -> Result<R2SigningClient> {
        let client = match &self.settings.signing {
            Signing::None => None,
            Signing::Client(client) => Some(client.clone()),
            #[cfg(all(feature = "workers", target_arch = "wasm32"))]
            Signing::WorkerSecrets(secrets) => secrets.client()?,
        };
        let client = client.ok_or_else(|| {
            Error::new(
                ErrorKind::MissingSigningConfig,
                "signing config required: pass one to `with_signing`, such as the `signing_client` of an `S3Bucket`; \
                 for URLs of a local store, use `cfstore serve`",
            )
        })?;
        Ok(client.going_by(Arc::clone(self.runtime())))
    }

    /// The clock, timer and randomness, which everything that is built on the service shares.
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.settings.attempts.runtime
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
