//! The outcomes of an operation on many keys.

use crate::error::{Error, Result};

/// The outcome for each key of an operation on many keys.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcomes<T> {
    /// The keys in the order in which they were given, each with its result.
    pub results: Vec<(String, Result<T>)>,
}

impl<T> Outcomes<T> {
    /// Creates the outcomes from the keys and their results.
    pub fn new(results: Vec<(String, Result<T>)>) -> Self {
        Self { results }
    }

    /// The keys for which the operation succeeded, each with its value.
    pub fn succeeded(&self) -> impl Iterator<Item = (&str, &T)> {
        self.results.iter().filter_map(|(key, result)| Some((key.as_str(), result.as_ref().ok()?)))
    }

    /// The keys for which the operation failed, each with its error.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &Error)> {
        self.results.iter().filter_map(|(key, result)| Some((key.as_str(), result.as_ref().err()?)))
    }

    /// Returns all keys with their values, or the first error.
    ///
    /// # Errors
    /// The error of the first key for which the operation failed.
    pub fn all(self) -> Result<Vec<(String, T)>> {
        self.results.into_iter().map(|(key, result)| Ok((key, result?))).collect()
    }

    pub(crate) fn map<U>(self, map: impl Fn(&str, T) -> Result<U>) -> Outcomes<U> {
        let results = self.results.into_iter().map(|(key, result)| {
            let result = result.and_then(|value| map(&key, value));
            (key, result)
        });
        Outcomes { results: results.collect() }
    }
}

/// Fails if the response does not have one outcome for each key.
pub(crate) fn one_for_each<T>(keys: usize, outcomes: Vec<T>) -> Result<Vec<T>> {
    if outcomes.len() == keys {
        return Ok(outcomes);
    }
    Err(Error::unexpected(format!(
        "the request had {keys} keys, but the response has results for {}",
        outcomes.len()
    )))
}
