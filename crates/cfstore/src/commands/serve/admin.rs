//! The listener for those who run the server: whether it is healthy, and what it counts. R2 has every path of
//! the other listener.

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
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::metrics::ServeMetrics;
use crate::bucket_location::LOCAL_BUCKET;
use crate::error::{Error, Result};

/// The path that `cfstore health` asks.
pub(super) const HEALTH: &str = "/healthz";
pub(super) const METRICS: &str = "/metrics";
/// How long the store may take for a read.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection lasts: a client makes another then.
const LONGEST_CONNECTION: Duration = Duration::from_secs(60);
/// How many connections are open at once: others wait.
const MOST_CONNECTIONS: usize = 64;
/// How long a client may take for its headers, and stay connected between two requests.
const IDLE: Duration = Duration::from_secs(30);
/// How long to wait when the system has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listener that does not answer yet.
#[derive(Debug)]
pub(super) struct AdminListener(TcpListener);

/// What it answers from.
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
                format!("--admin-listen cannot listen at {address}: {error}"),
                "--admin-listen 127.0.0.1:0 takes a free port",
            )
        })?;
        Ok(Self(listener))
    }

    /// Takes a socket that listens already.
    pub(super) fn take(listener: std::net::TcpListener) -> Result<Self> {
        #[cfg(target_os = "linux")]
        if !rustix::net::sockopt::socket_acceptconn(&listener).unwrap_or(true) {
            return Err(Error::Local("the second of the sockets that were given does not listen".to_owned()));
        }
        let taken = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
        let failed = |error| {
            Error::Local(format!("the second of the sockets that were given cannot be used: {error}"))
        };
        Ok(Self(taken.map_err(failed)?))
    }

    pub(super) fn local_addr(&self) -> Result<SocketAddr> {
        let failed = |error| Error::Local(format!("the address of --admin-listen is not known: {error}"));
        self.0.local_addr().map_err(failed)
    }

    /// Answers until this is dropped, which ends its connections too.
    pub(super) async fn serve(self, admin: Arc<Admin>) {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            if connections.len() >= MOST_CONNECTIONS {
                connections.join_next().await;
            }
            match self.0.accept().await {
                Ok((stream, _)) => {
                    let admin = Arc::clone(&admin);
                    connections.spawn(async move { converse(stream, &admin).await });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to --admin-listen could not be accepted");
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
    // One that asks and takes no answer makes room for others too.
    if let Ok(Err(error)) = timeout(LONGEST_CONNECTION, served).await {
        tracing::debug!(%error, "a connection to --admin-listen ended early");
    }
}

impl Admin {
    pub(super) fn new(store: LocalStore, metrics: ServeMetrics) -> Arc<Self> {
        Arc::new(Self { store, metrics, is_stopping: AtomicBool::new(false) })
    }

    /// From now on it is not healthy.
    pub(super) fn stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if ![HEALTH, METRICS].contains(&path) {
            return text(StatusCode::NOT_FOUND, format!("this listener has {HEALTH} and {METRICS}\n"));
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, format!("{path} takes GET and HEAD\n"));
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
                text(StatusCode::INTERNAL_SERVER_ERROR, format!("the metrics cannot be written: {error}\n"))
            }
        }
    }

    /// Why the server does not serve, if it does not.
    async fn health(&self) -> std::result::Result<(), String> {
        if self.is_stopping.load(Ordering::Relaxed) {
            return Err("the server is stopping".to_owned());
        }
        match timeout(STORE_TIMEOUT, self.store.bucket_info(LOCAL_BUCKET)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("the store cannot be read: {error}")),
            Err(_) => Err(format!("the store does not answer within {} s", STORE_TIMEOUT.as_secs())),
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
