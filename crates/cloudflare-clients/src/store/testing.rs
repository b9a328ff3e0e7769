//! Helpers that the tests of the store share.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use rusqlite::Connection;
use tempfile::TempDir;

use super::{LocalBucket, LocalNamespace, LocalStore};
use crate::kv::{self, Namespace as _};
use crate::r2::{Bucket, GetRequest};
use crate::runtime::Runtime;

/// A clock that only moves when a test moves it.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Arc<Mutex<SystemTime>>);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(SystemTime::UNIX_EPOCH + Duration::from_secs(500_000 * 3600))))
    }

    pub(crate) fn advance(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }

    pub(crate) fn set(&self, now: SystemTime) {
        *self.0.lock().unwrap() = now;
    }
}

impl Runtime for Clock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> f64 {
        0.5
    }
}

/// A bucket in a separate store, which is deleted with the folder.
pub(crate) async fn bucket() -> (TempDir, LocalBucket) {
    let folder = tempfile::tempdir().unwrap();
    let bucket = LocalBucket::open(folder.path(), "media").await.unwrap();
    (folder, bucket)
}

pub(super) async fn bucket_with_clock() -> (TempDir, LocalBucket, Clock) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::new();
    let store = LocalStore::open_with_runtime(folder.path(), clock.clone()).await.unwrap();
    store.create_bucket("media").await.unwrap();
    let bucket = store.bucket("media").unwrap();
    (folder, bucket, clock)
}

/// The bytes of an object.
pub(super) async fn bytes(bucket: &LocalBucket, key: &str) -> Option<Vec<u8>> {
    let request = GetRequest::new(key);
    match bucket.get(request).await.unwrap() {
        Some(object) => Some(object.body.bytes().await.unwrap().to_vec()),
        None => None,
    }
}

/// Number of files that are stored, and number of files being written.
pub(super) async fn files(store: &LocalStore) -> (usize, usize) {
    // Files that a transaction leaves to be removed are removed before the next one starts.
    store.shared().writer.write(Vec::new(), |_| Ok(())).await.unwrap();
    let count = |name: &str| std::fs::read_dir(store.path().join(name)).unwrap().count();
    (count("blobs"), count("incoming"))
}

/// Bytes that differ from place to place.
pub(super) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 + i / 251).to_le_bytes()[0]).collect()
}

/// A namespace in a separate store, which is deleted with the folder.
pub(super) async fn namespace() -> (TempDir, LocalNamespace, Clock) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::new();
    let store = LocalStore::open_with_runtime(folder.path(), clock.clone()).await.unwrap();
    let id = store.create_namespace("sessions").await.unwrap().id;
    let namespace = store.namespace(id);
    (folder, namespace, clock)
}

/// The bytes of a value.
pub(super) async fn value(namespace: &LocalNamespace, key: &str) -> Option<Vec<u8>> {
    let value = namespace.get(kv::GetRequest::new(key)).await.unwrap()?;
    Some(value.bytes().await.unwrap().to_vec())
}

/// Number of rows in a table.
pub(super) async fn rows(store: &LocalStore, table: &'static str) -> usize {
    let count = move |connection: &Connection| {
        Ok(connection.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0))?)
    };
    store.shared().readers.read(count).await.unwrap()
}

/// Flips a bit of a file.
pub(super) fn flip(path: &std::path::Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// The only file in `blobs/`.
pub(super) fn only_blob(store: &LocalStore) -> std::path::PathBuf {
    let mut blobs = std::fs::read_dir(store.path().join("blobs")).unwrap();
    let blob = blobs.next().unwrap().unwrap().path();
    assert!(blobs.next().is_none());
    blob
}
