//! Presigned URLs with headers, for any method that R2 accepts.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::signed_url::SignedUrl;
use super::signing_client::R2SigningClient;
use crate::error::{Error, Result};
use crate::model::r2::multipart::{validate_part_number, validate_upload_id};
use crate::sigv4::{RequestTarget, canonical_query};
use crate::time::whole_seconds;

impl R2SigningClient {
    /// Creates a URL with which anyone can upload an object (PUT), valid for 1 second to 7 days from now. It
    /// accepts any content and content type: [`presign`](Self::presign) can be stricter.
    ///
    /// # Errors
    /// As for [`generate_signed_url`](Self::generate_signed_url).
    pub fn generate_signed_upload_url(&self, key: &str, expires_in: Duration) -> Result<SignedUrl> {
        self.presign(Method::PUT, key).expires_in(expires_in).sign()
    }

    /// Starts a URL for GET, HEAD, PUT or DELETE of an object, with optional headers.
    pub fn presign(&self, method: Method, key: impl Into<String>) -> Presign {
        Presign::new(self.clone(), method, key.into())
    }
}

/// A presigned URL to be signed: see [`R2SigningClient::presign`].
///
/// Headers that are set here are part of the signature: users of the URL must send them with these values.
/// For example, this restricts an upload to one content type or size.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};
/// use cloudflare_clients::http::Method;
///
/// # let client = R2SigningClient::new(R2SigningConfig::for_endpoint(
/// #     "http://127.0.0.1:9710", "fedcba9876543210fedcba9876543210", "secret", "media",
/// # ))?;
/// let url = client
///     .at(UNIX_EPOCH + Duration::from_secs(1_800_000_000))
///     .presign(Method::PUT, "creator-123/video.mp4")
///     .expires_in(Duration::from_secs(600))
///     .content_type("video/mp4")
///     .if_none_match("*")
///     .sign()?;
/// assert!(url.as_str().contains("&X-Amz-SignedHeaders=content-type%3Bhost%3Bif-none-match&"));
/// assert_eq!(url.signed_headers()["content-type"], "video/mp4");
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "`sign` creates the URL"]
pub struct Presign {
    client: R2SigningClient,
    method: Method,
    key: String,
    expires_in: Duration,
    headers: Vec<(String, String)>,
    /// Query parameters that set headers of the response.
    response_headers: Vec<(&'static str, String)>,
    part: Option<(String, u16)>,
}

impl Presign {
    fn new(client: R2SigningClient, method: Method, key: String) -> Self {
        Self {
            client,
            method,
            key,
            expires_in: Duration::from_secs(3600),
            headers: Vec::new(),
            response_headers: Vec::new(),
            part: None,
        }
    }

    /// Sets how long the URL is valid: 1 to 604,800 whole seconds. One hour by default.
    pub fn expires_in(mut self, expires_in: Duration) -> Self {
        self.expires_in = expires_in;
        self
    }

    /// Sets a header that must be sent with the URL. If a name is set twice, the last value applies.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the content type that must be sent, and with which an upload is stored.
    pub fn content_type(self, content_type: impl Into<String>) -> Self {
        self.header("content-type", content_type)
    }

    /// Sets the size that an upload must have, in bytes.
    pub fn content_length(self, bytes: u64) -> Self {
        self.header("content-length", bytes.to_string())
    }

    /// Sets an `If-None-Match` condition that must be sent. With `*`, an upload never replaces an object.
    pub fn if_none_match(self, etag: impl Into<String>) -> Self {
        self.header("if-none-match", etag)
    }

    /// Sets custom metadata (`x-amz-meta-NAME`) that must be sent, and with which an upload is stored. ASCII
    /// only.
    pub fn metadata(self, name: impl AsRef<str>, value: impl Into<String>) -> Self {
        self.header(format!("x-amz-meta-{}", name.as_ref()), value)
    }

    /// Sets the `Content-Disposition` in the response to a GET or HEAD, instead of the object's. It contains
    /// the file name under which a browser saves the object. It is part of the URL, so users do not send
    /// anything. Control characters are refused.
    ///
    /// R2 does not document this
    /// [parameter of S3](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html). One report says
    /// that R2 honours it. To be sure, store the object with the header (`content_disposition` of a put).
    ///
    /// ```
    /// # use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};
    /// # use cloudflare_clients::http::Method;
    /// # let client = R2SigningClient::new(R2SigningConfig::for_endpoint(
    /// #     "http://127.0.0.1:9710", "fedcba9876543210fedcba9876543210", "secret", "media",
    /// # ))?;
    /// let url = client
    ///     .presign(Method::GET, "creator-123/video.mp4")
    ///     .response_content_disposition("attachment; filename=\"holiday.mp4\"")
    ///     .sign()?;
    /// let parameter = "response-content-disposition=attachment%3B%20filename%3D%22holiday.mp4%22";
    /// assert!(url.as_str().contains(parameter));
    /// assert!(url.signed_headers().is_empty());
    /// # Ok::<_, cloudflare_clients::Error>(())
    /// ```
    pub fn response_content_disposition(self, value: impl Into<String>) -> Self {
        self.response_header("response-content-disposition", value.into())
    }

