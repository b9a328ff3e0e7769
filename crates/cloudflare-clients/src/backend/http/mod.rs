//! HTTP/1.1 exchanges in which every step has a time limit.

mod answer_first;
mod connector;
#[cfg(feature = "simulation")]
mod dial;
mod download;
mod failure;
mod peer_wait;
mod proxy;
mod resolver;
mod route;
mod sender;
mod shared;
mod trust;
mod upload;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{self, Either};
use http::header::PROXY_AUTHORIZATION;
use http::{Request, Response, StatusCode, Uri};
use hyper::ext::ReasonPhrase as HyperReasonPhrase;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use self::connector::{CONNECTING, Connecting, Connector};
#[cfg(feature = "simulation")]
pub use self::dial::{Dial, Stream};
use self::download::Download;
use self::failure::{failure, refusal};
use self::proxy::{Proxies, Proxy, UnusableProxy, is_https};
pub(crate) use self::sender::Sender;
pub(crate) use self::shared::shared_client;
use self::trust::Trust;
use self::upload::{RequestBody, Upload};
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Runtime, TokioRuntime};
use crate::transport::{HttpClient, ReasonPhrase, Timeouts};

/// How long an unused connection is kept open: shorter than the limit of Cloudflare and most servers.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The HTTP/1.1 client that [`S3Bucket`](crate::S3Bucket) and [`RestNamespace`](crate::RestNamespace) use by
/// default. It uses [hyper](https://hyper.rs), and [rustls](https://docs.rs/rustls) with Mozilla's root
/// certificates.
///
/// It holds a pool of connections, which clones share. It needs a Tokio runtime with I/O and time. A
/// connection ends with the runtime that opened it, so use a client within one runtime.
///
/// The client applies the [`Timeouts`] in the extensions of a request, or [`Timeouts::default`] if a request
/// has none.
///
/// # Proxies
/// By default, the client uses the HTTP proxies in the environment, which it reads when it is created:
///
/// | variable | value |
/// |---|---|
/// | `HTTPS_PROXY` | the proxy for `https` URLs, such as `http://user:password@proxy.example:3128` |
/// | `HTTP_PROXY` | the proxy for `http` URLs; not read in a CGI program, where a client can set it |
/// | `ALL_PROXY` | the proxy for both, if the specific variable is not set |
/// | `NO_PROXY` | hosts that are reached directly, separated by commas |
///
/// An entry of `NO_PROXY` is a host, which includes its subdomains, an address or a network (`10.0.0.0/8`),
/// each with an optional port, or `*`. The lower-case names of the variables work too; the upper-case name
/// takes precedence. Whatever the variables contain, this machine (`localhost`, its subdomains, and the
/// loopback addresses) is reached directly. [`with_proxy`](Self::with_proxy) sets a proxy for all requests
/// instead, and [`no_proxy`](Self::no_proxy) uses none.
///
/// HTTPS requests go through a tunnel (`CONNECT`), in which the proxy sees only the host. Opening the tunnel
/// counts towards [`Timeouts::connect`]. The client connects to the proxy over HTTP, or over HTTPS if its URL
/// says so.
///
/// If a proxy rejects a request, the error is [`ErrorKind::Connection`] and names the proxy. For plain HTTP
/// this is only detected if the proxy requires a password (407); any other answer looks like the host's. If a
/// variable cannot be used, such as the URL of a SOCKS proxy, each request that needs it fails with
/// [`ErrorKind::InvalidInput`].
#[derive(Clone)]
pub struct HyperClient {
    client: Client<Connector, RequestBody>,
    /// The connector of the client.
    connector: Connector,
    runtime: Arc<dyn Runtime>,
}

impl HyperClient {
    /// Creates a client with its own connections. Sends nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`] if TLS cannot be set up.
    pub fn new() -> Result<Self> {
        Trust::public().map(Self::of_trust)
    }

