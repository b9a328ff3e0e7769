//! Creating presigned URLs.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
use super::account_config::R2AccountConfig;
use super::clock::Clock;
use super::endpoint::Endpoint;
use super::signed_url::SignedUrl;
use super::signing_config::{R2SigningConfig, SigningParts};
use super::url_signer::UrlSigner;
use crate::error::Result;
use crate::runtime::Runtime;
use crate::sigv4::Signer;
use crate::sync;

/// Creates [presigned URLs](https://developers.cloudflare.com/r2/api/s3/presigned-urls/) for the objects of
/// one bucket.
///
/// Signing is synchronous computation without I/O. Whether the bucket, the object and the credentials exist
/// is only known when a URL is used. The client is cheap to clone: create one and share it.
///
/// Browsers, a Worker's `fetch` and other clients that normalize URLs resolve `.` and `..` segments, so a URL
/// for a key with such a segment fails there with 403. Other keys are not affected.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};
///
/// let client = R2SigningClient::new(R2SigningConfig::new(
///     "0123456789abcdef0123456789abcdef",
///     "fedcba9876543210fedcba9876543210",
///     "the-secret-access-key",
///     "media",
/// ))?;
/// let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let url = client.at(now).generate_signed_url("creator-123/video.mp4", Duration::from_secs(3600))?;
/// let host = "media.0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com";
/// assert!(url.as_str().starts_with(&format!("https://{host}/creator-123/video.mp4?X-Amz-Algorithm=")));
/// assert_eq!(url.expires_at(), now + Duration::from_secs(3600));
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
///
/// **The time** is that of the platform's clock, of another [`Runtime`] set with
/// [`with_runtime`](Self::with_runtime), or fixed with [`at`](Self::at). On wasm32 without the feature
/// `workers` the platform's clock is not known. Methods that need the time then return
/// [`ErrorKind::Unsupported`](crate::ErrorKind), unless the client has a runtime or a fixed time.
///
/// Two clients are equal if they create the same URLs at the same time.
#[derive(Debug, Clone)]
pub struct R2SigningClient {
    inner: Arc<Inner>,
    clock: Clock,
}

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    signer: Signer,
    bucket_name: String,
    account_id: Option<String>,
    /// The signer of the last URL.
    url_signer: RwLock<Option<UrlSigner>>,
}

impl R2SigningClient {
    /// Creates a client for the bucket of `config`. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): a value of `config` is malformed.
    pub fn new(config: R2SigningConfig) -> Result<Self> {
        Ok(Self::from_parts(config.into_parts()?))
    }

    /// Creates a client that signs requests about an account. It has no bucket to sign URLs for.
    #[cfg(all(feature = "http", not(target_arch = "wasm32")))]
    pub(crate) fn of_account(config: R2AccountConfig) -> Result<Self> {
        Ok(Self::from_parts(config.into_parts()?))
    }

    fn from_parts(SigningParts { endpoint, signer, bucket_name, account_id }: SigningParts) -> Self {
        let inner = Inner { endpoint, signer, bucket_name, account_id, url_signer: RwLock::new(None) };
        Self { inner: Arc::new(inner), clock: Clock::default() }
    }

