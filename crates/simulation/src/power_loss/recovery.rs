//! The state of a store after a power loss: nothing is missing, torn or left over.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use cloudflare_clients::kv::{self, Namespace as _};
use cloudflare_clients::r2::{Bucket as _, GetRequest, ListPartsRequest, ListRequest, PutRequest};
use cloudflare_clients::simulation::{Disk as _, Platform, open_store};
use cloudflare_clients::{ErrorKind, LocalBucket, LocalNamespace, LocalStore};
use fastrand::Rng;
use rusqlite::{Connection, OpenFlags};

use super::expected::{End, Expected, PLACES, Place, Stored};
use crate::clock::Clock;
use crate::disk::{Files, Machine, ProcessDisk};
use crate::threads::{LONGEST_DELAY, ProcessThreads};

pub(super) const STORE: &str = "/store";
const BUCKET: &str = "media";
const NAMESPACE: &str = "sessions";

/// How often the power is lost again while the store is opened.
const AGAIN: usize = 8;

/// A store that a process has opened.
pub(super) struct Opened {
    pub(super) disk: ProcessDisk,
    pub(super) threads: ProcessThreads,
    pub(super) store: LocalStore,
    pub(super) bucket: LocalBucket,
    pub(super) namespace: LocalNamespace,
}

impl Opened {
    /// Opens the store, lets it clean up, and creates the bucket and the namespace where they may be missing.
    pub(super) async fn open(disk: ProcessDisk, expected: &Expected, rng: &mut Rng) -> Result<Self, String> {
        let threads = ProcessThreads::new(rng.fork(), LONGEST_DELAY);
        let platform = Platform {
            disk: Arc::new(disk.clone()),
            threads: Arc::new(threads.clone()),
            runtime: Arc::new(Clock::new(rng.fork())),
        };
        let opened = Self::open_on(platform, expected).await;
        threads.idle().await;
        let (store, bucket, namespace) = match opened {
            Ok(opened) => opened,
            Err(problem) => {
                threads.kill();
                threads.idle().await;
                return Err(problem);
            }
        };
        Ok(Self { disk, threads, store, bucket, namespace })
    }

    async fn open_on(
        platform: Platform,
        expected: &Expected,
    ) -> Result<(LocalStore, LocalBucket, LocalNamespace), String> {
        let failed = |what: &'static str| move |error| format!("{what}: {error}");
        let store =
            open_store(Path::new(STORE), platform).await.map_err(failed("the store does not open"))?;
        if let Some(reason) = store.read_only_reason() {
            return Err(format!("the store opens to read only: {reason}"));
        }
        let info = store.bucket_info(BUCKET).await.map_err(failed("the bucket is not found"))?;
        if info.is_none() {
            if expected.is_prepared {
                return Err("the bucket is missing".to_owned());
            }
            store.create_bucket(BUCKET).await.map_err(failed("the bucket cannot be created"))?;
        }
        if expected.is_prepared {
            let all = store.namespaces().await.map_err(failed("the namespaces cannot be listed"))?;
            if all.iter().all(|info| info.title != NAMESPACE) {
                return Err("the namespace is missing".to_owned());
            }
        }
        let bucket = store.bucket(BUCKET).map_err(failed("the bucket cannot be used"))?;
        let namespace = LocalNamespace::open_in(&store, NAMESPACE)
            .await
            .map_err(failed("the namespace cannot be created"))?;
        Ok((store, bucket, namespace))
    }

    /// Ends the process gracefully.
    pub(super) async fn close(self) {
        let Self { disk, threads, store, bucket, namespace } = self;
        threads.idle().await;
        drop((bucket, namespace, store));
        threads.idle().await;
        drop(disk);
    }

    /// Kills the process.
    pub(super) async fn kill(self) {
        self.disk.kill();
        self.threads.kill();
        let threads = self.threads.clone();
        drop(self);
        threads.idle().await;
    }