    /// Creates a client that also trusts the certificates in this PEM file, and certificates that they sign.
    /// It is for a proxy that inspects TLS, and for `cfstore serve --tls`.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use cloudflare_clients::r2::R2Service;
    /// use cloudflare_clients::{HyperClient, S3Bucket};
    ///
    /// # fn service() -> Result<R2Service, Box<dyn std::error::Error>> {
    /// let client = HyperClient::trusting(&std::fs::read(".cfstore/tls-certificate.pem")?)?;
    /// let bucket = S3Bucket::from_env()?.with_http_client(Arc::new(client));
    /// // Presigned URLs are signed like the bucket's requests.
    /// let signing = bucket.signing_client().clone();
    /// Ok(R2Service::new(bucket).with_signing(signing))
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the input is not PEM, or has no certificate that can be trusted. If
    /// some can be trusted, the others are ignored. Also the errors of [`new`](Self::new).
    pub fn trusting(pem: &[u8]) -> Result<Self> {
        Trust::public_and(pem).map(Self::of_trust)
    }

    /// Trusts the authorities that this system trusts instead of Mozilla's, in addition to the certificates
    /// of [`trusting`](Self::trusting). The returned client has its own connections. If a company has its own
    /// authority, or a proxy that inspects TLS, the system often trusts that.
    ///
    /// The authorities are read once, here: on Linux and BSD from OpenSSL's usual files, on macOS from the
    /// keychain, and on Windows from the certificate store. If `SSL_CERT_FILE` or `SSL_CERT_DIR` is set, it
    /// replaces all of these, as in OpenSSL.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`] if none of them can be read. If some can be read, the others are ignored.
    #[cfg(feature = "native-roots")]
    pub fn with_native_roots(self) -> Result<Self> {
        let connector = self.connector.trusting_the_system()?;
        Ok(Self { client: pool(&connector), connector, runtime: self.runtime })
    }

    /// Sends all requests through this proxy instead of those in the environment. The returned client has its
    /// own connections.
    ///
    /// The URL is that of an HTTP proxy, such as `http://user:password@proxy.example:3128`, with special
    /// characters in the user and the password percent-encoded.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if it is not such a URL. The error does not contain the URL.
    pub fn with_proxy(self, url: &str) -> Result<Self> {
        Ok(self.by_way_of(Proxies::all(url)?))
    }

    /// Uses no proxy, whatever the environment says. The returned client has its own connections.
    #[must_use]
    pub fn no_proxy(self) -> Self {
        self.by_way_of(Proxies::default())
    }

    /// Returns the host and port of the proxy for a request to this URL, or `None` if it is reached directly.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the environment has a proxy that cannot be used.
    pub fn proxy_for(&self, url: &Uri) -> Result<Option<String>> {
        let proxy = self.connector.proxy_to(url)?;
        Ok(proxy.map(|proxy| proxy.address().to_owned()))
    }

    fn by_way_of(self, proxies: Proxies) -> Self {
        let connector = self.connector.by_way_of(proxies);
        Self { client: pool(&connector), connector, runtime: self.runtime }
    }

    fn of_trust(trust: Trust) -> Self {
        let proxies = Proxies::from_vars(|name| std::env::var_os(name));
        Self::connecting_by(Connector::new(Arc::new(trust), Arc::new(proxies)))
    }

    fn connecting_by(connector: Connector) -> Self {
        Self { client: pool(&connector), connector, runtime: Arc::new(TokioRuntime) }
    }

    /// A client over the connections that `dial` opens.
    #[cfg(feature = "simulation")]
    pub(crate) fn over(dial: Arc<dyn Dial>) -> Self {
        Self::connecting_by(Connector::Dial(dial))
    }

