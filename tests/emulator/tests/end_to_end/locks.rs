//! Locks that processes contend for, while requests fail, answers are lost, and the processes are killed.
//!
//! Mutual exclusion is not checked through the locks themselves: a holder also locks a file, which the system
//! unlocks when the holder dies.
#![cfg(unix)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::env;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cloudflare_clients::http::StatusCode;
use cloudflare_clients::lock::{Lock, Locks};
use cloudflare_clients::r2::{R2Service, R2SigningConfig};
use cloudflare_clients::{Error, ErrorKind, RetryPolicy, S3Bucket, Timeouts};
use testkit::{BUCKET, ContentLength, Fault};

use crate::world::World;

const ACQUISITIONS: usize = 10_000;
const PROCESSES: u64 = 8;
/// Workers per process, which is also the number of concurrent locks.
const WORKERS: u64 = 2;
const NAMES: u64 = 32;
const TTL: Duration = Duration::from_secs(2);
const SKEW: Duration = Duration::from_millis(100);
/// Maximum time to acquire a free lock on a busy machine, for a worker whose requests fail.
const PATIENCE: Duration = Duration::from_secs(5);
const MS: fn(u64) -> Duration = Duration::from_millis;

const FOLDER: &str = "LOCKS_FOLDER";
const ENDPOINT: &str = "LOCKS_ENDPOINT";
const KEY_ID: &str = "LOCKS_KEY_ID";
const SECRET: &str = "LOCKS_SECRET";

fn say(message: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "@ {message}").unwrap();
    out.flush().unwrap();
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// The file of a lock, which its holder locks: the last token, when a holder was last seen, and whether it is
/// still inside.
struct Section {
    file: File,
    token: u64,
}

impl Section {
    fn enter(folder: &Path, name: &str, token: u64, begun: u64) -> Self {
        let path = folder.join(name);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap();
        if file.try_lock().is_err() {
            say(&format!("violation: {name} has two holders, one with token {token}"));
        }
        let mut bytes = [0; 24];
        // A new file is empty.
        let _ = file.read_at(&mut bytes, 0);
        let [last, seen, inside] =
            [0, 8, 16].map(|at| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()));
        if token <= last {
            say(&format!("violation: {name} has token {token} after {last}"));
        }
        let waited = now().saturating_sub(begun.max(seen));
        say(&format!("acquired {name} {token} {waited} {inside}"));
        let section = Self { file, token };
        section.write(1);
        section
    }

    fn write(&self, inside: u64) {
        let bytes = [self.token, now(), inside].map(u64::to_le_bytes).concat();
        self.file.write_all_at(&bytes, 0).unwrap();
    }

    fn leave(self) {
        self.write(0);
    }
}

/// Errors that faults cause are reported; anything else is a violation.
fn check(what: &str, error: &Error, within_the_lease: bool) {
    let lost = error.kind() == ErrorKind::LockLost;
    if if lost { within_the_lease } else { !error.is_retryable() && error.kind() != ErrorKind::Integrity } {
        say(&format!("violation: {what}: {error:?}"));
    }
    say(if lost { "lost" } else { "failed" });
}

#[test]
#[ignore = "the process that the test of locks kills"]
fn contends_until_it_is_killed() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let [endpoint, key_id, secret] = [ENDPOINT, KEY_ID, SECRET].map(|name| env::var(name).unwrap());
        let bucket = S3Bucket::new(R2SigningConfig::for_endpoint(endpoint, key_id, secret, BUCKET)).unwrap();
        let bucket = bucket.with_timeouts(Timeouts::default().first_byte(MS(500)).idle(MS(500)));
        let locks = locks(R2Service::new(bucket));
        let workers = (0..WORKERS).map(|_| contend(PathBuf::from(&folder), locks.clone()));
        futures_util::future::join_all(workers).await;
    });
}

fn locks(r2: R2Service) -> Locks {
    let retry =
        RetryPolicy::default().max_retries(2).base_delay(MS(5)).max_delay(MS(100)).rate_limit_delay(MS(20));
    Locks::new(r2.with_retry(retry)).with_ttl(TTL).with_clock_skew(SKEW)
}

async fn contend(folder: PathBuf, locks: Locks) {
    loop {
        let name = format!("lock-{}", fastrand::u64(..NAMES));
        let begun = now();
        // Most workers continue with another lock, some wait.
        let acquired = if fastrand::u32(..16) == 0 {
            locks.acquire(&name, TTL + SKEW + PATIENCE).await.map(Some)
        } else {
            locks.try_acquire(&name).await
        };
        match acquired {
            Ok(Some(lock)) => work(&folder, &name, lock, begun).await,
            Ok(None) => {}
            Err(error) => check("acquire", &error, false),
        }
    }
}

async fn work(folder: &Path, name: &str, mut lock: Lock, begun: u64) {
    let section = Section::enter(folder, name, lock.token(), begun);
    let pause = tokio::time::sleep(MS(fastrand::u64(..10)));
    match fastrand::u32(..64) {
        0 => {
            if let Err(error) = lock.hold(tokio::time::sleep(TTL)).await {
                check("hold", &error, lock.is_held());
            }
        }
        1..8 => {
            let expires_at = lock.expires_at();
            if let Err(error) = lock.renew().await {
                check("renew", &error, SystemTime::now() < expires_at);
            }
        }
        _ => pause.await,
    }
    section.leave();
    let expires_at = lock.expires_at();
    if let Err(error) = lock.release().await {
        check("release", &error, SystemTime::now() < expires_at);
    }
}

