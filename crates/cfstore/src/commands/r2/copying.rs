//! Copying and moving one object, within a bucket or to another bucket.

use cloudflare_clients::r2::{Conditional, Object, R2Service};
use cloudflare_clients::transfer::{Copied, RateLimit};
use cloudflare_clients::{ErrorKind, LocalBucket};
use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture};
use futures_util::lock::Mutex;

use crate::bucket_location::BucketLocation;
use crate::cli::{Rate, SseC};
use crate::error::{Error, Result};
use crate::printer::Printer;
use crate::progress::Progress;
use crate::shutdown;

/// Maximum size in bytes of objects that pass through this machine concurrently. Larger ones go one by one.
const MAX_BESIDE_OTHERS: u64 = 16 * 1024 * 1024;

/// Whether the source is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Copy,
    Move,
}

/// The bucket to copy from or to.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) service: R2Service,
    /// The bucket, if it is in the embedded store, which supports conditional deletes.
    local: Option<LocalBucket>,
    bucket: String,
}

impl Side {
    pub(super) async fn source(location: BucketLocation, sse_c: &SseC, printer: Printer) -> Result<Self> {
        let bucket = location.bucket()?;
        let (service, local) = location.open_existing(printer).await?;
        Ok(Self { service: sse_c.applied(service)?, local, bucket })
    }

    pub(super) async fn destination(
        location: BucketLocation,
        sse_c: &SseC,
        printer: Printer,
    ) -> Result<Self> {
        let bucket = location.bucket()?;
        let (service, local) = location.open_or_create_bucket(printer).await?;
        Ok(Self { service: sse_c.applied(service)?, local, bucket })
    }
}

/// Completes when the program is asked to stop.
type Stop = future::Shared<BoxFuture<'static, ()>>;

pub(super) struct Copying {
    kind: Kind,
    source: Side,
    /// `None` if it is the bucket of the source.
    destination: Option<Side>,
    /// The bucket of the source, with the encryption key of the copies.
    encrypted: Option<Side>,
    stop: Stop,
    /// Held by a large object that passes through this machine, since its parts are in memory.
    large: Mutex<()>,
    /// Rate limit of all bytes that pass through this machine.
    limit: Option<RateLimit>,
    /// Shows the progress of an object.
    progress: Option<Printer>,
}

impl Copying {
    /// Creates it. From now on, Ctrl-C stops the copies in progress.
    pub(super) fn new(kind: Kind, source: Side, destination: Option<Side>) -> Result<Self> {
        let stop = shutdown::requested()?.boxed().shared();
        Ok(Self {
            kind,
            source,
            destination,
            encrypted: None,
            stop,
            large: Mutex::new(()),
            limit: None,
            progress: None,
        })
    }

    /// Limits the rate of bytes that pass through this machine.
    pub(super) fn limit_rate(mut self, rate: Rate) -> Self {
        self.limit = rate.limit_rate.map(|rate| RateLimit::new(&self.source.service, rate));
        self
    }

    /// Shows the progress, for a single object.
    pub(super) fn with_progress(mut self, printer: Printer) -> Self {
        self.progress = Some(printer);
        self
    }

    /// Completes when no more copies should start.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + use<> {
        self.stop.clone()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped().now_or_never().is_some()
    }

    /// Encrypts copies within the bucket with a different key than the source.
    pub(super) fn encrypt(mut self, sse_c: &SseC) -> Result<Self> {
        if self.destination.is_none() {
            let Side { service, local, bucket } = self.source.clone();
            let service = sse_c.applied(service.with_ssec_key(None))?;
            self.encrypted = Some(Side { service, local, bucket });
        }
        Ok(self)
    }

    fn to(&self) -> &Side {
        self.destination.as_ref().or(self.encrypted.as_ref()).unwrap_or(&self.source)
    }

    /// Copies an object, and deletes the source of a move.
    pub(super) async fn run(&self, key: &str, to: &str) -> Result<Copied> {
        let give_up = async {
            self.stopped().await;
            // Copies in progress are aborted. A second Ctrl-C does not wait for that.
            if let Ok(again) = shutdown::requested() {
                again.await;
            }
        };
        tokio::select! {
            done = self.copy(key, to) => done,
            () = give_up => Err(Error::Interrupted),
        }
    }

    async fn copy(&self, key: &str, to: &str) -> Result<Copied> {
        let Some(source) = self.source.service.head(key).await? else {
            return Err(Error::NotFound(key.to_owned()));
        };
        let is_alone = source.size > MAX_BESIDE_OTHERS && self.passes_by();
        let _alone = if is_alone { Some(self.large.lock().await) } else { None };
        let progress = self.progress.map(|printer| Progress::new(printer, key, Some(source.size)));
        let mut copy =
            self.source.service.copy_object(source, to).to_bucket(&self.to().service).until(self.stopped());
        if let Some(limit) = &self.limit {
            copy = copy.share_rate(limit);
        }
        if let Some(progress) = &progress {
            copy = copy.on_progress(progress.position());
        }
        let copied = match copy.await {
            Err(_) if self.is_stopped() => return Err(Error::Interrupted),
            copied => copied?,
        };
        if self.kind == Kind::Move {
            let copy = self.stored(&copied).await?;
            self.delete_source(&copied.source, &copy).await?;
        }
        Ok(copied)
    }

    /// Whether bytes pass through this machine.
    fn passes_by(&self) -> bool {
        let account = |side: &Side| side.service.bucket().address().map(|address| address.account);
        self.destination.as_ref().is_some_and(|to| account(to) != account(&self.source))
    }

    /// Returns the copy, after checking that it has not changed.
    async fn stored(&self, Copied { source, stored, .. }: &Copied) -> Result<Object> {
        match self.to().service.head(&stored.key).await? {
            Some(copy) if copy.etag == stored.etag && copy.size == source.size => Ok(copy),
            Some(_) => Err(not_moved(source, "the copy has different bytes")),
            None => Err(not_moved(source, "the copy no longer exists")),
        }
    }

    /// Deletes the source if it has not changed since the copy. R2 has no conditional deletes, so over S3 a
    /// write between the check and the deletion is lost.
    async fn delete_source(&self, source: &Object, copy: &Object) -> Result<()> {
        let Side { service, local, bucket, .. } = &self.source;
        // Two addresses may lead to the same object: then the copy is the source.
        if let Some(destination) = &self.destination
            && destination.bucket == *bucket
            && copy.key == source.key
            && service.head(&source.key).await?.is_none_or(|now| is_one(&now, copy))
        {
            return Err(not_moved(source, "both addresses seem to lead to the same object"));
        }
        let replaced = || not_moved(source, "it was replaced during the copy");
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

/// Whether two heads at different addresses may be of the same object. Over S3, times are whole seconds.
fn is_one(a: &Object, b: &Object) -> bool {
    let seconds =
        |object: &Object| object.uploaded.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    a.etag == b.etag && seconds(a) == seconds(b)
}

fn unchanged(source: &Object) -> Conditional {
    let only_if = Conditional::new();
    // Some services do not return an etag.
    if source.etag.is_empty() { only_if } else { only_if.etag_matches(&source.etag) }
}

fn not_moved(source: &Object, why: &str) -> Error {
    Error::Local(format!("{:?} was copied but not deleted: {why}", source.key))
}
