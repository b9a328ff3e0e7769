//! Presigned URLs that stay the same for some time.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use lru::LruCache;

use super::presign::{Presign, PresignedRequest};
use super::signed_url::SignedUrl;
use crate::error::{Error, Result};
use crate::sync::lock;
use crate::time::later;

/// A cache of presigned URLs, which returns the same URL again so that the caches of browsers and CDNs
/// recognize it. A newly signed URL differs from the one before, even for the same object.
///
/// A URL is reused for the same signer, method, key, headers and expiry while it is valid for longer than the
/// [margin](Self::with_margin). So a returned URL is valid for at least the margin, but not always for the
/// requested expiry. When the cache is full, the least recently used URL is removed. Threads can share a
/// cache. In a Worker, put it into a static, where it lives as long as the isolate.
///
/// The cache does not save time: signing takes about as long as a lookup. A signing window, as in
/// [`PlaylistOptions::signing_window`](crate::playlist::PlaylistOptions::signing_window), makes URLs stable
/// without storing them, across all isolates.
///
/// ```
/// use std::sync::LazyLock;
/// use std::time::Duration;
/// use cloudflare_clients::http::Method;
/// use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig, SignedUrlCache};
///
/// static URLS: LazyLock<SignedUrlCache> = LazyLock::new(|| SignedUrlCache::new(10_000));
///
/// # let client = R2SigningClient::new(R2SigningConfig::for_endpoint(
/// #     "http://127.0.0.1:9710", "fedcba9876543210fedcba9876543210", "secret", "media",
/// # ))?;
/// let hour = Duration::from_secs(3600);
/// let poster = || client.presign(Method::GET, "creator-123/poster.jpg").expires_in(hour);
/// assert_eq!(URLS.sign(poster())?, URLS.sign(poster())?);
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
pub struct SignedUrlCache {
    urls: Mutex<LruCache<PresignedRequest, SignedUrl>>,
    margin: Duration,
}

impl SignedUrlCache {
    /// Creates a cache for this many URLs, at least one, with a margin of 5 minutes. A URL takes about a
    /// kilobyte.
    pub fn new(capacity: usize) -> Self {
        let capacity = NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN);
        // Memory for a large capacity is not allocated before it is needed.
        let mut urls = LruCache::unbounded();
        urls.resize(capacity);
        Self { urls: Mutex::new(urls), margin: Duration::from_secs(5 * 60) }
    }

    /// Sets the margin: a URL is only reused while it is valid for longer than this.
    #[must_use]
    pub fn with_margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    /// Returns the cached URL for this request, or a new one. The time is that of the client that created the
    /// request.
    ///
    /// # Errors
    /// Those of [`Presign::sign`], and [`ErrorKind::InvalidInput`](crate::ErrorKind) if the expiry is not
    /// longer than the margin, because such a URL could never be reused.
    pub fn sign(&self, presign: Presign) -> Result<SignedUrl> {
        let request = presign.into_request()?;
        let expires_in = request.expires_in();
        if expires_in <= self.margin {
            return Err(Error::invalid_input(format!(
                "URLs with an expiry of {expires_in:?} cannot be cached: the expiry must be longer than the margin of {:?}",
                self.margin
            )));
        }
        let now = request.now()?;
        // The lock is held while signing, which takes microseconds, so that concurrent callers get the same
        // URL.
        let mut urls = lock(&self.urls);
        if let Some(url) = urls.get(&request)
            && url.expires_at() > later(now, self.margin)
            // The clock may have been set back, and services refuse URLs that were signed in the future.
            && url.expires_at() <= later(now, expires_in)
        {
            return Ok(url.clone());
        }
        let url = request.sign(now)?;
        urls.put(request, url.clone());
        Ok(url)
    }

    /// The number of cached URLs.
    pub fn len(&self) -> usize {
        lock(&self.urls).len()
    }

    /// Whether the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Hides the URLs, which are secrets.
