//! What a backend does with the buckets of an account: one attempt of each operation.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::r2::{BucketInfo, BucketsPage, CreateBucketRequest, ListBucketsRequest, LocationHint};
use crate::runtime::Runtime;

/// The buckets of an account as one of the backends reaches them: `S3Buckets` and `LocalStore`.
///
/// Each operation is exactly one attempt and returns only what the service said: retries and lost answers
/// live in [`Buckets`](super::Buckets), which calls these and has checked what it gives.
#[async_trait]
pub trait Account: fmt::Debug + Send + Sync + 'static {
    /// Creates a bucket. One that is there is [`ErrorKind::Conflict`](crate::ErrorKind).
    async fn create(&self, request: CreateBucketRequest) -> Result<BucketInfo>;

    /// One page of the buckets, in the order of their names.
    async fn list(&self, request: ListBucketsRequest) -> Result<BucketsPage>;

    /// What is known of a bucket, `None` where it does not exist.
    async fn head(&self, name: &str) -> Result<Option<BucketInfo>>;

    /// Where a bucket should be, as far as the service says it. A missing bucket is
    /// [`ErrorKind::NoSuchBucket`](crate::ErrorKind).
    async fn location(&self, name: &str) -> Result<Option<LocationHint>>;

    /// Deletes a bucket without objects. One with objects is [`ErrorKind::Conflict`](crate::ErrorKind), and a
    /// missing one [`ErrorKind::NoSuchBucket`](crate::ErrorKind).
    async fn delete(&self, name: &str) -> Result<()>;

    /// The clock, timer and randomness that the account goes by. [`Buckets`](super::Buckets) takes them from
    /// here.
    fn runtime(&self) -> Arc<dyn Runtime>;
}

/// The error of a backend that reaches one bucket alone.
pub(super) fn one_bucket_alone() -> Error {
    Error::unsupported(
        "this reaches one bucket alone, as the binding of a Worker does: buckets are created, listed and deleted over the \
         S3 API, by wrangler or on Cloudflare's dashboard",
    )
}

/// An account that others hold too.
#[async_trait]
impl<T: Account + ?Sized> Account for Arc<T> {
    async fn create(&self, request: CreateBucketRequest) -> Result<BucketInfo> {
        (**self).create(request).await
    }

    async fn list(&self, request: ListBucketsRequest) -> Result<BucketsPage> {
        (**self).list(request).await
    }

    async fn head(&self, name: &str) -> Result<Option<BucketInfo>> {
        (**self).head(name).await
    }

    async fn location(&self, name: &str) -> Result<Option<LocationHint>> {
        (**self).location(name).await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        (**self).delete(name).await
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        (**self).runtime()
    }
}
