//! Converts values to and from JSON, with errors that name the value.

use std::fmt;

use serde::de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};

/// Serializes a value as JSON. Errors call it `what`.
pub(crate) fn to_vec<T: Serialize + ?Sized>(what: &str, value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| not_serialised(what, error))
}

/// Serializes a value as raw JSON, whose bytes stay the same when it is embedded. Errors call it `what`.
pub(crate) fn to_raw_value<T: Serialize + ?Sized>(what: &str, value: &T) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(|error| not_serialised(what, error))
}

/// Deserializes a value from JSON. Errors call it `what`.
pub(crate) fn from_slice<T: DeserializeOwned>(what: &str, json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| {
        let message = format!("{what} is not the expected JSON: {error}");
        Error::new(ErrorKind::Serialization, message).with_source(error)
    })
}

/// Deserializes an object of strings as pairs of name and value, in the object's order.
pub(crate) fn texts_by_name<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(String, String)>, D::Error> {
    deserializer.deserialize_map(TextsByName)
}

struct TextsByName;

impl<'de> Visitor<'de> for TextsByName {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut texts = Vec::new();
        while let Some(text) = map.next_entry()? {
            texts.push(text);
        }
        Ok(texts)
    }
}

/// Any JSON in which no object has the same name twice. Readers could use either of the two values.
pub(crate) struct Unambiguous(pub(crate) Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UnambiguousValue).map(Self)
    }
}

struct UnambiguousValue;

impl<'de> Visitor<'de> for UnambiguousValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unambiguous(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Value, M::Error> {
        let mut values = serde_json::Map::new();
        while let Some((name, Unambiguous(value))) = map.next_entry::<String, _>()? {
            if values.contains_key(&name) {
                return Err(de::Error::custom(format_args!("{name:?} occurs twice")));
            }
            values.insert(name, value);
        }
        Ok(values.into())
    }
}

fn not_serialised(what: &str, error: serde_json::Error) -> Error {
    let message = format!("{what} cannot be converted to JSON: {error}");
    Error::new(ErrorKind::Serialization, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::error::Error as _;

    use super::*;

    #[test]
    fn errors_name_the_value_and_have_their_cause() {
        let map = HashMap::from([(vec![1], 2)]);
        for (error, message) in [
            (
                to_vec("the event", &map).unwrap_err(),
                "the event cannot be converted to JSON: key must be a string",
            ),
            (
                to_raw_value("the metadata", &map).unwrap_err(),
                "the metadata cannot be converted to JSON: key must be a string",
            ),
            (
                from_slice::<u8>("the body", b"256").unwrap_err(),
                "the body is not the expected JSON: invalid value: integer `256`, expected u8 at line 1 column 3",
            ),
            (
                from_slice::<u8>("the value", b"").unwrap_err(),
                "the value is not the expected JSON: EOF while parsing a value at line 1 column 0",
            ),
        ] {
            assert_eq!((error.kind(), error.message()), (ErrorKind::Serialization, message));
            assert!(message.ends_with(&error.source().unwrap().to_string()));
        }
    }
}
