//! Making presigned URLs.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use super::endpoint::Endpoint;
use super::signed_url::SignedUrl;
use super::signing_config::{R2SigningConfig, SigningParts};
use super::url_signer::UrlSigner;
use crate::error::Result;
#[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
use crate::runtime;
use crate::sigv4::Signer;
use crate::sync;

/// Makes [presigned URLs](https://developers.cloudflare.com/r2/api/s3/presigned-urls/) for the objects of one bucket.
///
/// Signing is computation and uses no network: whether the bucket, the object and the credentials exist shows when a URL
/// is used. Cheap to clone; make one and share it.
///
/// Browsers, a Worker's `fetch` and other clients that normalise URLs fold `.` and `..` segments, so a URL for a key
/// with such a segment fails there with 403. No other key is touched.
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
/// let url = client.generate_signed_url_at("creator-123/video.mp4", Duration::from_secs(3600), now)?;
/// assert!(url.as_str().starts_with(
///     "https://media.0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com/creator-123/video.mp4?X-Amz-Algorithm="
/// ));
/// assert_eq!(url.expires_at(), now + Duration::from_secs(3600));
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
///
/// Two clients are equal if they make the same URLs.
#[derive(Debug, Clone)]
pub struct R2SigningClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    signer: Signer,
    bucket_name: String,
    /// What signed the last URL.
    url_signer: RwLock<Option<UrlSigner>>,
}

impl R2SigningClient {
    /// A client for the bucket of `config`.
    ///
    /// # Errors
    /// A value of `config` does not have its form: nothing is asked of the network.
    pub fn new(config: R2SigningConfig) -> Result<Self> {
        let SigningParts { endpoint, signer, bucket_name } = config.into_parts()?;
        Ok(Self(Arc::new(Inner { endpoint, signer, bucket_name, url_signer: RwLock::new(None) })))
    }

    /// A client from the environment: see [`R2SigningConfig::from_vars`] for the variables.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn from_env() -> Result<Self> {
        Self::new(R2SigningConfig::from_env()?)
    }

    /// The bucket's name.
    pub fn bucket_name(&self) -> &str {
        &self.0.bucket_name
    }

    /// Where the bucket is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.0.signer
    }

    /// A URL to download an object (GET), good for 1 second to 7 days from now.
    #[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
    pub fn generate_signed_url(&self, key: &str, expires_in: Duration) -> Result<SignedUrl> {
        self.generate_signed_url_at(key, expires_in, runtime::now())
    }

    /// [`generate_signed_url`](Self::generate_signed_url) at a given time.
    pub fn generate_signed_url_at(
        &self,
        key: &str,
        expires_in: Duration,
        now: SystemTime,
    ) -> Result<SignedUrl> {
        self.with_url_signer(expires_in, now, |signer| signer.signed_url(key))
    }

    /// [`generate_signed_url`](Self::generate_signed_url) into a buffer, behind what is there: no memory is allocated as long as the
    /// buffer has room. The URL is a secret.
    ///
    /// # Errors
    /// Those of [`generate_signed_url`](Self::generate_signed_url); the buffer stays as it was then.
    #[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
    pub fn generate_signed_url_into(&self, key: &str, expires_in: Duration, out: &mut String) -> Result<()> {
        self.generate_signed_url_into_at(key, expires_in, runtime::now(), out)
    }

    /// [`generate_signed_url_into`](Self::generate_signed_url_into) at a given time.
    pub fn generate_signed_url_into_at(
        &self,
        key: &str,
        expires_in: Duration,
        now: SystemTime,
        out: &mut String,
    ) -> Result<()> {
        self.with_url_signer(expires_in, now, |signer| signer.push_signed_url(key, out))
    }

    /// URLs to download many objects, in the order of their keys: what
    /// [`generate_signed_url`](Self::generate_signed_url) gives for each, but several are hashed side by side where the
    /// machine can.
    ///
    /// # Errors
    /// Those of [`generate_signed_url`](Self::generate_signed_url), for any of the keys.
    #[cfg(any(not(target_arch = "wasm32"), feature = "workers"))]
    pub fn generate_signed_urls<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        expires_in: Duration,
    ) -> Result<Vec<SignedUrl>> {
        self.generate_signed_urls_at(keys, expires_in, runtime::now())
    }

    /// [`generate_signed_urls`](Self::generate_signed_urls) at a given time.
    pub fn generate_signed_urls_at<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        expires_in: Duration,
        now: SystemTime,
    ) -> Result<Vec<SignedUrl>> {
        self.with_url_signer(expires_in, now, |signer| signer.signed_urls(keys))
    }

    /// What signs URLs to download objects at this time. It is kept, and good for the rest of the second.
    pub(crate) fn with_url_signer<T>(
        &self,
        expires_in: Duration,
        now: SystemTime,
        sign: impl FnOnce(&UrlSigner) -> Result<T>,
    ) -> Result<T> {
        {
            let kept = sync::read(&self.0.url_signer);
            if let Some(kept) = &*kept
                && kept.is_for(expires_in, now)
            {
                return sign(kept);
            }
        }
        let signer = UrlSigner::new(self.endpoint(), self.bucket_name(), self.signer(), expires_in, now)?;
        let result = sign(&signer);
        *sync::write(&self.0.url_signer) = Some(signer);
        result
    }
}

impl PartialEq for R2SigningClient {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&self.0, &other.0);
        Arc::ptr_eq(one, other)
            || one.endpoint == other.endpoint
                && one.bucket_name == other.bucket_name
                && one.signer.signs_like(&other.signer)
    }
}

impl Eq for R2SigningClient {}

impl Hash for R2SigningClient {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.0.bucket_name, self.0.signer.credentials().access_key_id()).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    proptest! {
        /// One by one, together, and as [`Presign`] does.
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
                let urls = client.generate_signed_urls_at(&keys, expires_in, now).unwrap();
                for (key, url) in keys.iter().zip(&urls) {
                    let presign = client.presign(Method::GET, key).expires_in(expires_in);
                    prop_assert_eq!(url, &presign.sign_at(now).unwrap());
                    prop_assert_eq!(url, &client.generate_signed_url_at(key, expires_in, now).unwrap());
                }
                prop_assert_eq!(urls.len(), keys.len());
            }
        }
    }

    #[test]
    fn a_key_that_is_none_leaves_the_buffer_alone() {
        let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret", "media");
        let client = R2SigningClient::new(config).unwrap();
        let hour = Duration::from_hours(1);
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