    pub(super) async fn read(&self, place: Place) -> Result<Stored, String> {
        let failed = |error| format!("{place:?} cannot be read: {error}");
        let body = match place {
            Place::Object(key) => {
                self.bucket.get(GetRequest::new(key)).await.map_err(failed)?.map(|object| object.body)
            }
            Place::Value(key) => self.namespace.get(kv::GetRequest::new(key)).await.map_err(failed)?,
        };
        let Some(body) = body else { return Ok(None) };
        Ok(Some(Arc::new(body.bytes().await.map_err(failed)?.to_vec())))
    }

    pub(super) async fn put(&self, place: Place, bytes: Vec<u8>) -> cloudflare_clients::Result<()> {
        match place {
            Place::Object(key) => self.bucket.put(PutRequest::new(key, bytes)).await.map(drop),
            Place::Value(key) => self.namespace.put(kv::PutRequest::new(key, bytes)).await,
        }
    }

    /// Compares everything in the store with what is possible, and returns what it contains.
    pub(super) async fn observe(&self, expected: &Expected) -> Result<Expected, String> {
        let mut seen = expected.clone();
        seen.is_prepared = true;
        for place in PLACES {
            let found = self.read(place).await?;
            if let Some(problem) = expected.problem(place, &found) {
                return Err(problem);
            }
            seen.is(place, found);
        }
        let page = self.bucket.list(ListRequest::default()).await.map_err(|e| format!("no list: {e}"))?;
        let listed: Vec<_> = page.objects.iter().map(|object| object.key.as_str()).collect();
        let read = PLACES.into_iter().filter(|place| seen.sure(*place).is_some());
        let read = read.filter_map(|place| match place {
            Place::Object(key) => Some(key),
            Place::Value(_) => None,
        });
        if !read.eq(listed.iter().copied()) {
            return Err(format!("the listing does not match the stored keys: {listed:?}"));
        }
        for (id, upload) in &expected.uploads {
            let page = self.bucket.list_parts(ListPartsRequest::new(upload.key, id)).await;
            let part = match page {
                Ok(page) => Some(page.parts.first().and_then(|part| part.size)),
                Err(error) if error.kind() == ErrorKind::NoSuchUpload => None,
                Err(error) => return Err(format!("the parts of {id} cannot be listed: {error}")),
            };
            let place = Place::Object(upload.key);
            match (part, upload.end) {
                (None, End::Open) => return Err(format!("the upload {id} is missing")),
                (Some(_), End::Ended) => return Err(format!("the upload {id} exists again")),
                (Some(part), _) if !upload.part.contains(&part) => {
                    return Err(format!(
                        "the part of {id} has {part:?} bytes and not one of {:?}",
                        upload.part
                    ));
                }
                (part, End::Completing) if part.is_none() != (seen.sure(place) == upload.bytes) => {
                    return Err(format!("the upload {id} is half completed"));
                }
                _ => {}
            }
            if let Some(upload) = seen.uploads.get_mut(id) {
                upload.end = if part.is_none() { End::Ended } else { End::Open };
                if let Some(part) = part {
                    upload.part = vec![part];
                }
            }
        }
        Ok(seen)
    }

