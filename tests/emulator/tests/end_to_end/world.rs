//! A server with a bucket, and a client that reaches it through a proxy.

use std::time::Duration;

use cloudflare_clients::r2::R2Service;
use cloudflare_clients::{RetryPolicy, S3Bucket, Timeouts};
use testkit::{BUCKET, LocalServer, Proxy};

/// A service that reaches its bucket through a proxy, and one that sees what is stored.
pub(crate) struct World {
    pub(crate) proxy: Proxy,
    /// Reaches the bucket through the proxy.
    pub(crate) r2: R2Service,
    /// Reaches the same bucket in the store.
    pub(crate) stored: R2Service,
    pub(crate) server: LocalServer,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with_timeouts(Timeouts::default()).await
    }

    /// With a client that soon treats silence as a stall.
    pub(crate) async fn impatient() -> Self {
        let [long, short] = [2, 1].map(Duration::from_secs);
        Self::with_timeouts(Timeouts::default().connect(long).first_byte(long).idle(short)).await
    }

    async fn with_timeouts(timeouts: Timeouts) -> Self {
        let server = LocalServer::start().await;
        let proxy = Proxy::start(server.address());
        let config = server.signing_config_at(proxy.address(), BUCKET);
        let bucket = S3Bucket::new(config).unwrap().with_timeouts(timeouts);
        // The default, except for delays that tests can wait for.
        let quick = RetryPolicy::default().base_delay(Duration::from_millis(5));
        Self {
            r2: R2Service::new(bucket).with_retry(quick),
            stored: R2Service::new(server.store.bucket(BUCKET).unwrap()),
            proxy,
            server,
        }
    }
}
