//! Computes the MD5 of concurrent bodies together.

use std::mem;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::md5::{LANES, Md5, Piece, is_side_by_side, update_all};
use super::platform::Platform;
use crate::error::Result;
use crate::sync::lock;

/// Number of bytes of a body that are hashed at a time: a large body delays the others by about 2
/// milliseconds.
const PIECE: usize = 1024 * 1024;

/// Pieces of bodies that wait to be hashed. One thread hashes all waiting pieces. Another joins it when more
/// than [`LANES`] wait.
#[derive(Debug, Default)]
pub(super) struct Md5Queue(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    jobs: Vec<Job>,
    /// Number of threads that hash, or are about to.
    hashing: usize,
}

#[derive(Debug)]
struct Job {
    piece: Piece,
    done: oneshot::Sender<Md5>,
}

impl Md5Queue {
    /// Continues a hash with the next bytes, off the async threads.
    ///
    /// # Errors
    /// The runtime is shutting down.
    pub(super) async fn update(
        self: &Arc<Self>,
        platform: &Platform,
        mut md5: Md5,
        mut bytes: Bytes,
    ) -> Result<Md5> {
        while !bytes.is_empty() {
            let piece = Piece { md5, bytes: bytes.split_to(bytes.len().min(PIECE)) };
            let hashed =
                if is_side_by_side() { self.hashed_with_others(platform, piece.clone()).await } else { None };
            md5 = match hashed {
                Some(md5) => md5,
                None => platform.blocking(move || Ok(piece.hashed())).await?,
            };
        }
        Ok(md5)
    }

    /// Returns `None` if the runtime of the hashing thread has ended.
    async fn hashed_with_others(self: &Arc<Self>, platform: &Platform, piece: Piece) -> Option<Md5> {
        let (done, hashed) = oneshot::channel();
        if self.begin(Job { piece, done }) {
            let hashing = Hashing(Some(Arc::clone(self)));
            platform.threads.run_blocking(Box::new(move || hashing.run()));
        }
        hashed.await.ok()
    }

    /// Queues a job. Returns whether another thread is needed.
    fn begin(&self, job: Job) -> bool {
        let mut waiting = lock(&self.0);
        waiting.jobs.push(job);
        let needed = waiting.hashing == 0 || waiting.jobs.len() > LANES;
        waiting.hashing += usize::from(needed);
        needed
    }
}

/// A thread that hashes until nothing waits.
struct Hashing(Option<Arc<Md5Queue>>);

impl Hashing {
    fn run(mut self) {
        while let Some(jobs) = self.next() {
            let (mut pieces, waiting): (Vec<_>, Vec<_>) =
                jobs.into_iter().map(|Job { piece, done }| (piece, done)).unzip();
            update_all(&mut pieces);
            for (piece, done) in pieces.into_iter().zip(waiting) {
                // Sending fails if the caller was cancelled.
                let _ = done.send(piece.md5);
            }
        }
    }

    fn next(&mut self) -> Option<Vec<Job>> {
        let queue = self.0.as_ref()?;
        let mut waiting = lock(&queue.0);
        if waiting.jobs.is_empty() {
            // Under the same lock: the next caller starts another thread.
            waiting.hashing -= 1;
            drop(waiting);
            self.0 = None;
            return None;
        }
        let count = waiting.jobs.len().min(LANES);
        Some(waiting.jobs.drain(..count).collect())
    }
}

impl Drop for Hashing {
    /// The thread may never have run, if the runtime has ended. Then nobody else would hash.
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            let mut waiting = lock(&queue.0);
            waiting.hashing -= 1;
            let stranded = if waiting.hashing == 0 { mem::take(&mut waiting.jobs) } else { Vec::new() };
            drop(waiting);
            // The waiting callers notice, and hash by themselves.
            drop(stranded);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::ops::ControlFlow;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use futures_util::future::{BoxFuture, join_all};

    use super::*;
    use crate::r2::Checksum;
    use crate::runtime::TokioRuntime;
    use crate::store::threads::{Threads, Worker};

    fn platform() -> Platform {
        Platform::new(Arc::new(TokioRuntime))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn bodies_that_arrive_at_once_get_the_hash_of_their_own_bytes() {
        let (queue, platform) = (Arc::new(Md5Queue::default()), platform());
        let bodies = (0..12_u8).map(|body| {
            let (queue, platform) = (Arc::clone(&queue), platform.clone());
            tokio::spawn(async move {
                let mut md5 = Md5::new();
                let mut whole = Vec::new();
                for piece in 0..3 {
                    let bytes = vec![body ^ piece; 1000 * usize::from(body).pow(2) + usize::from(piece)];
                    whole.extend_from_slice(&bytes);
                    let piece = Piece { md5, bytes: bytes.into() };
                    md5 = queue.hashed_with_others(&platform, piece).await.unwrap();
                }
                assert_eq!(md5.finish(), Checksum::md5_of(&whole));
            })
        });
        join_all(bodies).await.into_iter().for_each(|body| body.unwrap());
        // A thread answers before it ends.
        let ended = async {
            while queue.0.lock().unwrap().hashing > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
        assert!(queue.0.lock().unwrap().jobs.is_empty());
    }

    /// Drops all work.
    #[derive(Debug)]
    struct Ended;

    impl Threads for Ended {
        fn run_blocking(&self, _: Box<dyn FnOnce() + Send>) {}

        fn spawn(&self, _: BoxFuture<'static, ()>) {}

        fn start_worker(
            &self,
            _: &str,
            _: Box<dyn FnMut() -> ControlFlow<()> + Send>,
        ) -> io::Result<Box<dyn Worker>> {
            Err(io::Error::other("ended"))
        }

        fn pause(&self, _: Duration) {}

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
    }

    #[tokio::test]
    async fn a_runtime_that_has_ended_holds_nobody_up() {
        let queue = Arc::new(Md5Queue::default());
        let ended = Platform { threads: Arc::new(Ended), ..platform() };
        let piece = || Piece { md5: Md5::new(), bytes: "abc".into() };
        let others = queue.hashed_with_others(&ended, piece()).now_or_never();
        assert!(matches!(others, Some(None)), "{others:?}");
        let stopped = queue.update(&ended, Md5::new(), "abc".into()).now_or_never().unwrap().unwrap_err();
        assert!(crate::store::platform::was_stopped(&stopped), "{stopped}");
        let md5 = queue.hashed_with_others(&platform(), piece()).await.unwrap();
        assert_eq!(md5.finish(), Checksum::md5_of(b"abc"));
    }

    #[tokio::test]
    async fn a_large_body_is_hashed_in_pieces() {
        let queue = Arc::new(Md5Queue::default());
        let bytes = Bytes::from(vec![7; 2 * PIECE + 100]);
        let md5 = queue.update(&platform(), Md5::new(), bytes.clone()).await.unwrap();
        assert_eq!(md5.finish(), Checksum::md5_of(&bytes));
    }
}
