//! Prefers an answer that has arrived over the failure to send the rest of the request.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that reports a failed write only when there is nothing more to read.
///
/// A server that rejects a request (403, 412, 503) may close the connection before it has read the whole
/// body. Its answer then waits in the socket while writes already fail, and hyper would give up at the first
/// failed write.
#[derive(Debug)]
pub(super) struct AnswerFirst<T> {
    io: T,
    failed_write: Option<FailedWrite>,
    read_ended: bool,
}

#[derive(Debug)]
struct FailedWrite {
    error: io::Error,
    writer: Waker,
}

impl<T> AnswerFirst<T> {
    pub(super) fn new(io: T) -> Self {
        Self { io, failed_write: None, read_ended: false }
    }

    fn end_reading(&mut self) {
        self.read_ended = true;
        if let Some(failed) = &self.failed_write {
            failed.writer.wake_by_ref();
        }
    }

    fn write<R>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(&mut T, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let error = match self.failed_write.take() {
            Some(failed) => failed.error,
            None => match ready!(write(&mut self.io, cx)) {
                Ok(written) => return Poll::Ready(Ok(written)),
                Err(error) => {
                    // The connection's task must look for an answer once more.
                    cx.waker().wake_by_ref();
                    error
                }
            },
        };
        if self.read_ended {
            return Poll::Ready(Err(error));
        }
        self.failed_write = Some(FailedWrite { error, writer: cx.waker().clone() });
        Poll::Pending
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for AnswerFirst<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let room = buf.remaining();
        let read = ready!(Pin::new(&mut this.io).poll_read(cx, buf));
        if read.is_err() || (room > 0 && buf.remaining() == room) {
            this.end_reading();
        }
        Poll::Ready(read)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for AnswerFirst<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().write(cx, |io, cx| Pin::new(io).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().write(cx, |io, cx| Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().write(cx, |io, cx| Pin::new(io).poll_write_vectored(cx, bufs))
    }
}

impl<T: Connection> Connection for AnswerFirst<T> {
    fn connected(&self) -> Connected {
        self.io.connected()
    }
}
