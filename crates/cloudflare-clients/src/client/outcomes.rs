//! What became of many keys.

use crate::error::{Error, Result};

/// What became of each key of an operation on many.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcomes<T> {
    /// The keys in the order in which they were given, each with its result.
    pub results: Vec<(String, Result<T>)>,
}

impl<T> Outcomes<T> {
    /// Keys with the result of each.
    pub fn new(results: Vec<(String, Result<T>)>) -> Self {
        Self { results }
    }

    /// The keys that it worked for.
    pub fn succeeded(&self) -> impl Iterator<Item = (&str, &T)> {
        self.results.iter().filter_map(|(key, result)| Some((key.as_str(), result.as_ref().ok()?)))
    }

    /// The keys that it did not work for, and why.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &Error)> {
        self.results.iter().filter_map(|(key, result)| Some((key.as_str(), result.as_ref().err()?)))
    }

    /// The keys with what there is for each, or the first error.
    ///
    /// # Errors
    /// That of the first key that it did not work for.
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

/// A key that the service says nothing of must not count, nor be left out.
pub(crate) fn one_for_each<T>(keys: usize, outcomes: Vec<T>) -> Result<Vec<T>> {
    if outcomes.len() == keys {
        return Ok(outcomes);
    }
    Err(Error::unexpected(format!(
        "the request was about {keys} keys, and the answer is about {}",
        outcomes.len()
    )))
}
