//! Keys and values as JSON, in the form of [KV's bulk writes](https://developers.cloudflare.com/kv/reference/kv-commands/#kv-bulk-put).

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cloudflare_clients::Bytes;
use cloudflare_clients::kv::rest::bulk_put::PairJson;
use cloudflare_clients::kv::{PutRequest, ValueWithMetadata};

use crate::error::{Error, Result};

/// A key with its value: text, or Base64 of what is none.
pub(crate) fn of<'a>(key: &'a str, found: &'a ValueWithMetadata<Bytes>) -> PairJson<'a> {
    let text = std::str::from_utf8(&found.value).ok();
    PairJson {
        key: key.into(),
        base64: text.is_none(),
        value: text.map_or_else(|| BASE64.encode(&found.value).into(), Cow::Borrowed),
        expiration: found.expiration.map(|at| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()),
        expiration_ttl: None,
        metadata: found.metadata.clone(),
    }
}

/// The pairs of a document: an array, or one after the other.
pub(crate) fn parse(document: &[u8]) -> Result<Vec<PutRequest>> {
    let is_array = document.trim_ascii_start().first() == Some(&b'[');
    let pairs: Vec<PairJson<'_>> = if is_array {
        serde_json::from_slice(document)
    } else {
        serde_json::Deserializer::from_slice(document).into_iter().collect()
    }
    .map_err(|error| refused(&error.to_string()))?;
    pairs.into_iter().map(put).collect()
}

fn put(pair: PairJson<'_>) -> Result<PutRequest> {
    let value = if pair.base64 {
        BASE64.decode(pair.value.as_bytes()).map_err(|error| {
            refused(&format!("the value of {:?} is not the Base64 that it says it is: {error}", pair.key))
        })?
    } else {
        pair.value.into_owned().into_bytes()
    };
    let expiration = pair.expiration.map(|seconds| {
        UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds))
            .ok_or_else(|| refused(&format!("the expiration of {:?} is no time", pair.key)))
    });
    Ok(PutRequest {
        expiration: expiration.transpose()?,
        expiration_ttl: pair.expiration_ttl.map(Duration::from_secs),
        metadata: pair.metadata,
        ..PutRequest::new(pair.key, value)
    })
}

fn refused(why: &str) -> Error {
    Error::usage(
        format!("the pairs cannot be read: {why}"),
        "write them as [{\"key\": \"a\", \"value\": \"1\"}, ...]; `cfstore kv bulk put --help` tells the rest",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_read() {
        let found = |value: &'static [u8]| ValueWithMetadata::new(Bytes::from_static(value));
        let values = [found(b"text"), found(b"\0\xff")];
        let lines: Vec<_> =
            values.iter().map(|found| serde_json::to_string(&of("k", found)).unwrap()).collect();
        assert_eq!(lines, [r#"{"key":"k","value":"text"}"#, r#"{"key":"k","value":"AP8=","base64":true}"#]);
        for document in [lines.join("\n"), format!(" [{}]", lines.join(","))] {
            let read = parse(document.as_bytes()).unwrap();
            let values: Vec<_> = read.iter().map(|put| put.value.as_bytes().unwrap().clone()).collect();
            assert_eq!(values, [&b"text"[..], b"\0\xff"]);
        }
        for wrong in ["[", "{\"key\":\"k\"}", "[{\"key\":\"k\",\"value\":\"*\",\"base64\":true}]", "x"] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
