//! A server for tests, from its store to its end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloudflare_clients::kv::KvConfig;
use cloudflare_clients::r2::R2SigningConfig;
use cloudflare_clients::{Error, ErrorKind, LocalStore, Result, Runtime, TokioRuntime};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::kv::API;
use crate::{Credentials, Faults, Keys, KvBehaviour, Limits, R2Behaviour, Server, Tls};

/// A running [`Server`] over a store of its own: what a test needs of R2 and Workers KV.
///
/// When it is dropped, it listens no more and its temporary folder is gone. [`stop`](Self::stop) waits for
/// the requests under way before that.
#[derive(Debug)]
pub struct Emulator {
    store: LocalStore,
    credentials: Credentials,
    keys: Keys,
    faults: Faults,
    endpoint: String,
    local_addr: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinSet<()>,
    /// Dropped last.
    _temporary: Option<TempDir>,
}

impl Emulator {
    /// Starts one on a free port of this machine, over an empty store in a temporary folder.
    /// [`builder`](Self::builder) changes any of that. It serves on the Tokio runtime that this is awaited
    /// on, and no longer than that.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`]: no temporary folder can be made. [`ErrorKind::Connection`]: no port can be
    /// listened at.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// One that differs from what [`start`](Self::start) starts.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder {
            folder: None,
            listen: ([127, 0, 0, 1], 0).into(),
            runtime: Arc::new(TokioRuntime),
            kv_behaviour: KvBehaviour::default(),
            r2_behaviour: R2Behaviour::default(),
            limits: Limits::default(),
            open_cors: false,
            tls: None,
            hosts: Vec::new(),
        }
    }

    /// Creates a bucket, and returns what a client of it needs: `S3Bucket::new`, or an
    /// [`R2SigningClient`](cloudflare_clients::r2::R2SigningClient) for presigned URLs.
    ///
    /// # Errors
    /// Those of [`LocalStore::create_bucket`], such as [`ErrorKind::Conflict`] for a name that is taken.
    pub async fn create_bucket(&self, name: &str) -> Result<R2SigningConfig> {
        self.store.create_bucket(name).await?;
        Ok(self.signing_config(name))
    }

    /// Creates a namespace with this title, and returns what a client of it needs: `RestNamespace::new`.
    ///
    /// # Errors
    /// Those of [`LocalStore::create_namespace`], such as [`ErrorKind::Conflict`] for a title that is taken.
    pub async fn create_namespace(&self, title: &str) -> Result<KvConfig> {
        let namespace = self.store.create_namespace(title).await?;
        Ok(self.kv_config(&namespace.id))
    }

    /// What a client of this bucket needs. Nobody looks whether the bucket exists.
    pub fn signing_config(&self, bucket: &str) -> R2SigningConfig {
        let credentials = &self.credentials;
        R2SigningConfig::for_endpoint(
            self.endpoint(),
            credentials.access_key_id(),
            credentials.secret_access_key(),
            bucket,
        )
        .account_id(credentials.account_id())
    }

    /// What a client of the namespace with this id needs. Nobody looks whether the namespace exists.
    pub fn kv_config(&self, namespace_id: &str) -> KvConfig {
        KvConfig::new(self.credentials.account_id(), self.credentials.api_token(), namespace_id)
            .base_url(self.kv_base_url())
    }

    /// Where R2 is, for any S3 client, such as `http://127.0.0.1:49152`: region `auto`, path style.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where Cloudflare's API is, for any client of Workers KV: the endpoint and `/client/v4`.
    pub fn kv_base_url(&self) -> String {
        format!("{}{API}", self.endpoint)
    }

    /// The address that it listens at.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What its clients sign with, and the token of those of KV.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Further keys, with less than all permissions. A client signs with one by
    /// [`R2SigningConfig::for_endpoint`], and temporary credentials are made of any.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What it serves, to look at or fill without a request.
    pub fn store(&self) -> &LocalStore {
        &self.store
    }

    /// Makes it fail on demand.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Takes no more connections, gives the requests under way 10 seconds, and ends.
    pub async fn stop(self) {
        let Self { stop, mut running, .. } = self;
        // It listens for this as long as it runs.
        let _ = stop.send(());
        let _ = running.join_next().await;
    }
}

