//! The clock, timer and randomness of a Worker.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use worker::js_sys::{Function, Uint8Array, global};
use worker::send::SendFuture;
use worker::wasm_bindgen::JsCast as _;

use super::Runtime;
use crate::error::{Error, Result};
use crate::js::{self, Thrown};

/// The most that one call of `crypto.getRandomValues` fills.
const MOST_RANDOM_BYTES: usize = 65_536;

/// The longest delay of `setTimeout`.
const LONGEST_DELAY: Duration = Duration::from_millis(i32::MAX as u64);

/// JavaScript's clock, timer and randomness. In a Worker
/// [the clock stands still](https://developers.cloudflare.com/workers/reference/security-model/#step-1-disallow-timers-and-multi-threading)
/// while code runs and goes on with I/O.
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

/// [`crypto.getRandomValues`](https://developers.cloudflare.com/workers/runtime-apis/web-crypto/).
pub(super) fn strong_random(bytes: &mut [u8]) -> Result<()> {
    let crypto = js::property(&global(), "crypto");
    let fill: Function = js::property(&crypto, "getRandomValues")
        .dyn_into()
        .map_err(|_| Error::unsupported("there is no crypto.getRandomValues here"))?;
    for bytes in bytes.chunks_mut(MOST_RANDOM_BYTES) {
        let filled = Uint8Array::from(&*bytes);
        fill.call1(&crypto, &filled).map_err(|thrown| {
            let message = Thrown::from(&thrown).message;
            Error::unsupported(format!("crypto.getRandomValues gives no random numbers: {message}"))
        })?;
        filled.copy_to(bytes);
    }
    Ok(())
}
