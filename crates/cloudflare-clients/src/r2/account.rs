//! The interface of a backend to the buckets of an account: one attempt of each operation.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::r2::{BucketInfo, BucketsPage, CreateBucketRequest, ListBucketsRequest, LocationHint};
use crate::runtime::Runtime;

/// The buckets of an account, as a backend provides them: `S3Buckets` and `LocalStore`.
///
/// Each operation is exactly one attempt and returns only what the service returned.
/// [`Buckets`](super::Buckets) calls these methods with validated arguments, and handles retries and lost
/// responses.
#[async_trait]
pub trait Account: fmt::Debug + Send + Sync + 'static {
    /// Creates a bucket. If it already exists, the error is [`ErrorKind::Conflict`](crate::ErrorKind).
    async fn create(&self, request: CreateBucketRequest) -> Result<BucketInfo>;

    /// Returns one page of the buckets, sorted by name.
    async fn list(&self, request: ListBucketsRequest) -> Result<BucketsPage>;

    /// Returns the properties of a bucket, or `None` if it does not exist.
    async fn head(&self, name: &str) -> Result<Option<BucketInfo>>;

    /// Returns a bucket's location hint, if the service returns one. If the bucket does not exist, the error
    /// is [`ErrorKind::NoSuchBucket`](crate::ErrorKind).
    async fn location(&self, name: &str) -> Result<Option<LocationHint>>;

    /// Deletes an empty bucket. If it has objects, the error is [`ErrorKind::Conflict`](crate::ErrorKind). If
    /// it does not exist, the error is [`ErrorKind::NoSuchBucket`](crate::ErrorKind).
    async fn delete(&self, name: &str) -> Result<()>;

    /// Returns the clock, timer and randomness of the account. [`Buckets`](super::Buckets) uses them too.
    fn runtime(&self) -> Arc<dyn Runtime>;
}

/// The error of a backend that can access only one bucket.
pub(super) fn one_bucket_alone() -> Error {
    Error::unsupported(
        "this backend can access only one bucket, like the binding of a Worker: create, list and delete buckets over the \
         S3 API, with wrangler or on Cloudflare's dashboard",
    )
}

/// A shared account.
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
