//! A value and what is kept beside it.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::metadata::Metadata;

/// A value and what is kept beside it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ValueWithMetadata<V> {
    /// The value.
    pub value: V,
    /// The metadata, where the key has some and it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// When the key expires, where the service says so: the binding does not.
    #[serde(default, with = "crate::time::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub expiration: Option<SystemTime>,
    /// The binding's `cacheStatus`, where it says one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_status: Option<String>,
}

impl<V> ValueWithMetadata<V> {
    /// A value of which no more is known.
    pub fn new(value: V) -> Self {
        Self { value, metadata: None, expiration: None, cache_status: None }
    }

    /// The same about another value, made of this one.
    pub fn map<U>(self, map: impl FnOnce(V) -> U) -> ValueWithMetadata<U> {
        let Self { value, metadata, expiration, cache_status } = self;
        ValueWithMetadata { value: map(value), metadata, expiration, cache_status }
    }

    /// The same about another value, made of this one where that works.
    ///
    /// # Errors
    /// That of `map`.
    pub fn try_map<U, E>(self, map: impl FnOnce(V) -> Result<U, E>) -> Result<ValueWithMetadata<U>, E> {
        let Self { value, metadata, expiration, cache_status } = self;
        Ok(ValueWithMetadata { value: map(value)?, metadata, expiration, cache_status })
    }

    /// The value, and what is kept beside it.
    pub fn split(self) -> (V, ValueWithMetadata<()>) {
        let Self { value, metadata, expiration, cache_status } = self;
        (value, ValueWithMetadata { value: (), metadata, expiration, cache_status })
    }
}
