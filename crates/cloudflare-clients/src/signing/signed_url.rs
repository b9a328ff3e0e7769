//! A presigned URL.

use std::fmt;
use std::sync::LazyLock;
use std::time::SystemTime;

use http::HeaderMap;
use serde::{Serialize, Serializer};

/// A presigned URL: whoever has it can make the one request it was signed for, until it expires.
///
/// Treat it as a secret. It serialises as the whole URL, but has no `Display`, and `Debug` leaves its query out.
/// [R2's page on presigned URLs](https://developers.cloudflare.com/r2/api/s3/presigned-urls/) tells more.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl {
    url: String,
    expires_at: SystemTime,
    /// `None` where there are none: a list of URLs is smaller so.
    signed_headers: Option<Box<HeaderMap>>,
}

impl SignedUrl {
    pub(super) fn without_headers(url: String, expires_at: SystemTime) -> Self {
        Self { url, expires_at, signed_headers: None }
    }

    pub(super) fn new(url: String, expires_at: SystemTime, signed_headers: HeaderMap) -> Self {
        let signed_headers = (!signed_headers.is_empty()).then(|| Box::new(signed_headers));
        Self { url, expires_at, signed_headers }
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The URL.
    pub fn into_string(self) -> String {
        self.url
    }

    /// When it stops working; a whole second.
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// The headers that have to be sent with it, with just these values; R2 refuses the request otherwise.
    pub fn signed_headers(&self) -> &HeaderMap {
        static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
        self.signed_headers.as_deref().unwrap_or(&NONE)
    }
}

impl AsRef<str> for SignedUrl {
    fn as_ref(&self) -> &str {
        &self.url
    }
}

impl Serialize for SignedUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.url)
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let without_query = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("SignedUrl")
            .field("url", &format_args!("{without_query}?.."))
            .field("expires_at", &self.expires_at)
            .field("signed_headers", &self.signed_headers().keys().collect::<Vec<_>>())
            .finish()
    }
}
