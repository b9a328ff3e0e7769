//! Keys and values as JSON, in the format of
//! [KV's bulk writes](https://developers.cloudflare.com/kv/reference/kv-commands/#kv-bulk-put).

use std::borrow::Cow;

use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::kv::rest::bulk_get::ValueJson;
use cloudflare_clients::kv::rest::bulk_put::PairJson;
use cloudflare_clients::kv::{Metadata, PutRequest, ValueWithMetadata};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Number;

use crate::error::{Error, Result};

/// Returns the JSON of a key with its value.
pub(crate) fn of<'a>(key: &'a str, found: &'a ValueWithMetadata<Bytes>) -> PairJson<'a> {
    let ValueJson { metadata, expiration, .. } = found.clone().into();
    PairJson { metadata, expiration, ..PairJson::new(key, &found.value) }
}

/// A pair in a file. Unknown fields are refused: a misspelt field could store a key that never expires.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenPair<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    value: Cow<'a, str>,
    #[serde(default)]
    base64: Option<bool>,
    #[serde(default, deserialize_with = "whole_seconds")]
    expiration: Option<u64>,
    #[serde(default, deserialize_with = "whole_seconds")]
    expiration_ttl: Option<u64>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

impl GivenPair<'_> {
    fn into_put(self) -> cloudflare_clients::Result<PutRequest> {
        let Self { key, value, base64, expiration, expiration_ttl, metadata } = self;
        let base64 = base64.unwrap_or_default();
        // A TTL overrides an expiration, which may be in the past.
        let expiration = expiration.filter(|_| expiration_ttl.is_none());
        let metadata = metadata.and_then(Metadata::unless_null);
        PairJson { key, value, base64, expiration, expiration_ttl, metadata }.into_put()
    }
}

/// Reads a number of seconds, which JSON may write as 60 or 60.0.
fn whole_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let of_fraction = || {
        let whole = number.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0)?;
        format!("{whole:.0}").parse().ok()
    };
    let seconds = number.as_u64().or_else(of_fraction);
    seconds.map(Some).ok_or_else(|| D::Error::custom(format!("{number} is not a whole number of seconds")))
}

/// Parses the pairs of a document: an array, or one object after the other. A byte order mark is skipped.
pub(crate) fn parse(document: &[u8]) -> Result<Vec<PutRequest>> {
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    let is_array = document.trim_ascii_start().first() == Some(&b'[');
    let pairs: Vec<GivenPair<'_>> = if is_array {
        serde_json::from_slice(document)
    } else {
        serde_json::Deserializer::from_slice(document).into_iter().collect()
    }
    .map_err(|error| refused(&error.to_string()))?;
    pairs.into_iter().map(|pair| pair.into_put().map_err(|error| refused(error.message()))).collect()
}

fn refused(why: &str) -> Error {
    Error::usage(
        format!("cannot read the pairs: {why}"),
        "write them as [{\"key\": \"a\", \"value\": \"1\"}, ...]; `cfstore kv bulk put --help` lists all fields",
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pair_comes_back_as_it_was(
            key in "\\PC{1,20}|[\0-\x7f]{1,20}",
            value in prop_oneof![prop::collection::vec(any::<u8>(), 0..60), "[\0-\x7fä\u{fffd}]{0,60}".prop_map(String::into_bytes)],
            metadata in prop::option::of("[\0-\x7fä]{0,20}"),
            expiration in prop::option::of(0_u64..4_000_000_000),
        ) {
            let mut found = ValueWithMetadata::new(Bytes::from(value));
            found.metadata = metadata.map(|metadata| Metadata::new(&metadata).unwrap());
            found.expiration = expiration.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
            let json = serde_json::to_vec(&of(&key, &found)).unwrap();
            let [put] = &parse(&json).unwrap()[..] else { panic!("one pair") };
            prop_assert_eq!(&put.key, &key);
            prop_assert_eq!(put.value.as_bytes().unwrap(), &found.value);
            prop_assert_eq!(&put.metadata, &found.metadata);
            prop_assert_eq!(put.expiration, found.expiration);
        }
    }

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
