//! The emulator: a server for tests, with its own store.

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

/// A running [`Server`] with its own store, which serves R2 and Workers KV to a test.
///
/// Dropping it stops the server and removes its temporary folder. [`stop`](Self::stop) first waits for the
/// requests in progress.
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
    /// Starts an emulator on a free port of 127.0.0.1, with an empty store in a temporary folder. Use
    /// [`builder`](Self::builder) to change that. The server runs on the current Tokio runtime, and ends with
    /// it.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`]: the temporary folder cannot be created. [`ErrorKind::Connection`]: the server
    /// cannot listen on a port.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// Returns a builder with the settings of [`start`](Self::start).
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

    /// Creates a bucket, and returns its configuration for `S3Bucket::new`, or for an
    /// [`R2SigningClient`](cloudflare_clients::r2::R2SigningClient) that presigns URLs.
    ///
    /// # Errors
    /// Those of [`LocalStore::create_bucket`], such as [`ErrorKind::Conflict`] if the bucket exists.
    pub async fn create_bucket(&self, name: &str) -> Result<R2SigningConfig> {
        self.store.create_bucket(name).await?;
        Ok(self.signing_config(name))
    }

    /// Creates a namespace with this title, and returns its configuration for `RestNamespace::new`.
    ///
    /// # Errors
    /// Those of [`LocalStore::create_namespace`], such as [`ErrorKind::Conflict`] if the title exists.
    pub async fn create_namespace(&self, title: &str) -> Result<KvConfig> {
        let namespace = self.store.create_namespace(title).await?;
        Ok(self.kv_config(&namespace.id))
    }

    /// Returns the configuration of a client of this bucket. Does not check that the bucket exists.
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

    /// Returns the configuration of a client of the namespace with this id. Does not check that the namespace
    /// exists.
    pub fn kv_config(&self, namespace_id: &str) -> KvConfig {
        KvConfig::new(self.credentials.account_id(), self.credentials.api_token(), namespace_id)
            .base_url(self.kv_base_url())
    }

    /// Returns the endpoint for S3 clients, such as `http://127.0.0.1:49152`. Use region `auto` and path
    /// style.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the base URL of Cloudflare's API for clients of Workers KV: the endpoint with `/client/v4`.
    pub fn kv_base_url(&self) -> String {
        format!("{}{API}", self.endpoint)
    }

    /// Returns the address that the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the credentials of its clients: the S3 access key and the API token of KV.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns the additional access keys, which have limited permissions. Pass one to
    /// [`R2SigningConfig::for_endpoint`] to sign with it, or derive temporary credentials from it.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns the store that it serves, to read or fill it without requests.
    pub fn store(&self) -> &LocalStore {
        &self.store
    }

    /// Returns the handle that makes requests fail on demand.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Stops the server: refuses new connections, and waits for the requests in progress for up to the
    /// [grace period](Limits::grace), 10 seconds by default.
    pub async fn stop(self) {
        let Self { stop, mut running, .. } = self;
        // Sending fails only if the server has already stopped.
        let _ = stop.send(());
        let _ = running.join_next().await;
    }
}

/// Builder of an [`Emulator`].
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
    /// Keeps the store and the credentials in this folder instead of a temporary one. The folder is not
    /// removed, and a later emulator with it has the same data and credentials.
    pub fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = Some(folder.as_ref().to_owned());
        self
    }

    /// Sets the address to listen on. Port 0 picks a free port. The default is a free port of 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Sets the clock, timer and randomness, such as a [`ManualClock`](crate::ManualClock) that the test
    /// moves.
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// Adds behavior of Workers KV in production. Off by default.
    pub fn kv_behaviour(mut self, behaviour: KvBehaviour) -> Self {
        self.kv_behaviour = behaviour;
        self
    }

    /// Adds behavior of R2 in production. Off by default.
    pub fn r2_behaviour(mut self, behaviour: R2Behaviour) -> Self {
        self.r2_behaviour = behaviour;
        self
    }

    /// Sets the limits for clients. The [default](Limits::default) suits one machine.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Allows everything to web pages served from this machine, instead of applying the CORS rules of each
    /// bucket. See [`Server::with_open_cors`].
    pub fn open_cors(mut self) -> Self {
        self.open_cors = true;
        self
    }

    /// Serves HTTPS with this certificate, which clients must trust.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Adds a host name for virtual-hosted addresses. See [`Server::with_host`].
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
        self
    }

    /// Starts the emulator.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`]: the folder cannot be created, or does not hold a store.
    /// [`ErrorKind::Connection`]: the server cannot listen on the address.
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
        let message = format!("cannot create a temporary folder: {error}");
        Error::new(ErrorKind::Storage, message).with_source(error)
    })
}
