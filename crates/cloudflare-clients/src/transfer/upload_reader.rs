//! Uploads from an `AsyncRead`.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncRead;

use super::io_error::of_given;
use super::stream_upload::{StreamSettings, StreamUpload, stream_setters};
use super::upload::Uploaded;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::{Conditional, CustomMetadata, HttpMetadata, StorageClass};
use crate::r2::R2Service;
use crate::sync::into_inner;

impl R2Service {
    /// Uploads all bytes of a reader, whose length need not be known: `r2.upload_reader(tokio::io::stdin(),
    /// "log.txt").await?`.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, r2::R2Service};
    /// use cloudflare_clients::transfer::Verified;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// let reader = &b"anything that implements tokio's AsyncRead"[..];
    /// let uploaded = r2.upload_reader(reader, "notes.txt").content_type("text/plain").await?;
    /// assert_eq!((uploaded.stored.size, uploaded.verified), (Some(42), Verified::Crc64));
    /// # Ok(()) }
    /// ```
    pub fn upload_reader(
        &self,
        reader: impl AsyncRead + Send + 'static,
        key: impl Into<String>,
    ) -> UploadReader {
        UploadReader {
            settings: StreamSettings::new(self.clone(), key.into()),
            reader: Mutex::new(Box::pin(reader)),
        }
    }
}

/// A request to upload the bytes of a reader. Awaiting it stores the object and returns how it was verified.
///
/// Bytes that fit into one part are uploaded in one request, and more of them in equal parts. The parts [in
/// flight](Self::concurrency) and the one that is being read are in memory, 72 MiB by default. The reader is
/// read only as fast as that allows.
///
/// An upload that fails is aborted, and so is one that is dropped, as long as the runtime runs; otherwise R2
/// deletes its parts after 7 days. An error of the reader becomes
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) with the reader's error as its source. An error of this
/// crate, such as one of a [`Reader`](super::Reader), is returned unchanged.
#[must_use = "a request does nothing until it is awaited"]
pub struct UploadReader {
    settings: StreamSettings,
    /// Only accessed by value.
    reader: Mutex<Pin<Box<dyn AsyncRead + Send>>>,
}

impl UploadReader {
    stream_setters!();

    async fn send(self) -> Result<Uploaded> {
        let Self { settings, reader } = self;
        let key = settings.request.key.clone();
        let operation = Operation::new("upload_reader", &key);
        let mut upload = operation.check(settings.begin())?;
        let uploaded = read(&mut upload, into_inner(reader)).await;
        operation.check(upload.parts.or_abort(uploaded).await)
    }
}

async fn read(upload: &mut StreamUpload, mut reader: Pin<Box<dyn AsyncRead + Send>>) -> Result<Uploaded> {
    loop {
        let read = if upload.buffer.is_full() {
            // Wait before there is one more part in memory.
            upload.parts.room().await?;
            let mut next = upload.buffer.next();
            let read = next.read(&mut reader).await;
            if matches!(read, Ok(1..)) {
                upload.send_buffer(next).await?;
            }
            read
        } else {
            upload.buffer.read(&mut reader).await
        };
        if read.map_err(of_given)? == 0 {
            return upload.finish().await;
        }
    }
}

impl fmt::Debug for UploadReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.debug(f, "UploadReader")
    }
}

sent_when_awaited!(UploadReader => Uploaded);
