//! The threads of the store: where it waits for the disk, and what it does in the background.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::sync::LazyLock;
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

/// Where the store's work runs. In production it is `SystemThreads`. Another implementation may run all work
/// on the caller's thread, immediately or later.
pub trait Threads: fmt::Debug + Send + Sync {
    /// Runs blocking work off the async threads. May drop work that will never run.
    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>);

    /// Runs a task in the background.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Starts a worker, which runs `work` each time that it is woken, until `work` breaks.
    fn start_worker(
        &self,
        name: &str,
        work: Box<dyn FnMut() -> ControlFlow<()> + Send>,
    ) -> io::Result<Box<dyn Worker>>;

    /// Blocks the thread for this time. Only blocking work calls this, never a task.
    fn pause(&self, duration: Duration);

    /// Returns the time since a fixed moment, to measure pauses: a pause may take longer than requested.
    fn monotonic(&self) -> Duration;
}

/// A worker. Dropping it wakes it once more and waits for it: its work breaks then.
pub trait Worker: fmt::Debug + Send + Sync {
    /// Makes the work run at least once more, from its start. Does not wait for it if it has its own thread.
    fn wake(&self);
}

/// Tokio's threads for blocking work and tasks, and one thread per worker.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemThreads;

impl Threads for SystemThreads {
    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        tokio::task::spawn_blocking(work);
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }

    fn start_worker(
        &self,
        name: &str,
        mut work: Box<dyn FnMut() -> ControlFlow<()> + Send>,
    ) -> io::Result<Box<dyn Worker>> {
        let run = move || {
            while work().is_continue() {
                // Returns immediately if it was woken in the meantime.
                thread::park();
            }
        };
        let handle = thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Box::new(WorkerThread { thread: handle.thread().clone(), handle: Some(handle) }))
    }

    fn pause(&self, duration: Duration) {
        thread::sleep(duration);
    }

    fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

#[derive(Debug)]
struct WorkerThread {
    thread: Thread,
    handle: Option<JoinHandle<()>>,
}

impl Worker for WorkerThread {
    fn wake(&self) {
        self.thread.unpark();
    }
}

impl Drop for WorkerThread {
    fn drop(&mut self) {
        self.wake();
        if let Some(handle) = self.handle.take()
            && handle.join().is_err()
        {
            tracing::error!(thread = self.thread.name(), "a thread of the store panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use futures_util::FutureExt as _;

    use super::*;
    use crate::error::ErrorKind;
    use crate::kv::{self, Namespace as _};
    use crate::r2::{
        Bucket as _, CompleteMultipartUploadRequest, CopyRequest, CreateMultipartUploadRequest,
        DeleteRequest, ListRequest, PutRequest, UploadPartRequest,
    };
    use crate::runtime::Runtime as _;
    use crate::store::platform::Platform;
    use crate::store::testing::{Clock, bytes, files, pattern, value};
    use crate::store::{LocalBucket, LocalNamespace, LocalStore};

    /// Runs all work immediately on the calling thread, except tasks, which run when the test says so. A
    /// pause advances the clock.
    #[derive(Clone)]
    struct OneThread {
        clock: Clock,
        tasks: Arc<Mutex<VecDeque<BoxFuture<'static, ()>>>>,
    }

    struct InlineWorker(Mutex<Box<dyn FnMut() -> ControlFlow<()> + Send>>);

    impl Threads for OneThread {
        fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) {
            work();
        }

        fn spawn(&self, task: BoxFuture<'static, ()>) {
            self.tasks.lock().unwrap().push_back(task);
        }

        fn start_worker(
            &self,
            _: &str,
            work: Box<dyn FnMut() -> ControlFlow<()> + Send>,
        ) -> io::Result<Box<dyn Worker>> {
            Ok(Box::new(InlineWorker(Mutex::new(work))))
        }

        /// As on a busy machine, it takes longer.
        fn pause(&self, duration: Duration) {
            self.clock.advance(duration + duration / 4);
        }

        fn monotonic(&self) -> Duration {
            self.clock.monotonic()
        }
    }

    impl Worker for InlineWorker {
        fn wake(&self) {
            let _ = (self.0.lock().unwrap())();
        }
    }

    impl Drop for InlineWorker {
        fn drop(&mut self) {
            self.wake();
        }
    }

    impl fmt::Debug for OneThread {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("OneThread")
        }
    }

    impl fmt::Debug for InlineWorker {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("InlineWorker")
        }
    }

    impl OneThread {
        fn new() -> Self {
            Self { clock: Clock::new(), tasks: Arc::default() }
        }

        fn open(&self, folder: &std::path::Path) -> LocalStore {
            let threads = Arc::new(self.clone());
            let platform = Platform { threads, ..Platform::new(Arc::new(self.clock.clone())) };
            let store = ready(LocalStore::open_on(folder, platform)).unwrap();
            self.run_tasks();
            store
        }

        fn run_tasks(&self) {
            let tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
            tasks.into_iter().for_each(ready);
        }
    }

