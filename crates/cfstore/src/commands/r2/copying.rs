//! Copying and moving one object: by the service within a bucket, through this program to another one.

use std::sync::atomic::{AtomicBool, Ordering};

use cloudflare_clients::r2::{
    Body, Conditional, MAX_SINGLE_UPLOAD, Object, ObjectBody, Put, R2Service, StoredObject,
};
use cloudflare_clients::{ErrorKind, LocalBucket};
use futures_util::future::BoxFuture;
use futures_util::lock::Mutex;
use futures_util::{FutureExt as _, Stream, TryStreamExt as _, future, stream};

use crate::bucket_location::BucketLocation;
use crate::error::{Error, Result};
use crate::printer::Printer;
use crate::progress::Progress;
use crate::shutdown;

/// R2 copies what one request could upload; more comes by here.
const MAX_COPY: u64 = MAX_SINGLE_UPLOAD;
/// What is read whole, and can be sent again. More is sent in parts of as much.
const MAX_IN_MEMORY: u64 = 16 * 1024 * 1024;

const INTERRUPTED: &str = "interrupted";

/// What becomes of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Copy,
    Move,
}

/// A bucket that is copied from or to.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) service: R2Service,
    /// The bucket, where it is in the embedded store: it deletes under a condition.
    local: Option<LocalBucket>,
    bucket: String,
}

impl Side {
    pub(super) async fn source(location: BucketLocation, printer: Printer) -> Result<Self> {
        let bucket = location.bucket()?;
        let (service, local) = location.open_existing(printer).await?;
        Ok(Self { service, local, bucket })
    }

    pub(super) async fn destination(location: BucketLocation, printer: Printer) -> Result<Self> {
        let bucket = location.bucket()?;
        let (service, local) = location.open_or_create_bucket(printer).await?;
        Ok(Self { service, local, bucket })
    }
}

/// Completes when the program is asked to stop.
type Stop = future::Shared<BoxFuture<'static, ()>>;

pub(super) struct Copying {
    kind: Kind,
    source: Side,
    /// `None` for the bucket of the source.
    destination: Option<Side>,
    stop: Stop,
    /// One large object at a time comes by here: each takes the memory of a few parts.
    large: Mutex<()>,
    /// Who is told how far a large object is.
    progress: Option<Printer>,
}

impl Copying {
    /// From now on, Ctrl-C makes what is under way end.
    pub(super) fn new(kind: Kind, source: Side, destination: Option<Side>) -> Result<Self> {
        let stop = shutdown::requested()?.boxed().shared();
        Ok(Self { kind, source, destination, stop, large: Mutex::new(()), progress: None })
    }

    /// Shows how far it is: for one object.
    pub(super) fn with_progress(mut self, printer: Printer) -> Self {
        self.progress = Some(printer);
        self
    }

