//! [POST
//! .../bulk/get](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/bulk_get/):
//! returns up to 100 values as text.

use std::collections::HashMap;

use http::Method;
use serde::{Deserialize, Serialize};

use super::envelope::Envelope;
use super::get_value::no_cache_ttl;
use super::request::Request;
use crate::error::Result;
use crate::model::kv::{GetManyRequest, Metadata, ValueWithMetadata};
use crate::time::{from_seconds, to_seconds};

/// The JSON of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysJson {
    /// 1 to 100 keys.
    pub keys: Vec<String>,
    /// Format of the returned values: `text` or `json`.
    #[serde(rename = "type", default = "text")]
    pub value_type: String,
    /// Whether to return metadata and expirations too.
    #[serde(rename = "withMetadata", default)]
    pub with_metadata: bool,
}

fn text() -> String {
    "text".to_owned()
}

/// The JSON of the result: the values by key, `null` for missing keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValuesJson<V> {
    /// The value of each key, or `None` if the key is missing.
    pub values: HashMap<String, Option<V>>,
}

/// The JSON of a value with metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueJson<V> {
    /// The value, in the requested format.
    pub value: V,
    /// The metadata of the key, if it has any.
    #[serde(default)]
    pub metadata: Option<Metadata>,
    /// Expiration of the key, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<u64>,
}

impl<V> From<ValueWithMetadata<V>> for ValueJson<V> {
    fn from(found: ValueWithMetadata<V>) -> Self {
        let ValueWithMetadata { value, metadata, expiration, cache_status: _ } = found;
        Self { value, metadata, expiration: expiration.map(to_seconds) }
    }
}

/// Writes the request.
///
/// # Errors
/// [`ErrorKind::Unsupported`](crate::ErrorKind) for a cache TTL.
pub fn request(get: &GetManyRequest) -> Result<Request> {
    no_cache_ttl(get.cache_ttl)?;
    let keys = KeysJson { keys: get.keys.clone(), value_type: text(), with_metadata: get.with_metadata };
    Request::new(Method::POST, "/bulk/get").json(&keys)
}

/// Returns the values in the order of the keys.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if the answer cannot be parsed.
pub fn parse(get: &GetManyRequest, body: &[u8]) -> Result<Vec<Option<ValueWithMetadata<String>>>> {
    if !get.with_metadata {
        let found: ValuesJson<String> = Envelope::result(body)?;
        let value = |key: &String| found.values.get(key)?.clone().map(ValueWithMetadata::new);
        return Ok(get.keys.iter().map(value).collect());
    }
    let found: ValuesJson<ValueJson<Option<String>>> = Envelope::result(body)?;
    let value = |key: &String| {
        let found = found.values.get(key)?.clone()?;
        Some(ValueWithMetadata {
            metadata: found.metadata,
            expiration: found.expiration.and_then(from_seconds),
            ..ValueWithMetadata::new(found.value?)
        })
    };
    Ok(get.keys.iter().map(value).collect())
}
