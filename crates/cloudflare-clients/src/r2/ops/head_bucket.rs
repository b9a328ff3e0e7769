//! Looking whether a bucket exists.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::{BucketInfo, validate_bucket_name};
use crate::r2::buckets::Buckets;

impl Buckets {
    /// What the service says of a bucket, `None` where it does not exist. R2 says no more than the region:
    /// when it was created is in [`list`](Self::list), and where it should be in
    /// [`location`](Self::location).
    pub fn head(&self, name: impl Into<String>) -> HeadBucket {
        HeadBucket { buckets: self.clone(), name: name.into() }
    }
}

/// A look at a bucket; awaiting it looks.
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
