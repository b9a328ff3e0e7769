//! Uploads of written bytes.

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
    /// Stores the bytes that you write: `r2.writer("report.csv").content_type("text/csv").open()?` is an
    /// [`AsyncWrite`].
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, r2::R2Service};
    /// use cloudflare_clients::transfer::Verified;
    /// use tokio::io::AsyncWriteExt as _;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// let mut writer = r2.writer("report.csv").content_type("text/csv").open()?;
    /// for n in 0..1000 {
    ///     writer.write_all(format!("{n},{}\n", n * n).as_bytes()).await?;
    /// }
    /// let uploaded = writer.finish().await?;
    /// assert_eq!(uploaded.verified, Verified::Crc64);
    ///
    /// // A writer that is dropped before it is finished stores nothing.
    /// r2.writer("other.csv").open()?.write_all(b"1,2").await?;
    /// assert!(r2.get("other.csv").await?.is_none());
    /// # Ok(()) }
    /// ```
    pub fn writer(&self, key: impl Into<String>) -> WriterBuilder {
        WriterBuilder { settings: StreamSettings::new(self.clone(), key.into()) }
    }
}

/// The options of a [`Writer`].
#[derive(Clone)]
#[must_use = "it does nothing until it is opened"]
pub struct WriterBuilder {
    settings: StreamSettings,
}

impl WriterBuilder {
    stream_setters!();

    /// Creates the writer. Sends nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) for options that R2 does not allow, such as a key that
    /// is too long.
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

/// A writer of one object: a [`tokio::io::AsyncWrite`]. It needs a Tokio runtime.
///
/// Bytes are uploaded like those of an [`UploadReader`](super::UploadReader): if they fit into one part, in
/// one request at the end, otherwise in equal parts while you write. A write waits when the maximum number of
/// parts is in flight. These parts and the one that is being written are in memory, 72 MiB by default.
///
/// [`finish`](Self::finish), or `shutdown` of tokio's `AsyncWriteExt`, creates the object; it does not exist
/// before. `flush` does nothing, as a part cannot be sent before it is full. A writer that is dropped stores
/// nothing, and aborts the upload as long as the runtime runs; [`abort`](Self::abort) waits for that.
/// Otherwise R2 deletes the parts after 7 days.
///
/// A failure aborts the upload, and every further call returns the same error. The [`io::Error`] of a write
/// has the [`Error`] as its inner error.
#[must_use = "it stores nothing until it is finished"]
pub struct Writer {
    key: String,
    /// Only accessed through `&mut`, which makes sharing it between threads harmless.
    state: Mutex<State>,
}

enum State {
    Writing(Box<StreamUpload>),
    /// The buffer is full and is being sent.
    Sending(BoxFuture<'static, Result<Box<StreamUpload>>>),
    Finishing(BoxFuture<'static, Result<Uploaded>>),
    Finished(Box<Uploaded>),
    Failed(Error),
}

impl Writer {
    /// Returns the key that the object will have.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Sends the rest and creates the object. It can be called after `shutdown` and then returns the result
    /// of that.
    ///
    /// # Errors
    /// The errors of the requests, and of earlier writes.
    pub async fn finish(mut self) -> Result<Uploaded> {
        poll_fn(|cx| self.poll_finish(cx)).await
    }

    /// Stores nothing, and aborts what was started. A finished object is kept.
    ///
    /// # Errors
    /// The errors of the request that aborts the upload.
    pub async fn abort(self) -> Result<()> {
        let operation = Operation::new(OPERATION, &self.key);
        let upload = match sync::into_inner(self.state) {
            State::Writing(upload) => upload,
            State::Sending(sending) => match sending.await {
                Ok(upload) => upload,
                // It was aborted already.
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
                    let message =
                        "the writer is finished: nothing can be written after `finish` or `shutdown`";
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

/// Takes the state; the caller replaces it immediately.
fn take(state: &mut State) -> State {
    std::mem::replace(
        state,
        State::Failed(Error::unexpected("the writer was dropped in the middle of a step")),
    )
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
