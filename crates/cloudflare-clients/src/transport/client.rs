//! The client that sends requests.

use std::fmt;

use async_trait::async_trait;

use crate::body::Body;
use crate::error::Result;

/// Sends the requests of an [`S3Bucket`](crate::S3Bucket) or a [`RestNamespace`](crate::RestNamespace).
///
/// The default is [`HyperClient`](crate::HyperClient). Wrap it to measure requests or to add headers.
/// Implement your own client to use another proxy or TLS library, or to answer from memory in a test.
///
/// A client must send a request unchanged:
///
/// - **Keep each byte of the target.** Signatures cover the path and the query, and keys may have segments
///   such as `..`. A client whose URL parser removes those, or encodes the path again, requests another
///   object or fails with 403.
/// - **Keep the headers**, including `Host` and `Accept-Encoding: identity`. You may add headers.
/// - **Send the body with its known length** as `Content-Length`, not chunked. The request must fail if the
///   body ends early or is longer, and must not be treated as complete then.
///   [`HyperClient`](crate::HyperClient) stops sending the body when an answer arrives early. An early
///   success is [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) and is retried, since it cannot be about
///   the whole body.
/// - **Send one request per call.** Do not retry and do not follow redirects:
///   [`RetryPolicy`](crate::RetryPolicy) decides about retries, and a signature is valid for one host.
/// - **Apply the [`Timeouts`](crate::Timeouts)** in the extensions of the request.
/// - **Keep secrets out of logs:** requests carry credentials.
///
/// Return the service's response, whatever its status:
///
/// - **Return it when its head has arrived.** The body follows while it is read.
/// - **Do not decode the body.** If it is cut off, it must end with an error.
/// - **Add a [`ReasonPhrase`](crate::ReasonPhrase)** to the extensions if it is not HTTP's standard one.
///
/// Return an error only if there is no answer: [`ErrorKind::Timeout`](crate::ErrorKind),
/// [`ErrorKind::Dns`](crate::ErrorKind) or [`ErrorKind::Connection`](crate::ErrorKind), all of which are
/// retried. Return an error of the request's own body unchanged. If the caller drops the future, or the body
/// of the response, abort the request.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use cloudflare_clients::r2::{Body, R2Service, R2SigningConfig};
/// use cloudflare_clients::{HttpClient, Result, S3Bucket, async_trait};
///
/// /// Counts the requests that another client sends.
/// #[derive(Debug)]
/// struct Counting {
///     requests: AtomicU64,
///     client: Arc<dyn HttpClient>,
/// }
///
/// #[async_trait]
/// impl HttpClient for Counting {
///     async fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>> {
///         self.requests.fetch_add(1, Ordering::Relaxed);
///         self.client.send(request).await
///     }
/// }
///
/// /// Returns the same answer to every request, without a network.
/// #[derive(Debug)]
/// struct Hello;
///
/// #[async_trait]
/// impl HttpClient for Hello {
///     async fn send(&self, _: http::Request<Body>) -> Result<http::Response<Body>> {
///         let response = http::Response::builder()
///             .header("ETag", "\"5d41402abc4b2a76b9719d911017c592\"")
///             .header("Last-Modified", "Fri, 15 Jan 2027 08:00:00 GMT")
///             .header("Content-Length", "5");
///         Ok(response.body(Body::from("hello")).expect("a valid response"))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// // In a program the wrapped client is `HyperClient::new()?`.
/// let http = Arc::new(Counting { requests: AtomicU64::new(0), client: Arc::new(Hello) });
/// let config = R2SigningConfig::for_endpoint("https://r2.example.com", "id", "secret", "media");
/// let r2 = R2Service::new(S3Bucket::new(config)?.with_http_client(http.clone()));
/// assert_eq!(r2.get("greeting.txt").await?.unwrap().text().await?, "hello");
/// assert_eq!(http.requests.load(Ordering::Relaxed), 1);
/// # Ok(()) }
/// ```
#[async_trait]
pub trait HttpClient: fmt::Debug + Send + Sync + 'static {
    /// Sends a request once, and returns the answer when its head has arrived.
    async fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>>;
}
