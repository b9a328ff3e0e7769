//! The listener and its connections.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use cloudflare_clients::{Error, ErrorKind, LocalStore, Result};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};

use crate::connection_timer::ConnectionTimer;
use crate::eventual::Eventual;
use crate::respond::respond;
use crate::service::Service;
use crate::{Credentials, Faults, KvBehaviour};

/// The most that a request's line and headers may have together: R2's own limits are far below.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// How long a client may take for its headers, and stay connected between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_mins(1);
/// How long requests under way may take after a shutdown was asked for.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait when the system has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server that has its port, but does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    service: Service,
}

impl Server {
    /// Takes the port. Port 0 takes a free one: [`local_addr`](Self::local_addr) says which. Clients that connect from
    /// now on wait until [`run`](Self::run).
    ///
    /// # Errors
    /// [`ErrorKind::Connection`]: the address cannot be listened at.
    pub async fn bind(store: LocalStore, credentials: Credentials, addr: SocketAddr) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Connection, format!("cannot listen at {addr}: {error}"))
                .with_source(error)
                .retryable(false)
        };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        Ok(Self {
            local_addr: listener.local_addr().map_err(failed)?,
            listener,
            service: Service::new(store, &credentials),
        })
    }

    /// The address that it listens at.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where clients on this machine find R2, such as `http://127.0.0.1:9710`. A server that listens at every
    /// address has one, too.
    pub fn endpoint(&self) -> String {
        endpoint(self.local_addr)
    }

    /// Shows what Workers KV does over a network and a store on one machine does not.
    #[must_use]
    pub fn with_kv_behaviour(mut self, behaviour: KvBehaviour) -> Self {
        self.service.eventual = Eventual::new(behaviour);
        self
    }

    /// A handle that makes the server fail on demand.
    pub fn faults(&self) -> Faults {
        self.service.faults.clone()
    }

    /// Serves until `shutdown` completes; then takes no more connections, and gives the requests under way 10 seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, service, .. } = self;
        let service = Arc::new(service);
        let connections = GracefulShutdown::new();
        let accept = async {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => serve(stream, Arc::clone(&service), &connections),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        service.store.runtime().sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accept => {}
            () = shutdown => {}
        }
        drop(listener);
        let finished = service.store.runtime().within(SHUTDOWN_TIMEOUT, connections.shutdown()).await;
        if finished.is_none() {
            tracing::warn!("requests were still under way when the server stopped");
        }
    }
}

fn endpoint(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}

fn serve(stream: TcpStream, service: Arc<Service>, connections: &GracefulShutdown) {
    // A small answer leaves at once, not when the client has acknowledged the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let connection = http1::Builder::new()
        .timer(ConnectionTimer::new(Arc::clone(service.store.runtime())))
        .header_read_timeout(HEADER_TIMEOUT)
        .max_header_size(MAX_HEADER_BYTES)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| {
                let service = Arc::clone(&service);
                async move { Ok::<_, Infallible>(respond(&service, request).await) }
            }),
        );
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_can_be_connected_to() {
        for (listen, url) in [
            ("127.0.0.1:9710", "http://127.0.0.1:9710"),
            ("0.0.0.0:1", "http://127.0.0.1:1"),
            ("[::]:1", "http://[::1]:1"),
            ("192.0.2.1:80", "http://192.0.2.1:80"),
        ] {
            assert_eq!(endpoint(listen.parse().unwrap()), url);
        }
    }
}
