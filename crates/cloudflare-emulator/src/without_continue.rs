//! A connection that removes `100 Continue`.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What hyper writes before an answer, when a body is read that the client waits to send.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Forwards writes, except for the next `100 Continue` while one is expected.
pub(crate) struct WithoutContinue<S> {
    stream: S,
    expected: Arc<AtomicBool>,
}

impl<S> WithoutContinue<S> {
    /// Creates it. `expected` is set by a request that waits for `100 Continue`.
    pub(crate) fn new(stream: S, expected: Arc<AtomicBool>) -> Self {
        Self { stream, expected }
    }

    fn keeps_back(&self, bytes: &[u8]) -> bool {
        // After other bytes it would be part of the answer.
        self.expected.swap(false, Ordering::Relaxed) && bytes.starts_with(CONTINUE)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WithoutContinue<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WithoutContinue<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.keeps_back(bytes) {
            return Poll::Ready(Ok(CONTINUE.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if pieces.first().is_some_and(|first| self.keeps_back(first)) {
            return Poll::Ready(Ok(CONTINUE.len()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
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
