//! The runtime with a signer's clock, for requests that it signs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;

use super::Clock;
use crate::error::Result;
use crate::runtime::{DEFAULT, Runtime};

impl Clock {
    /// A runtime with this clock.
    pub(crate) fn runtime(&self) -> Arc<dyn Runtime> {
        let runtime = self.runtime.clone().unwrap_or_else(|| Arc::new(DEFAULT));
        match self.standing {
            Some(now) => Arc::new(Standing { now, runtime }),
            None => runtime,
        }
    }
}

/// A runtime with a fixed time and a running timer.
#[derive(Debug)]
struct Standing {
    now: SystemTime,
    runtime: Arc<dyn Runtime>,
}

impl Runtime for Standing {
    fn now(&self) -> SystemTime {
        self.now
    }

    fn monotonic(&self) -> Duration {
        self.runtime.monotonic()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.runtime.sleep(duration)
    }

    fn timeout(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.runtime.timeout(duration)
    }

    fn random(&self) -> f64 {
        self.runtime.random()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        self.runtime.fill_random(bytes)
    }
}
