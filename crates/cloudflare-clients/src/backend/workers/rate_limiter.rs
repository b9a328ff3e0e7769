//! The rate-limiting binding.

use std::fmt;

use async_trait::async_trait;
use worker::send::SendFuture;

use super::error;
use crate::error::{Error, Result};
use crate::rate_limit::{Decision, RateLimiter};

/// The platform's rate limiter, through the [rate-limiting
/// binding](https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/) of a Worker.
///
/// It is fast, costs nothing per key, and counts per location, over periods of 10 or 60 seconds that are set
/// in the Worker's configuration. It only returns whether a key is within its limit, so a decision has no
/// [`quota`](Decision::quota).
pub struct WorkersRateLimiter(worker::RateLimiter);

impl WorkersRateLimiter {
    /// Creates the limiter of a binding.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the Worker has no such binding.
    pub fn from_worker_env(env: &worker::Env, binding: &str) -> Result<Self> {
        env.rate_limiter(binding).map(Self).map_err(|error| {
            Error::invalid_input(format!(
                "the Worker has no rate limiter {binding:?}: add it to `ratelimits` in its configuration: {error}"
            ))
        })
    }
}

#[async_trait]
impl RateLimiter for WorkersRateLimiter {
    /// Asks the binding.
    ///
    /// # Errors
    /// The errors of the runtime. The caller decides whether to reject the request then.
    async fn check(&self, key: &str) -> Result<Decision> {
        let outcome = SendFuture::new(self.0.limit(key.to_owned())).await;
        outcome.map(|outcome| Decision::new(outcome.success)).map_err(|error| error::from_worker(&error))
    }
}

impl fmt::Debug for WorkersRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkersRateLimiter").finish_non_exhaustive()
    }
}
