//! Cryptographically strong randomness of each platform.

use crate::error::{Error, Result};

/// The system's generator.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes)
        .map_err(|error| Error::unsupported(format!("the system did not provide random numbers: {error}")))
}

/// [`crypto.getRandomValues`](https://developers.cloudflare.com/workers/runtime-apis/web-crypto/).
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<()> {
    use worker::js_sys::{Function, Uint8Array, global};
    use worker::wasm_bindgen::JsCast as _;

    use crate::js::{self, Thrown};

    /// Maximum number of bytes that one call fills.
    const MOST_BYTES: usize = 65_536;

    let crypto = js::property(&global(), "crypto");
    let fill: Function = js::property(&crypto, "getRandomValues")
        .dyn_into()
        .map_err(|_| Error::unsupported("this platform has no crypto.getRandomValues"))?;
    for bytes in bytes.chunks_mut(MOST_BYTES) {
        let filled = Uint8Array::from(&*bytes);
        fill.call1(&crypto, &filled).map_err(|thrown| {
            let message = Thrown::from(&thrown).message;
            Error::unsupported(format!("crypto.getRandomValues did not provide random numbers: {message}"))
        })?;
        filled.copy_to(bytes);
    }
    Ok(())
}

#[cfg(all(not(feature = "workers"), target_arch = "wasm32"))]
pub(crate) fn fill_random(_: &mut [u8]) -> Result<()> {
    let message =
        "this platform has no known source of random numbers: use a `Runtime` that implements `fill_random`";
    Err(Error::unsupported(message))
}
