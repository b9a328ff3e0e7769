//! A server with a bucket, and a client that reaches it through a proxy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cloudflare_clients::kv::KvConfig;
use cloudflare_clients::r2::{R2Service, R2SigningConfig};
use cloudflare_clients::{LocalStore, RestNamespace, RetryPolicy, Runtime, S3Bucket, Timeouts, TokioRuntime};
use cloudflare_emulator::{Credentials, Faults};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::proxy::Proxy;

pub(crate) const BUCKET: &str = "media";

/// The local server, over a store in a temporary folder.
pub(crate) struct Server {
    pub(crate) store: LocalStore,
    pub(crate) credentials: Credentials,
    /// Makes the server itself fail.
    pub(crate) faults: Faults,
    address: SocketAddr,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with_runtime(Arc::new(TokioRuntime)).await
    }

    /// With another clock.
    pub(crate) async fn with_runtime(runtime: Arc<dyn Runtime>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open_with_runtime(folder.path(), runtime).await.unwrap();
        store.create_bucket(BUCKET).await.unwrap();
        let credentials = Credentials::generate().unwrap();
        let any_port = ([127, 0, 0, 1], 0).into();
        let server =
            cloudflare_emulator::Server::bind(store.clone(), credentials.clone(), any_port).await.unwrap();
        Self {
            store,
            credentials,
            faults: server.faults(),
            address: server.local_addr(),
            task: tokio::spawn(server.run(std::future::pending())),
            _folder: folder,
        }
    }

    /// A bucket of this server.
    pub(crate) fn bucket(&self, name: &str) -> S3Bucket {
        self.bucket_at(self.address, name)
    }

    /// A namespace of this server by its id.
    pub(crate) fn namespace(&self, id: &str) -> RestNamespace {
        let Self { credentials, address, .. } = self;
        let config = KvConfig::new(credentials.account_id(), credentials.api_token(), id)
            .base_url(format!("http://{address}/client/v4"));
        RestNamespace::new(config).unwrap()
    }

    fn bucket_at(&self, address: SocketAddr, name: &str) -> S3Bucket {
        let config = R2SigningConfig::for_endpoint(
            format!("http://{address}"),
            self.credentials.access_key_id(),
            self.credentials.secret_access_key(),
            name,
        );
        S3Bucket::new(config).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A service that reaches its bucket through a proxy, and one that sees what is there.
pub(crate) struct World {
    pub(crate) proxy: Proxy,
    /// Reaches the bucket through the proxy.
    pub(crate) r2: R2Service,
    /// Reaches the same bucket in the store.
    pub(crate) stored: R2Service,
    pub(crate) server: Server,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with_timeouts(Timeouts::default()).await
    }

    /// With a client that soon takes silence for a stall.
    pub(crate) async fn impatient() -> Self {
        Self::with_timeouts(Timeouts {
            connect: Duration::from_secs(2),
            first_byte: Duration::from_secs(2),
            idle: Duration::from_secs(1),
        })
        .await
    }

    async fn with_timeouts(timeouts: Timeouts) -> Self {
        let server = Server::start().await;
        let proxy = Proxy::start(server.address);
        let bucket = server.bucket_at(proxy.address(), BUCKET).with_timeouts(timeouts);
        // The default but for delays that tests can wait for.
        let quick = RetryPolicy::default().base_delay(Duration::from_millis(5));
        Self {
            r2: R2Service::new(bucket).with_retry(quick),
            stored: R2Service::new(server.store.bucket(BUCKET).unwrap()),
            proxy,
            server,
        }
    }
}
