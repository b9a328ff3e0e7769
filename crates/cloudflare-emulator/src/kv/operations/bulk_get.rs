//! [POST .../bulk/get](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/bulk_get/)

use std::collections::HashMap;

use bytes::Bytes;
use cloudflare_clients::kv::rest::bulk_get::{KeysJson, ValueJson, ValuesJson};
use cloudflare_clients::kv::rest::error_code::{INVALID_REQUEST, MALFORMED_VALUE, TOO_LARGE};
use cloudflare_clients::kv::{MAX_BULK_GET, MAX_VALUE_SIZE};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::kv::error::KvError;
use crate::kv::limits::check_key;
use crate::kv::request::KvRequest;
use crate::kv::response;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &KvRequest) -> Result<Response, KvError> {
    let KeysJson { keys, value_type, with_metadata } = request.json().await?;
    if !(1..=MAX_BULK_GET).contains(&keys.len()) {
        let message = format!("{} keys are asked for: 1 to {MAX_BULK_GET} are allowed", keys.len());
        return Err(KvError::new(INVALID_REQUEST, message));
    }
    keys.iter().try_for_each(|key| check_key(key))?;
    let read = match value_type.as_str() {
        "text" => as_text,
        "json" => as_json,
        other => {
            let message = format!("the type {other:?} is neither \"text\" nor \"json\"");
            return Err(KvError::new(INVALID_REQUEST, message));
        }
    };
    let (mut values, mut bytes) = (HashMap::new(), 0);
    for key in keys {
        let Some(found) = service.eventual.find(&service.store, &request.namespace_id, &key).await? else {
            values.insert(key, None);
            continue;
        };
        bytes += found.value.content_length().unwrap_or_default();
        if bytes > MAX_VALUE_SIZE {
            return Err(TOO_LARGE.into());
        }
        let (value, found) = found.split();
        let value = read(&key, &value.bytes().await?)?;
        values.insert(key, Some(ValueJson::from(found.map(|()| value))));
    }
    if with_metadata {
        return Ok(response::result(ValuesJson { values }));
    }
    let values = values.into_iter().map(|(key, found)| (key, found.map(|found| found.value))).collect();
    Ok(response::result(ValuesJson { values }))
}

/// As the binding reads text: what is not UTF-8 is replaced.
fn as_text(_: &str, value: &Bytes) -> Result<Box<RawValue>, KvError> {
    raw(&String::from_utf8_lossy(value))
}

fn as_json(key: &str, value: &Bytes) -> Result<Box<RawValue>, KvError> {
    serde_json::from_slice::<&RawValue>(value)
        .map(ToOwned::to_owned)
        .map_err(|error| KvError::new(MALFORMED_VALUE, format!("the value of {key:?} is not JSON: {error}")))
}

fn raw<T: Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, KvError> {
    to_raw_value(value).map_err(|error| KvError::new(MALFORMED_VALUE, error.to_string()))
}
