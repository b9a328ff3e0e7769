//! Makes connections: address, TCP and TLS in one time limit.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_service::Service;

use super::answer_first::AnswerFirst;
#[cfg(feature = "simulation")]
use super::dial::{Dial, Stream};
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
pub(super) enum Connector {
    Https(HttpsConnector<HttpConnector<Resolver>>),
    #[cfg(feature = "simulation")]
    Dial(Arc<dyn Dial>),
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
        Self::Https(https)
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<AnswerFirst<Wire>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Https(https) => https.poll_ready(cx),
            #[cfg(feature = "simulation")]
            Self::Dial(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting: BoxFuture<'static, Result<Wire, BoxError>> = match self {
            Self::Https(https) => {
                let connecting = https.call(uri);
                Box::pin(async { Ok(Wire::Https(TokioIo::new(connecting.await?))) })
            }
            #[cfg(feature = "simulation")]
            Self::Dial(dial) => {
                let connecting = dial.dial(uri);
                Box::pin(async { Ok(Wire::Dialled(connecting.await?)) })
            }
        };
        let Connecting { limit, runtime } = CONNECTING.try_with(Clone::clone).unwrap_or_default();
        Box::pin(async move {
            match runtime.within(limit, connecting).await {
                Some(connected) => Ok(TokioIo::new(AnswerFirst::new(connected?))),
                None => Err(ConnectTimeout(limit).into()),
            }
        })
    }
}

/// What a connection is made of.
#[cfg_attr(
    feature = "simulation",
    expect(clippy::large_enum_variant, reason = "the large one is the one that ships")
)]
pub(super) enum Wire {
    Https(TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>),
    #[cfg(feature = "simulation")]
    Dialled(Box<dyn Stream>),
}

/// Does something with it, whichever it is.
macro_rules! on_wire {
    ($wire:expr, $io:ident => $does:expr) => {
        match $wire {
            Wire::Https($io) => $does,
            #[cfg(feature = "simulation")]
            Wire::Dialled($io) => $does,
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_wire!(self.get_mut(), io => Pin::new(io).poll_read(cx, buf))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        on_wire!(self.get_mut(), io => Pin::new(io).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_wire!(self.get_mut(), io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_wire!(self.get_mut(), io => Pin::new(io).poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        on_wire!(self, io => io.is_write_vectored())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_wire!(self.get_mut(), io => Pin::new(io).poll_write_vectored(cx, bufs))
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        match self {
            Self::Https(io) => io.connected(),
            #[cfg(feature = "simulation")]
            Self::Dialled(_) => Connected::new(),
        }
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
pub(super) struct Resolver(GaiResolver);

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
