//! Makes connections: address, TCP and TLS in one time limit.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::answer_first::AnswerFirst;
use crate::runtime::{Runtime, TokioRuntime};
use crate::transport::Timeouts;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

tokio::task_local! {
    /// What the current request allows for its connection. A pool tells its connector only the address.
    pub(super) static CONNECTING: Connecting;
}

/// How long a connection may take to make, and by which timer.
#[derive(Debug, Clone)]
pub(super) struct Connecting {
    pub(super) limit: Duration,
    pub(super) runtime: Arc<dyn Runtime>,
}

impl Default for Connecting {
    fn default() -> Self {
        Self { limit: Timeouts::default().connect, runtime: Arc::new(TokioRuntime) }
    }
}

#[derive(Clone)]
pub(super) struct Connector {
    https: HttpsConnector<HttpConnector<Resolver>>,
}

impl Connector {
    pub(super) fn new(tls: ClientConfig) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self { https }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<AnswerFirst<TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.https.call(uri);
        let Connecting { limit, runtime } = CONNECTING.try_with(Clone::clone).unwrap_or_default();
        Box::pin(async move {
            match runtime.within(limit, connecting).await {
                Some(connected) => Ok(TokioIo::new(AnswerFirst::new(TokioIo::new(connected?)))),
                None => Err(ConnectTimeout(limit).into()),
            }
        })
    }
}

/// The connection was not there in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
pub(super) struct ConnectTimeout(pub(super) Duration);

/// The host's name has no address, as far as the system can tell.
#[derive(Debug, thiserror::Error)]
#[error("the name cannot be resolved")]
pub(super) struct DnsError(#[source] std::io::Error);

/// The system's resolver, whose failures can be told from others. Names below `localhost` are this machine,
/// as [RFC 6761](https://www.rfc-editor.org/rfc/rfc6761#section-6.3) has it and not every system does: a
/// local server has buckets there.
#[derive(Clone)]
struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = DnsError;
    type Future = BoxFuture<'static, Result<GaiAddrs, DnsError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), DnsError>> {
        self.0.poll_ready(cx).map_err(DnsError)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let this_machine = name.as_str().to_ascii_lowercase().ends_with(".localhost");
        let name = if this_machine { "localhost".parse().unwrap_or(name) } else { name };
        let resolving = self.0.call(name);
        Box::pin(async move { resolving.await.map_err(DnsError) })
    }
}