/// What an [`Emulator`] is to be like.
#[derive(Debug, Clone)]
#[must_use = "it does nothing until it is started"]
pub struct EmulatorBuilder {
    folder: Option<PathBuf>,
    listen: SocketAddr,
    runtime: Arc<dyn Runtime>,
    kv_behaviour: KvBehaviour,
    r2_behaviour: R2Behaviour,
    limits: Limits,
    open_cors: bool,
    tls: Option<Tls>,
    hosts: Vec<String>,
}

impl EmulatorBuilder {
    /// Keeps the store and the credentials in this folder, which stays, in place of a temporary one. The next
    /// emulator of the folder has them too.
    pub fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = Some(folder.as_ref().to_owned());
        self
    }

    /// Listens at this address, in place of a free port of 127.0.0.1. Port 0 takes a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Another clock, timer and randomness, such as a [`ManualClock`](crate::ManualClock) that the test moves.
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// Shows what Workers KV does over a network and a store on one machine does not.
    pub fn kv_behaviour(mut self, behaviour: KvBehaviour) -> Self {
        self.kv_behaviour = behaviour;
        self
    }

    /// Shows what R2 does in production and a store on one machine does not.
    pub fn r2_behaviour(mut self, behaviour: R2Behaviour) -> Self {
        self.r2_behaviour = behaviour;
        self
    }

    /// Bears as much of its clients, in place of [what is fit for one machine](Limits::default).
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Lets every page that was served from this machine do everything, in place of what the CORS rules of
    /// each bucket allow: see [`Server::with_open_cors`].
    pub fn open_cors(mut self) -> Self {
        self.open_cors = true;
        self
    }

    /// Speaks HTTPS with this certificate, which its clients have to trust.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Another name of the server, below which buckets are: see [`Server::with_host`].
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`]: the folder cannot be made, or does not hold a store.
    /// [`ErrorKind::Connection`]: the address cannot be listened at.
    pub async fn start(self) -> Result<Emulator> {
        let (folder, temporary) = if let Some(folder) = self.folder {
            (folder, None)
        } else {
            let temporary = temporary_folder()?;
            (temporary.path().to_owned(), Some(temporary))
        };
        let store = LocalStore::open_with_runtime(&folder, self.runtime).await?;
        let credentials = Credentials::load_or_create(&folder)?;
        let server = Server::bind(store.clone(), credentials.clone(), self.listen).await?;
        let keys = Keys::in_directory(&folder);
        let server = server
            .with_kv_behaviour(self.kv_behaviour)
            .with_r2_behaviour(self.r2_behaviour)
            .with_limits(self.limits)
            .with_keys(keys.clone());
        let server = if self.open_cors { server.with_open_cors() } else { server };
        let server = self.hosts.iter().fold(server, |server, host| server.with_host(host));
        let server = match self.tls {
            Some(tls) => server.with_tls(tls),
            None => server,
        };
        let (local_addr, endpoint, faults) = (server.local_addr(), server.endpoint(), server.faults());
        let (stop, stopped) = oneshot::channel();
        let mut running = JoinSet::new();
        running.spawn(server.run(async {
            let _ = stopped.await;
        }));
        Ok(Emulator {
            store,
            credentials,
            keys,
            faults,
            endpoint,
            local_addr,
            stop,
            running,
            _temporary: temporary,
        })
    }
}

fn temporary_folder() -> Result<TempDir> {
    tempfile::tempdir().map_err(|error| {
        let message = format!("no temporary folder can be made: {error}");
        Error::new(ErrorKind::Storage, message).with_source(error)
    })
}
