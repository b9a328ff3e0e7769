//! A value with its metadata.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::metadata::Metadata;

/// A value with its metadata.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ValueWithMetadata<V> {
    /// The value: bytes, text, deserialized JSON or a stream, depending on how it was read.
    pub value: V,
    /// The metadata, if the key has any and it was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// When the key expires, if the service reports it. A Worker's binding does not.
    #[serde(default, with = "crate::time::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub expiration: Option<SystemTime>,
    /// The `cacheStatus` of a Worker's binding, if it reports one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_status: Option<String>,
}

impl<V> ValueWithMetadata<V> {
    /// Wraps a value without metadata and expiration.
    pub fn new(value: V) -> Self {
        Self { value, metadata: None, expiration: None, cache_status: None }
    }

    /// Converts the value and keeps the rest.
    pub fn map<U>(self, map: impl FnOnce(V) -> U) -> ValueWithMetadata<U> {
        let Self { value, metadata, expiration, cache_status } = self;
        ValueWithMetadata { value: map(value), metadata, expiration, cache_status }
    }

    /// Converts the value with a function that can fail, and keeps the rest.
    ///
    /// # Errors
    /// The error of `map`.
    pub fn try_map<U, E>(self, map: impl FnOnce(V) -> Result<U, E>) -> Result<ValueWithMetadata<U>, E> {
        let Self { value, metadata, expiration, cache_status } = self;
        Ok(ValueWithMetadata { value: map(value)?, metadata, expiration, cache_status })
    }

    /// Separates the value from the rest.
    pub fn split(self) -> (V, ValueWithMetadata<()>) {
        let Self { value, metadata, expiration, cache_status } = self;
        (value, ValueWithMetadata { value: (), metadata, expiration, cache_status })
    }
}
