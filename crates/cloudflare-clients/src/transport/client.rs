//! The client that requests are sent with.

use std::fmt;

use async_trait::async_trait;

use crate::body::Body;
use crate::error::Result;

/// Sends the requests of an [`S3Bucket`](crate::S3Bucket) or a [`RestNamespace`](crate::RestNamespace).
///
/// [`HyperClient`](crate::HyperClient) is the one that they have unless they are given another. Wrap it to measure requests or to
/// add headers of your own; write one to go through a proxy, for another TLS, or to answer from memory in a test.
///
/// A client sends a request as it is:
///
/// - **The target keeps each byte.** Signatures cover the path and the query, and keys may have segments such as `..`. A client
///   whose URL parser folds those, or encodes anew, asks for another object or fails with 403.
/// - **The headers stay**, `Host` and `Accept-Encoding: identity` among them. A client may add some.
/// - **The body has a known length** and is sent with that `Content-Length`, not chunked. It fails if it ends
///   early or is longer, and must not be taken for complete then. [`HyperClient`](crate::HyperClient) stops
///   sending it when an answer arrives before; a success that does so is
///   [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) and sent again, since it cannot be about all of the
///   body.
/// - **One call is one request.** A client neither retries nor follows redirects: [`RetryPolicy`](crate::RetryPolicy) decides on the
///   former, and a signature is good for one host.
/// - **Its [`Timeouts`](crate::Timeouts)** are in its extensions.
/// - **It carries credentials**, which belong in no log.
///
/// The response is what the service answered, whatever its status:
///
/// - **It is returned once its head has arrived**; the body follows while it is read.
/// - **The body is not decoded**, and one that is cut off ends in an error.
/// - **A [`ReasonPhrase`](crate::ReasonPhrase)** that differs from HTTP's own is in its extensions.
///
/// An error is for where there is no answer: [`ErrorKind::Timeout`](crate::ErrorKind), [`ErrorKind::Dns`](crate::ErrorKind) or
/// [`ErrorKind::Connection`](crate::ErrorKind), all of which are sent again. An error of the request's own body is passed on as it
/// is. A caller that drops the future, or the body of the response, gives the request up.
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
/// /// Has the same answer to everything, without a network.
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
/// // In a program the counted client is `HyperClient::new()?`.
/// let http = Arc::new(Counting { requests: AtomicU64::new(0), client: Arc::new(Hello) });
/// let config = R2SigningConfig::for_endpoint("https://r2.example.com", "id", "secret", "media");
/// let r2 = R2Service::new(S3Bucket::new(config)?.with_http_client(http.clone()));
/// assert_eq!(r2.get("greeting.txt").await?.unwrap().text().await?, "hello");
/// assert_eq!(http.requests.load(Ordering::Relaxed), 1);
/// # Ok(()) }
/// ```
#[async_trait]
pub trait HttpClient: fmt::Debug + Send + Sync + 'static {
    /// Sends a request, once, and returns the answer when its head has arrived.
    async fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>>;
}
