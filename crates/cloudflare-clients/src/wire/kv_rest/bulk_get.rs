//! [POST .../bulk/get](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/bulk_get/): up to 100 values
//! as text.

use std::collections::HashMap;

use http::Method;
use serde::{Deserialize, Serialize};

use super::envelope::Envelope;
use super::get_value::no_cache_ttl;
use super::request::Request;
use crate::error::Result;
use crate::model::kv::{GetManyRequest, Metadata, ValueWithMetadata};
use crate::time::{from_seconds, to_seconds};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysJson {
    /// The keys: 1 to 100.
    pub keys: Vec<String>,
    /// What the values are to be: `text` or `json`.
    #[serde(rename = "type", default = "text")]
    pub value_type: String,
    /// Whether to say metadata and expiry, too.
    #[serde(rename = "withMetadata", default)]
    pub with_metadata: bool,
}

fn text() -> String {
    "text".to_owned()
}

/// The result: values by their keys, `null` where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValuesJson<V> {
    /// The values.
    pub values: HashMap<String, Option<V>>,
}

/// A value with metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueJson<V> {
    /// The value.
    pub value: V,
    /// What is kept beside it.
    #[serde(default)]
    pub metadata: Option<Metadata>,
    /// When the key expires, in seconds since 1970.
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
/// [`ErrorKind::Unsupported`](crate::ErrorKind): a cache TTL.
pub fn request(get: &GetManyRequest) -> Result<Request> {
    no_cache_ttl(get.cache_ttl)?;
    let keys = KeysJson { keys: get.keys.clone(), value_type: text(), with_metadata: get.with_metadata };
    Request::new(Method::POST, "/bulk/get").json(&keys)
}

/// The values in the order of the keys.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind): the answer cannot be read.
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
