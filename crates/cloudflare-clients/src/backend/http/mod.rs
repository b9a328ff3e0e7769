//! One HTTP/1.1 exchange, of which no step waits for ever.

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

/// How long an unused connection is kept: less than Cloudflare and most servers keep it.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The client of HTTP/1.1 that an [`S3Bucket`](crate::S3Bucket) or a [`RestNamespace`](crate::RestNamespace) uses by
/// default. It speaks HTTP with [hyper](https://hyper.rs), and TLS with [rustls](https://docs.rs/rustls) and Mozilla's
/// root certificates.
///
/// It holds a pool of connections, which clones share. It needs a Tokio runtime with I/O and time. A connection ends
/// with the runtime that opened it, so use a client within one runtime.
///
/// It obeys the [`Timeouts`] in the extensions of a request, or [`Timeouts::default`] if a request has none.
///
/// # Proxies
/// By default it goes through the HTTP proxies that the environment names, which it reads when it is made:
///
/// | variable | what it holds |
/// |---|---|
/// | `HTTPS_PROXY` | the proxy for URLs that begin with `https`, such as `http://user:password@proxy.example:3128` |
/// | `HTTP_PROXY` | the one for URLs that begin with `http`; not read by a CGI program, where a client can set it |
/// | `ALL_PROXY` | the one for either, where the variable of its own is not set |
/// | `NO_PROXY` | what is reached directly, between commas |
///
/// An entry of `NO_PROXY` is a host with those below it, an address, a network (`10.0.0.0/8`), each with a
/// port or without, or `*`. Each variable may be written in lower case too; upper case comes first. This
/// machine (`localhost`, what is below it, and the loopback addresses) is reached directly, whatever the
/// variables hold. [`with_proxy`](Self::with_proxy) names another proxy, and [`no_proxy`](Self::no_proxy)
/// uses none.
///
/// HTTPS goes through a proxy in a tunnel (`CONNECT`), which hides all but the host from it. The time of a
/// tunnel counts to [`Timeouts::connect`]. The proxy itself is spoken to in HTTP, or in HTTPS where its URL
/// says so. A proxy that does not let a request pass is an [`ErrorKind::Connection`] that names the proxy. In
/// plain HTTP that is so where it wants a password (407); every other answer looks like the host's. A
/// variable that cannot be used, as that of a SOCKS proxy, is an [`ErrorKind::InvalidInput`] of each request
/// that needs it.
#[derive(Clone)]
pub struct HyperClient {
    client: Client<Connector, RequestBody>,
    /// What the client connects with.
    connector: Connector,
    runtime: Arc<dyn Runtime>,
}

impl HyperClient {
    /// A client with connections of its own. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`]: TLS cannot be set up.
    pub fn new() -> Result<Self> {
        Trust::public().map(Self::of_trust)
    }

    /// A client that also trusts the certificates of this PEM, and those that they sign. A proxy that reads
    /// along has such a certificate, and `cfstore serve --tls`.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use cloudflare_clients::r2::R2Service;
    /// use cloudflare_clients::{HyperClient, S3Bucket};
    ///
    /// # fn service() -> Result<R2Service, Box<dyn std::error::Error>> {
    /// let client = HyperClient::trusting(&std::fs::read(".cfstore/tls-certificate.pem")?)?;
    /// let bucket = S3Bucket::from_env()?.with_http_client(Arc::new(client));
    /// // Presigned URLs are signed as the bucket's requests are.
    /// let signing = bucket.signing_client().clone();
    /// Ok(R2Service::new(bucket).with_signing(signing))
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: it is not PEM, or has no certificate that can be trusted. A certificate
    /// that cannot be trusted beside one that can is passed over. Those of [`new`](Self::new).
    pub fn trusting(pem: &[u8]) -> Result<Self> {
        Trust::public_and(pem).map(Self::of_trust)
    }

    /// Trusts the authorities that this system trusts, in place of Mozilla's, besides what
    /// [`trusting`](Self::trusting) has added. Its connections are its own from here. Where a company has its
    /// own authority, or its proxy reads along, the system often knows that.
    ///
    /// They are read once, here: on Linux and BSD from OpenSSL's usual files, on macOS from the keychain, and
    /// on Windows from the certificate store. Where the environment has `SSL_CERT_FILE` or `SSL_CERT_DIR`,
    /// what these name takes the place of all of that, as in OpenSSL.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`]: none of them can be read. One that cannot be read beside one that can
    /// is passed over.
    #[cfg(feature = "native-roots")]
    pub fn with_native_roots(self) -> Result<Self> {
        let connector = self.connector.trusting_the_system()?;
        Ok(Self { client: pool(&connector), connector, runtime: self.runtime })
    }

    /// Goes through this proxy, whatever the host, in place of those of the environment. Its connections are
    /// its own from here.
    ///
    /// The URL names an HTTP proxy, such as `http://user:password@proxy.example:3128`, with special
    /// characters of the user and the password percent-encoded.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: it is not such a URL. The error does not show it.
    pub fn with_proxy(self, url: &str) -> Result<Self> {
        Ok(self.by_way_of(Proxies::all(url)?))
    }

    /// Goes through no proxy, whatever the environment says. Its connections are its own from here.
    #[must_use]
    pub fn no_proxy(self) -> Self {
        self.by_way_of(Proxies::default())
    }

    /// The host and port of the proxy that a request to this URL goes through; `None` where it goes directly.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the environment names one that cannot be used.
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

    /// A client over the connections that `dial` makes.
    #[cfg(feature = "simulation")]
    pub(crate) fn over(dial: Arc<dyn Dial>) -> Self {
        Self::connecting_by(Connector::Dial(dial))
    }

    /// A body that is announced to be empty is not read when it is sent, so whether it is has to be seen
    /// before.
    async fn checked_if_empty(&self, body: Body, timeouts: Timeouts) -> Result<Body> {
        if body.content_length() != Some(0) || body.as_bytes().is_some() {
            return Ok(body);
        }
        let read = self.runtime.within(timeouts.idle, body.bytes()).await;
        let stalled = || {
            let message = format!("the upload stalled: the body gave nothing for {:?}", timeouts.idle);
            Error::new(ErrorKind::Timeout, message)
        };
        read.ok_or_else(stalled)?.map(Body::from)
    }

    /// Replaces the timer that timeouts go by.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }
}

/// No connections yet.
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
            return Err(Error::invalid_input("the URL of the request names no host"));
        };
        // What stands before an @ is a secret.
        let host = host.as_str().rsplit_once('@').map_or(host.as_str(), |(_, host)| host).to_owned();
        let proxy = self.connector.proxy_to(request.uri())?;
        // It reads the request. Otherwise it sees a tunnel, which was asked for apart.
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
            let message = format!("{host} answered {} before it had the whole request", head.status);
            return Err(Error::unexpected(message).retryable(true));
        }
        // hyper notes it where it is not HTTP's own.
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
