//! The listener for operators: health and metrics. It is separate because S3 uses every path of the other
//! listener.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloudflare_clients::LocalStore;
use cloudflare_clients::http::header::{ALLOW, CONTENT_TYPE};
use cloudflare_clients::http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::prometheus_text;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::metrics::ServeMetrics;
use crate::bucket_location::LOCAL_BUCKET;
use crate::error::{Error, Result};
use crate::store_folder::DATABASE;

/// Path that `cfstore health` requests.
pub(super) const HEALTH: &str = "/healthz";
pub(super) const METRICS: &str = "/metrics";
/// Timeout of a read of the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum lifetime of a connection.
const LONGEST_CONNECTION: Duration = Duration::from_secs(60);
/// Maximum number of open connections. A further one replaces the oldest.
const MOST_CONNECTIONS: usize = 64;
/// Timeout for the headers of a request, and between two requests.
const IDLE: Duration = Duration::from_secs(10);
/// Delay after a failure to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listener that does not answer yet.
#[derive(Debug)]
pub(super) struct AdminListener(TcpListener);

/// State of the listener.
#[derive(Debug)]
pub(super) struct Admin {
    store: LocalStore,
    metrics: ServeMetrics,
    is_stopping: AtomicBool,
}

impl AdminListener {
    pub(super) async fn bind(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Error::usage(
                format!("cannot listen on {address} (--admin-listen): {error}"),
                "--admin-listen 127.0.0.1:0 picks a free port",
            )
        })?;
        Ok(Self(listener))
    }

    /// Uses a socket that is already listening.
    pub(super) fn take(listener: std::net::TcpListener) -> Result<Self> {
        #[cfg(target_os = "linux")]
        if !rustix::net::sockopt::socket_acceptconn(&listener).unwrap_or(true) {
            return Err(Error::Local("the second socket of LISTEN_FDS is not listening".to_owned()));
        }
        let taken = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
        let failed = |error| Error::Local(format!("cannot use the second socket of LISTEN_FDS: {error}"));
        Ok(Self(taken.map_err(failed)?))
    }

    pub(super) fn local_addr(&self) -> Result<SocketAddr> {
        let failed = |error| Error::Local(format!("cannot read the address of --admin-listen: {error}"));
        self.0.local_addr().map_err(failed)
    }

    /// Answers requests until the future is dropped, which also ends its connections.
    pub(super) async fn serve(self, admin: Arc<Admin>) {
        let mut connections = JoinSet::new();
        let mut oldest_first = VecDeque::new();
        loop {
            while connections.try_join_next().is_some() {}
            oldest_first.retain(|connection: &AbortHandle| !connection.is_finished());
            if oldest_first.len() >= MOST_CONNECTIONS
                && let Some(oldest) = oldest_first.pop_front()
            {
                oldest.abort();
            }
            match self.0.accept().await {
                Ok((stream, _)) => {
                    let admin = Arc::clone(&admin);
                    let connection = connections.spawn(async move { converse(stream, &admin).await });
                    oldest_first.push_back(connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection to --admin-listen");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn converse(stream: TcpStream, admin: &Admin) {
    let served = http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(IDLE).serve_connection(
        TokioIo::new(stream),
        service_fn(|request| async move { Ok::<_, Infallible>(admin.answer(&request).await) }),
    );
    // Limits the lifetime, so that a client that does not read its answer makes room for others.
    if let Ok(Err(error)) = timeout(LONGEST_CONNECTION, served).await {
        tracing::debug!(%error, "a connection to --admin-listen ended early");
    }
}

impl Admin {
    pub(super) fn new(store: LocalStore, metrics: ServeMetrics) -> Arc<Self> {
        Arc::new(Self { store, metrics, is_stopping: AtomicBool::new(false) })
    }

    /// Reports the server as unhealthy from now on.
    pub(super) fn stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if ![HEALTH, METRICS].contains(&path) {
            return text(
                StatusCode::NOT_FOUND,
                format!("not found: this listener serves {HEALTH} and {METRICS}\n"),
            );
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut refused = text(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("method not allowed: {path} supports GET and HEAD\n"),
            );
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        if path == HEALTH {
            return match self.health().await {
                Ok(()) => text(StatusCode::OK, "ok\n"),
                Err(problem) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{problem}\n")),
            };
        }
        match self.metrics.render() {
            Ok(rendered) => {
                let mut answer = text(StatusCode::OK, rendered);
                answer
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static(prometheus_text::CONTENT_TYPE));
                answer
            }
            Err(error) => {
                text(StatusCode::INTERNAL_SERVER_ERROR, format!("cannot render the metrics: {error}\n"))
            }
        }
    }

    /// Returns why the server is unhealthy, if it is.
    async fn health(&self) -> std::result::Result<(), String> {
        if self.is_stopping.load(Ordering::Relaxed) {
            return Err("the server is stopping".to_owned());
        }
        // An open database still answers after its folder was moved, deleted or closed to this user.
        let database = self.store.path().join(DATABASE);
        if let Err(error) = tokio::fs::metadata(&database).await {
            return Err(format!("cannot find {}: {error}", database.display()));
        }
        match timeout(STORE_TIMEOUT, self.store.bucket_info(LOCAL_BUCKET)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("cannot read the store: {error}")),
            Err(_) => Err(format!("the store did not answer within {} s", STORE_TIMEOUT.as_secs())),
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
