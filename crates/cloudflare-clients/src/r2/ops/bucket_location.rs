//! Reading the location hint of a bucket.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::{LocationHint, validate_bucket_name};
use crate::r2::buckets::Buckets;

impl Buckets {
    /// Returns a bucket's location hint, if the service returns one. If the bucket does not exist, the error
    /// is [`ErrorKind::NoSuchBucket`](crate::ErrorKind).
    pub fn location(&self, name: impl Into<String>) -> BucketLocation {
        BucketLocation { buckets: self.clone(), name: name.into() }
    }
}

/// A request for a bucket's location hint. Awaiting it returns the hint.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct BucketLocation {
    buckets: Buckets,
    name: String,
}

impl BucketLocation {
    async fn send(self) -> Result<Option<LocationHint>> {
        let Self { buckets, name } = self;
        let operation = Operation::new("get_bucket_location", &name);
        operation.check(validate_bucket_name(&name))?;
        buckets.attempts().run(&operation, || Some(buckets.account().location(&name))).await
    }
}

sent_when_awaited!(BucketLocation => Option<LocationHint>);
