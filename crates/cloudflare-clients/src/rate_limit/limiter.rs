//! The interface of all rate limiters.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::error::{Error, Result};

/// Decides whether a key, such as a client's address or a user id, may make another request.
///
/// Code that holds an `Arc<dyn RateLimiter>` works with a [`KvRateLimiter`](super::KvRateLimiter), with the
/// platform's binding in a Worker (`WorkersRateLimiter`), and with a mock in tests.
#[async_trait]
pub trait RateLimiter: fmt::Debug + Send + Sync + 'static {
    /// Asks for one more request, and counts it if it is allowed.
    ///
    /// # Errors
    /// Errors that leave the limiter without a decision.
    async fn check(&self, key: &str) -> Result<Decision>;

    /// Writes the counts, if the limiter stores any. Call it where no request waits for it: in `waitUntil` in
    /// a Worker, in a background task elsewhere.
    ///
    /// # Errors
    /// The errors of the service that stores the counts. The next flush writes what was not written.
    async fn flush(&self) -> Result<()> {
        Ok(())
    }
}

/// The decision of a limiter.
#[derive(Debug)]
#[non_exhaustive]
pub struct Decision {
    /// Whether the request is allowed.
    pub allowed: bool,
    /// What is left of the limit, if the limiter knows.
    pub quota: Option<Quota>,
    /// Why the limiter could not reach its service, if it decided without it.
    pub failure: Option<Error>,
}

/// What is left of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// The name of the limit, as in the headers.
    pub policy: Arc<str>,
    /// How many requests are allowed in a window.
    pub limit: u64,
    /// The length of the window, in whole seconds.
    pub window: Duration,
    /// How many more requests are allowed now.
    pub remaining: u64,
    /// Time until one more request than `remaining` is allowed, if none is counted until then. Zero if the
    /// whole limit is left. Counts have an effect until the end of the next window, so this can be up to two
    /// windows.
    pub reset: Duration,
}

impl Decision {
    /// Creates a decision without quota and failure.
    pub fn new(allowed: bool) -> Self {
        Self { allowed, quota: None, failure: None }
    }

    /// Returns the headers for the client: `RateLimit-Policy` and `RateLimit` of [the IETF
    /// draft](https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/), and `Retry-After` if
    /// the request is refused. Empty if the limiter does not know its quota.
    ///
    /// Times in the headers are at most one window, though [`Quota::reset`] may be longer: a client that
    /// returns after a window may be refused again and receives the remaining time.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use cloudflare_clients::kv::KvClient;
    /// use cloudflare_clients::rate_limit::{KvRateLimiter, RateLimiter};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let kv = KvClient::new(cloudflare_clients::LocalNamespace::open(folder.path(), "limits").await?);
    /// let limiter = KvRateLimiter::new(kv, "uploads", 20, Duration::from_secs(3600))?;
    /// let headers = limiter.check("user-17").await?.headers();
    /// assert_eq!(headers["RateLimit-Policy"], r#""uploads";q=20;w=3600"#);
    /// assert!(headers["RateLimit"].to_str().unwrap().starts_with(r#""uploads";r=19;t="#));
    /// # Ok(()) }
    /// ```
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let Some(Quota { policy, limit, window, remaining, reset }) = &self.quota else { return headers };
        // Rounded up: a client that returns after exactly this many seconds must not be too early.
        let reset = (reset.as_secs() + u64::from(reset.subsec_nanos() > 0)).min(window.as_secs());
        let texts = [
            ("ratelimit-policy", format!("\"{policy}\";q={limit};w={}", window.as_secs())),
            ("ratelimit", format!("\"{policy}\";r={remaining};t={reset}")),
        ];
        for (name, text) in texts {
            // The name of a policy was validated when the limiter was created.
            headers
                .extend(HeaderValue::try_from(text).ok().map(|text| (HeaderName::from_static(name), text)));
        }
        if !self.allowed {
            headers.insert(header::RETRY_AFTER, reset.into());
        }
        headers
    }
}
