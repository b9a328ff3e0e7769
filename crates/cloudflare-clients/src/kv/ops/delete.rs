//! Deleting a key.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::client::operation::Operation;
use crate::error::Result;
use crate::kv::client::KvClient;
use crate::model::kv::limits::validate_key;

impl KvClient {
    /// Deletes a key. A missing key is not an error.
    pub fn delete(&self, key: impl Into<String>) -> BoxFuture<'static, Result<()>> {
        let (client, key) = (self.clone(), key.into());
        async move {
            let operation = Operation::new("delete", &key);
            operation.check(validate_key(&key))?;
            client.attempts().run(&operation, || Some(client.namespace().delete(&key))).await
        }
        .boxed()
    }
}
