//! Deletes many keys.

use futures_util::FutureExt as _;

use super::bulk::each;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::outcomes::Outcomes;
use crate::error::Result;
use crate::kv::client::KvClient;
use crate::model::kv::limits::validate_key;
use crate::model::kv::{DeleteManyRequest, MAX_BULK_WRITES};

impl KvClient {
    /// Deletes keys and returns one result per key. Missing keys are not errors.
    pub fn delete_many<K: Into<String>>(&self, keys: impl IntoIterator<Item = K>) -> DeleteMany {
        DeleteMany { client: self.clone(), request: DeleteManyRequest::new(keys) }
    }
}

const NAME: &str = "delete_many";

/// A request to delete many keys. Await it to delete them and to get one result per key.
///
/// Over REST and in the embedded store one request deletes up to 10,000 keys. A Worker's binding deletes them
/// one by one, up to 8 concurrently. If KV would reject any key, nothing is sent and the request fails with
/// [`ErrorKind::InvalidInput`](crate::ErrorKind), which names the key.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct DeleteMany {
    client: KvClient,
    request: DeleteManyRequest,
}

impl DeleteMany {
    async fn send(self) -> Result<Outcomes<()>> {
        let Self { client, request: DeleteManyRequest { keys } } = self;
        for key in &keys {
            Operation::new(NAME, key).check(validate_key(key))?;
        }
        let mut results = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(MAX_BULK_WRITES) {
            let outcomes = each(&client, NAME, chunk.len(), |pending| {
                let request = DeleteManyRequest::new(pending.iter().map(|index| &chunk[*index]));
                client.namespace().delete_many(request).boxed()
            })
            .await;
            results.extend(chunk.iter().zip(outcomes).map(|(key, outcome)| {
                let outcome = Operation::new(NAME, key).check_answer(outcome);
                (key.clone(), outcome)
            }));
        }
        Ok(Outcomes { results })
    }
}

sent_when_awaited!(DeleteMany => Outcomes<()>);