    /// A body that is announced as empty is not read when it is sent, so it is checked before.
    async fn checked_if_empty(&self, body: Body, timeouts: Timeouts) -> Result<Body> {
        if body.content_length() != Some(0) || body.as_bytes().is_some() {
            return Ok(body);
        }
        let read = self.runtime.within(timeouts.idle, body.bytes()).await;
        let stalled = || {
            let message =
                format!("the upload stalled: the body's stream returned no bytes for {:?}", timeouts.idle);
            Error::new(ErrorKind::Timeout, message)
        };
        read.ok_or_else(stalled)?.map(Body::from)
    }

    /// Sets the timer for timeouts.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }
}

/// A pool without connections yet.
fn pool(connector: &Connector) -> Client<Connector, RequestBody> {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(KEEP_ALIVE)
        .build(connector.clone())
}

impl From<UnusableProxy> for Error {
    fn from(error: UnusableProxy) -> Self {
        Self::invalid_input(error.to_string())
    }
}

#[async_trait]
impl HttpClient for HyperClient {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let timeouts: Timeouts = request.extensions().get().copied().unwrap_or_default();
        let (Some(_), Some(host)) = (request.uri().scheme(), request.uri().authority()) else {
            return Err(Error::invalid_input("the URL of the request has no host"));
        };
        // The text before an @ is a secret.
        let host = host.as_str().rsplit_once('@').map_or(host.as_str(), |(_, host)| host).to_owned();
        let proxy = self.connector.proxy_to(request.uri())?;
        // The proxy reads the request if it is not encrypted. Otherwise it only sees a tunnel, which is
        // requested separately.
        let reader = proxy.filter(|_| !is_https(request.uri()));
        let (mut head, body) = request.into_parts();
        if let Some(credentials) = reader.and_then(Proxy::credentials) {
            head.headers.insert(PROXY_AUTHORIZATION, credentials.clone());
        }
        let body = self.checked_if_empty(body, timeouts).await?;
        let (body, upload) = RequestBody::new(body, Arc::clone(&self.runtime))?;
        let mut request = Request::from_parts(head, body);
        let connection = capture_connection(&mut request);
        let connecting = Connecting { limit: timeouts.connect, runtime: Arc::clone(&self.runtime) };
        let response = pin!(CONNECTING.scope(connecting, self.client.request(request)));
        let outcome = {
            let silence = pin!(silence(&*self.runtime, connection, &upload, timeouts));
            match future::select(response, silence).await {
                Either::Left((response, _)) => response,
                Either::Right((timeout, _)) => return Err(timeout),
            }
        };
        let (mut head, incoming) = match outcome {
            Ok(response) => response.into_parts(),
            Err(error) => return Err(upload.take_error().unwrap_or_else(|| failure(&host, proxy, error))),
        };
        if let Some(proxy) = reader
            && head.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
        {
            return Err(refusal(&host, proxy, head.status));
        }
        if head.status.is_success() && !upload.is_whole() {
            let message = format!("{host} answered {} before it had received the whole request", head.status);
            return Err(Error::unexpected(message).retryable(true));
        }
        // hyper stores the reason phrase if it is not the standard one.
        if let Some(reason) = head.extensions.remove::<HyperReasonPhrase>() {
            head.extensions.insert(ReasonPhrase::new(String::from_utf8_lossy(reason.as_bytes())));
        }
        let runtime = Arc::clone(&self.runtime);
        let download = Download::new(incoming, upload, timeouts, runtime);
        Ok(Response::from_parts(head, download.into_body()))
    }
}

impl fmt::Debug for HyperClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperClient").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}

/// Completes when nothing has happened for too long, between the connection and the head of the answer.
async fn silence(
    runtime: &dyn Runtime,
    mut connection: CaptureConnection,
    upload: &Upload,
    timeouts: Timeouts,
) -> Error {
    drop(connection.wait_for_connection_metadata().await);
    upload.connected();
    loop {
        let (deadline, error) = upload.deadline(timeouts);
        let left = deadline.saturating_sub(runtime.monotonic());
        if left.is_zero() {
            return error();
        }
        runtime.timeout(left).await;
    }
}
