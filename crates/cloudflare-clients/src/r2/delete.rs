//! Deleting many objects.

use super::limits::MAX_DELETES;
use super::service::R2Service;
use crate::attempts::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::s3::endpoint::validate_key;

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
pub(super) async fn delete_many(service: R2Service, keys: Vec<String>) -> Result<DeleteOutcome> {
    for key in &keys {
        Operation::new("delete", key).check(validate_key(key))?;
    }
    let mut results = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(MAX_DELETES) {
        let operation = Operation::without_key("deleteMany");
        let deleted = service.run(&operation, || Some(service.bucket().delete_many(chunk))).await;
        match deleted.and_then(|outcomes| operation.check(one_for_each(chunk, outcomes))) {
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

/// A key that the bucket says nothing of must not count as deleted, nor be left out.
fn one_for_each(keys: &[String], outcomes: Vec<Result<()>>) -> Result<Vec<Result<()>>> {
    if outcomes.len() == keys.len() {
        return Ok(outcomes);
    }
    Err(Error::new(
        ErrorKind::UnexpectedResponse,
        format!("{} keys were to be deleted, and the answer is about {}", keys.len(), outcomes.len()),
    ))
}
