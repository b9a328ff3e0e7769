//! A limit on the bytes per second of transfers: a token bucket.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use tokio::sync::Mutex;

use crate::body::{Body, ByteStream};
use crate::error::Result;
use crate::r2::R2Service;
use crate::runtime::Runtime;

/// The minimum rate, in bytes per second: services close slower connections.
const MIN_RATE: u64 = 1024;

/// How much unused time may be caught up after a late timer.
const BURST: Duration = Duration::from_millis(50);

/// Maximum number of bytes to wait for together, at a high rate.
const MAX_GRANT: u64 = 64 * 1024;

/// Minimum rate of each of several connections, in bytes per second: services take slower ones for dead.
const MIN_RATE_OF_PIECE: u64 = 64 * 1024;

/// A limit on the bytes per second of everything that shares it. Clones share it.
///
/// Bytes are sent evenly, in portions of a twentieth of a second, and all users of the limit take turns.
/// Bytes that are sent again count again.
///
/// ```
/// # use cloudflare_clients::{LocalBucket, r2::R2Service};
/// use cloudflare_clients::transfer::RateLimit;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let r2 = R2Service::new(LocalBucket::open(folder.path().join("store"), "media").await?);
/// # let (one, other) = (folder.path().join("one"), folder.path().join("other"));
/// # std::fs::write(&one, "1").unwrap();
/// # std::fs::write(&other, "2").unwrap();
/// let limit = RateLimit::new(&r2, 10 * 1024 * 1024);
/// let uploads = [r2.upload(one, "one"), r2.upload(other, "other")];
/// // 10 MiB a second for both.
/// futures_util::future::try_join_all(uploads.map(|upload| upload.share_rate(&limit).into_future())).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RateLimit(Arc<TokenBucket>);

struct TokenBucket {
    runtime: Arc<dyn Runtime>,
    bytes_per_second: u64,
    /// When the next bytes may be sent, on the runtime's monotonic clock. The task that waits for that time
    /// holds the lock, and the others queue for it.
    next: Mutex<Duration>,
}

impl RateLimit {
    /// Creates a limit that uses the clock of this service. The minimum is 1 KiB per second; lower values are
    /// raised to it.
    pub fn new(service: &R2Service, bytes_per_second: u64) -> Self {
        Self::by(Arc::clone(service.runtime()), bytes_per_second)
    }

    fn by(runtime: Arc<dyn Runtime>, bytes_per_second: u64) -> Self {
        let bytes_per_second = bytes_per_second.max(MIN_RATE);
        Self(Arc::new(TokenBucket { runtime, bytes_per_second, next: Mutex::default() }))
    }

    /// Limits the rate of a body that is sent or read without an [`Upload`](super::Upload) or a
    /// [`Download`](super::Download).
    pub fn limit(&self, body: Body) -> Body {
        let limit = self.clone();
        body.each_time_through(move |stream| limit.clone().pieces(stream).boxed())
    }

    /// Applies the limit to the body, if there is one.
    pub(super) fn applied(limit: Option<&Self>, body: Body) -> Body {
        match limit {
            Some(limit) => limit.limit(body),
            None => body,
        }
    }

    /// Returns how many concurrent pieces suffice for the rate, at most `most`.
    pub(super) fn pieces_at_once(limit: Option<&Self>, most: usize) -> usize {
        limit.map_or(most, |limit| limit.concurrency(most))
    }

    /// Returns how many concurrent pieces leave enough of the rate for each of them.
    fn concurrency(&self, most: usize) -> usize {
        let enough = usize::try_from(self.0.bytes_per_second / MIN_RATE_OF_PIECE).unwrap_or(usize::MAX);
        most.min(enough.max(1))
    }

    /// How many bytes to wait for together.
    fn grant(&self) -> usize {
        usize::try_from((self.0.bytes_per_second / 20).min(MAX_GRANT)).unwrap_or(usize::MAX).max(1)
    }

