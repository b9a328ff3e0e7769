//! Deleting objects.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::client::operation::Operation;
use crate::client::outcomes::one_for_each;
use crate::error::{Error, Result};
use crate::model::r2::{MAX_DELETES, validate_key};
use crate::r2::service::R2Service;

impl R2Service {
    /// Deletes an object. A missing object is not an error.
    pub fn delete(&self, key: impl Into<String>) -> BoxFuture<'static, Result<()>> {
        let (service, key) = (self.clone(), key.into());
        async move {
            let operation = Operation::new("delete", &key);
            operation.check(validate_key(&key))?;
            service.attempts().run(&operation, || Some(service.bucket().delete(&key))).await
        }
        .boxed()
    }

    /// Deletes objects, 1,000 a request, and says of each key whether that worked. Fine for those that are not there.
    pub fn delete_many<K: Into<String>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> BoxFuture<'static, Result<DeleteOutcome>> {
        delete_many(self.clone(), keys.into_iter().map(Into::into).collect()).boxed()
    }
}

/// What became of each key of a [`delete_many`](R2Service::delete_many).
#[derive(Debug)]
pub struct DeleteOutcome {
    /// The keys in the order in which they were given, each with its result.
    pub results: Vec<(String, Result<()>)>,
}

impl DeleteOutcome {
    /// The keys that are gone now.
    pub fn deleted(&self) -> impl Iterator<Item = &str> {
        self.results.iter().filter(|(_, result)| result.is_ok()).map(|(key, _)| key.as_str())
    }

    /// The keys that could not be deleted, and why.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &Error)> {
        self.results.iter().filter_map(|(key, result)| Some((key.as_str(), result.as_ref().err()?)))
    }
}

/// A request that fails as a whole fails each of its keys, and the further requests are made all the same; keys that are
/// refused alone are sent again alone.
async fn delete_many(service: R2Service, keys: Vec<String>) -> Result<DeleteOutcome> {
    for key in &keys {
        Operation::new("delete", key).check(validate_key(key))?;
    }
    let mut results = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(MAX_DELETES) {
        let operation = Operation::without_key("deleteMany");
        let deleted = service.attempts().run(&operation, || Some(service.bucket().delete_many(chunk))).await;
        match deleted.and_then(|outcomes| operation.check(one_for_each(chunk.len(), outcomes))) {
            Ok(outcomes) => {
                for (key, outcome) in chunk.iter().zip(outcomes) {
                    let outcome = match outcome {
                        Err(error) if error.is_retryable() => service.delete(key).await,
                        outcome => Operation::new("delete", key).check(outcome),
                    };
                    results.push((key.clone(), outcome));
                }
            }
            Err(error) => results.extend(chunk.iter().map(|key| (key.clone(), Err(error.copy())))),
        }
    }
    Ok(DeleteOutcome { results })
}