    /// Creates a client from the environment: see [`R2SigningConfig::from_vars`] for the variables.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn from_env() -> Result<Self> {
        Self::new(R2SigningConfig::from_env()?)
    }

    /// Uses the clock of a runtime, instead of the platform's. This replaces a time that was set with
    /// [`at`](Self::at).
    #[must_use]
    pub fn with_runtime(self, runtime: impl Runtime) -> Self {
        self.going_by(Arc::new(runtime))
    }

    /// Like [`with_runtime`](Self::with_runtime), for a shared runtime.
    pub(crate) fn going_by(self, runtime: Arc<dyn Runtime>) -> Self {
        Self { clock: Clock::of(runtime), ..self }
    }

    /// Returns the same client with its clock fixed at `now`. It shares everything else, so this costs almost
    /// nothing.
    #[must_use]
    pub fn at(&self, now: SystemTime) -> Self {
        Self { inner: Arc::clone(&self.inner), clock: self.clock.standing_at(now) }
    }

    /// The time of the client's clock.
    #[inline]
    pub(crate) fn now(&self) -> Result<SystemTime> {
        self.clock.now()
    }

    /// The runtime of requests that the client signs, with the same clock.
    #[cfg(any(
        all(feature = "http", not(target_arch = "wasm32")),
        all(feature = "workers", target_arch = "wasm32")
    ))]
    pub(crate) fn runtime(&self) -> Arc<dyn Runtime> {
        self.clock.runtime()
    }

    /// The bucket name.
    pub fn bucket_name(&self) -> &str {
        &self.inner.bucket_name
    }

    /// The endpoint of the bucket.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// The account id, if it is known.
    pub(super) fn account_id(&self) -> Option<&str> {
        self.inner.account_id.as_deref()
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.inner.signer
    }

    /// Creates a URL with which anyone can download an object (GET), valid for 1 second to 7 days from now.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the key does not have 1 to 1,024 bytes, or the expiry
    /// is not 1 to 604,800 whole seconds.
    pub fn generate_signed_url(&self, key: &str, expires_in: Duration) -> Result<SignedUrl> {
        self.with_url_signer(expires_in, self.now()?, |signer| signer.signed_url(key))
    }

    /// Like [`generate_signed_url`](Self::generate_signed_url), but appends the URL to a buffer. Nothing is
    /// allocated if the buffer has enough capacity. The URL is a secret.
    ///
    /// # Errors
    /// As for [`generate_signed_url`](Self::generate_signed_url). The buffer is unchanged then.
    pub fn generate_signed_url_into(&self, key: &str, expires_in: Duration, out: &mut String) -> Result<()> {
        self.with_url_signer(expires_in, self.now()?, |signer| signer.push_signed_url(key, out))
    }

    /// Creates URLs to download many objects, in the order of their keys. The URLs are those of
    /// [`generate_signed_url`](Self::generate_signed_url), but several are hashed in parallel if the machine
    /// supports it.
    ///
    /// # Errors
    /// As for [`generate_signed_url`](Self::generate_signed_url), for any of the keys.
    pub fn generate_signed_urls<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        expires_in: Duration,
    ) -> Result<Vec<SignedUrl>> {
        self.with_url_signer(expires_in, self.now()?, |signer| signer.signed_urls(keys))
    }

    /// Runs `sign` with the signer of download URLs at this time. The signer is kept for the rest of the
    /// second.
    pub(crate) fn with_url_signer<T>(
        &self,
        expires_in: Duration,
        now: SystemTime,
        sign: impl FnOnce(&UrlSigner) -> Result<T>,
    ) -> Result<T> {
        {
            let kept = sync::read(&self.inner.url_signer);
            if let Some(kept) = &*kept
                && kept.is_for(expires_in, now)
            {
                return sign(kept);
            }
        }
        let signer = UrlSigner::new(self.endpoint(), self.bucket_name(), self.signer(), expires_in, now)?;
        let result = sign(&signer);
        *sync::write(&self.inner.url_signer) = Some(signer);
        result
    }
}

impl PartialEq for R2SigningClient {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&self.inner, &other.inner);
        Arc::ptr_eq(one, other)
            || one.endpoint == other.endpoint
                && one.bucket_name == other.bucket_name
                && one.signer.signs_like(&other.signer)
    }
}

impl Eq for R2SigningClient {}

impl Hash for R2SigningClient {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.inner.bucket_name, self.inner.signer.credentials().access_key_id()).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    proptest! {
        /// Signs one by one, together, and like [`Presign`].
        #[test]
        fn all_ways_give_the_same_urls(
            keys in prop::collection::vec("\\PC{1,40}", 0..9),
            seconds in prop::collection::vec((1_800_000_000_u64..1_800_200_000, 1_u64..4), 1..4),
        ) {
            let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710/s3", "id", "secret", "media");
            let client = R2SigningClient::new(config).unwrap();
            for (now, expires_in) in seconds {
                let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
                let expires_in = Duration::from_secs(expires_in);
                let client = client.at(now);
                let urls = client.generate_signed_urls(&keys, expires_in).unwrap();
                for (key, url) in keys.iter().zip(&urls) {
                    let presign = client.presign(Method::GET, key).expires_in(expires_in);
                    prop_assert_eq!(url, &presign.sign().unwrap());
                    prop_assert_eq!(url, &client.generate_signed_url(key, expires_in).unwrap());
                }
                prop_assert_eq!(urls.len(), keys.len());
            }
        }
    }

    #[test]
    fn a_key_that_is_none_leaves_the_buffer_alone() {
        let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret", "media");
        let client = R2SigningClient::new(config).unwrap();
        let hour = Duration::from_secs(3600);
        let mut out = "before ".to_owned();
        let error = client.generate_signed_url_into("", hour, &mut out).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("InvalidObjectName")));
        assert_eq!(out, "before ");
        client.generate_signed_url_into("a", hour, &mut out).unwrap();
        assert!(out.starts_with("before http://127.0.0.1:9710/media/a?X-Amz-Algorithm="), "{out}");
        let error = client.generate_signed_urls(["a", "", "b"], hour).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("InvalidObjectName")));
    }
}
