//! Deleting many objects.

use futures_util::stream::{self, StreamExt as _};

use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::outcomes::{Outcomes, one_for_each};
use crate::error::Result;
use crate::model::r2::{DeleteManyRequest, DeleteRequest, MAX_DELETES, validate_key};
use crate::r2::service::R2Service;

impl R2Service {
    /// Deletes objects: 1,000 per request, and four requests concurrently. Returns a result for each key.
    /// Missing objects are not errors.
    pub fn delete_many<K: Into<String>>(&self, keys: impl IntoIterator<Item = K>) -> DeleteMany {
        DeleteMany { service: self.clone(), request: DeleteManyRequest::new(keys) }
    }
}

const NAME: &str = "delete_many";

/// The maximum number of concurrent requests.
const CONCURRENCY: usize = 4;

/// A request to delete many objects. Awaiting it deletes them and returns a result for each key.
///
/// If a request fails as a whole, each of its keys fails, and the other requests are still sent. If the
/// service refuses a key with a retryable error, the key is deleted again on its own.
///
/// If a key is invalid (not 1 to 1,024 bytes), the error is [`ErrorKind::InvalidInput`](crate::ErrorKind) and
/// names it. Nothing is sent then.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct DeleteMany {
    service: R2Service,
    request: DeleteManyRequest,
}

impl DeleteMany {
    async fn send(self) -> Result<Outcomes<()>> {
        let Self { service, request: DeleteManyRequest { keys } } = self;
        for key in &keys {
            Operation::new(NAME, key).check(validate_key(key))?;
        }
        let chunks: Vec<_> = keys.chunks(MAX_DELETES).map(<[String]>::to_vec).collect();
        let requests = chunks.into_iter().map(|chunk| delete_chunk(service.clone(), chunk));
        let results: Vec<Vec<_>> = stream::iter(requests).buffered(CONCURRENCY).collect().await;
        Ok(Outcomes { results: results.into_iter().flatten().collect() })
    }
}

/// Sends one request and returns the result for each of its keys.
async fn delete_chunk(service: R2Service, chunk: Vec<String>) -> Vec<(String, Result<()>)> {
    let operation = Operation::without_key(NAME);
    let delete = || Some(service.bucket().delete_many(DeleteManyRequest::new(&chunk)));
    let deleted = service.attempts().run(&operation, delete).await;
    let outcomes = match deleted
        .and_then(|outcomes| operation.check_answer(one_for_each(chunk.len(), outcomes)))
    {
        Ok(outcomes) => outcomes,
        Err(error) => {
            let failed = |key: &String| (key.clone(), Operation::new(NAME, key).check(Err(error.clone())));
            return chunk.iter().map(failed).collect();
        }
    };
    let mut results = Vec::with_capacity(chunk.len());
    for (key, outcome) in chunk.into_iter().zip(outcomes) {
        let operation = Operation::new(NAME, &key);
        let outcome = match outcome {
            Err(error) if error.is_retryable() => delete_alone(&service, &operation, &key).await,
            outcome => operation.check_answer(outcome),
        };
        results.push((key, outcome));
    }
    results
}

async fn delete_alone(service: &R2Service, operation: &Operation<'_>, key: &str) -> Result<()> {
    service.attempts().run(operation, || Some(service.bucket().delete(DeleteRequest::new(key)))).await
}

sent_when_awaited!(DeleteMany => Outcomes<()>);
