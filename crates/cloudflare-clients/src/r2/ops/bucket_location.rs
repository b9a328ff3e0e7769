//! Asking where a bucket should be.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::{LocationHint, validate_bucket_name};
use crate::r2::buckets::Buckets;

impl Buckets {
    /// Where a bucket should be, as far as the service says it. A missing bucket is
    /// [`ErrorKind::NoSuchBucket`](crate::ErrorKind).
    pub fn location(&self, name: impl Into<String>) -> BucketLocation {
        BucketLocation { buckets: self.clone(), name: name.into() }
    }
}

/// The question where a bucket should be; awaiting it asks.
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