    /// Searches for damage, for files without an owner, and for missing files.
    pub(super) async fn inspect(&self, may_be_lost: &BTreeSet<Vec<u8>>) -> Result<(), String> {
        let report =
            self.store.scrub(|_, _| ()).await.map_err(|e| format!("the store cannot be read: {e}"))?;
        if !report.damaged.is_empty() {
            return Err(format!("the store is damaged: {:?}", report.damaged));
        }
        // Files that a transaction leaves for removal are gone before the next one has ended.
        self.threads.idle().await;
        let machine = self.disk.machine();
        let list = |folder: &str| machine.list(format!("{STORE}/{folder}")).unwrap_or_default();
        let files = list("blobs");
        let rows = self.blobs().map_err(|e| format!("the rows of files cannot be read: {e}"))?;
        if files != rows {
            return Err(format!("the files {files:?} do not match the rows {rows:?}"));
        }
        for folder in ["incoming", "instances"] {
            let names = list(folder);
            if names.len() != usize::from(folder == "instances") {
                return Err(format!("in {folder} is left {names:?}"));
            }
        }
        for name in list("lost") {
            let bytes = machine.read(format!("{STORE}/lost/{name}")).unwrap_or_default();
            if !may_be_lost.contains(&bytes) {
                return Err(format!(
                    "the lost file {name} has {} bytes that were never written",
                    bytes.len()
                ));
            }
        }
        let known = [
            "blobs",
            "incoming",
            "instances",
            "lost",
            "open.lock",
            "reserve",
            "store.sqlite3",
            "store.sqlite3-wal",
        ];
        match list("").iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(format!("{name} is left in the folder of the store")),
            None => Ok(()),
        }
    }

    /// Returns the files that rows name, in order.
    fn blobs(&self) -> rusqlite::Result<Vec<String>> {
        let connection = self.connect()?;
        let mut rows =
            connection.prepare("SELECT blob FROM segments WHERE blob IS NOT NULL ORDER BY blob")?;
        rows.query_map((), |row| row.get(0))?.collect()
    }

    pub(super) fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        self.disk.connect(&Path::new(STORE).join("store.sqlite3"), flags)
    }
}

/// Opens the store on a possible disk after a power loss, and returns what is wrong with it.
pub(super) async fn check(
    files: Files,
    expected: &Expected,
    may_be_lost: &BTreeSet<Vec<u8>>,
    rng: &mut Rng,
) -> Result<(), String> {
    let machine = Machine::with_files(files, rng.u64(..));
    // A moment at which the power may be lost again. Each is equally likely.
    let again = Arc::new(Mutex::new((0, None)));
    if rng.usize(..AGAIN) == 0 {
        let (again, mut rng) = (Arc::clone(&again), rng.fork());
        machine.set_log(Some(Box::new(move |_, files| {
            let (changes, chosen) = &mut *again.lock().unwrap_or_else(PoisonError::into_inner);
            *changes += 1;
            if rng.usize(..*changes) == 0 {
                *chosen = Some(files.clone());
            }
        })));
    }
    let opened = Opened::open(machine.process(), expected, rng).await?;
    machine.set_log(None);
    let checked = opened.check(expected, may_be_lost, rng).await;
    opened.close().await;
    checked?;
    if machine.list(format!("{STORE}/instances")).is_ok_and(|left| !left.is_empty()) {
        return Err("an instance is left after the store was closed".to_owned());
    }
    let again = again.lock().unwrap_or_else(PoisonError::into_inner).1.take();
    if let Some(files) = again {
        let files = files.after_power_loss(rng);
        return Box::pin(check(files, expected, may_be_lost, rng))
            .await
            .map_err(|problem| format!("after another power loss while the store opens: {problem}"));
    }
    Ok(())
}

impl Opened {
    async fn check(
        &self,
        expected: &Expected,
        may_be_lost: &BTreeSet<Vec<u8>>,
        rng: &mut Rng,
    ) -> Result<(), String> {
        self.observe(expected).await?;
        for size in [100, 70_000] {
            let place = PLACES[rng.usize(..PLACES.len())];
            let bytes = bytes(rng.u64(..), size);
            self.put(place, bytes.clone()).await.map_err(|e| format!("a put fails with {e}"))?;
            if self.read(place).await? != Some(Arc::new(bytes)) {
                return Err("a read does not return the bytes of the last put".to_owned());
            }
        }
        self.inspect(may_be_lost).await
    }
}

/// Returns bytes that differ for each seed.
pub(super) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Rng::with_seed(seed).fill(&mut bytes);
    bytes
}
