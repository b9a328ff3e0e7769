//! The world of a scenario: a machine with a server, and clients with their own clocks, over one network.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cloudflare_clients::kv::{KvClient, KvConfig};
use cloudflare_clients::r2::{R2Service, R2SigningConfig};
use cloudflare_clients::simulation::{self, Platform};
use cloudflare_clients::{
    Body, HttpClient, HyperClient, LocalStore, RestNamespace, Result, RetryPolicy, S3Bucket,
};
use cloudflare_emulator::{Credentials, KvBehaviour, R2Behaviour};
use fastrand::Rng;
use http::{Request, Response};
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::disk::{Faults, Machine, ProcessDisk};
use crate::entropy;
use crate::finding::Finding;
use crate::network::Network;
use crate::steps::Steps;
use crate::threads::{LONGEST_DELAY, ProcessThreads};
use crate::trace;

/// The host of the server.
const SERVER: &str = "localhost";
/// The path of the store on the machine.
pub(crate) const STORE: &str = "/store";
pub(crate) const BUCKET: &str = "media";

/// A simulated world.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) steps: Steps,
    pub(crate) network: Network,
    pub(crate) machine: Machine,
}

impl World {
    pub(crate) fn new(seed: u64, steps: Steps) -> Self {
        simulation::run_blocking_here();
        Self {
            seed,
            steps,
            network: Network::new(entropy::stream(seed, "network")),
            machine: Machine::new(entropy::stream(seed, "disk").u64(..)),
        }
    }

    /// Returns randomness for a purpose.
    pub(crate) fn rng(&self, purpose: &str) -> Rng {
        entropy::stream(self.seed, purpose)
    }

    /// Creates a process on the machine, which has not opened the store yet.
    pub(crate) fn process(&self, name: &str) -> Process {
        let disk = self.machine.process();
        let threads = ProcessThreads::new(self.rng(&format!("threads of {name}")), LONGEST_DELAY);
        let clock = Clock::new(self.rng(&format!("clock of {name}")));
        Process { disk, threads, clock }
    }

    /// Creates a client that reaches the server over the network.
    pub(crate) fn client(&self, name: &str, server: &Server) -> Client {
        let clock = Clock::new(self.rng(&format!("clock of {name}")));
        let dialer = Arc::new(self.network.dialer(name));
        let http = simulation::http_client(dialer, Arc::new(clock.clone()));
        Client { clock, http: Arc::new(Counted(http)), credentials: server.credentials.clone() }
    }

    /// Creates a server over the store of the machine. It is not started yet.
    pub(crate) fn server(&self) -> Result<Server> {
        self.server_that(R2Behaviour::default(), KvBehaviour::default())
    }

    /// Creates a server with this behaviour.
    pub(crate) fn server_that(&self, r2: R2Behaviour, kv: KvBehaviour) -> Result<Server> {
        Ok(Server {
            network: self.network.clone(),
            machine: self.machine.clone(),
            rng: self.rng("server"),
            clock: Clock::new(self.rng("clock of the server")),
            credentials: Credentials::generate()?,
            behaviour: (r2, kv),
            process: None,
            serving: None,
        })
    }
}

/// A process on a machine, which can be killed.
pub(crate) struct Process {
    disk: ProcessDisk,
    threads: ProcessThreads,
    pub(crate) clock: Clock,
}

impl Process {
    /// Opens the store of the machine.
    pub(crate) async fn open(&self) -> Result<LocalStore> {
        let platform = Platform {
            disk: Arc::new(self.disk.clone()),
            threads: Arc::new(self.threads.clone()),
            runtime: Arc::new(self.clock.clone()),
        };
        simulation::open_store(Path::new(STORE), platform).await
    }

    /// Returns when nothing of it runs or waits to run.
    pub(crate) async fn idle(&self) {
        self.threads.idle().await;
    }

    /// Ends the process after its work in progress.
    pub(crate) async fn end(&self) {
        self.idle().await;
        self.disk.kill();
    }

    /// Kills the process. Its work in progress has no effect any more.
    pub(crate) fn kill(&self) {
        trace::count("kills");
        trace::note(format_args!("a process is killed"));
        self.disk.kill();
        self.threads.kill();
    }
}

