//! Creating a bucket.

use std::time::{Duration, SystemTime};

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::{Error, Result};
use crate::model::r2::error_code::BUCKET_ALREADY_OWNED_BY_YOU;
use crate::model::r2::{BucketInfo, CreateBucketRequest, ListBucketsRequest, LocationHint, StorageClass};
use crate::r2::buckets::Buckets;

/// How far the clocks of R2 and this machine may be apart: further, and R2 takes no signature.
const CLOCK_SKEW: Duration = Duration::from_secs(15 * 60);

impl Buckets {
    /// Creates a bucket: 3 to 63 characters of `a-z`, `0-9` and `-`, the first and last not `-`.
    ///
    /// One that is there already is [`ErrorKind::Conflict`](crate::ErrorKind). Where the answer to an earlier
    /// attempt was lost, it is the result if it was created since.
    pub fn create(&self, name: impl Into<String>) -> CreateBucket {
        CreateBucket { buckets: self.clone(), request: CreateBucketRequest::new(name) }
    }

    /// Looks whether a bucket was created after all.
    async fn unless_created(&self, name: &str, begun: SystemTime, error: Error) -> Result<BucketInfo> {
        let request =
            ListBucketsRequest { prefix: name.to_owned(), limit: Some(1), ..ListBucketsRequest::default() };
        let since = begun.checked_sub(CLOCK_SKEW).unwrap_or(begun);
        // The name itself comes before all that go on from it.
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

/// A bucket to create; awaiting it creates it.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateBucket {
    buckets: Buckets,
    request: CreateBucketRequest,
}

impl CreateBucket {
    /// Where it should be. R2 chooses by default, by where the request comes from.
    pub fn location(mut self, hint: LocationHint) -> Self {
        self.request.location = Some(hint);
        self
    }

    /// How objects are stored that do not say it themselves; `Standard` by default.
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
