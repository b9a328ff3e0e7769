//! Deletes a key.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::kv::client::KvClient;
use crate::model::kv::DeleteRequest;
use crate::model::kv::limits::validate_key;

impl KvClient {
    /// Deletes a key. A missing key is not an error.
    pub fn delete(&self, key: impl Into<String>) -> Delete {
        Delete { client: self.clone(), request: DeleteRequest::new(key) }
    }
}

/// A [delete request](https://developers.cloudflare.com/kv/api/delete-key-value-pairs/). Await it to delete
/// the key.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Delete {
    client: KvClient,
    request: DeleteRequest,
}

impl Delete {
    async fn send(self) -> Result<()> {
        let Self { client, request } = self;
        let operation = Operation::new("delete", &request.key);
        operation.check(validate_key(&request.key))?;
        client.attempts().run(&operation, || Some(client.namespace().delete(request.clone()))).await
    }
}

sent_when_awaited!(Delete => ());
