//! `cfstore r2 put` and `get` while client or server are killed, at moments that a seed decides: `KILLS_SEED`
//! repeats those of a failure. The tests take minutes: `cargo xtask test transfer/kills`.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use cloudflare_clients::LocalBucket;
use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::r2::R2Service;
use serde_json::Value;
use testkit::{Call, Kind, Proxy, content};
use tokio::runtime::Runtime;

use crate::program::{Folder, Server, stdout};

/// Number of kills of each kind.
const KILLS: usize = 20;
/// Parts and ranges of 16 MiB, the last one shorter.
const SIZE: usize = 90 * 1024 * 1024;
const PIECES: usize = 6;
/// Maximum number of pieces in flight.
const CONCURRENCY: usize = 3;
const KEY: &str = "film.mp4";
/// Longer than anything takes.
const HANG: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Transfer {
    Put,
    Get,
}

/// A folder with a file `in`, a server that serves it, and a proxy that counts requests.
struct Fixture {
    transfer: Transfer,
    folder: Folder,
    server: Server,
    runtime: Runtime,
    proxy: Proxy,
    bytes: Bytes,
    rng: fastrand::Rng,
    /// Duration of an undisturbed transfer.
    undisturbed: Duration,
}

impl Fixture {
    fn new(transfer: Transfer, what: &str) -> Self {
        let seed = std::env::var("KILLS_SEED")
            .map_or_else(|_| fastrand::u64(..1_000_000), |seed| seed.parse().unwrap());
        println!("{what}: KILLS_SEED={seed}");
        let (folder, bytes) = (Folder::new(), content(SIZE, seed));
        folder.write("in", &bytes);
        let server = Server::start(&folder);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let proxy = runtime.block_on(async { Proxy::start(address(&server)) });
        let rng = fastrand::Rng::with_seed(seed);
        let mut fixture =
            Self { transfer, folder, server, runtime, proxy, bytes, rng, undisturbed: Duration::ZERO };
        fixture.prepare();
        let begun = Instant::now();
        let output = fixture.begin().wait_with_output().unwrap();
        fixture.assert_done(&output, 0);
        fixture.undisturbed = begun.elapsed();
        println!("{what}: {:?} undisturbed", fixture.undisturbed);
        fixture
    }

    fn args(&self) -> [&'static str; 7] {
        match self.transfer {
            Transfer::Put => ["--json", "r2", "put", "in", KEY, "--concurrency", "3"],
            Transfer::Get => ["--json", "r2", "get", KEY, "out", "--concurrency", "3"],
        }
    }

