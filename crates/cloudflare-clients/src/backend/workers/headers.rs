//! Conversion between HTTP's header map and JavaScript's.
//!
//! Header values are opaque bytes ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-5.5)), and the
//! runtime reads and writes them as UTF-8. The conversions of the `worker` crate panic if a value is not
//! ASCII, and a panic ends every request of the instance.

use http::{HeaderMap, HeaderName, HeaderValue};
use worker::Headers;

use super::error;
use crate::error::{Error, Result};

/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if a value is not UTF-8.
pub(super) fn to_js(headers: &HeaderMap) -> Result<Headers> {
    let written = Headers::new();
    for (name, value) in headers {
        let text = str::from_utf8(value.as_bytes()).map_err(|_| {
            Error::invalid_input(format!("the header {name} is not UTF-8, and a Worker cannot send it"))
        })?;
        written.append(name.as_str(), text).map_err(|failed| error::from_worker(&failed))?;
    }
    Ok(written)
}

/// Omits headers with control characters, which a header map cannot hold.
pub(super) fn from_js(headers: &Headers) -> HeaderMap {
    let mut read = HeaderMap::new();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            read.append(name, value);
        }
    }
    read
}
