//! DNS resolution.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};
use std::vec;

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

/// The connector sets the port.
const THIS_MACHINE: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
];

/// The system found no address for the host's name.
#[derive(Debug, thiserror::Error)]
#[error("could not resolve the name")]
pub(super) struct DnsError(#[source] std::io::Error);

/// The system's resolver, with its own error type. `localhost` and names below it resolve to this machine, as
/// in [RFC 6761](https://www.rfc-editor.org/rfc/rfc6761#section-6.3), without asking the system: it may not
/// know the buckets below a local server's name or, without `/etc/hosts`, `localhost` itself.
#[derive(Clone)]
pub(super) struct Resolver(GaiResolver);

impl Resolver {
    pub(super) fn new() -> Self {
        Self(GaiResolver::new())
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = DnsError;
    type Future = BoxFuture<'static, Result<Self::Response, DnsError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), DnsError>> {
        self.0.poll_ready(cx).map_err(DnsError)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let lower = name.as_str().to_ascii_lowercase();
        if lower == "localhost" || lower.ends_with(".localhost") {
            return Box::pin(async { Ok(THIS_MACHINE.to_vec().into_iter()) });
        }
        let resolving = self.0.call(name);
        Box::pin(async move {
            let addresses = resolving.await.map_err(DnsError)?;
            Ok(addresses.collect::<Vec<_>>().into_iter())
        })
    }
}
