//! Plain requests and answers: the checks look at what a client hides.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use cloudflare_clients::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use cloudflare_clients::r2::{Body, SignedUrl};
use cloudflare_clients::s3::Response;
use cloudflare_clients::s3::error_code::parse_error;
use cloudflare_clients::{Error, ErrorKind, HttpClient, ReasonPhrase, Result, Timeouts};
use futures_util::TryStreamExt as _;

/// Maximum size of an answer, in bytes. A page of uploads with the longest keys is smaller.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Delay before a retry. R2 accepts one write per second and key.
const BEFORE_AGAIN: Duration = Duration::from_millis(1100);

/// Sends the requests. Tests redirect the hosts of R2 to their own servers.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: Arc<dyn HttpClient>,
    /// Time limit of a check.
    pub(super) limit: Duration,
}

/// An answer with any status.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    reason: Option<String>,
}

impl Http {
    pub(super) fn new(client: Arc<dyn HttpClient>, limit: Duration) -> Self {
        Self { client, limit }
    }

    /// Sends a request, and sends it once more if the service asks to wait.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Answer> {
        let (parts, body) = request.into_parts();
        let Some(copy) = body.try_clone() else {
            return self.send_once(Request::from_parts(parts, body)).await;
        };
        let again = Request::from_parts(parts.clone(), copy);
        let answer = self.send_once(Request::from_parts(parts, body)).await?;
        match answer.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                tokio::time::sleep(BEFORE_AGAIN).await;
                self.send_once(again).await
            }
            _ => Ok(answer),
        }
    }

    async fn send_once(&self, mut request: Request<Body>) -> Result<Answer> {
        let timeouts =
            Timeouts::default().connect(self.limit * 3 / 4).first_byte(self.limit).idle(self.limit);
        request.extensions_mut().insert(timeouts);
        let (mut head, body) = self.client.send(request).await?.into_parts();
        let mut stream = body.into_stream();
        let mut body = BytesMut::new();
        while body.len() < MAX_ANSWER
            && let Some(piece) = stream.try_next().await?
        {
            body.extend_from_slice(&piece);
        }
        Ok(Answer {
            status: head.status,
            reason: head.extensions.remove::<ReasonPhrase>().map(|reason| reason.as_str().to_owned()),
            headers: head.headers,
            body: body.freeze(),
        })
    }

    /// Sends an unsigned request.
    pub(super) async fn plain(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, &str)],
    ) -> Result<Answer> {
        self.send(request(method, url, headers, Bytes::new())?).await
    }

    /// Sends a request to a presigned URL, like a browser.
    pub(super) async fn presigned(
        &self,
        method: Method,
        url: &SignedUrl,
        headers: &[(HeaderName, &str)],
        body: Bytes,
    ) -> Result<Answer> {
        let mut request = request(method, url.as_str(), headers, body)?;
        for (name, value) in url.signed_headers() {
            request.headers_mut().insert(name, value.clone());
        }
        self.send(request).await
    }
}

fn request(method: Method, url: &str, headers: &[(HeaderName, &str)], body: Bytes) -> Result<Request<Body>> {
    // Errors do not show the URL, which may be presigned.
    let invalid = || Error::new(ErrorKind::InvalidInput, "the request has an invalid URL or header");
    let mut request =
        Request::builder().method(method).uri(url).body(Body::from(body)).map_err(|_| invalid())?;
    let host = request.uri().authority().ok_or_else(invalid)?.to_string();
    let mut insert = |name: HeaderName, value: &str| {
        request.headers_mut().insert(name, HeaderValue::from_str(value).map_err(|_| invalid())?);
        Ok::<_, Error>(())
    };
    insert(header::HOST, &host)?;
    insert(header::ACCEPT_ENCODING, "identity")?;
    headers.iter().try_for_each(|(name, value)| insert(name.clone(), value))?;
    Ok(request)
}

impl Answer {
    /// Returns the error of R2's S3 API.
    pub(super) fn error(&self) -> Error {
        parse_error(self.status, self.reason.as_deref(), &self.headers, &self.body, SystemTime::now())
    }

    /// Converts it for the parsers of R2's S3 API.
    pub(super) fn into_response(self) -> Response {
        let Self { status, headers, body, reason } = self;
        Response { status, reason, headers, body, received: SystemTime::now() }
    }

    /// Returns a header, if it is text.
    pub(super) fn header(&self, name: impl AsRef<str>) -> Option<&str> {
        self.headers.get(name.as_ref())?.to_str().ok()
    }

    /// Describes the answer, such as `200 text/html`.
    pub(super) fn described(&self) -> String {
        let what = self.header(header::CONTENT_TYPE).map(|kind| format!(" {kind}")).unwrap_or_default();
        let server = self.header(header::SERVER).map(|server| format!(" from {server}")).unwrap_or_default();
        format!("{}{what}{server}", self.status.as_u16())
    }
}
