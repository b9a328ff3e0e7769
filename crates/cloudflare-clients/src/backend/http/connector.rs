//! Opens connections: DNS, TCP, the proxy's tunnel and TLS within one time limit.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower_service::Service;

use super::answer_first::AnswerFirst;
#[cfg(feature = "simulation")]
use super::dial::{Dial, Stream};
use super::proxy::{Proxies, Proxy, UnusableProxy};
use super::route::{BoxError, Line, Route};
use super::trust::Trust;
use crate::runtime::{Runtime, TokioRuntime};
use crate::transport::Timeouts;

tokio::task_local! {
    /// The limits of the current request for its connection. A pool passes only the address to its connector.
    pub(super) static CONNECTING: Connecting;
}

/// Maximum time to open a connection, and the timer to measure it with.
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
    Https(Box<Https>),
    #[cfg(feature = "simulation")]
    Dial(Arc<dyn Dial>),
}

/// The connector over TCP and TLS, and its configuration.
#[derive(Clone)]
pub(super) struct Https {
    trust: Arc<Trust>,
    proxies: Arc<Proxies>,
    connector: HttpsConnector<Route>,
}

impl Connector {
    pub(super) fn new(trust: Arc<Trust>, proxies: Arc<Proxies>) -> Self {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trust.tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(Route::new(trust.tls.clone(), Arc::clone(&proxies)));
        Self::Https(Box::new(Https { trust, proxies, connector }))
    }

    /// The same connector with other proxies.
    pub(super) fn by_way_of(self, proxies: Proxies) -> Self {
        match self {
            Self::Https(https) => Self::new(https.trust, Arc::new(proxies)),
            #[cfg(feature = "simulation")]
            Self::Dial(dial) => Self::Dial(dial),
        }
    }

    /// The same connector, trusting the system's authorities.
    #[cfg(feature = "native-roots")]
    pub(super) fn trusting_the_system(self) -> crate::error::Result<Self> {
        Ok(match self {
            Self::Https(https) => Self::new(Arc::new(https.trust.native()?), https.proxies),
            #[cfg(feature = "simulation")]
            Self::Dial(dial) => Self::Dial(dial),
        })
    }

    /// Returns the proxy for a request to this URL.
    pub(super) fn proxy_to(&self, url: &Uri) -> Result<Option<&Proxy>, UnusableProxy> {
        match self {
            Self::Https(https) => https.proxies.to(url),
            #[cfg(feature = "simulation")]
            Self::Dial(_) => Ok(None),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<AnswerFirst<Wire>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Https(https) => https.connector.poll_ready(cx),
            #[cfg(feature = "simulation")]
            Self::Dial(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting: BoxFuture<'static, Result<Wire, BoxError>> = match self {
            Self::Https(https) => {
                let connecting = https.connector.call(uri);
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

/// The transport of a connection.
#[cfg_attr(
    feature = "simulation",
    expect(clippy::large_enum_variant, reason = "the large one is the one that ships")
)]
pub(super) enum Wire {
    Https(TokioIo<MaybeHttpsStream<Line>>),
    #[cfg(feature = "simulation")]
    Dialled(Box<dyn Stream>),
}

/// Calls a method of the transport, whichever it is.
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

/// The connection could not be opened in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
pub(super) struct ConnectTimeout(pub(super) Duration);
