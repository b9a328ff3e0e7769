//! The route to a host: directly over TCP, or through a proxy.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::TryFutureExt as _;
use futures_util::future::{self, BoxFuture};
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::proxy::{Proxies, Proxy, is_https};
use super::resolver::Resolver;

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Opens the connections for HTTP, or for TLS with the host.
#[derive(Clone)]
pub(super) struct Route {
    tcp: HttpConnector<Resolver>,
    to_proxy: HttpsConnector<HttpConnector<Resolver>>,
    proxies: Arc<Proxies>,
}

impl Route {
    pub(super) fn new(tls: ClientConfig, proxies: Arc<Proxies>) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::new());
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let to_proxy = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp.clone());
        Self { tcp, to_proxy, proxies }
    }
}

impl Service<Uri> for Route {
    type Response = Line;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Line, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.to_proxy.poll_ready(cx)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let proxy = match self.proxies.to(&url) {
            Ok(proxy) => proxy.cloned(),
            Err(error) => return Box::pin(future::err(error.into())),
        };
        let Some(proxy) = proxy else {
            let connecting = self.tcp.call(url);
            return Box::pin(async {
                Ok(Line { stream: MaybeHttpsStream::Http(connecting.await?), speaks_to_proxy: false })
            });
        };
        let connecting = self.to_proxy.call(proxy.url().clone());
        Box::pin(async move {
            let through = async {
                let stream = connecting.await?;
                if is_https(&url) {
                    Ok(Line { stream: tunnel(stream, &proxy, &url).await?, speaks_to_proxy: false })
                } else {
                    Ok(Line { stream, speaks_to_proxy: true })
                }
            };
            through.await.map_err(|source| ProxyError(source).into())
        })
    }
}

/// Makes the proxy connect to the host of the URL. (hyper-util's `Tunnel` does the same, but hides the status
/// of a rejection, which determines whether to retry.)
async fn tunnel(stream: Stream, proxy: &Proxy, url: &Uri) -> Result<Stream, BoxError> {
    let host = format!("{}:{}", url.host().unwrap_or_default(), url.port_u16().unwrap_or(443));
    let mut request = Request::connect(&host).header(HOST, &host);
    if let Some(credentials) = proxy.credentials() {
        request = request.header(PROXY_AUTHORIZATION, credentials);
    }
    let request = request.body(Empty::<Bytes>::new())?;
    let (mut sender, connection) = http1::handshake(stream).await?;
    let answered = async {
        match sender.send_request(request).await?.status() {
            StatusCode::OK => Ok(()),
            status => Err(BoxError::from(Refusal(status))),
        }
    };
    let (connection, ()) =
        future::try_join(connection.without_shutdown().map_err(BoxError::from), answered).await?;
    // In TLS the client sends first.
    if !connection.read_buf.is_empty() {
        return Err("it sent bytes before the host could have sent any".into());
    }
    Ok(connection.io)
}

/// The error is the proxy's, not that of the host.
#[derive(Debug, thiserror::Error)]
#[error("the proxy failed")]
pub(super) struct ProxyError(#[source] BoxError);

/// The proxy does not connect to the host.
#[derive(Debug, thiserror::Error)]
#[error("the answer is {0}")]
pub(super) struct Refusal(pub(super) StatusCode);

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// A connection to the host, or to a proxy that forwards requests.
pub(super) struct Line {
    stream: Stream,
    /// Whether the proxy reads the requests, and needs the whole URL.
    speaks_to_proxy: bool,
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.speaks_to_proxy)
    }
}

impl Read for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl Write for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }
}
