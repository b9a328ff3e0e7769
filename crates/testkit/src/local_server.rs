//! The emulator over a store of its own.

use std::net::SocketAddr;
use std::time::SystemTime;

use cloudflare_clients::kv::KvConfig;
use cloudflare_clients::r2::R2SigningConfig;
use cloudflare_clients::{LocalStore, RestNamespace, Runtime, S3Bucket};
use cloudflare_emulator::{
    Credentials, Emulator, EmulatorBuilder, Faults, Keys, KvBehaviour, Limits, R2Behaviour, Tls,
};
use tempfile::TempDir;

/// The bucket that a [`LocalServer`] has from the beginning.
pub const BUCKET: &str = "media";

/// An [`Emulator`] with an empty bucket, [`BUCKET`]. Its port and its store are gone when it is dropped.
#[derive(Debug)]
pub struct LocalServer {
    /// What it serves.
    pub store: LocalStore,
    /// What its clients need.
    pub credentials: Credentials,
    /// Makes it fail.
    pub faults: Faults,
    emulator: Emulator,
    folder: TempDir,
}

impl LocalServer {
    /// Starts it.
    pub async fn start() -> Self {
        Self::of(Emulator::builder()).await
    }

    /// Starts it with another clock.
    pub async fn with_runtime(runtime: impl Runtime) -> Self {
        Self::of(Emulator::builder().with_runtime(runtime)).await
    }

    /// Starts it with a namespace that does what Workers KV does over a network.
    pub async fn with_kv_behaviour(behaviour: KvBehaviour) -> Self {
        Self::of(Emulator::builder().kv_behaviour(behaviour)).await
    }

    /// Starts it with buckets that do what R2 does in production.
    pub async fn with_r2_behaviour(behaviour: R2Behaviour) -> Self {
        Self::of(Emulator::builder().r2_behaviour(behaviour)).await
    }

    /// The same with another clock.
    pub async fn with_r2_behaviour_and_runtime(behaviour: R2Behaviour, runtime: impl Runtime) -> Self {
        Self::of(Emulator::builder().r2_behaviour(behaviour).with_runtime(runtime)).await
    }

    /// Starts it with other limits for its clients.
    pub async fn with_limits(limits: Limits) -> Self {
        Self::of(Emulator::builder().limits(limits)).await
    }

    /// Starts it open to pages of this machine, whatever the CORS rules say.
    pub async fn with_open_cors() -> Self {
        Self::of(Emulator::builder().open_cors()).await
    }

    /// Starts it with TLS, by a [certificate](Self::certificate) of its own.
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.emulator.local_addr()
    }

    /// The certificate that clients of one [with TLS](Self::with_tls) have to trust, in PEM.
    pub fn certificate(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("tls-certificate.pem")).unwrap()
    }

    /// What a client of this bucket needs.
    pub fn signing_config(&self, bucket: &str) -> R2SigningConfig {
        self.emulator.signing_config(bucket)
    }

    /// The same for a client that reaches the server by another address.
    pub fn signing_config_at(&self, address: SocketAddr, bucket: &str) -> R2SigningConfig {
        R2SigningConfig::for_endpoint(
            format!("http://{address}"),
            self.credentials.access_key_id(),
            self.credentials.secret_access_key(),
            bucket,
        )
        .account_id(self.credentials.account_id())
    }

    /// Its further keys.
    pub fn keys(&self) -> &Keys {
        self.emulator.keys()
    }

    /// What a client of the namespace with this id needs.
    pub fn kv_config(&self, id: &str) -> KvConfig {
        self.emulator.kv_config(id)
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
        let Self { emulator, folder, .. } = self;
        emulator.stop().await;
        folder
    }
}
