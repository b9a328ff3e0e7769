//! The emulator over a store of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use cloudflare_clients::kv::KvConfig;
use cloudflare_clients::r2::R2SigningConfig;
use cloudflare_clients::{LocalStore, RestNamespace, Runtime, S3Bucket, TokioRuntime};
use cloudflare_emulator::{Credentials, Faults, KvBehaviour, Server};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// The bucket that a [`LocalServer`] has from the beginning.
pub const BUCKET: &str = "media";

/// The local server on a port of its own, over a store in a temporary folder with an empty bucket, [`BUCKET`]. Both are gone when
/// it is dropped.
#[derive(Debug)]
pub struct LocalServer {
    /// What it serves.
    pub store: LocalStore,
    /// What its clients need.
    pub credentials: Credentials,
    /// Makes it fail.
    pub faults: Faults,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinSet<()>,
    folder: TempDir,
}

impl LocalServer {
    /// Starts it.
    pub async fn start() -> Self {
        Self::start_with(Arc::new(TokioRuntime), KvBehaviour::default()).await
    }

    /// Starts it with another clock.
    pub async fn with_runtime(runtime: impl Runtime) -> Self {
        Self::start_with(Arc::new(runtime), KvBehaviour::default()).await
    }

    /// Starts it with a namespace that does what Workers KV does over a network.
    pub async fn with_kv_behaviour(behaviour: KvBehaviour) -> Self {
        Self::start_with(Arc::new(TokioRuntime), behaviour).await
    }

    async fn start_with(runtime: Arc<dyn Runtime>, behaviour: KvBehaviour) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open_with_runtime(folder.path(), runtime).await.unwrap();
        store.create_bucket(BUCKET).await.unwrap();
        let credentials = Credentials::generate().unwrap();
        let any_port = ([127, 0, 0, 1], 0).into();
        let server = Server::bind(store.clone(), credentials.clone(), any_port).await.unwrap();
        let server = server.with_kv_behaviour(behaviour);
        let (address, faults) = (server.local_addr(), server.faults());
        let (stop, stopped) = oneshot::channel();
        let mut running = JoinSet::new();
        running.spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { store, credentials, faults, address, stop, running, folder }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a client of this bucket needs.
    pub fn signing_config(&self, bucket: &str) -> R2SigningConfig {
        self.signing_config_at(self.address, bucket)
    }

    /// The same for a client that reaches the server by another address.
    pub fn signing_config_at(&self, address: SocketAddr, bucket: &str) -> R2SigningConfig {
        R2SigningConfig::for_endpoint(
            format!("http://{address}"),
            self.credentials.access_key_id(),
            self.credentials.secret_access_key(),
            bucket,
        )
    }

    /// What a client of the namespace with this id needs.
    pub fn kv_config(&self, id: &str) -> KvConfig {
        KvConfig::new(self.credentials.account_id(), self.credentials.api_token(), id)
            .base_url(format!("http://{}/client/v4", self.address))
    }

    /// A client of this bucket.
    pub fn bucket(&self, name: &str) -> S3Bucket {
        S3Bucket::new(self.signing_config(name)).unwrap()
    }

    /// A client of the namespace with this id.
    pub fn namespace(&self, id: &str) -> RestNamespace {
        RestNamespace::new(self.kv_config(id)).unwrap()
    }

    /// Stops it and waits for the requests under way. The store is there until what this returns is dropped.
    pub async fn stop(self) -> TempDir {
        let Self { stop, mut running, folder, .. } = self;
        stop.send(()).unwrap();
        running.join_next().await.unwrap().unwrap();
        folder
    }
}
