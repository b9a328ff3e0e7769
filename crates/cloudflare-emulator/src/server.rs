//! The listener and its connections.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use cloudflare_clients::{Error, ErrorKind, LocalStore, Result};
use http::uri::Scheme;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::connection::serve;
use crate::connections::Connections;
use crate::cors::Cors;
use crate::memory::Memory;
use crate::service::Service;
use crate::{Credentials, Faults, Keys, KvBehaviour, Limits, Metrics, R2Behaviour, Tls};

/// How long to wait when the system has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Interval at which lifecycle rules are applied.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Maximum number of clients that wait for a connection.
const BACKLOG: u32 = 1024;
/// Size of the send buffer in the system, in bytes. With a larger one, a slow client would seem to read
/// nothing for longer than the timeout.
const SEND_BUFFER: u32 = 256 * 1024;

/// A server that listens on its port, and answers once it [runs](Self::run).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    service: Service,
    tls: Option<Tls>,
}

impl Server {
    /// Binds a server to an address. Port 0 picks a free port, which [`local_addr`](Self::local_addr)
    /// returns. Clients can connect from now on, and wait until [`run`](Self::run).
    ///
    /// # Errors
    /// [`ErrorKind::Connection`]: the server cannot listen on the address.
    #[expect(
        clippy::unused_async,
        reason = "it listens on Tokio's runtime, which nothing but a future is sure to have"
    )]
    pub async fn bind(store: LocalStore, credentials: Credentials, addr: SocketAddr) -> Result<Self> {
        let listening = listen(addr).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (local_addr, listener) = listening.map_err(|error| {
            Error::new(ErrorKind::Connection, format!("cannot listen on {addr}: {error}"))
                .with_source(error)
                .retryable(false)
        })?;
        Ok(Self::new(store, &credentials, listener, local_addr))
    }

    /// Uses a socket that is already listening, such as one opened by systemd or by a previous process. If
    /// its owner keeps it open, no client is refused while one server ends and the next starts.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`]: the socket is not listening, or cannot be used.
    #[expect(clippy::unused_async, reason = "as for `bind`")]
    pub async fn at_listener(
        store: LocalStore,
        credentials: Credentials,
        listener: std::net::TcpListener,
    ) -> Result<Self> {
        let taken = take(listener).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (local_addr, listener) = taken.map_err(|error| {
            Error::new(ErrorKind::Connection, format!("cannot listen at the given socket: {error}"))
                .with_source(error)
                .retryable(false)
        })?;
        Ok(Self::new(store, &credentials, listener, local_addr))
    }

    fn new(
        store: LocalStore,
        credentials: &Credentials,
        listener: TcpListener,
        local_addr: SocketAddr,
    ) -> Self {
        let mut service = Service::new(store, credentials);
        service.faults = Faults::at(local_addr);
        Self { listener, local_addr, service, tls: None }
    }

    /// Returns the address that the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the endpoint for clients on this machine, such as `http://127.0.0.1:9710`, or
    /// `https://127.0.0.1:9710` [with TLS](Self::with_tls). For a server that listens on all addresses, it is
    /// the loopback address.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        endpoint(&scheme, self.local_addr)
    }

    /// Adds behavior of Workers KV in production. Off by default.
    #[must_use]
    pub fn with_kv_behaviour(mut self, behaviour: KvBehaviour) -> Self {
        self.service.set_kv_behaviour(behaviour);
        self
    }

    /// Allows everything to web pages served from this machine, and nothing to other pages, whatever the CORS
    /// rules of a bucket say. R2 and a server without this setting apply the rules: a bucket without rules
    /// refuses all pages.
    #[must_use]
    pub fn with_open_cors(mut self) -> Self {
        self.service.cors = Cors::Open;
        self
    }

    /// Accepts requests signed with these keys too, as far as the scope and buckets of the key allow.
    #[must_use]
    pub fn with_keys(mut self, keys: Keys) -> Self {
        self.service.keys = Some(keys);
        self
    }

    /// Adds behavior of R2 in production. Off by default.
    #[must_use]
    pub fn with_r2_behaviour(mut self, behaviour: R2Behaviour) -> Self {
        self.service.set_r2_behaviour(behaviour);
        self
    }

    /// Serves HTTPS instead of plain HTTP.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets the limits for clients.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.service.limits = limits;
        self.service.memory = Memory::new(limits.memory);
        self
    }

    /// Counts connections and requests in these metrics. Without them, nothing is counted.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.service.metrics = Some(metrics);
        self
    }

    /// Adds a host name for virtual-hosted addresses: `http://BUCKET.NAME:PORT/KEY`. They always work with
    /// `localhost`. Requests to the name itself, or to an IP address, have the bucket in the path.
    ///
    /// The network must resolve the name and its subdomains, such as with a wildcard in DNS.
    #[must_use]
    pub fn with_host(mut self, name: &str) -> Self {
        self.service.virtual_hosts.add(name);
        self
    }

    /// Returns the handle that makes requests fail on demand.
    pub fn faults(&self) -> Faults {
        self.service.faults.clone()
    }

    /// Serves until `shutdown` completes. Then it refuses new connections, and waits for the requests in
    /// progress for up to the [grace period](Limits::grace).
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, service, tls, .. } = self;
        serve_all(listener, service, tls.map(|tls| TlsAcceptor::from(tls.config)), shutdown).await;
    }
}

