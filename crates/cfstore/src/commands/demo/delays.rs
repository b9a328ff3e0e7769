//! A runtime that records the delays of retries.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use cloudflare_clients::{Runtime, TokioRuntime};
use futures_util::future::BoxFuture;

/// Tokio's runtime with recorded delays. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordDelays(Arc<Mutex<Vec<Duration>>>);

impl RecordDelays {
    /// Returns the delays since the last call.
    pub(super) fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Runtime for RecordDelays {
    fn now(&self) -> SystemTime {
        TokioRuntime.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(duration);
        TokioRuntime.sleep(duration)
    }

    fn random(&self) -> f64 {
        TokioRuntime.random()
    }
}
