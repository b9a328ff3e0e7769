//! Presigned URLs.

use std::fmt;
use std::sync::LazyLock;
use std::time::SystemTime;

use http::HeaderMap;
use serde::{Serialize, Serializer};

/// A presigned URL. Anyone who has it can make the request it was signed for, until it expires.
///
/// Treat it as a secret: it does not implement `Display`, and `Debug` omits its query. See
/// [R2's page on presigned URLs](https://developers.cloudflare.com/r2/api/s3/presigned-urls/).
///
/// It serializes completely, to be passed to its user: `url`, `expiresAt` in UTC in the format of
/// [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339), and the `signedHeaders` to send with it, by name.
///
/// ```
/// # use std::time::{Duration, UNIX_EPOCH};
/// # use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};
/// # let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret", "media");
/// # let client = R2SigningClient::new(config)?.at(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
/// let url = client.generate_signed_url("a", Duration::from_secs(3600))?;
/// let json = serde_json::json!({
///     "url": url.as_str(),
///     "expiresAt": "2027-01-15T09:00:00.000Z",
///     "signedHeaders": {},
/// });
/// assert_eq!(serde_json::to_value(&url)?, json);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedUrl {
    url: String,
    #[serde(with = "crate::time::rfc3339")]
    expires_at: SystemTime,
    /// `None` if there are no headers, which makes lists of URLs smaller.
    #[serde(serialize_with = "serialize_headers")]
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

    /// The whole URL, with its query.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The whole URL, with its query.
    pub fn into_string(self) -> String {
        self.url
    }

    /// When the URL expires, in whole seconds.
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// The headers that must be sent with the URL, with exactly these values. R2 refuses the request
    /// otherwise.
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

/// Serializes headers that have one ASCII value each.
#[expect(clippy::ref_option, reason = "serde calls it with the field")]
fn serialize_headers<S: Serializer>(
    headers: &Option<Box<HeaderMap>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let headers = headers.iter().flat_map(|headers| headers.iter());
    serializer.collect_map(headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))))
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
