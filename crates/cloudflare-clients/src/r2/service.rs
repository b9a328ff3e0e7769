//! The service: a bucket with retries, verification and everything else that is the same for every backend.

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

/// R2, over any [`Bucket`]: retries, verified reads and writes, resumed downloads, JSON, uploads in parts,
/// presigned URLs.
///
/// It is made once, is cheap to clone, and can be shared by threads and tasks. Requests do nothing until they
/// are awaited and borrow nothing, so that they can be spawned. See [the Workers
/// API](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/), whose names are used here.
///
/// - **Missing.** An object that does not exist is `None`; a bucket or upload that does not exist is an error.
/// - **Retries.** As the [`RetryPolicy`] says. A body that was a stream is not sent again once it has been
///   read: the error is then [`ErrorKind::BodyNotReplayable`]. Where the answer to a conditional write or to
///   the completion of an upload was lost, the object is looked at before a failure is reported.
/// - **Verification.** The bytes of whole objects are compared with their checksum, on by default; see
///   [`with_verification`](Self::with_verification).
/// - **Errors** name the operation, the key and the number of attempts, and keep the service's own words.
/// - **Traces.** Each operation is a span `r2` of the [`tracing`] crate with its `operation`, `key`,
///   `attempts`, HTTP `status`, and the `bytes` of the body that is sent or announced; each further attempt
///   is an event in it. Metadata, credentials and URLs are not part of them.
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
    signing: Signing,
    public_base_url: Option<String>,
    verify: bool,
    ssec_key: Option<SseCustomerKey>,
}

/// Where the client that signs comes from.
#[derive(Clone)]
enum Signing {
    None,
    Client(R2SigningClient),
    #[cfg(all(feature = "workers", target_arch = "wasm32"))]
    WorkerSecrets(WorkerSecrets),
}

impl R2Service {
    /// A service over a bucket, which may be an [`Arc`] that others hold too. It goes by the bucket's
    /// [clock, timer and randomness](Bucket::runtime).
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

