//! One HTTP/1.1 exchange, of which no step waits for ever.

mod answer_first;
mod connector;
#[cfg(feature = "simulation")]
mod dial;
mod download;
mod failure;
mod peer_wait;
mod sender;
mod shared;
mod upload;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{self, Either};
use http::{Request, Response};
use hyper::ext::ReasonPhrase as HyperReasonPhrase;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use self::connector::{CONNECTING, Connecting, Connector};
#[cfg(feature = "simulation")]
pub use self::dial::{Dial, Stream};
use self::download::Download;
use self::failure::failure;
pub(crate) use self::sender::Sender;
pub(crate) use self::shared::shared_client;
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
#[derive(Clone)]
pub struct HyperClient {
    client: Client<Connector, RequestBody>,
    runtime: Arc<dyn Runtime>,
}

impl HyperClient {
    /// A client with connections of its own. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`]: TLS cannot be set up.
    pub fn new() -> Result<Self> {
        Self::with_roots(public_roots())
    }

    /// A client that also trusts the certificates of this PEM, and those that they sign. A proxy that reads along
    /// has such a certificate, and `cfstore serve --tls`.
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
    /// [`ErrorKind::InvalidInput`]: it is not PEM, or has no certificate that can be trusted. A certificate that
    /// cannot be trusted beside one that can is passed over. Those of [`new`](Self::new).
    pub fn trusting(pem: &[u8]) -> Result<Self> {
        let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let certificates = certificates
            .map_err(|error| Error::invalid_input("the certificates are not PEM").with_source(error))?;
        let mut roots = public_roots();
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(Error::invalid_input("the PEM has no certificate that can be trusted"));
        }
        Self::with_roots(roots)
    }

    fn with_roots(roots: RootCertStore) -> Result<Self> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(ErrorKind::Connection, "TLS cannot be set up").with_source(error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self::connecting_by(Connector::new(tls)))
    }

    fn connecting_by(connector: Connector) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_ALIVE)
            .build(connector);
        Self { client, runtime: Arc::new(TokioRuntime) }
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

/// Mozilla's.
fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

#[async_trait]
impl HttpClient for HyperClient {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let timeouts: Timeouts = request.extensions().get().copied().unwrap_or_default();
        let (Some(_), Some(host)) = (request.uri().scheme(), request.uri().authority()) else {
            return Err(Error::invalid_input("the URL of the request names no host"));
        };
        let host = host.to_string();
        let (head, body) = request.into_parts();
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
            Err(error) => return Err(upload.take_error().unwrap_or_else(|| failure(&host, error))),
        };
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