    /// Completes when no more is to be begun.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + use<> {
        self.stop.clone()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped().now_or_never().is_some()
    }

    fn to(&self) -> &Side {
        self.destination.as_ref().unwrap_or(&self.source)
    }

    /// Returns the object that was copied and what it became.
    pub(super) async fn run(&self, key: &str, to: &str) -> Result<(Object, StoredObject)> {
        let is_uploading = AtomicBool::new(false);
        let give_up = async {
            self.stopped().await;
            // An upload in parts ends by itself, and is aborted. A second Ctrl-C does not wait for it.
            if is_uploading.load(Ordering::Relaxed)
                && let Ok(again) = shutdown::requested()
            {
                again.await;
            }
        };
        tokio::select! {
            done = self.copy(key, to, &is_uploading) => done,
            () = give_up => Err(Error::Interrupted),
        }
    }

    async fn copy(&self, key: &str, to: &str, is_uploading: &AtomicBool) -> Result<(Object, StoredObject)> {
        let Some(source) = self.source.service.head(key).await? else {
            return Err(Error::NotFound(key.to_owned()));
        };
        let copies = source.size <= MAX_COPY || self.source.local.is_some();
        let mut stored = if self.destination.is_none() && copies {
            self.copy_within(&source, to).await?
        } else if source.size <= MAX_IN_MEMORY {
            let (put, body) = self.begin(&source, to).await?;
            put(body.bytes().await?.into()).await?
        } else {
            let _one = self.large.lock().await;
            is_uploading.store(true, Ordering::Relaxed);
            let stored = self.copy_large(&source, to).await;
            is_uploading.store(false, Ordering::Relaxed);
            stored?
        };
        stored.size.get_or_insert(source.size);
        if self.kind == Kind::Move {
            let copy = self.checked(&source, to).await?;
            self.delete_source(&source, &copy).await?;
        }
        Ok((source, stored))
    }

    async fn copy_within(&self, source: &Object, to: &str) -> Result<StoredObject> {
        let mut copy = self.source.service.copy(&source.key, to).source_only_if(unchanged(source));
        if let Some(class) = source.storage_class {
            copy = copy.storage_class(class);
        }
        Ok(copy.await?)
    }

    /// The bytes of the source, and what stores them.
    async fn begin(&self, source: &Object, to: &str) -> Result<(impl FnOnce(Body) -> Put, Body)> {
        let get = self.source.service.get(&source.key).only_if(unchanged(source));
        let Some(ObjectBody { object, body, .. }) = get.await? else {
            return Err(Error::NotFound(source.key.clone()));
        };
        let put = move |body: Body| {
            let mut put = self.to().service.put(to, body);
            if let Some(http) = object.http_metadata {
                put = put.http_metadata(http);
            }
            if let Some(custom) = object.custom_metadata {
                put = put.custom_metadata(custom);
            }
            match object.storage_class {
                Some(class) => put.storage_class(class),
                None => put,
            }
        };
        Ok((put, body))
    }

    async fn copy_large(&self, source: &Object, to: &str) -> Result<StoredObject> {
        let (put, mut body) = self.begin(source, to).await?;
        let progress = self.progress.map(|printer| Progress::new(printer, &source.key, Some(source.size)));
        if let Some(progress) = &progress {
            body = body.on_progress(progress.reporter());
        }
        // Without a length it goes up in parts, each of which can be sent again.
        match put(Body::from_stream(until(body.into_stream(), self.stop.clone()), None)).await {
            Err(error) if error.message() == INTERRUPTED => Err(Error::Interrupted),
            stored => Ok(stored?),
        }
    }

    /// The copy, which has to be as large as its source, and where both say so, of the same bytes.
    async fn checked(&self, source: &Object, to: &str) -> Result<Object> {
        let Some(copy) = self.to().service.head(to).await? else {
            return Err(not_moved(source, "the copy is gone"));
        };
        let other_md5 = match (md5(&source.etag), md5(&copy.etag)) {
            (Some(source), Some(copy)) => !source.eq_ignore_ascii_case(copy),
            _ => false,
        };
        let other_checksum = source.checksums.iter().any(|checksum| {
            copy.checksums.get(checksum.algorithm()).is_some_and(|of_copy| of_copy != checksum)
        });
        if other_md5 || other_checksum || copy.size != source.size {
            return Err(not_moved(source, "the copy has other bytes"));
        }
        Ok(copy)
    }

    /// Deletes the source if it is still what was copied. R2 deletes under no condition, so that over S3 a
    /// write between looking and deleting is lost.
    async fn delete_source(&self, source: &Object, copy: &Object) -> Result<()> {
        let Side { service, local, bucket, .. } = &self.source;
        // Two addresses may lead to one object: then the copy is its own source.
        if let Some(destination) = &self.destination
            && destination.bucket == *bucket
            && copy.key == source.key
            && service.head(&source.key).await?.is_none_or(|now| is_one(&now, copy))
        {
            return Err(not_moved(source, "both addresses seem to lead to one object"));
        }
        let replaced = || not_moved(source, "it was replaced meanwhile");
        if let Some(local) = local {
            return match local.delete_if(&source.key, unchanged(source)).await {
                Err(error) if error.kind() == ErrorKind::PreconditionFailed => Err(replaced()),
                deleted => Ok(deleted?),
            };
        }
        match service.head(&source.key).await? {
            Some(now) if (&now.etag, now.uploaded) != (&source.etag, source.uploaded) => Err(replaced()),
            Some(_) => Ok(service.delete(&source.key).await?),
            None => Ok(()),
        }
    }
}

/// Whether two looks at different addresses may have seen one object: over S3, times are whole seconds.
fn is_one(a: &Object, b: &Object) -> bool {
    let seconds =
        |object: &Object| object.uploaded.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    a.etag == b.etag && seconds(a) == seconds(b)
}

/// The etag where it is the MD5 of the bytes: that of an upload in parts is not.
fn md5(etag: &str) -> Option<&str> {
    Some(etag).filter(|etag| etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn unchanged(source: &Object) -> Conditional {
    let only_if = Conditional::new();
    // Some services leave it out.
    if source.etag.is_empty() { only_if } else { only_if.etag_matches(&source.etag) }
}

fn not_moved(source: &Object, why: &str) -> Error {
    Error::Local(format!("{:?} was copied and not deleted: {why}", source.key))
}

/// The stream, which fails when the program is asked to stop: the upload that reads it is aborted then.
fn until(
    input: impl Stream<Item = cloudflare_clients::Result<bytes::Bytes>> + Send + Unpin + 'static,
    stop: Stop,
) -> impl Stream<Item = cloudflare_clients::Result<bytes::Bytes>> + Send {
    stream::try_unfold((input, stop), |(mut input, mut stop)| async move {
        tokio::select! {
            () = &mut stop => Err(cloudflare_clients::Error::new(ErrorKind::Storage, INTERRUPTED)),
            next = input.try_next() => Ok(next?.map(|bytes| (bytes, (input, stop)))),
        }
    })
}