/// Source of connections.
pub(crate) trait Accept {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = TcpListener::accept(self).await?;
        // Send small answers immediately, not when the client has acknowledged the previous one.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        Ok(stream)
    }
}

/// Serves connections until `shutdown` completes.
pub(crate) async fn serve_all<L: Accept>(
    listener: L,
    service: Service,
    tls: Option<TlsAcceptor>,
    shutdown: impl Future<Output = ()>,
) {
    let service = Arc::new(service);
    let runtime = Arc::clone(service.store.runtime());
    let connections = Connections::new(
        service.limits.connections,
        service.pressure.clone(),
        service.metrics.clone(),
        Arc::clone(&runtime),
    );
    let stopping = Notify::new();
    // Dropping it ends what is still in progress after the grace period.
    let mut serving = JoinSet::new();
    // Closes the listener when it stops.
    let accept = async {
        let listener = listener;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stopping.notified() => return,
            };
            match accepted {
                Ok(stream) => {
                    let Some(room) = connections.room().await else { return };
                    let connection = connections.open(room);
                    while serving.try_join_next().is_some() {}
                    serving.spawn(serve(stream, tls.clone(), Arc::clone(&service), connection));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    connections.end_longest_idle();
                    runtime.sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    let mut accept = pin!(accept);
    let accepts = tokio::select! {
        () = accept.as_mut() => false,
        () = sweep(&service.store) => true,
        () = shutdown => true,
    };
    let end = async {
        stopping.notify_one();
        if accepts {
            // A client that is connected and waits for room is still served; the others make room.
            connections.ask_all();
            accept.await;
        }
        connections.end_all().await;
    };
    if runtime.within(service.limits.grace, end).await.is_none() {
        tracing::warn!("the server stopped before all requests were finished");
    }
}

/// Applies lifecycle rules at an interval, without end.
async fn sweep(store: &LocalStore) {
    loop {
        // Unlike a sleep, this does not advance a manual clock.
        store.runtime().timeout(SWEEP_INTERVAL).await;
        if let Err(error) = store.apply_lifecycle().await {
            tracing::warn!(%error, "cannot apply the lifecycle rules; trying again later");
        }
    }
}

/// Uses a listener that was created elsewhere. On Unix it gets the options that [`listen`] sets.
fn take(listener: std::net::TcpListener) -> std::io::Result<TcpListener> {
    // Other systems cannot tell whether a socket is listening.
    #[cfg(target_os = "linux")]
    if !rustix::net::sockopt::socket_acceptconn(&listener)? {
        return Err(std::io::Error::other("it is not listening"));
    }
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    #[cfg(unix)]
    rustix::net::sockopt::set_socket_send_buffer_size(&listener, SEND_BUFFER as usize)?;
    Ok(listener)
}

fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Lets a restarted server use its port immediately. On other systems it could take the port of another.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    // Connections inherit the options of their listener.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

fn endpoint(scheme: &Scheme, listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(ip, listen.port()))
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
            assert_eq!(endpoint(&Scheme::HTTP, listen.parse().unwrap()), url);
        }
    }
}
