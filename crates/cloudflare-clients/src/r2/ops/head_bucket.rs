//! Reading the properties of buckets.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::{BucketInfo, validate_bucket_name};
use crate::r2::buckets::Buckets;

impl Buckets {
    /// Returns the properties of a bucket, or `None` if it does not exist. R2 returns only the region. See
    /// [`list`](Self::list) for the creation time, and [`location`](Self::location) for the location hint.
    pub fn head(&self, name: impl Into<String>) -> HeadBucket {
        HeadBucket { buckets: self.clone(), name: name.into() }
    }
}

/// A request for a bucket's properties. Awaiting it returns them.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct HeadBucket {
    buckets: Buckets,
    name: String,
}

impl HeadBucket {
    async fn send(self) -> Result<Option<BucketInfo>> {
        let Self { buckets, name } = self;
        let operation = Operation::new("head_bucket", &name);
        operation.check(validate_bucket_name(&name))?;
        buckets.attempts().run(&operation, || Some(buckets.account().head(&name))).await
    }
}

sent_when_awaited!(HeadBucket => Option<BucketInfo>);