    /// Sets the `Content-Type` in the response to a GET or HEAD, like
    /// [`response_content_disposition`](Self::response_content_disposition).
    pub fn response_content_type(self, value: impl Into<String>) -> Self {
        self.response_header("response-content-type", value.into())
    }

    /// Sets the `Cache-Control` in the response to a GET or HEAD, like
    /// [`response_content_disposition`](Self::response_content_disposition).
    pub fn response_cache_control(self, value: impl Into<String>) -> Self {
        self.response_header("response-cache-control", value.into())
    }

    fn response_header(mut self, parameter: &'static str, value: String) -> Self {
        self.response_headers.retain(|(known, _)| *known != parameter);
        self.response_headers.push((parameter, value));
        self
    }

    /// Makes the URL upload one part of a multipart upload with PUT. Part numbers are 1 to 10,000.
    pub fn upload_part(mut self, upload_id: impl Into<String>, part_number: u16) -> Self {
        self.part = Some((upload_id.into(), part_number));
        self
    }

    /// Signs the URL, which is valid from now, according to the client's clock.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the key does not have 1 to 1,024 bytes, the expiry is
    /// not 1 to 604,800 whole seconds, the method is not GET, HEAD, PUT or DELETE, a header cannot be sent or
    /// belongs to the signature, or the part is invalid.
    pub fn sign(self) -> Result<SignedUrl> {
        let request = self.into_request()?;
        request.sign(request.now()?)
    }

    pub(super) fn into_request(self) -> Result<PresignedRequest> {
        self.check_method()?;
        let (query, headers) = (self.query()?, self.header_map()?);
        let Self { client, method, key, expires_in, .. } = self;
        Ok(PresignedRequest { client, method, key, query, headers, expires_in })
    }

    fn check_method(&self) -> Result<()> {
        if [Method::GET, Method::HEAD, Method::PUT, Method::DELETE].contains(&self.method) {
            return Ok(());
        }
        Err(Error::invalid_input(format!(
            "R2 accepts presigned URLs for GET, HEAD, PUT and DELETE, not for {}",
            self.method
        )))
    }

    fn query(&self) -> Result<String> {
        for (parameter, value) in &self.response_headers {
            if ![Method::GET, Method::HEAD].contains(&self.method) {
                return Err(Error::invalid_input(format!(
                    "{parameter} applies to the response to a GET or HEAD, not to a {}",
                    self.method
                )));
            }
            if value.contains(char::is_control) {
                return Err(Error::invalid_input(format!(
                    "{parameter} cannot be the value of a header: it has control characters"
                )));
            }
        }
        let Some((upload_id, part_number)) = &self.part else {
            return Ok(canonical_query(self.response_headers.iter().map(|(name, value)| (*name, value))));
        };
        if self.method != Method::PUT {
            return Err(Error::invalid_input(format!(
                "a part is uploaded with PUT, not with {}",
                self.method
            )));
        }
        validate_upload_id(upload_id)?;
        validate_part_number(*part_number)?;
        let part_number = part_number.to_string();
        Ok(canonical_query([("partNumber", &part_number), ("uploadId", upload_id)]))
    }

    fn header_map(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let header = HeaderName::try_from(name).map_err(|_| {
                Error::invalid_input(format!("{name:?} cannot be the name of an HTTP header"))
            })?;
            if header == header::HOST
                || header == header::AUTHORIZATION
                || ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token"].contains(&header.as_str())
            {
                return Err(Error::invalid_input(format!(
                    "the header {header} cannot be set: it is part of the signature itself"
                )));
            }
            let value = HeaderValue::from_str(value).ok().filter(|_| value.is_ascii()).ok_or_else(|| {
                Error::invalid_input(format!(
                    "the header {header} has a value that is not plain ASCII: encode the value (for metadata, as in RFC 2047)"
                ))
            })?;
            headers.insert(header, value);
        }
        Ok(headers)
    }
}

/// The values that a URL is signed for. Equal requests have the same URL at the same time.
#[derive(PartialEq, Eq)]
pub(super) struct PresignedRequest {
    client: R2SigningClient,
    method: Method,
    key: String,
    query: String,
    headers: HeaderMap,
    expires_in: Duration,
}

