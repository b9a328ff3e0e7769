//! Deleting buckets.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{ErrorKind, Result};
use crate::model::r2::validate_bucket_name;
use crate::r2::buckets::Buckets;

impl Buckets {
    /// Deletes an empty bucket. If it has objects, the error is [`ErrorKind::Conflict`]. If it does not
    /// exist, the error is [`ErrorKind::NoSuchBucket`].
    pub fn delete(&self, name: impl Into<String>) -> DeleteBucket {
        DeleteBucket { buckets: self.clone(), name: name.into() }
    }
}

/// A request to delete a bucket. Awaiting it deletes the bucket.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct DeleteBucket {
    buckets: Buckets,
    name: String,
}

impl DeleteBucket {
    async fn send(self) -> Result<()> {
        let Self { buckets, name } = self;
        let operation = Operation::new("delete_bucket", &name);
        operation.check(validate_bucket_name(&name))?;
        match buckets.attempts().run(&operation, || Some(buckets.account().delete(&name))).await {
            // An earlier attempt has deleted the bucket, but its response was lost.
            Err(error) if error.attempts() > 1 && error.kind() == ErrorKind::NoSuchBucket => Ok(()),
            result => result,
        }
    }
}

sent_when_awaited!(DeleteBucket => ());
