//! Input from a pipe or a device, which ends when the program is asked to stop.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use cloudflare_clients::ErrorKind;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::sleep;

use crate::error::Result;
use crate::shutdown::{self, INTERRUPT_DELAY};

/// A reader that fails once the program is asked to stop.
pub(crate) struct Input {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    stop: BoxFuture<'static, ()>,
    stopped: Arc<AtomicBool>,
    /// Delay after the end of the input. Ctrl-C also ends the program that writes to the pipe, which must not
    /// look like the end of the input.
    end: Option<BoxFuture<'static, ()>>,
}

impl Input {
    pub(crate) fn new(reader: Pin<Box<dyn AsyncRead + Send>>) -> Result<Self> {
        let stop = shutdown::requested()?.boxed();
        Ok(Self { reader, stop, stopped: Arc::default(), end: None })
    }

    /// Returns a flag that is set if the input failed because the program was asked to stop.
    pub(crate) fn stopped(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stopped)
    }
}

impl AsyncRead for Input {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.stopped.load(Ordering::Relaxed) || self.stop.poll_unpin(cx).is_ready() {
            self.stopped.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::Error::other("interrupted")));
        }
        if self.end.is_none() {
            let before = buffer.filled().len();
            ready!(self.reader.as_mut().poll_read(cx, buffer)).map_err(unreadable)?;
            if buffer.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
        ready!(self.end.get_or_insert_with(|| sleep(INTERRUPT_DELAY).boxed()).poll_unpin(cx));
        self.end = Some(futures_util::future::ready(()).boxed());
        Poll::Ready(Ok(()))
    }
}

/// Wraps the error in one of the library, with which the upload fails.
fn unreadable(error: io::Error) -> io::Error {
    let message = format!("cannot read the input: {error}");
    io::Error::other(cloudflare_clients::Error::new(ErrorKind::Storage, message).with_source(error))
}
