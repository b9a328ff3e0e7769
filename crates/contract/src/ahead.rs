//! A clock that can be moved on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use cloudflare_clients::{Runtime, TokioRuntime};
use futures_util::future::BoxFuture;

use crate::kv::Clock;

/// Tokio's runtime, but ahead of its time.
#[derive(Debug, Clone, Default)]
pub struct Ahead(Arc<Mutex<Duration>>);

impl Ahead {
    /// What moves it on.
    pub fn clock(&self) -> Clock {
        let ahead = Arc::clone(&self.0);
        Clock(Arc::new(move |duration| *ahead.lock().unwrap_or_else(PoisonError::into_inner) += duration))
    }
}

impl Runtime for Ahead {
    fn now(&self) -> SystemTime {
        TokioRuntime.now() + *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        TokioRuntime.sleep(duration)
    }

    fn random(&self) -> f64 {
        TokioRuntime.random()
    }
}
