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
/// How often lifecycle rules are carried out.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// How many clients may wait to be connected.
const BACKLOG: u32 = 1024;
/// How much of an answer the system keeps that the client has not taken. With more, a slow client would seem to take nothing
/// for longer than it is waited for.
const SEND_BUFFER: u32 = 256 * 1024;

/// A server that has its port, but does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    service: Service,
    tls: Option<Tls>,
}

impl Server {
    /// Takes the port. Port 0 takes a free one: [`local_addr`](Self::local_addr) says which. Clients that connect from
    /// now on wait until [`run`](Self::run).
    ///
    /// # Errors
    /// [`ErrorKind::Connection`]: the address cannot be listened at.
    #[expect(
        clippy::unused_async,
        reason = "it listens on Tokio's runtime, which nothing but a future is sure to have"
    )]
    pub async fn bind(store: LocalStore, credentials: Credentials, addr: SocketAddr) -> Result<Self> {
        let listening = listen(addr).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (local_addr, listener) = listening.map_err(|error| {
            Error::new(ErrorKind::Connection, format!("cannot listen at {addr}: {error}"))
                .with_source(error)
                .retryable(false)
        })?;
        Ok(Self::new(store, &credentials, listener, local_addr))
    }

    /// Serves at a socket that listens already, such as one that systemd or a process before this one has
    /// opened. Who keeps it open refuses no client while one server ends and the next begins.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`]: the socket does not listen, or cannot be used.
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

    /// The address that it listens at.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where clients on this machine find R2, such as `http://127.0.0.1:9710`, and `https://127.0.0.1:9710`
    /// [with TLS](Self::with_tls). A server that listens at every address has one, too.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        endpoint(&scheme, self.local_addr)
    }

    /// Shows what Workers KV does over a network and a store on one machine does not.
    #[must_use]
    pub fn with_kv_behaviour(mut self, behaviour: KvBehaviour) -> Self {
        self.service.set_kv_behaviour(behaviour);
        self
    }

    /// Lets every page that was served from this machine do everything, whatever the CORS rules of a bucket
    /// say, and no other page anything. R2 goes by the rules, and so does a server without this: a bucket
    /// without rules refuses every page.
    #[must_use]
    pub fn with_open_cors(mut self) -> Self {
        self.service.cors = Cors::Open;
        self
    }

    /// Takes requests that are signed with these keys, too: each may do what its scope and buckets allow.
    #[must_use]
    pub fn with_keys(mut self, keys: Keys) -> Self {
        self.service.keys = Some(keys);
        self
    }

    /// Shows what R2 does in production and a store on one machine does not.
    #[must_use]
    pub fn with_r2_behaviour(mut self, behaviour: R2Behaviour) -> Self {
        self.service.set_r2_behaviour(behaviour);
        self
    }

    /// Speaks HTTPS, and no plain HTTP any more.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Bears as much of its clients.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.service.limits = limits;
        self.service.memory = Memory::new(limits.memory);
        self
    }

    /// Counts connections and requests in these metrics.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.service.metrics = Some(metrics);
        self
    }

    /// Another name of the server: buckets are below it (`http://BUCKET.NAME:PORT/KEY`), as they are below
    /// `localhost` in any case. What goes to the name itself, as to an IP address, has the bucket in its
    /// path.
    ///
    /// That clients find the name and those below it is for the network to see to, such as by a wildcard of
    /// DNS.
    #[must_use]
    pub fn with_host(mut self, name: &str) -> Self {
        self.service.virtual_hosts.add(name);
        self
    }

    /// A handle that makes the server fail on demand.
    pub fn faults(&self) -> Faults {
        self.service.faults.clone()
    }

    /// Serves until `shutdown` completes; then takes no more connections, and gives the requests under way as
    /// long as the [limits](Limits::grace) say.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, service, tls, .. } = self;
        serve_all(listener, service, tls.map(|tls| TlsAcceptor::from(tls.config)), shutdown).await;
    }
}

/// Where connections come from.
pub(crate) trait Accept {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = TcpListener::accept(self).await?;
        // A small answer leaves at once, not when the client has acknowledged the one before.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        Ok(stream)
    }
}

/// Serves what connects until `shutdown` completes.
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
    // What is still under way after the grace period ends with this.
    let mut serving = JoinSet::new();
    // It closes the listener when it stops.
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
                    tracing::warn!(%error, "a connection could not be accepted");
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
            // Who was let in, and waits for room, is served: the others make it.
            connections.ask_all();
            accept.await;
        }
        connections.end_all().await;
    };
    if runtime.within(service.limits.grace, end).await.is_none() {
        tracing::warn!("requests were still under way when the server stopped");
    }
}

/// Carries out lifecycle rules, for ever.
async fn sweep(store: &LocalStore) {
    loop {
        // A clock of tests is not moved on by this.
        store.runtime().timeout(SWEEP_INTERVAL).await;
        if let Err(error) = store.apply_lifecycle().await {
            tracing::warn!(%error, "could not apply lifecycle rules; the next sweep tries again");
        }
    }
}

/// A listener that another has made. On Unix it gets what [`listen`] sets.
fn take(listener: std::net::TcpListener) -> std::io::Result<TcpListener> {
    // Elsewhere nobody tells.
    #[cfg(target_os = "linux")]
    if !rustix::net::sockopt::socket_acceptconn(&listener)? {
        return Err(std::io::Error::other("it does not listen"));
    }
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    #[cfg(unix)]
    rustix::net::sockopt::set_socket_send_buffer_size(&listener, SEND_BUFFER as usize)?;
    Ok(listener)
}

fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that is started again gets its port at once. Elsewhere it could take another's.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    // Connections have what their listener has.
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
