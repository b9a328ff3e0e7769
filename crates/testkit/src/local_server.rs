//! The emulator with a separate store.

use std::net::SocketAddr;
use std::time::SystemTime;

use cloudflare_clients::kv::KvConfig;
use cloudflare_clients::r2::R2SigningConfig;
use cloudflare_clients::{LocalStore, RestNamespace, Runtime, S3Bucket};
use cloudflare_emulator::{
    Credentials, Emulator, EmulatorBuilder, Faults, Keys, KvBehaviour, Limits, R2Behaviour, Tls,
};
use tempfile::TempDir;

/// The bucket that a [`LocalServer`] creates at the start.
pub const BUCKET: &str = "media";

/// An [`Emulator`] with an empty bucket, [`BUCKET`]. Dropping it releases its port and deletes its store.
#[derive(Debug)]
pub struct LocalServer {
    /// The store that it serves.
    pub store: LocalStore,
    /// Credentials for its clients.
    pub credentials: Credentials,
    /// Makes it fail on demand.
    pub faults: Faults,
    emulator: Emulator,
    folder: TempDir,
}

impl LocalServer {
    /// Starts a server.
    pub async fn start() -> Self {
        Self::of(Emulator::builder()).await
    }

    /// Starts a server with another clock.
    pub async fn with_runtime(runtime: impl Runtime) -> Self {
        Self::of(Emulator::builder().with_runtime(runtime)).await
    }

    /// Starts a server whose namespaces behave as Workers KV does over a network.
    pub async fn with_kv_behaviour(behaviour: KvBehaviour) -> Self {
        Self::of(Emulator::builder().kv_behaviour(behaviour)).await
    }

    /// Starts a server whose buckets behave as R2 does in production.
    pub async fn with_r2_behaviour(behaviour: R2Behaviour) -> Self {
        Self::of(Emulator::builder().r2_behaviour(behaviour)).await
    }

    /// Starts a server whose buckets behave as R2 does in production, with another clock.
    pub async fn with_r2_behaviour_and_runtime(behaviour: R2Behaviour, runtime: impl Runtime) -> Self {
        Self::of(Emulator::builder().r2_behaviour(behaviour).with_runtime(runtime)).await
    }

    /// Starts a server with other limits for its clients.
    pub async fn with_limits(limits: Limits) -> Self {
        Self::of(Emulator::builder().limits(limits)).await
    }

    /// Starts a server that is open to pages of this machine, whatever the CORS rules say.
    pub async fn with_open_cors() -> Self {
        Self::of(Emulator::builder().open_cors()).await
    }

    /// Starts a server with TLS and its own [certificate](Self::certificate).
    pub async fn with_tls() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls::load_or_create(folder.path(), SystemTime::now()).unwrap();
        Self::in_folder(folder, Emulator::builder().tls(tls)).await
    }

    async fn of(builder: EmulatorBuilder) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), builder).await
    }

    async fn in_folder(folder: TempDir, builder: EmulatorBuilder) -> Self {
        let emulator = builder.folder(folder.path()).start().await.unwrap();
        emulator.create_bucket(BUCKET).await.unwrap();
        let (store, credentials) = (emulator.store().clone(), emulator.credentials().clone());
        Self { store, credentials, faults: emulator.faults().clone(), emulator, folder }
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.emulator.local_addr()
    }

    /// Returns the certificate, in PEM, that clients of a server [with TLS](Self::with_tls) have to trust.
    pub fn certificate(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("tls-certificate.pem")).unwrap()
    }

    /// Returns the configuration for a client of this bucket.
    pub fn signing_config(&self, bucket: &str) -> R2SigningConfig {
        self.emulator.signing_config(bucket)
    }

    /// Returns the configuration for a client that reaches the server through another address.
    pub fn signing_config_at(&self, address: SocketAddr, bucket: &str) -> R2SigningConfig {
        R2SigningConfig::for_endpoint(
            format!("http://{address}"),
            self.credentials.access_key_id(),
            self.credentials.secret_access_key(),
            bucket,
        )
        .account_id(self.credentials.account_id())
    }

    /// Returns its additional keys.
    pub fn keys(&self) -> &Keys {
        self.emulator.keys()
    }

    /// Returns the configuration for a client of the namespace with this id.
    pub fn kv_config(&self, id: &str) -> KvConfig {
        self.emulator.kv_config(id)
    }

    /// Returns a client of this bucket.
    pub fn bucket(&self, name: &str) -> S3Bucket {
        S3Bucket::new(self.signing_config(name)).unwrap()
    }

    /// Returns a client of the namespace with this id.
    pub fn namespace(&self, id: &str) -> RestNamespace {
        RestNamespace::new(self.kv_config(id)).unwrap()
    }

    /// Stops the server and waits for requests in progress. The store exists until the returned folder is
    /// dropped.
    pub async fn stop(self) -> TempDir {
        let Self { emulator, folder, .. } = self;
        emulator.stop().await;
        folder
    }
}