    fn begin(&self) -> Child {
        let mut command = self.server.command(&self.folder, &self.args());
        command
            .env("R2_ENDPOINT", format!("http://{}", self.proxy.address()))
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Resets the state to that before a first transfer.
    fn prepare(&self) {
        self.settle();
        self.proxy.begin();
        match self.transfer {
            Transfer::Put => self.in_store(async |r2| r2.delete(KEY).await.unwrap()),
            Transfer::Get => {
                let _ = fs::remove_file(self.folder.path().join("out"));
                self.in_store(async |r2| drop(r2.put(KEY, self.bytes.clone()).await.unwrap()));
            }
        }
    }

    fn in_store<T>(&self, work: impl AsyncFnOnce(R2Service) -> T) -> T {
        let store = self.folder.path().join(".cfstore");
        self.runtime.block_on(async {
            let bucket = LocalBucket::open(store, "media").await.unwrap();
            work(R2Service::new(bucket)).await
        })
    }

    /// Waits until the requests of a killed client are done.
    fn settle(&self) {
        let begun = Instant::now();
        while self.proxy.under_way() > 0 {
            assert!(begun.elapsed() < HANG, "requests hang");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for a random moment of a transfer.
    fn wait(&mut self) {
        std::thread::sleep(self.undisturbed.mul_f64(self.rng.f64()));
    }

    /// Asserts that the transfer reports success and is complete. For each of these kills, the pieces in
    /// flight may have been sent once more.
    fn assert_done(&self, output: &Output, kills: usize) {
        let done: Value = serde_json::from_str(&stdout(output, &self.args())).unwrap();
        match self.transfer {
            Transfer::Put => {
                assert_eq!(done["verified"], "crc64");
                let (stored, uploads) = self.in_store(async |r2| {
                    let stored = r2.get(KEY).bytes().await.unwrap().unwrap();
                    (stored, r2.list_multipart_uploads().await.unwrap().uploads)
                });
                assert!(stored == self.bytes, "other bytes are stored");
                assert!(uploads.is_empty(), "{uploads:?}");
                assert_eq!(self.journals(), Vec::<PathBuf>::new());
            }
            Transfer::Get => {
                assert_eq!(done["verified"], "md5");
                assert!(self.folder.read("out") == self.bytes, "other bytes were fetched");
                let answered = |call: &Call| call.kind == Kind::Get && call.acknowledged;
                let gets = self.proxy.log().iter().filter(|call| answered(call)).count();
                assert!(gets <= PIECES + kills * CONCURRENCY, "{gets} ranges after {kills} kills");
            }
        }
        assert_eq!(self.hidden_files(), Vec::<String>::new());
    }

    /// The journals of uploads.
    fn journals(&self) -> Vec<PathBuf> {
        let Ok(buckets) = fs::read_dir(self.folder.path().join("state/cfstore/transfers")) else {
            return Vec::new();
        };
        let files = buckets.flat_map(|bucket| fs::read_dir(bucket.unwrap().path()).unwrap());
        files.map(|file| file.unwrap().path()).collect()
    }

    /// The files that a download has next to its target.
    fn hidden_files(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.') && name != ".cfstore").collect()
    }
}

fn address(server: &Server) -> std::net::SocketAddr {
    server.variable("R2_ENDPOINT").strip_prefix("http://").unwrap().parse().unwrap()
}

fn clients_are_killed(transfer: Transfer) {
    let mut fixture = Fixture::new(transfer, &format!("{transfer:?}, client killed"));
    let (mut killed, mut done) = (0, 0);
    while killed < KILLS {
        fixture.prepare();
        let (mut kills, mut unsettled) = (0, 0);
        loop {
            let mut child = fixture.begin();
            // Some are let through after a kill, others are killed again.
            if kills == 0 || (killed < KILLS && fixture.rng.bool()) {
                fixture.wait();
                child.kill().unwrap();
            }
            let output = child.wait_with_output().unwrap();
            if output.status.code().is_some() {
                fixture.assert_done(&output, kills);
                break;
            }
            kills += 1;
            killed += 1;
            // Requests in flight then are sometimes still in flight when the next transfer starts.
            if fixture.rng.bool() {
                fixture.settle();
            } else {
                unsettled += 1;
            }
        }
        done += 1;
        let twice = fixture.proxy.sent_twice();
        assert!(twice.len() <= unsettled * CONCURRENCY, "{kills} kills, {unsettled} unsettled: {twice:?}");
    }
    println!("{killed} kills of {transfer:?} in {done} transfers");
}

fn servers_are_killed(transfer: Transfer) {
    let mut fixture = Fixture::new(transfer, &format!("{transfer:?}, server killed"));
    let (mut killed, mut failed) = (0, 0);
    while killed < KILLS {
        fixture.prepare();
        let mut kills = 0;
        loop {
            let child = fixture.begin();
            if kills == 0 || (killed < KILLS && fixture.rng.bool()) {
                fixture.wait();
                fixture.server.child.kill().unwrap();
                fixture.server.child.wait().unwrap();
                kills += 1;
                killed += 1;
                // Long enough to be noticed, or not.
                std::thread::sleep(Duration::from_millis(fixture.rng.u64(0..1500)));
                fixture.server = Server::start(&fixture.folder);
                fixture.proxy.set_server(address(&fixture.server));
            }
            let output = child.wait_with_output().unwrap();
            if output.status.success() {
                fixture.assert_done(&output, kills);
                break;
            }
            failed += 1;
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.code() == Some(1) && said.contains(KEY), "{said}");
        }
        assert_eq!(fixture.proxy.sent_twice(), []);
    }
    println!("{killed} kills of the server, {failed} of {transfer:?} failed and were done by the next");
}

#[test]
#[ignore = "it takes a minute: cargo xtask test transfer/kills"]
fn puts_survive_that_they_are_killed() {
    clients_are_killed(Transfer::Put);
}

#[test]
#[ignore = "it takes a minute: cargo xtask test transfer/kills"]
fn gets_survive_that_they_are_killed() {
    clients_are_killed(Transfer::Get);
}

#[test]
#[ignore = "it takes a minute: cargo xtask test transfer/kills"]
fn puts_survive_that_the_server_is_killed() {
    servers_are_killed(Transfer::Put);
}

#[test]
#[ignore = "it takes a minute: cargo xtask test transfer/kills"]
fn gets_survive_that_the_server_is_killed() {
    servers_are_killed(Transfer::Get);
}
