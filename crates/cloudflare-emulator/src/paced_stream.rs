//! A connection whose peer must read at a minimum rate.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cloudflare_clients::Runtime;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Limits;
use crate::pace::{Pace, Pressure, TooSlow};

/// Fails with [`io::ErrorKind::TimedOut`] if the peer reads too slowly.
pub(crate) struct PacedStream<S> {
    stream: S,
    runtime: Arc<dyn Runtime>,
    pace: Pace,
    waiting: Option<Waiting>,
    is_blocked: Arc<AtomicBool>,
}

/// A pending write: its start and its timeout.
struct Waiting {
    since: Duration,
    enough: BoxFuture<'static, ()>,
}

impl<S> PacedStream<S> {
    pub(crate) fn new(stream: S, runtime: Arc<dyn Runtime>, limits: &Limits, pressure: Pressure) -> Self {
        let pace = Pace::new(limits, pressure);
        Self { stream, runtime, pace, waiting: None, is_blocked: Arc::default() }
    }

    /// Whether a write is pending.
    pub(crate) fn is_blocked(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_blocked)
    }

    /// Records the result of a write.
    fn paced(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.is_blocked.store(written.is_pending(), Ordering::Relaxed);
        match written {
            Poll::Ready(written) => {
                let since = self.waiting.take().map(|waiting| waiting.since);
                let waited = since.map(|since| self.runtime.monotonic().saturating_sub(since));
                let written = written?;
                self.pace.after(waited.unwrap_or_default(), written).map_err(too_slow)?;
                Poll::Ready(Ok(written))
            }
            Poll::Pending => loop {
                let (runtime, patience) = (&self.runtime, self.pace.next_wait());
                let waiting = self.waiting.get_or_insert_with(|| Waiting {
                    since: runtime.monotonic(),
                    enough: runtime.timeout(patience),
                });
                ready!(waiting.enough.as_mut().poll(context));
                self.waiting = None;
                self.pace.after(patience, 0).map_err(too_slow)?;
            },
        }
    }
}

fn too_slow(_: TooSlow) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client reads the answer too slowly")
}

impl<S: AsyncRead + Unpin> AsyncRead for PacedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PacedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.paced(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.paced(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use cloudflare_clients::testing::ManualClock;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn paced(clock: &ManualClock) -> (PacedStream<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(1024);
        let limits = Limits::default().patience(MINUTE).min_rate(10);
        (PacedStream::new(ours, Arc::new(clock.clone()), &limits, Pressure::default()), theirs)
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let clock = ManualClock::default();
        let (mut stream, _theirs) = paced(&clock);
        let writing = tokio::spawn(async move { stream.write_all(&[0; 4096]).await });
        // What it took at first counts for the first minute.
        for seconds in 0..120 {
            tokio::task::yield_now().await;
            assert!(!writing.is_finished(), "after {seconds} s");
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(writing.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_peer_that_takes_some_each_minute_gets_it_all() {
        let clock = ManualClock::default();
        let (mut stream, mut theirs) = paced(&clock);
        let writing = tokio::spawn(async move { stream.write_all(&[0; 8192]).await });
        let mut taken = 0;
        while taken < 8192 {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(20));
            taken += theirs.read(&mut [0; 512]).await.unwrap();
        }
        writing.await.unwrap().unwrap();
    }
}
