//! Uploads of what is written.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::io::AsyncWrite;

use super::io_error::to_io;
use super::stream_upload::{StreamSettings, StreamUpload, stream_setters};
use super::upload::Uploaded;
use crate::client::operation::Operation;
use crate::error::{Error, Result};
use crate::model::r2::{Conditional, CustomMetadata, HttpMetadata, StorageClass};
use crate::r2::R2Service;
use crate::sync;

const OPERATION: &str = "writer";

impl R2Service {
    /// Stores what is written: `r2.writer("report.csv").content_type("text/csv").open()?` is an
    /// [`AsyncWrite`].
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, r2::R2Service};
    /// use cloudflare_clients::transfer::Verified;
    /// use tokio::io::AsyncWriteExt as _;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// let mut writer = r2.writer("report.csv").content_type("text/csv").open()?;
    /// for n in 0..1000 {
    ///     writer.write_all(format!("{n},{}\n", n * n).as_bytes()).await?;
    /// }
    /// let uploaded = writer.finish().await?;
    /// assert_eq!(uploaded.verified, Verified::Crc64);
    ///
    /// // One that is dropped before it is finished stores nothing.
    /// r2.writer("other.csv").open()?.write_all(b"1,2").await?;
    /// assert!(r2.get("other.csv").await?.is_none());
    /// # Ok(()) }
    /// ```
    pub fn writer(&self, key: impl Into<String>) -> WriterBuilder {
        WriterBuilder { settings: StreamSettings::new(self.clone(), key.into()) }
    }
}

/// What a [`Writer`] stores, and how.
#[derive(Clone)]
#[must_use = "it does nothing until it is opened"]
pub struct WriterBuilder {
    settings: StreamSettings,
}

impl WriterBuilder {
    stream_setters!();

    /// The writer. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): what R2 does not take, such as a key that is too long.
    pub fn open(self) -> Result<Writer> {
        let key = self.settings.request.key.clone();
        let upload = Operation::new(OPERATION, &key).check(self.settings.begin())?;
        Ok(Writer { key, state: Mutex::new(State::Writing(Box::new(upload))) })
    }
}

impl fmt::Debug for WriterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.debug(f, "WriterBuilder")
    }
}

/// An object that is written: a [`tokio::io::AsyncWrite`], which needs a Tokio runtime.
///
/// What is written goes up as [`UploadReader`](super::UploadReader) says: what fits into one part in one
/// request at the end, more in equal parts while further bytes are written. A write waits once as many parts
/// are under way as may be. Memory holds these and the part that is being written, 72 MiB by default.
///
/// [`finish`](Self::finish), or `shutdown` of tokio's `AsyncWriteExt`, makes the object; there is nothing of
/// it before. `flush` has nothing to do, for a part cannot be sent before it is full. A writer that is
/// dropped stores nothing, and aborts the upload as long as the runtime runs; [`abort`](Self::abort) waits
/// for that. What is left after all R2 deletes after 7 days.
///
/// A failure aborts the upload, and is what every further call gives. An [`io::Error`] of a write has the
/// [`Error`] as its inner one.
#[must_use = "it stores nothing until it is finished"]
pub struct Writer {
    key: String,
    /// Only ever reached through `&mut`, which makes sharing it between threads harmless.
    state: Mutex<State>,
}

enum State {
    Writing(Box<StreamUpload>),
    /// The buffer is full, and is being handed on.
    Sending(BoxFuture<'static, Result<Box<StreamUpload>>>),
    Finishing(BoxFuture<'static, Result<Uploaded>>),
    Finished(Box<Uploaded>),
    Failed(Error),
}

impl Writer {
    /// The key that the object will have.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Sends the rest and makes the object. It may follow a `shutdown`, and then says what came of that.
    ///
    /// # Errors
    /// Those of the requests, and of the writes before.
    pub async fn finish(mut self) -> Result<Uploaded> {
        poll_fn(|cx| self.poll_finish(cx)).await
    }

    /// Stores nothing, and aborts what has begun. What is finished stays.
    ///
    /// # Errors
    /// Those of the request that aborts.
    pub async fn abort(self) -> Result<()> {
        let operation = Operation::new(OPERATION, &self.key);
        let upload = match sync::into_inner(self.state) {
            State::Writing(upload) => upload,
            State::Sending(sending) => match sending.await {
                Ok(upload) => upload,
                // It is aborted.
                Err(_) => return Ok(()),
            },
            State::Finishing(_) | State::Finished(_) | State::Failed(_) => return Ok(()),
        };
        operation.check(upload.parts.abort().await)
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let Self { key, state } = self;
        let state = sync::get_mut(state);
        loop {
            let next = match state {
                State::Writing(upload) if !upload.buffer.is_full() || bytes.is_empty() => {
                    return Poll::Ready(Ok(upload.buffer.write(bytes)));
                }
                State::Writing(_) => send(take(state)),
                State::Sending(sending) => sent(key, ready!(sending.poll_unpin(cx))),
                State::Finishing(_) | State::Finished(_) => {
                    let message = "what is written is behind the end: the writer is finished";
                    let error = Error::invalid_input(message).during(OPERATION, Some(key));
                    return Poll::Ready(Err(error));
                }
                State::Failed(error) => return Poll::Ready(Err(error.clone())),
            };
            *state = next;
        }
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<Uploaded>> {
        let Self { key, state } = self;
        let state = sync::get_mut(state);
        loop {
            let next = match state {
                State::Writing(_) => finish(take(state)),
                State::Sending(sending) => sent(key, ready!(sending.poll_unpin(cx))),
                State::Finishing(finishing) => match ready!(finishing.poll_unpin(cx)) {
                    Ok(uploaded) => State::Finished(Box::new(uploaded)),
                    Err(error) => State::Failed(error.during(OPERATION, Some(key))),
                },
                State::Finished(uploaded) => return Poll::Ready(Ok(uploaded.as_ref().clone())),
                State::Failed(error) => return Poll::Ready(Err(error.clone())),
            };
            *state = next;
        }
    }
}

/// What stays behind is replaced at once.
fn take(state: &mut State) -> State {
    std::mem::replace(state, State::Failed(Error::unexpected("the writer was left in the middle")))
}

fn send(state: State) -> State {
    let State::Writing(mut upload) = state else { return state };
    State::Sending(
        async move {
            let next = upload.buffer.next();
            let sent = upload.send_buffer(next).await;
            upload.parts.or_abort(sent).await?;
            Ok(upload)
        }
        .boxed(),
    )
}

fn sent(key: &str, sent: Result<Box<StreamUpload>>) -> State {
    match sent {
        Ok(upload) => State::Writing(upload),
        Err(error) => State::Failed(error.during(OPERATION, Some(key))),
    }
}

fn finish(state: State) -> State {
    let State::Writing(mut upload) = state else { return state };
    State::Finishing(
        async move {
            let uploaded = upload.finish().await;
            upload.parts.or_abort(uploaded).await
        }
        .boxed(),
    )
}

impl AsyncWrite for Writer {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_accept(cx, bytes).map_err(to_io)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_finish(cx).map_ok(drop).map_err(to_io)
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("key", &self.key).finish_non_exhaustive()
    }
}