/// A server that can be started, killed and started again.
pub(crate) struct Server {
    network: Network,
    machine: Machine,
    rng: Rng,
    pub(crate) clock: Clock,
    credentials: Credentials,
    behaviour: (R2Behaviour, KvBehaviour),
    process: Option<Process>,
    serving: Option<AbortHandle>,
}

impl Server {
    /// Opens the store and serves it. Retries for some time if the disk fails. Ends a previous run first.
    pub(crate) async fn start(&mut self) -> Result<LocalStore, Finding> {
        let mut tries = 0;
        let store = loop {
            self.kill();
            let process = self.process.insert(Process {
                disk: self.machine.process(),
                threads: ProcessThreads::new(self.rng.fork(), LONGEST_DELAY),
                clock: self.clock.clone(),
            });
            match process.open().await {
                Ok(store) => break store,
                Err(error) if tries < 20 => {
                    trace::note(format_args!("the store does not open: {error}"));
                    trace::count("stores that did not open");
                    tries += 1;
                    if tries == 5 {
                        // If each of a thousand reads may fail, the store may never open: the disk is
                        // repaired.
                        self.machine.set_faults(Faults::default());
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => return Err(Finding::new(format!("the store does not open: {error}"))),
            }
        };
        let connections = self.network.listen(SERVER);
        let (served, credentials, behaviour) =
            (store.clone(), self.credentials.clone(), self.behaviour.clone());
        let serving = tokio::spawn(async move {
            cloudflare_emulator::simulation::serve(served, &credentials, behaviour, connections).await;
        });
        self.serving = Some(serving.abort_handle());
        trace::note(format_args!("the server runs"));
        Ok(store)
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
        self.network.cut_off(SERVER);
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }

    /// Whether it is running.
    pub(crate) fn runs(&self) -> bool {
        self.serving.is_some()
    }
}

/// A process that reaches the server over the network.
pub(crate) struct Client {
    pub(crate) clock: Clock,
    http: Arc<dyn HttpClient>,
    credentials: Credentials,
}

impl Client {
    /// Returns the server's bucket.
    pub(crate) fn r2(&self) -> Result<R2Service> {
        let config = R2SigningConfig::for_endpoint(
            format!("http://{SERVER}"),
            self.credentials.access_key_id(),
            self.credentials.secret_access_key(),
            BUCKET,
        );
        let config = config.account_id(self.credentials.account_id());
        let bucket = S3Bucket::new(config)?.with_runtime(self.clock.clone());
        Ok(R2Service::new(bucket.with_http_client(Arc::clone(&self.http))).with_retry(RetryPolicy::default()))
    }

    /// Returns a namespace of the server.
    pub(crate) fn kv(&self, namespace_id: &str) -> Result<KvClient> {
        let (account, token) = (self.credentials.account_id(), self.credentials.api_token());
        let config =
            KvConfig::new(account, token, namespace_id).base_url(format!("http://{SERVER}/client/v4"));
        let namespace = RestNamespace::new(config)?.with_runtime(self.clock.clone());
        Ok(KvClient::new(namespace.with_http_client(Arc::clone(&self.http))))
    }
}

tokio::task_local! {
    /// Number of requests sent by the operation of this task.
    static SENT: std::cell::Cell<u32>;
}

/// Returns the result of `work`, and how many requests its task has sent.
pub(crate) async fn counting_requests<T>(work: impl Future<Output = T>) -> (T, u32) {
    SENT.scope(std::cell::Cell::new(0), async {
        let output = work.await;
        (output, SENT.with(std::cell::Cell::get))
    })
    .await
}

/// Counts the requests that it sends.
#[derive(Debug)]
struct Counted(HyperClient);

#[async_trait]
impl HttpClient for Counted {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        trace::count("requests");
        // Outside of an operation nothing counts.
        let _ = SENT.try_with(|sent| sent.set(sent.get() + 1));
        trace::line(format_args!("{} {}", request.method(), request.uri().path()));
        let answer = self.0.send(request).await;
        match &answer {
            Ok(answer) => trace::line(format_args!("answer {}", answer.status())),
            Err(error) => trace::line(format_args!("no answer: {:?}", error.kind())),
        }
        answer
    }
}
