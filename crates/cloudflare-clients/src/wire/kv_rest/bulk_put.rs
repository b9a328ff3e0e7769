//! [PUT
//! .../bulk](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/bulk_update/):
//! stores up to 10,000 values, 100 MB in total.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Method;
use serde::{Deserialize, Serialize};

use super::bulk_result::outcomes;
use super::request::Request;
use crate::error::{Error, Result};
use crate::model::kv::{MAX_BULK_BYTES, Metadata, PutRequest};
use crate::time::{from_seconds, to_seconds};

/// An entry of the request: a key and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairJson<'a> {
    /// The key, at most 512 bytes.
    pub key: Cow<'a, str>,
    /// The value: text, or bytes in Base64.
    pub value: Cow<'a, str>,
    /// Whether the value is in Base64.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub base64: bool,
    /// Expiration of the key, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<u64>,
    /// Time until the key expires, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_ttl: Option<u64>,
    /// The metadata of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// Writes the request. The values must be in memory.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if a value is not in memory, or the request would be larger
/// than 100 MB.
pub fn request(puts: &[PutRequest]) -> Result<Request> {
    let pairs: Vec<PairJson<'_>> = puts.iter().map(pair).collect::<Result<_>>()?;
    let request = Request::new(Method::PUT, "/bulk").json(&pairs)?;
    match request.body.content_length() {
        Some(length) if length > MAX_BULK_BYTES as u64 => Err(Error::invalid_input(format!(
            "the request would have {length} bytes: KV accepts at most {MAX_BULK_BYTES}"
        ))),
        _ => Ok(request),
    }
}

impl<'a> PairJson<'a> {
    /// Creates an entry. The value is written as text, or in Base64 if it is not text or Base64 is shorter.
    pub fn new(key: &'a str, value: &'a [u8]) -> Self {
        let text = as_text(value);
        Self {
            key: key.into(),
            base64: text.is_none(),
            value: text.map_or_else(|| BASE64.encode(value).into(), Cow::Borrowed),
            expiration: None,
            expiration_ttl: None,
            metadata: None,
        }
    }

    /// Converts the entry to the put that it requests.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the value is marked as Base64 and is not, or the
    /// expiration is not a valid time.
    pub fn into_put(self) -> Result<PutRequest> {
        let value = if self.base64 {
            BASE64.decode(self.value.as_bytes()).map_err(|error| {
                Error::invalid_input(format!("the value of {:?} is not Base64: {error}", self.key))
                    .with_source(error)
            })?
        } else {
            self.value.into_owned().into_bytes()
        };
        let expiration = self.expiration.map(|seconds| {
            from_seconds(seconds).ok_or_else(|| {
                Error::invalid_input(format!(
                    "the expiration of {:?} is not a valid time: {seconds}",
                    self.key
                ))
            })
        });
        Ok(PutRequest {
            expiration: expiration.transpose()?,
            expiration_ttl: self.expiration_ttl.map(Duration::from_secs),
            metadata: self.metadata,
            ..PutRequest::new(self.key, value)
        })
    }
}

fn pair(put: &PutRequest) -> Result<PairJson<'_>> {
    let value = put.value.as_bytes().ok_or_else(|| {
        Error::invalid_input("a value of a bulk write must be in memory: collect it into bytes")
    })?;
    Ok(PairJson {
        expiration: put.expiration.map(to_seconds),
        expiration_ttl: put.expiration_ttl.map(|ttl| ttl.as_secs()),
        metadata: put.metadata.clone(),
        ..PairJson::new(&put.key, value)
    })
}

/// Returns the outcome for each pair, in order.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if the answer cannot be parsed.
pub fn parse<'k>(keys: impl IntoIterator<Item = &'k str>, body: &[u8]) -> Result<Vec<Result<()>>> {
    outcomes(keys, body)
}

/// The value as text, unless it is not UTF-8 or is shorter in Base64 than as JSON text.
fn as_text(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    (json_len(text) <= base64_len(value)).then_some(text)
}

/// Maximum number of bytes that a pair adds to the request.
pub(crate) fn encoded_len(put: &PutRequest, value: &[u8]) -> usize {
    /// Bytes for names, quotes, commas and numbers.
    const OTHERS: usize = 160;
    let metadata = put.metadata.as_ref().map_or(0, |metadata| metadata.as_str().len());
    let value = as_text(value).map_or_else(|| base64_len(value), json_len);
    OTHERS + json_len(&put.key) + value + metadata
}

fn base64_len(bytes: &[u8]) -> usize {
    bytes.len().div_ceil(3) * 4
}

/// Length of a text in JSON, without quotes.
fn json_len(text: &str) -> usize {
    let escaped = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_pair_is_longer_than_was_reckoned(
            key in "\\PC{1,20}|[\0-\x7f]{1,20}",
            value in prop_oneof![prop::collection::vec(any::<u8>(), 0..60), "[\0-\x7fä]{0,60}".prop_map(String::into_bytes)],
            metadata in prop::option::of("[\0-\x7fä]{0,20}"),
        ) {
            let mut put = PutRequest::new(key, value.clone())
                .expiration(std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(u32::MAX)))
                .expiration_ttl(std::time::Duration::MAX);
            if let Some(metadata) = metadata {
                put = put.metadata(&metadata).unwrap();
            }
            let json = serde_json::to_string(&pair(&put).unwrap()).unwrap();
            let reckoned = encoded_len(&put, &value);
            prop_assert!(json.len() <= reckoned, "{json}");
            prop_assert!(reckoned <= json.len() + 160);
        }
    }
}