impl fmt::Debug for SignedUrlCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedUrlCache")
            .field("len", &self.len())
            .field("margin", &self.margin)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::SystemTime;

    use http::Method;

    use super::*;
    use crate::error::ErrorKind;
    use crate::r2::{R2SigningClient, R2SigningConfig};

    const HOUR: Duration = Duration::from_secs(3600);

    fn client(secret: &str, bucket: &str) -> R2SigningClient {
        let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", secret, bucket);
        R2SigningClient::new(config).unwrap().at(now())
    }

    fn get(key: &str) -> Presign {
        get_at(now(), key)
    }

    fn get_at(now: SystemTime, key: &str) -> Presign {
        client("secret", "media").at(now).presign(Method::GET, key).expires_in(HOUR)
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    #[test]
    fn a_url_is_given_back_as_long_as_it_has_more_than_the_margin() {
        let cache = SignedUrlCache::new(10);
        let first = cache.sign(get("a")).unwrap();
        assert_eq!(first, get("a").sign().unwrap());
        let last = now() + HOUR - Duration::from_secs(301);
        assert_eq!(cache.sign(get_at(last, "a")).unwrap(), first);
        let later = last + Duration::from_secs(1);
        assert_eq!(cache.sign(get_at(later, "a")).unwrap(), get_at(later, "a").sign().unwrap());
        assert_eq!(cache.len(), 1);

        // The clock was set back.
        assert_eq!(cache.sign(get("a")).unwrap(), first);
    }

    #[test]
    fn whatever_is_signed_has_a_url_of_its_own() {
        let cache = SignedUrlCache::new(100);
        let requests = |now: SystemTime| {
            let client = |secret, bucket| client(secret, bucket).at(now);
            let get = |key| get_at(now, key);
            [
                get("a"),
                get("b"),
                get("a").expires_in(HOUR * 2),
                get("a").header("x-a", "1"),
                get("a").header("x-a", "2"),
                get("a").header("x-a", "1").header("x-b", "1"),
                client("secret", "media").presign(Method::HEAD, "a"),
                client("secret", "media").presign(Method::PUT, "a"),
                client("secret", "media").presign(Method::PUT, "a").upload_part("id", 1),
                client("secret", "media").presign(Method::PUT, "a").upload_part("id", 2),
                client("secret", "other").presign(Method::GET, "a"),
                client("another-secret", "media").presign(Method::GET, "a"),
            ]
        };
        let urls = requests(now()).map(|request| cache.sign(request).unwrap());
        for (at, url) in urls.iter().enumerate() {
            assert!(!urls[at + 1..].contains(url), "{url:?}");
        }
        let later = now() + Duration::from_secs(60);
        assert_eq!(requests(later).map(|request| cache.sign(request).unwrap()), urls);
        assert_eq!(cache.len(), urls.len());

        let other_order = get_at(later, "a").header("X-B", "1").header("X-A", "0").header("x-a", "1");
        assert_eq!(cache.sign(other_order).unwrap(), urls[5]);
    }

    #[test]
    fn the_least_recently_used_is_forgotten() {
        let cache = SignedUrlCache::new(2);
        let sign = |key, seconds| cache.sign(get_at(now() + Duration::from_secs(seconds), key)).unwrap();
        let (a, b) = (sign("a", 0), sign("b", 0));
        assert_eq!(sign("a", 1), a);
        sign("c", 1);
        assert_eq!(cache.len(), 2);
        assert_eq!(sign("a", 2), a);
        assert_ne!(sign("b", 2), b);
        SignedUrlCache::new(0).sign(get("a")).unwrap();
    }

    #[test]
    fn an_expiry_within_the_margin_is_refused() {
        let cache = SignedUrlCache::new(10).with_margin(HOUR);
        let error = cache.sign(get("a")).unwrap_err();
        assert!(error.to_string().contains("longer than the margin of 3600s"), "{error}");
        let longer = |key| cache.sign(get(key).expires_in(HOUR + Duration::from_secs(1)));
        assert!(longer("a").is_ok());
        let error = longer("").unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("InvalidObjectName")));
        assert_eq!(cache.len(), 1);
        assert!(!format!("{cache:?}").contains("Signature"));
    }

    #[test]
    fn threads_share_it() {
        let cache = SignedUrlCache::new(10);
        let first = cache.sign(get("a")).unwrap();
        thread::scope(|scope| {
            for second in 1..9 {
                let (cache, first) = (&cache, &first);
                scope.spawn(move || {
                    let later = now() + Duration::from_secs(second);
                    assert_eq!(cache.sign(get_at(later, "a")).unwrap(), *first);
                    assert_ne!(cache.sign(get_at(later, &format!("b{second}"))).unwrap(), *first);
                });
            }
        });
        assert_eq!(cache.len(), 9);
    }
}