    /// A clock, timer and randomness in place of the bucket's. What is made from the service goes by them
    /// too: retries, presigned URLs, signed playlists, locks and batches of events. The bucket itself keeps
    /// its own.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.settings_mut().attempts.runtime = Arc::new(runtime);
        self
    }

    /// When failed requests are sent again.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.settings_mut().attempts.retry = policy;
        self
    }

    /// Who makes presigned URLs. It signs by the service's clock from now on.
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

    /// Where the bucket's objects are public: the URL of a [custom
    /// domain](https://developers.cloudflare.com/r2/buckets/public-buckets/), such as
    /// `https://media.example.com`, for
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

    /// The longest that one request takes, with all its attempts and the waits between them; none by default.
    ///
    /// What passes it fails with [`ErrorKind::Timeout`]. A wait that would leave no time for another attempt
    /// is not begun: the request then fails at once, with the error of its last attempt, which keeps its
    /// [`retry_after`](Error::retry_after).
    ///
    /// Each request has the whole deadline for itself: each part of an upload, each page of a listing and
    /// each head of [`include_metadata`](super::List::include_metadata), each request of a `delete_many`, the
    /// look at an object after the answer to a write was lost, and the second get, or third, that an
    /// `If-Range` of [`http_request`](super::Get::http_request) may take. A get is through when its body
    /// begins: reading the body has no deadline but the idle timeout of the backend. A body that is cut off
    /// waits as the [`RetryPolicy`] says, and each request for the rest of it has the whole deadline again.
    /// To bound everything together, use [`within`](Runtime#method.within) of the [`runtime`](Self::runtime).
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.settings_mut().attempts.deadline = Some(deadline);
        self
    }

    /// How many operations of this service, and of those cloned from it from now on, are under way at once;
    /// unbounded by default. Further ones wait. 0 counts as 1. A download counts until its body begins.
    #[must_use]
    pub fn with_max_concurrency(mut self, operations: usize) -> Self {
        self.settings_mut().attempts.set_max_concurrency(operations);
        self
    }

    /// Calls `report` with why an attempt failed, each time that a request of this service is sent again.
    #[cfg(not(target_arch = "wasm32"))]
    #[must_use]
    pub fn on_retry(mut self, report: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.settings_mut().attempts.on_retry = Some(Arc::new(report));
        self
    }

    /// Whether bytes are verified; on by default.
    ///
    /// What is read whole is hashed and compared with a stored checksum, where the service returns one, else
    /// with the MD5 that is the etag of an object not uploaded in parts. An object with neither costs one
    /// more request: a HEAD at the end, whose size must be the one that was announced. `bytes`, `text`,
    /// `json` and `write_to_file` fetch again once on a mismatch; a stream ends in [`ErrorKind::Integrity`]
    /// instead of its last piece. Lengths are checked in any case.
    ///
    /// What is written is hashed and compared with the etag of the answer, unless
    /// [nothing could damage it on its way](Bucket::has_reliable_transport):
    ///
    /// - An object or a part whose etag is an MD5 must have that of what was sent, and a success before all
    ///   of that was read is an error.
    /// - The etag of an upload in parts, where it has [the form of
    ///   R2's](https://developers.cloudflare.com/r2/objects/multipart-objects/#etags), must name the number
    ///   of the parts. Where the same handle has uploaded all of them, it must also be the MD5 of their MD5s
    ///   (in Garage: of their hexadecimal digits).
    /// - A copy whose source had to have a certain MD5 as its etag must have the same.
    ///
    /// Other etags, such as those of some services for encrypted objects, say nothing and are not compared.
    /// MD5 costs about 1.5 ms of CPU a megabyte; of bytes in memory [`S3Bucket`](crate::S3Bucket) sends it in
    /// any case, so that R2 refuses damaged ones.
    #[must_use]
    pub fn with_verification(mut self, verify: bool) -> Self {
        self.settings_mut().verify = verify;
        self
    }

    /// The customer's key that objects are encrypted with: what the service writes, and what it reads,
    /// transfers of all kinds included. `None`, which is the default, is for objects without one: each
    /// request may be given another key by its own setter. R2 refuses to read an object without its key, with
    /// another one, and with a key that it does not need.
    ///
    /// A copy takes it for both sides, unless it is told otherwise, and one to another bucket takes that of
    /// either service. Deletes, lists and the completion of an upload need none. The etag of an encrypted
    /// object is no MD5 of its bytes, so that it proves nothing: what is written with its CRC-64/NVME, as
    /// uploads are, is verified by that.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, r2::{R2Service, SseCustomerKey}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// let [old, new] = [[1; 32], [2; 32]].map(SseCustomerKey::from_bytes);
    /// let r2 = r2.with_ssec_key(old.clone());
    /// r2.put("a.txt", "text").await?;
    /// // Under a new key from now on:
    /// r2.copy("a.txt", "a.txt").ssec_key(new.clone()).await?;
    /// assert_eq!(r2.get("a.txt").ssec_key(new).text().await?.as_deref(), Some("text"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_ssec_key(mut self, key: impl Into<Option<SseCustomerKey>>) -> Self {
        self.settings_mut().ssec_key = key.into();
        self
    }

    /// The customer's key of its requests.
    pub(crate) fn ssec_key(&self) -> Option<&SseCustomerKey> {
        self.settings.ssec_key.as_ref()
    }

    /// What a service that has taken its key encrypts an object with, where the service itself does not say
    /// it.
    pub(crate) fn ssec_key_md5(&self) -> Option<String> {
        self.ssec_key().map(|key| key.md5().to_hex())
    }

    /// The same service for the requests of one transfer.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn at_pace(&self, pace: &Arc<Pace>) -> Self {
        let mut service = self.clone();
        let attempts = &mut service.settings_mut().attempts;
        attempts.pace = Some(Arc::clone(pace));
        attempts.retry = attempts.retry.of_transfer();
        service
    }

    /// The pace of the transfer that it belongs to.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn pace(&self) -> Option<&Arc<Pace>> {
        self.settings.attempts.pace.as_ref()
    }

    fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    /// The bucket below.
    pub fn bucket(&self) -> &Arc<dyn Bucket> {
        &self.bucket
    }

    /// How it makes its attempts.
    pub(crate) fn attempts(&self) -> &Attempts {
        &self.settings.attempts
    }

    pub(super) fn public_base_url(&self) -> Option<&str> {
        self.settings.public_base_url.as_deref()
    }

    pub(crate) fn verifies(&self) -> bool {
        self.settings.verify
    }

    /// Who makes presigned URLs: the client of [`with_signing`](Self::with_signing), or of a Worker's secrets, by
    /// this service's clock.
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`]: it was not given one, or a secret or variable of the Worker is
    /// missing or malformed.
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
                "signing config required: give the service one with `with_signing`, such as the `signing_client` of an `S3Bucket`; \
                 URLs of a local store come from `cfstore serve`",
            )
        })?;
        Ok(client.going_by(Arc::clone(self.runtime())))
    }

    /// The clock, timer and randomness, which what is built on the service shares.
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