/// The output of the processes.
#[derive(Default)]
struct Told {
    tokens: HashMap<String, HashSet<u64>>,
    acquired: usize,
    taken_over: u64,
    failed: u64,
    lost: u64,
    kills: u64,
    longest_wait: Duration,
    violations: Vec<String>,
}

impl Told {
    fn hear(&mut self, message: &str) {
        match message.split(' ').collect::<Vec<_>>()[..] {
            ["acquired", name, token, waited, inside] => {
                self.acquired += 1;
                self.taken_over += inside.parse::<u64>().unwrap();
                self.longest_wait = self.longest_wait.max(MS(waited.parse().unwrap()));
                let token = token.parse().unwrap();
                if !self.tokens.entry(name.to_owned()).or_default().insert(token) {
                    self.violations.push(format!("{name} had token {token} twice"));
                }
            }
            ["failed"] => self.failed += 1,
            ["lost"] => self.lost += 1,
            _ => self.violations.push(message.to_owned()),
        }
    }
}

/// Runs and kills a process repeatedly, until there were enough acquisitions.
fn run_and_kill(command: impl Fn() -> Command, told: &Mutex<Told>, done: &AtomicBool) {
    while !done.load(Ordering::SeqCst) {
        let mut child = command().spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let until = Instant::now() + MS(fastrand::u64(1000..6000));
        thread::scope(|scope| {
            let reader = scope.spawn(move || {
                for line in lines {
                    let line = line.unwrap();
                    if let Some((_, message)) = line.split_once("@ ") {
                        let mut told = told.lock().unwrap();
                        told.hear(message);
                        done.fetch_or(
                            told.acquired >= ACQUISITIONS || !told.violations.is_empty(),
                            Ordering::SeqCst,
                        );
                    }
                }
            });
            while Instant::now() < until && !done.load(Ordering::SeqCst) {
                thread::sleep(MS(10));
            }
            child.kill().unwrap();
            let status = child.wait().unwrap();
            reader.join().unwrap();
            let mut told = told.lock().unwrap();
            told.kills += 1;
            if status.code().is_some() {
                told.violations.push(format!("a process has ended by itself: {status}"));
                done.store(true, Ordering::SeqCst);
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_never_hold_a_lock_together() {
    let world = World::start().await;
    let faults = [
        Fault::Status(503, None),
        Fault::Status(429, None),
        Fault::ResetBefore,
        Fault::ResetInUpload,
        Fault::ResetAfter,
        Fault::ResetAfter,
        Fault::EndEarly(ContentLength::Kept),
        Fault::FlipUpload,
        Fault::FlipDownload,
        Fault::StallBeforeHead,
    ];
    world.proxy.at_random(0.05, 1, &faults);
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{}", world.proxy.address());
    let credentials = &world.server.credentials;
    let variables = BTreeMap::from([
        (FOLDER, folder.path().to_str().unwrap().to_owned()),
        (ENDPOINT, endpoint),
        (KEY_ID, credentials.access_key_id().to_owned()),
        (SECRET, credentials.secret_access_key().to_owned()),
    ]);
    let command = move || {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--ignored", "--exact", "locks::contends_until_it_is_killed", "--nocapture"])
            .envs(&variables)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command
    };
    let server_faults = world.server.faults.clone();
    let begun = Instant::now();
    let (told, server_failures) = tokio::task::spawn_blocking(move || {
        let (told, done) = (Mutex::new(Told::default()), AtomicBool::new(false));
        let mut server_failures = 0;
        thread::scope(|scope| {
            for _ in 0..PROCESSES {
                scope.spawn(|| run_and_kill(&command, &told, &done));
            }
            while !done.load(Ordering::SeqCst) {
                thread::sleep(MS(200));
                server_faults.fail_next(4, StatusCode::SERVICE_UNAVAILABLE);
                server_failures += 4;
            }
        });
        (told.into_inner().unwrap(), server_failures)
    })
    .await
    .unwrap();
    let took = begun.elapsed();

    let Told { tokens, acquired, taken_over, failed, lost, kills, longest_wait, violations } = told;
    println!(
        "{acquired} acquisitions of {} locks in {took:?}: {kills} kills, {taken_over} takeovers of the dead, {} faults on the wire and \
         up to {server_failures} of the server, {failed} failures, {lost} lost; the longest wait was {longest_wait:?}",
        tokens.len(),
        world.proxy.faults(),
    );
    assert!(violations.is_empty(), "{violations:#?}");
    assert_eq!(tokens.len() as u64, NAMES);
    assert!(kills > PROCESSES && taken_over > 10, "nobody was killed with a lock");
    // Once for the killed holder, and once more for an acquisition whose answer was lost.
    assert!(longest_wait < 2 * (TTL + SKEW) + PATIENCE, "{longest_wait:?}");

    // The last locks are free when they expire, and the tokens continue.
    let locks = locks(world.stored.clone());
    for (name, tokens) in tokens {
        let lock = locks.acquire(&name, TTL + SKEW + PATIENCE).await.unwrap();
        assert!(tokens.iter().all(|token| *token < lock.token()), "{name}");
        lock.release().await.unwrap();
    }
}
