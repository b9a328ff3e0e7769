//! Deleting many objects.

use futures_util::stream::{self, StreamExt as _};

use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::outcomes::{Outcomes, one_for_each};
use crate::error::Result;
use crate::model::r2::{DeleteManyRequest, DeleteRequest, MAX_DELETES, validate_key};
use crate::r2::service::R2Service;

impl R2Service {
    /// Deletes objects, 1,000 a request and four requests at a time, and says of each key whether that
    /// worked. Missing objects are not errors.
    pub fn delete_many<K: Into<String>>(&self, keys: impl IntoIterator<Item = K>) -> DeleteMany {
        DeleteMany { service: self.clone(), request: DeleteManyRequest::new(keys) }
    }
}

const NAME: &str = "delete_many";

/// How many requests are under way at once.
const CONCURRENCY: usize = 4;

/// A delete of many objects; awaiting it deletes them and says of each key whether that worked.
///
/// A request that fails as a whole fails each of its keys, and the further requests are made all the same. A
/// key that the service refuses and that may be deleted later is sent again alone.
///
/// A key that is not valid (1 to 1,024 bytes) fails all before anything is sent, with an error that names it:
/// [`ErrorKind::InvalidInput`](crate::ErrorKind).
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

/// One request, and what became of each of its keys.
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
