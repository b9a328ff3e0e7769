//! What every limiter is to whoever asks it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::error::{Error, Result};

/// Says whether a key, such as a client's address or a user's id, may do one thing more.
///
/// Code that holds an `Arc<dyn RateLimiter>` can be given a [`KvRateLimiter`](super::KvRateLimiter), in a Worker the platform's own binding
/// (`WorkersRateLimiter`), or in a test a mock.
#[async_trait]
pub trait RateLimiter: fmt::Debug + Send + Sync + 'static {
    /// Asks for one thing more, and counts it where it is allowed.
    ///
    /// # Errors
    /// Those that leave the limiter without a decision.
    async fn check(&self, key: &str) -> Result<Decision>;

    /// Writes down what was counted, where the limiter does so. In a Worker it is for `waitUntil`, elsewhere for a task: no request
    /// has to wait for it.
    ///
    /// # Errors
    /// Those of the service that it writes to; what was not written is tried again with the next flush.
    async fn flush(&self) -> Result<()> {
        Ok(())
    }
}

/// What a limiter has decided.
#[derive(Debug)]
#[non_exhaustive]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// What is left, where the limiter knows.
    pub quota: Option<Quota>,
    /// Why the limiter could not ask its service, where it decided all the same.
    pub failure: Option<Error>,
}

/// What is left of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// The name of the limit.
    pub policy: Arc<str>,
    /// How many are allowed in a window.
    pub limit: u64,
    /// How long the window is, in whole seconds.
    pub window: Duration,
    /// How many more are allowed now.
    pub remaining: u64,
    /// After how long there is one more than `remaining`, if none is counted until then. Zero when all of the limit is left.
    /// What was counted weighs on through the window after its own, so it may be up to two windows.
    pub reset: Duration,
}

impl Decision {
    /// A decision of which no more is known.
    pub fn new(allowed: bool) -> Self {
        Self { allowed, quota: None, failure: None }
    }

    /// The headers that tell the client: `RateLimit-Policy` and `RateLimit` as
    /// [the IETF's draft](https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/) has them, and where it is not allowed
    /// `Retry-After`. Empty where the limiter does not know its limit.
    ///
    /// The times in them are never longer than the window, though [`Quota::reset`] may be: a client that comes back after a window may
    /// be refused again, and is told the rest.
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
        // A client that comes at the second it was told must not be a part of one too early.
        let reset = (reset.as_secs() + u64::from(reset.subsec_nanos() > 0)).min(window.as_secs());
        let texts = [
            ("ratelimit-policy", format!("\"{policy}\";q={limit};w={}", window.as_secs())),
            ("ratelimit", format!("\"{policy}\";r={remaining};t={reset}")),
        ];
        for (name, text) in texts {
            // The name of a policy is checked when a limiter is made.
            headers
                .extend(HeaderValue::try_from(text).ok().map(|text| (HeaderName::from_static(name), text)));
        }
        if !self.allowed {
            headers.insert(header::RETRY_AFTER, reset.into());
        }
        headers
    }
}
