//! The clock, timer and randomness of a Worker.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use worker::send::SendFuture;

use super::Runtime;

/// The longest delay of `setTimeout`.
const LONGEST_DELAY: Duration = Duration::from_millis(i32::MAX as u64);

/// JavaScript's clock, timer and randomness. In a Worker, [the clock stands
/// still](https://developers.cloudflare.com/workers/reference/security-model/#step-1-disallow-timers-and-multi-threading)
/// while code runs, and advances with I/O.
#[derive(Debug, Clone, Copy, Default)]
pub struct WorkersRuntime;

impl Runtime for WorkersRuntime {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(worker::Date::now().as_millis())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(SendFuture::new(worker::Delay::from(duration.min(LONGEST_DELAY))))
    }

    fn random(&self) -> f64 {
        worker::js_sys::Math::random()
    }
}