impl PresignedRequest {
    pub(super) fn expires_in(&self) -> Duration {
        self.expires_in
    }

    /// The time of the client's clock.
    pub(super) fn now(&self) -> Result<SystemTime> {
        self.client.now()
    }

    pub(super) fn sign(&self, now: SystemTime) -> Result<SignedUrl> {
        let Self { client, method, key, query, headers, expires_in } = self;
        let (endpoint, bucket) = (client.endpoint(), Some(client.bucket_name()));
        let target = RequestTarget {
            method,
            host: &endpoint.host_for(bucket)?,
            path: &endpoint.path_for(bucket, Some(key))?,
            query,
        };
        let signed = client.signer().presign(target, headers, *expires_in, now)?;
        let url = format!("{}://{}{}?{signed}", endpoint.scheme(), target.host, target.path);
        Ok(SignedUrl::new(url, whole_seconds(now) + *expires_in, headers.clone()))
    }
}

/// Skips the headers, which have no order.
impl Hash for PresignedRequest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { client, method, key, query, headers: _, expires_in } = self;
        (client, method, key, query, expires_in).hash(state);
    }
}

/// Hides the headers, which may be secrets.
impl fmt::Debug for Presign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presign")
            .field("method", &self.method)
            .field("key", &self.key)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::r2::R2SigningConfig;
    use crate::sigv4::MAX_EXPIRES_IN;

    fn client() -> R2SigningClient {
        let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "a-key-id", "s3cret", "media")
            .session_token("t0ken");
        R2SigningClient::new(config).unwrap().at(now())
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_750)
    }

    #[test]
    fn bad_input_is_refused_before_signing() {
        let second = Duration::from_secs(1);
        let get = || client().presign(Method::GET, "a");
        let put = || client().presign(Method::PUT, "a");
        for (presign, why) in [
            (client().presign(Method::POST, "a"), "not for POST"),
            (client().presign(Method::GET, ""), "the key has 0 bytes"),
            (client().presign(Method::GET, "a".repeat(1025)), "the key has 1025 bytes"),
            (get().expires_in(Duration::ZERO), "not 0ns"),
            (get().expires_in(second / 2), "not 500ms"),
            (
                put().response_content_type("text/plain"),
                "response-content-type applies to the response to a GET or HEAD",
            ),
            (get().response_content_disposition("a\r\nb"), "it has control characters"),
            (get().expires_in(second * 3 / 2), "not 1.5s"),
            (get().expires_in(second * 604_801), "not 604801s"),
            (put().upload_part("id", 0), "the part number is 0:"),
            (put().upload_part("id", 10_001), "the part number is 10001:"),
            (put().upload_part("", 1), "the upload id is empty"),
            (get().upload_part("id", 1), "a part is uploaded with PUT"),
            (put().header("a b", "c"), "\"a b\" cannot be the name"),
            (put().metadata("a", "é"), "x-amz-meta-a has a value that is not plain ASCII"),
            (put().metadata("a", "b\r\nhost: c"), "not plain ASCII"),
            (put().header("Host", "evil.example"), "host cannot be set"),
            (put().header("X-Amz-Date", "x"), "x-amz-date cannot be set"),
        ] {
            let error = presign.sign().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn expiry_is_a_whole_second_and_the_longest_is_a_week() {
        let url = client().presign(Method::GET, "a").expires_in(MAX_EXPIRES_IN).sign().unwrap();
        assert!(url.as_str().contains("&X-Amz-Expires=604800&"));
        assert_eq!(url.expires_at(), now() - Duration::from_millis(750) + MAX_EXPIRES_IN);
    }

    #[test]
    fn a_url_serialises_whole_and_its_debug_tells_no_secrets() {
        let url = client().presign(Method::PUT, "a b").metadata("Uploaded-By", "me").sign().unwrap();
        let json = serde_json::json!({
            "url": url.as_str(),
            "expiresAt": "2027-01-15T09:00:00.000Z",
            "signedHeaders": { "x-amz-meta-uploaded-by": "me" },
        });
        assert_eq!(serde_json::to_value(&url).unwrap(), json);
        assert_eq!(url.signed_headers()["x-amz-meta-uploaded-by"], "me");
        let debug = format!("{url:?}");
        assert!(debug.contains("http://127.0.0.1:9710/media/a%20b"), "{debug}");
        for secret in ["t0ken", "a-key-id", "Signature="] {
            assert!(url.as_str().contains(secret), "{secret}");
            assert!(!debug.contains(secret), "{debug}");
        }
    }
}
