//! DNS resolution.

use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use tower_service::Service;

/// The system found no address for the host's name.
#[derive(Debug, thiserror::Error)]
#[error("could not resolve the name")]
pub(super) struct DnsError(#[source] std::io::Error);

/// The system's resolver, with its own error type. Names below `localhost` resolve to this machine, as in
/// [RFC 6761](https://www.rfc-editor.org/rfc/rfc6761#section-6.3) and not on every system: a local server has
/// buckets there.
#[derive(Clone)]
pub(super) struct Resolver(GaiResolver);

impl Resolver {
    pub(super) fn new() -> Self {
        Self(GaiResolver::new())
    }
}

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