    /// The result of a future that needs no wake-up from outside: no other thread, and no runtime.
    fn ready<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().expect("all of it runs on this thread")
    }

    async fn upload(bucket: &LocalBucket, key: &str, parts: &[usize]) {
        let create = CreateMultipartUploadRequest::new(key);
        let upload_id = bucket.create_multipart_upload(create).await.unwrap().upload_id;
        let mut uploaded = Vec::new();
        for (part_number, size) in (1..).zip(parts) {
            let part = UploadPartRequest {
                key: key.into(),
                upload_id: upload_id.clone(),
                part_number,
                body: pattern(*size).into(),
                checksum: None,
                ssec_key: None,
            };
            uploaded.push(bucket.upload_part(part).await.unwrap());
        }
        let complete = CompleteMultipartUploadRequest::new(key, upload_id, uploaded);
        bucket.complete_multipart_upload(complete).await.unwrap();
    }

    #[test]
    fn a_store_runs_on_one_thread_without_a_runtime() {
        const PART: usize = 5 * 1024 * 1024;
        let folder = tempfile::tempdir().unwrap();
        let threads = OneThread::new();
        let store = threads.open(folder.path());
        ready(async {
            store.create_bucket("media").await.unwrap();
            let bucket = store.bucket("media").unwrap();
            for (key, size) in [("small", 10), ("large", 3_000_000), ("gone", 100_000)] {
                bucket.put(PutRequest::new(key, pattern(size))).await.unwrap();
                assert_eq!(bytes(&bucket, key).await, Some(pattern(size)));
            }
            upload(&bucket, "parts", &[PART, 10]).await;
            let copy = CopyRequest::new("large", "copy");
            bucket.copy(copy).await.unwrap();
            bucket.delete(DeleteRequest::new("gone")).await.unwrap();

            let sessions = LocalNamespace::open_in(&store, "sessions").await.unwrap();
            let put = kv::PutRequest::new("short", "v").expiration_ttl(Duration::from_secs(60));
            sessions.put(put).await.unwrap();
            sessions.put(kv::PutRequest::new("long", pattern(100_000))).await.unwrap();
            assert_eq!(files(&store).await, (4, 0));
        });

        // Another process.
        let other = threads.open(folder.path()).bucket("media").unwrap();
        ready(other.put(PutRequest::new("other", "1"))).unwrap();
        threads.run_tasks();
        drop((store, other));
        assert!(!folder.path().join("store.sqlite3-wal").exists());

        threads.clock.advance(Duration::from_secs(60));
        let store = threads.open(folder.path());
        ready(async {
            let bucket = store.bucket("media").unwrap();
            let page = bucket.list(ListRequest::default()).await.unwrap();
            let keys: Vec<&str> = page.objects.iter().map(|object| object.key.as_str()).collect();
            assert_eq!(keys, ["copy", "large", "other", "parts", "small"]);
            assert_eq!(bytes(&bucket, "copy").await, Some(pattern(3_000_000)));
            assert_eq!(bytes(&bucket, "parts").await, Some([pattern(PART), pattern(10)].concat()));
            let sessions = LocalNamespace::open_in(&store, "sessions").await.unwrap();
            assert_eq!(value(&sessions, "short").await, None);
            assert_eq!(value(&sessions, "long").await, Some(pattern(100_000)));
        });
    }

    #[test]
    fn another_transaction_is_waited_for_in_the_time_of_the_platform() {
        let folder = tempfile::tempdir().unwrap();
        let threads = OneThread::new();
        let store = threads.open(folder.path());
        ready(store.create_bucket("media")).unwrap();
        let bucket = store.bucket("media").unwrap();
        let other = rusqlite::Connection::open(folder.path().join("store.sqlite3")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let began = threads.clock.now();
        let busy = ready(bucket.put(PutRequest::new("key", "1"))).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::Storage);
        assert!(busy.message().contains("database is locked"), "{busy}");
        let waited = threads.clock.now().duration_since(began).unwrap();
        assert_eq!(waited.as_secs(), 30);
        other.execute_batch("COMMIT").unwrap();
        ready(bucket.put(PutRequest::new("key", "1"))).unwrap();
    }

    #[test]
    fn another_opening_is_waited_for_in_the_time_of_the_platform() {
        let folder = tempfile::tempdir().unwrap();
        let threads = OneThread::new();
        drop(threads.open(folder.path()));
        let lock = std::fs::File::open(folder.path().join("open.lock")).unwrap();
        lock.lock().unwrap();
        let began = threads.clock.now();
        let platform =
            Platform { threads: Arc::new(threads.clone()), ..Platform::new(Arc::new(threads.clock.clone())) };
        let locked = ready(LocalStore::open_on(folder.path(), platform)).unwrap_err();
        assert!(locked.message().contains("open.lock is locked"), "{locked}");
        assert_eq!(threads.clock.now().duration_since(began).unwrap().as_secs(), 30);
    }
}
