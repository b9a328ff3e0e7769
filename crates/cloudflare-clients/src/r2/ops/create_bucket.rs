//! Creating buckets.

use std::time::{Duration, SystemTime};

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{Error, Result};
use crate::model::r2::error_code::BUCKET_ALREADY_OWNED_BY_YOU;
use crate::model::r2::{BucketInfo, CreateBucketRequest, ListBucketsRequest, LocationHint, StorageClass};
use crate::r2::buckets::Buckets;

/// The maximum difference between the clocks of R2 and this machine. With a larger one, R2 does not accept
/// signatures.
const CLOCK_SKEW: Duration = Duration::from_secs(15 * 60);

impl Buckets {
    /// Creates a bucket. Its name has 3 to 63 of the characters `a-z`, `0-9` and `-`, without `-` at the
    /// start or end.
    ///
    /// If the bucket already exists, the error is [`ErrorKind::Conflict`](crate::ErrorKind), unless the
    /// response to an earlier attempt was lost and the bucket was created since then.
    pub fn create(&self, name: impl Into<String>) -> CreateBucket {
        CreateBucket { buckets: self.clone(), request: CreateBucketRequest::new(name) }
    }

    /// Checks whether the bucket was created by an earlier attempt.
    async fn unless_created(&self, name: &str, begun: SystemTime, error: Error) -> Result<BucketInfo> {
        let request =
            ListBucketsRequest { prefix: name.to_owned(), limit: Some(1), ..ListBucketsRequest::default() };
        let since = begun.checked_sub(CLOCK_SKEW).unwrap_or(begun);
        // The name itself sorts before all names that start with it.
        match self.account().list(request).await.map(|page| page.buckets.into_iter().next()) {
            Ok(Some(bucket))
                if bucket.name == name && bucket.created.is_some_and(|created| created >= since) =>
            {
                Ok(bucket)
            }
            _ => Err(error),
        }
    }
}

/// A request to create a bucket. Awaiting it creates the bucket.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateBucket {
    buckets: Buckets,
    request: CreateBucketRequest,
}

impl CreateBucket {
    /// Sets where the bucket should be. By default, R2 chooses a location near the origin of the request.
    pub fn location(mut self, hint: LocationHint) -> Self {
        self.request.location = Some(hint);
        self
    }

    /// Sets the storage class of objects that are stored without one. `Standard` by default.
    pub fn storage_class(mut self, class: StorageClass) -> Self {
        self.request.storage_class = Some(class);
        self
    }

    async fn send(self) -> Result<BucketInfo> {
        let Self { buckets, request } = self;
        let operation = Operation::new("create_bucket", &request.name);
        operation.check(request.validate())?;
        let begun = buckets.attempts().runtime.now();
        let create = || Some(buckets.account().create(request.clone()));
        match buckets.attempts().run(&operation, create).await {
            Err(error) if error.attempts() > 1 && error.code() == Some(BUCKET_ALREADY_OWNED_BY_YOU.name) => {
                buckets.unless_created(&request.name, begun, error).await
            }
            result => result,
        }
    }
}

sent_when_awaited!(CreateBucket => BucketInfo);