    fn pieces(self, stream: ByteStream) -> impl Stream<Item = Result<Bytes>> + Send {
        stream::try_unfold((self, stream, Bytes::new()), |(limit, mut stream, mut rest)| async move {
            while rest.is_empty() {
                match stream.try_next().await? {
                    Some(bytes) => rest = bytes,
                    None => return Ok(None),
                }
            }
            let piece = rest.split_to(rest.len().min(limit.grant()));
            limit.take(piece.len()).await;
            Ok(Some((piece, (limit, stream, rest))))
        })
    }

    /// Waits until this many bytes may be sent. Callers are served in order.
    async fn take(&self, bytes: usize) {
        let TokenBucket { runtime, bytes_per_second, next } = &*self.0;
        let mut next = next.lock().await;
        let now = runtime.monotonic();
        // Time that was unused before the burst is lost.
        let at = (*next).max(now.saturating_sub(BURST));
        let wait = at.saturating_sub(now);
        if !wait.is_zero() {
            runtime.sleep(wait).await;
        }
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(*bytes_per_second);
        *next = at.saturating_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)));
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("bytes_per_second", &self.0.bytes_per_second)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::testing::ManualClock;

    const STEP: Duration = Duration::from_millis(10);

    #[tokio::test]
    async fn bytes_go_smoothly_and_fairly() {
        for rate in [20 * 1024, 1_000_000, 100_000_000] {
            let clock = ManualClock::default().sleepers_wait();
            let limit = RateLimit::by(Arc::new(clock.clone()), rate);
            let done: Arc<[AtomicU64; 4]> = Arc::default();
            for number in 0..4 {
                let body = Body::from(vec![0; usize::try_from(rate).unwrap()]);
                let (mut pieces, done) = (limit.limit(body).into_stream(), Arc::clone(&done));
                tokio::spawn(async move {
                    while let Some(piece) = pieces.try_next().await.unwrap() {
                        done[number].fetch_add(piece.len() as u64, Ordering::Relaxed);
                    }
                });
            }
            // One wait per portion, except for those that may go immediately at the start.
            let slack = 4 * limit.grant() as u64;
            let burst = rate / 20;
            for step in 0..100 {
                for _ in 0..200 {
                    tokio::task::yield_now().await;
                }
                let each: Vec<_> = done.iter().map(|done| done.load(Ordering::Relaxed)).collect();
                let sum: u64 = each.iter().sum();
                let due = rate * 10 * step / 1000;
                assert!(sum + slack >= due, "{rate} at {step}: {sum} of {due}");
                assert!(sum <= due + burst + slack, "{rate} at {step}: {sum} of {due}");
                let (least, most) = (each.iter().min().unwrap(), each.iter().max().unwrap());
                assert!(most - least <= burst + slack, "{rate} at {step}: {each:?}");
                clock.advance(STEP);
            }
        }
    }

    #[tokio::test]
    async fn time_that_was_not_used_is_lost() {
        let clock = ManualClock::default();
        let limit = RateLimit::by(Arc::new(clock.clone()), 10_000);
        for _ in 0..2 {
            clock.advance(Duration::from_secs(3600));
            let begun = clock.monotonic();
            let body = limit.limit(Body::from(vec![0; 10_000]));
            assert_eq!(body.bytes().await.unwrap().len(), 10_000);
            let took = clock.monotonic().checked_sub(begun).unwrap();
            assert!(took > Duration::from_millis(850) && took <= Duration::from_secs(1), "{took:?}");
        }
    }

    #[test]
    fn few_pieces_share_a_low_rate() {
        let clock: Arc<dyn Runtime> = Arc::new(ManualClock::default());
        for (rate, pieces) in [(0, 1), (100_000, 1), (200_000, 3), (10_000_000, 8), (u64::MAX, 8)] {
            let limit = RateLimit::by(Arc::clone(&clock), rate);
            assert_eq!(limit.concurrency(8), pieces);
            assert!((1..=64 * 1024).contains(&limit.grant()));
        }
    }
}
