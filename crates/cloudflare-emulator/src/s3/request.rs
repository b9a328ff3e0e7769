//! Authenticated requests.

use cloudflare_clients::r2::SseCustomerKey;
use cloudflare_clients::s3::headers::{CustomerKeyTarget, read_ssec_key};
use http::uri::Scheme;
use http::{HeaderMap, header};

use super::access::Access;
use super::error::S3Error;
use super::payload::Payload;
use crate::uri::Query;

/// An authenticated request.
pub(crate) struct S3Request {
    /// Scheme of the client's URL.
    pub(crate) scheme: Scheme,
    /// Whether the bucket is in the host instead of the path.
    pub(crate) is_virtual_hosted: bool,
    /// Empty for operations on the account.
    pub(crate) bucket: String,
    /// Empty for operations on a bucket.
    pub(crate) key: String,
    /// The parameters that the operation reads.
    pub(crate) query: Query,
    /// The headers that the operation reads.
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    /// What may be done, all of which the operation is but for what its body names.
    pub(crate) access: Access,
}

impl S3Request {
    /// Returns the text of a header.
    pub(crate) fn header(&self, name: &str) -> Result<Option<&str>, S3Error> {
        let Some(value) = self.headers.get(name) else {
            return Ok(None);
        };
        std::str::from_utf8(value.as_bytes())
            .map(Some)
            .map_err(|_| S3Error::invalid_argument(format!("The header {name} is not valid UTF-8")))
    }

    /// Returns the customer's key of the request.
    pub(crate) fn ssec_key(&self, target: CustomerKeyTarget) -> Result<Option<SseCustomerKey>, S3Error> {
        Ok(read_ssec_key(&self.headers, target)?)
    }

    /// Returns the upload id of the request.
    pub(crate) fn upload_id(&self) -> &str {
        self.query.get("uploadId").unwrap_or_default()
    }

    /// Returns the host of this server, as seen by the client.
    pub(crate) fn host(&self) -> &str {
        self.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
    }
}
