//! Keys and values as JSON, in the form of [KV's bulk writes](https://developers.cloudflare.com/kv/reference/kv-commands/#kv-bulk-put).

use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::kv::rest::bulk_get::ValueJson;
use cloudflare_clients::kv::rest::bulk_put::PairJson;
use cloudflare_clients::kv::{PutRequest, ValueWithMetadata};

use crate::error::{Error, Result};

/// A key with its value.
pub(crate) fn of<'a>(key: &'a str, found: &'a ValueWithMetadata<Bytes>) -> PairJson<'a> {
    let ValueJson { metadata, expiration, .. } = found.clone().into();
    PairJson { metadata, expiration, ..PairJson::new(key, &found.value) }
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
    pairs.into_iter().map(|pair| pair.into_put().map_err(|error| refused(error.message()))).collect()
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
        for (wrong, why) in [
            ("[", "EOF while parsing a list"),
            ("{\"key\":\"k\"}", "missing field `value`"),
            ("[{\"key\":\"k\",\"value\":\"*\",\"base64\":true}]", "is not Base64"),
            ("x", "expected value"),
        ] {
            let error = parse(wrong.as_bytes()).unwrap_err();
            assert_eq!(error.exit_status(), crate::error::ExitStatus::Usage, "{wrong}");
            assert!(error.to_string().contains(why), "{wrong}: {error}");
        }
    }
}
